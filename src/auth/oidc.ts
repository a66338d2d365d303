import { OpsError } from "../lib/errors.ts";
import { parseJson, readBody } from "../lib/http-client.ts";

export interface OidcOptions {
  /** The issuer; its `/.well-known/openid-configuration` names the endpoints. */
  readonly issuer: string;
  /** A public client: the browser proves itself by PKCE, without a secret. */
  readonly clientId: string;
  /** The requested scopes, separated by blanks. */
  readonly scope: string;
  /** Audience of the access tokens. A URI is requested as a resource (RFC 8707). */
  readonly audience: string;
}

/** What a browser needs to send its user to the provider. */
interface SignInInvitation {
  readonly authorizationEndpoint: string;
  readonly clientId: string;
  readonly scope: string;
  /** Null where the provider derives the audience from the client. */
  readonly resource: string | null;
}

/**
 * What the browser has: the code that the provider returned, or the refresh token of an earlier
 * answer.
 */
export type Grant =
  | { readonly code: string; readonly verifier: string; readonly redirectUri: string }
  | { readonly refreshToken: string };

interface Tokens {
  readonly accessToken: string;
  /** Null when the provider gives none: then the user signs in again when the access token ends. */
  readonly refreshToken: string | null;
  /** Life of the access token, seconds; null when the provider does not say. */
  readonly expiresIn: number | null;
}

export interface SignIn {
  /** Rejects with auth_unavailable. */
  invite(): Promise<SignInInvitation>;
  /**
   * Rejects with invalid_request when the provider refuses the grant, with auth_unavailable when
   * the provider cannot be reached or used.
   */
  exchange(grant: Grant): Promise<Tokens>;
}

interface Endpoints {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
}

const [timeoutMs, maxBytes, rememberMs, pauseMs] = [5000, 256 * 1024, 3_600_000, 5000];

/**
 * Sign-in by authorization code with PKCE (RFC 7636, RFC 9700). The browser goes to the provider
 * and comes back with a code; the gateway exchanges it for tokens, so the page needs no other
 * origin. Throws at once for an issuer that is neither https nor on loopback.
 */
export function createSignIn({ issuer, clientId, scope, audience }: OidcOptions): SignIn {
  const base = requireSafe(issuer, "the issuer");
  const resource = URL.canParse(audience) ? audience : null;
  let known: { readonly endpoints: Promise<Endpoints>; readonly until: number } | undefined;

  const discover = (): Promise<Endpoints> => {
    const nowMs = performance.now();
    if (known && nowMs < known.until) return known.endpoints;
    const endpoints = readEndpoints(base, issuer);
    const entry = { endpoints, until: nowMs + rememberMs };
    known = entry;
    endpoints.catch(() => {
      if (known === entry) known = { endpoints, until: performance.now() + pauseMs };
    });
    return endpoints;
  };

  return {
    async invite() {
      const { authorizationEndpoint } = await discover();
      return { authorizationEndpoint, clientId, scope, resource };
    },
    async exchange(grant) {
      const { tokenEndpoint } = await discover();
      const body = new URLSearchParams({ client_id: clientId, ...toParameters(grant) });
      if (resource !== null) body.set("resource", resource);
      const { status, json } = await call(tokenEndpoint, { method: "POST", body });
      const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn, error } = json;
      if (status >= 400 && status < 500 && typeof error === "string") {
        const shown = /^[\w-]{1,40}$/.test(error) ? error : "error";
        throw new OpsError("invalid_request", `The identity provider refuses this sign-in (${shown})`);
      }
      if (status !== 200 || typeof accessToken !== "string") throw unavailable(`the token endpoint answered ${status}`);
      return {
        accessToken,
        refreshToken: typeof refreshToken === "string" ? refreshToken : null,
        expiresIn: typeof expiresIn === "number" ? expiresIn : null,
      };
    },
  };
}

function toParameters(grant: Grant): Record<string, string> {
  if ("refreshToken" in grant) return { grant_type: "refresh_token", refresh_token: grant.refreshToken };
  const { code, verifier, redirectUri } = grant;
  return { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: redirectUri };
}

async function readEndpoints(base: string, issuer: string): Promise<Endpoints> {
  const { status, json } = await call(`${base.replace(/\/$/, "")}/.well-known/openid-configuration`, {});
  if (status !== 200) throw unavailable(`its configuration answered ${status}`);
  if (json["issuer"] !== issuer) throw unavailable("its configuration names another issuer");
  try {
    return {
      authorizationEndpoint: requireSafe(json["authorization_endpoint"], "its authorization endpoint"),
      tokenEndpoint: requireSafe(json["token_endpoint"], "its token endpoint"),
    };
  } catch (error) {
    throw unavailable((error as Error).message);
  }
}

async function call(
  url: string,
  options: RequestInit,
): Promise<{ readonly status: number; readonly json: Record<string, unknown> }> {
  try {
    const headers = { accept: "application/json", "accept-encoding": "identity" };
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { ...options, headers, redirect: "error", signal });
    const text = (await readBody(response.body ?? [], maxBytes, () => new Error("the answer is too large"))).toString();
    const json = parseJson(text);
    return {
      status: response.status,
      json: typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {},
    };
  } catch (error) {
    throw unavailable("it does not answer", error);
  }
}

function unavailable(why: string, cause?: unknown): OpsError {
  return new OpsError("auth_unavailable", `The identity provider cannot be used: ${why}`, { cause });
}

/** Codes and tokens go only where nobody can intercept them. */
function requireSafe(text: unknown, what: string): string {
  const url = typeof text === "string" ? URL.parse(text) : null;
  const isLoopback = url !== null && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback)) return text as string;
  throw new Error(`${what} is not an https:// URL`);
}
