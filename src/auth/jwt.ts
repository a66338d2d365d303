import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTPayload, jwtVerify } from "jose";
import { type Environment, environments } from "../lib/environment.ts";
import { OpsError } from "../lib/errors.ts";
import { readBody } from "../lib/http-client.ts";
import { type Principal, type Scope, scopes } from "./principal.ts";

export interface JwtOptions {
  /** https, or http on loopback. */
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
}

/** A token counts as expired this long after it was issued, whatever its own expiry. */
const maxAgeSeconds = 86_400;
const subjectPattern = /^[\x21-\x7e]{1,128}$/;

/**
 * Verifies OIDC access tokens (RFC 9068: `typ: at+jwt`) with the issuer's published keys. Scopes:
 * those of the `scope` claim that we define. Environments: the array claim `ops_environments`;
 * without it, none. Resolves to null for an invalid token. Rejects with auth_unavailable when the
 * keys are older than 10 minutes and cannot be fetched. Throws at once for a URL that is neither
 * https nor http on loopback.
 */
export function createJwtVerifier({
  jwksUrl,
  issuer,
  audience,
}: JwtOptions): (token: string) => Promise<Principal | null> {
  const keys = createRemoteJWKSet(parseJwksUrl(jwksUrl), {
    timeoutDuration: 3000,
    cooldownDuration: 30_000,
    cacheMaxAge: 600_000,
    [customFetch]: fetchJwks(),
  });
  return async (token) => {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        algorithms: ["RS256", "ES256", "EdDSA"],
        issuer,
        audience,
        typ: "at+jwt",
        requiredClaims: ["sub", "exp", "iat"],
        maxTokenAge: maxAgeSeconds,
        clockTolerance: "30s",
      });
      return toPrincipal(payload, issuer, protectedHeader.kid);
    } catch (error) {
      if (keys.fresh || isTokenFault(error)) return null;
      throw new OpsError("auth_unavailable", "The keys of the token issuer cannot be fetched", { cause: error });
    }
  };
}

/** Whether the token itself is invalid, whatever the keys: new keys would not help. */
function isTokenFault(error: unknown): boolean {
  return (
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported
  );
}

function toPrincipal(payload: JWTPayload, issuer: string, kid: string | undefined): Principal | null {
  const { sub, scope, ops_environments: claimed, exp = Infinity, iat = Infinity } = payload;
  if (sub === undefined || !subjectPattern.test(sub)) return null;
  const granted = new Set(typeof scope === "string" ? scope.split(" ") : []);
  const named = new Set<unknown>(Array.isArray(claimed) ? claimed : []);
  return {
    subject: sub,
    kid: kid !== undefined && subjectPattern.test(kid) ? `jwt:${kid}` : "jwt",
    issuer,
    auth: "jwt",
    scopes: new Set<Scope>(scopes.filter((name) => granted.has(name))),
    environments: new Set<Environment>(environments.filter((name) => named.has(name))),
    expiresAt: Math.min(exp, iat + maxAgeSeconds) * 1000,
  };
}

function parseJwksUrl(text: string): URL {
  const url = new URL(text);
  const isLoopback = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback)) {
    throw new Error("the JWKS URL must be https (http only on loopback)");
  }
  return url;
}

const maxBytes = 256 * 1024;
const pauseMs = 5000;
const tooLarge = () => new Error("the key set is larger than 256 KiB");

/**
 * `fetch` for key sets: uncompressed, at most 256 KiB. After a failure it does not try again for 5
 * s, so that a flood of junk tokens does not flood the issuer (jose's own cooldown counts only
 * successes). It does not follow redirects: jose asks for `manual` and accepts only a 200.
 */
export function fetchJwks(): FetchImplementation {
  let failedAt = -Infinity;
  return async (url, options) => {
    if (performance.now() - failedAt < pauseMs) throw new Error("the key set could not be fetched a moment ago");
    try {
      const headers = new Headers(options.headers);
      headers.set("accept-encoding", "identity");
      const response = await fetch(url, { ...options, headers });
      if (response.status !== 200) throw new Error(`the key set answered ${response.status}`);
      const set: unknown = JSON.parse((await readBody(response.body ?? [], maxBytes, tooLarge)).toString());
      if (!isKeySet(set)) throw new Error("the answer is not a key set");
      return Response.json(set);
    } catch (error) {
      failedAt = performance.now();
      throw error;
    }
  };
}

/**
 * The form that jose requires. If only jose refused an answer, it would count as a success here,
 * without a pause.
 */
function isKeySet(set: unknown): boolean {
  const keys = (set as { keys?: unknown } | null)?.keys;
  return Array.isArray(keys) && keys.every((key) => typeof key === "object" && key !== null && !Array.isArray(key));
}
