import { computed, signal } from "@preact/signals";

/** Also read by GraphiQL at /graphql: who is signed in here is signed in there. */
const storageKey = "wallet-core-ops.token";

/** Why somebody is not signed in, in words for the card. Null: nothing went wrong. */
export const signInProblem = signal<string | null>(null);

const current = signal<string | null>(takeFromFragment() ?? readStored());

/** The bearer token of this tab; null when signed out. */
export const token = computed(() => current.value);

/**
 * Signs in with a token. It is stored for this tab, and on this device as well when `keep` is true.
 */
export function signIn(text: string, keep: boolean): void {
  write(sessionStorage, text);
  write(localStorage, keep ? text : null);
  signInProblem.value = null;
  current.value = text;
}

/** Forgets the token, here and on the device. */
export function signOut(problem: string | null = null): void {
  write(sessionStorage, null);
  write(localStorage, null);
  signInProblem.value = problem;
  current.value = null;
}

/** The token of a pasted text ("Bearer ..." included); null for what cannot be one. */
export function toToken(text: string): string | null {
  const trimmed = text.trim().replace(/^Bearer +/i, "");
  return /^[\u0021-\u007e]+$/.test(trimmed) ? trimmed : null;
}

/** A link that signs in carries the token in its fragment, which no server sees. It is erased from the address at once. */
function takeFromFragment(): string | null {
  const given = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (given === null) return null;
  history.replaceState(null, "", window.location.pathname + window.location.search);
  const text = toToken(given);
  if (text) write(sessionStorage, text);
  return text;
}

function readStored(): string | null {
  try {
    return sessionStorage.getItem(storageKey) ?? localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}

/** A browser may forbid storage: then the token lives as long as the page. */
function write(storage: Storage, text: string | null): void {
  try {
    if (text === null) storage.removeItem(storageKey);
    else storage.setItem(storageKey, text);
  } catch {
    // Nothing to do: it is in memory.
  }
}
