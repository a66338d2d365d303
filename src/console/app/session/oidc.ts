import { signal } from "@preact/signals";
import { signInPath } from "../../screens.ts";
import { answerMs } from "../../../client/question.ts";
import { changeIntoTokens, signInProblem, signInWith } from "./session.ts";

/** What the gateway says of its identity provider. */
interface Invitation {
  readonly authorizationEndpoint: string;
  readonly clientId: string;
  readonly scope: string;
  readonly resource: string | null;
}

/** What must be known when the provider sends the browser back. */
interface Pending {
  readonly state: string;
  readonly verifier: string;
  /** The address that the user came from. */
  readonly address: string;
  readonly keep: boolean;
}

const pendingKey = "wallet-core-ops.sign-in";

/** The provider; null without one, undefined until it is known. */
export const provider = signal<Invitation | null | undefined>(undefined);

/** Asks whether there is an identity provider. */
export async function loadProvider(): Promise<void> {
  try {
    const response = await fetch(signInPath, { credentials: "omit", signal: AbortSignal.timeout(answerMs) });
    const answer = (await response.json()) as { readonly oidc?: Invitation | null; readonly message?: string };
    provider.value = answer.oidc ?? null;
    if (!response.ok) signInProblem.value = answer.message ?? null;
  } catch {
    provider.value = null;
  }
}

/** Goes to the provider, for the authorization code flow with PKCE (RFC 7636). */
export async function leaveForProvider(
  { authorizationEndpoint, clientId, scope, resource }: Invitation,
  keep: boolean,
): Promise<void> {
  const pending: Pending = {
    state: toRandom(),
    verifier: toRandom(),
    address: location.pathname + location.search,
    keep,
  };
  sessionStorage.setItem(pendingKey, JSON.stringify(pending));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier));
  const url = new URL(authorizationEndpoint);
  const parameters = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri(),
    scope,
    state: pending.state,
    code_challenge: toBase64Url(new Uint8Array(challenge)),
    code_challenge_method: "S256",
    // Providers differ in the name; each ignores the other's.
    ...(resource === null ? {} : { resource, audience: resource }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

/**
 * When the provider has sent the browser back: exchanges the code for tokens, and returns to the
 * address that the user came from. Resolves at once otherwise.
 */
export async function returnFromProvider(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const text = sessionStorage.getItem(pendingKey);
  if (location.pathname !== "/" || text === null || !query.has("state")) return;
  sessionStorage.removeItem(pendingKey);
  const { state, verifier, address, keep } = JSON.parse(text) as Pending;
  history.replaceState(null, "", address);
  const code = query.get("code");
  if (query.get("state") !== state)
    signInProblem.value = "This answer from the identity provider belongs to another sign-in. Try again.";
  else if (code === null)
    signInProblem.value = `The identity provider refused: ${query.get("error_description") ?? query.get("error") ?? "no reason given"}`;
  else {
    try {
      signInWith(await changeIntoTokens({ code, verifier, redirectUri: redirectUri() }), keep);
    } catch (error) {
      signInProblem.value = error instanceof Error ? error.message : String(error);
    }
  }
}

/** The one address that the provider must know. */
function redirectUri(): string {
  return `${location.origin}/`;
}

function toRandom(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
