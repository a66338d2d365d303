import { computed, signal } from "@preact/signals";
import { answerMs } from "../../../client/question.ts";
import { signInPath } from "../../screens.ts";
import { onMessage, post, type TabSession } from "./tabs.ts";

/** Also read by GraphiQL at /graphql, so that a sign-in counts for both. */
const tokenKey = "wallet-core-ops.token";
const renewalKey = "wallet-core-ops.renewal";

/** How a token that ends is replaced: by the identity provider's refresh token. */
interface Renewal {
  readonly refreshToken: string;
  /** Unix ms; null when unknown. */
  readonly expiresAt: number | null;
}

/** What the identity provider gave. */
export interface ProviderTokens {
  readonly accessToken: string;
  readonly refreshToken: string | null;
  /** Seconds. */
  readonly expiresIn: number | null;
}

/** Why somebody is not signed in, in words for the card. Null: nothing went wrong. */
export const signInProblem = signal<string | null>(null);

const current = signal<string | null>(readText(tokenKey));
/**
 * Whether the gateway has not accepted this token yet. A stored one was accepted before: a refused
 * one is forgotten.
 */
let isNew = false;

const otherToken = "You are already signed in. Use the token from this link instead?";

if (takeFromFragment()) {
  current.value = readText(tokenKey);
  isNew = true;
}

/** The gateway has accepted the token of this tab. */
export function noteAccepted(): void {
  isNew = false;
}

/** The bearer token of this tab and of those that took it from here; null when signed out. */
export const token = computed(() => current.value);

/**
 * Signs in with a token. It is stored for this tab, and on this device as well when `keep` is true.
 */
export function signIn(text: string, keep: boolean): void {
  start(text, keep);
  tell();
}

function start(text: string, keep: boolean): void {
  forget();
  isNew = true;
  store(tokenKey, text, keep);
  signInProblem.value = null;
  current.value = text;
}

/** Signs in with what the identity provider gave; the token is renewed before it ends. */
export function signInWith(tokens: ProviderTokens, keep: boolean): void {
  start(tokens.accessToken, keep);
  storeRenewal(tokens, keep);
  tell();
}

/** How long a new tab waits for the session of another one before it shows the card, ms. */
const tellMs = 200;
/** Whether a session of another tab is wanted: until somebody signs in or out here. */
let isWanted = false;

/**
 * A tab that was opened from another one, or by a link, has no stored token: it takes the session
 * of a tab of this browser that has one. Resolves when there is one, or none has answered in time.
 */
export function joinSession(): Promise<void> {
  return new Promise((resolve) => {
    onMessage((message) => {
      if (message.kind === "ask") tell();
      if (message.kind === "tell" && isWanted && current.value === null) take(message);
      if (message.kind === "renew" && current.value === message.before) take(message);
      if (message.kind === "end" && current.value === message.token) {
        forget();
        current.value = null;
      }
      if (current.value !== null) resolve();
    });
    if (current.value !== null) return resolve();
    isWanted = true;
    post({ kind: "ask" });
    setTimeout(() => {
      // The card would not see a sign-in on this device from before it listened.
      if (isWanted) current.value ??= readText(tokenKey);
      resolve();
    }, tellMs);
  });
}

/** Gives the session to the tabs that wait for one. */
function tell(): void {
  if (current.value !== null) post({ kind: "tell", token: current.value, renewal: readText(renewalKey) ?? "" });
}

/** Uses the session of another tab, for this tab. */
function take({ token: text, renewal }: TabSession): void {
  isWanted = false;
  write(sessionStorage, tokenKey, text);
  write(sessionStorage, renewalKey, renewal);
  signInProblem.value = null;
  current.value = text;
  plan();
}

/** Forgets the token, here and on the device; in other tabs as well, if a person signs out. */
export function signOut(problem: string | null = null): void {
  if (problem === null && current.value !== null) post({ kind: "end", token: current.value });
  forget();
  signInProblem.value = problem;
  current.value = null;
}

/**
 * The gateway refused `refused`: replaces it where the identity provider allows, else signs out.
 * Resolves to whether there is a new token. Rejects if that is not known yet, because the gateway
 * or the provider is overloaded or does not answer; then the session is kept.
 */
export async function onRefused(refused: string | null): Promise<boolean> {
  if (current.value !== refused) return current.value !== null;
  if (await renew()) return true;
  const accepts = isNew ? "does not accept" : "no longer accepts";
  if (current.value === refused) signOut(`The gateway ${accepts} this token: it is revoked, expired or mistyped.`);
  return false;
}

let renewing: Promise<boolean> | undefined;
/** After a renewal that failed for now: how often in a row, and when to try again, unix ms. */
let failed = 0;
let retryAt = 0;

/**
 * Resolves to whether there is a new token; false: there never will be one. Rejects if the renewal
 * failed for the moment; it is tried again.
 */
function renew(): Promise<boolean> {
  if (Date.now() < retryAt) return Promise.reject(new Error());
  renewing ??= renewAlone()
    .then(
      (isRenewed) => {
        failed = 0;
        return isRenewed;
      },
      (error: unknown) => {
        retryAt = Date.now() + Math.min(30_000, 1000 * 2 ** failed) * (0.8 + Math.random() * 0.4);
        failed += 1;
        plan();
        throw error;
      },
    )
    .finally(() => (renewing = undefined));
  return renewing;
}

/** Tabs that share a refresh token take turns: a provider may accept it once. */
function renewAlone(): Promise<boolean> {
  const [before, tokenBefore] = [readRenewal(), current.value];
  const run = async () => {
    // What the tab before has posted arrives first.
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (current.value !== tokenBefore) return current.value !== null;
    const text = readRenewal();
    if (text === null) return false;
    const stored = readText(tokenKey);
    if (text !== before && stored !== null && stored !== current.value) {
      current.value = stored;
      plan();
      return true;
    }
    const { refreshToken } = JSON.parse(text) as Renewal;
    const tokens = await changeIntoTokens({ refreshToken }).catch((error: unknown) => {
      if (error instanceof GrantRefused) return null;
      throw error;
    });
    // Signed out, or in as somebody else, meanwhile.
    if (tokens === null || readRenewal() !== text) return false;
    const isKept = read(localStorage, renewalKey) !== null;
    store(tokenKey, tokens.accessToken, isKept);
    storeRenewal({ ...tokens, refreshToken: tokens.refreshToken ?? refreshToken }, isKept);
    if (tokenBefore !== null)
      post({ kind: "renew", before: tokenBefore, token: tokens.accessToken, renewal: readText(renewalKey) ?? "" });
    current.value = tokens.accessToken;
    return true;
  };
  // Only secure contexts have locks.
  return "locks" in navigator ? navigator.locks.request(renewalKey, run) : run();
}

/** Such a grant will never be accepted. */
class GrantRefused extends Error {}

/**
 * Exchanges a code or a refresh token for tokens. Rejects with the gateway's message: with
 * GrantRefused, or with another error if the same grant may be accepted later.
 */
export async function changeIntoTokens(grant: Readonly<Record<string, string>>): Promise<ProviderTokens> {
  const response = await fetch(signInPath, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(grant),
    credentials: "omit",
    signal: AbortSignal.timeout(answerMs),
  });
  const answer = (await response.json()) as ProviderTokens & { readonly message?: string };
  const { ok, status } = response;
  if (ok) return answer;
  const isFinal = status < 500 && status !== 408 && status !== 429;
  throw new (isFinal ? GrantRefused : Error)(answer.message ?? `The gateway answered ${status}`);
}

let timer: ReturnType<typeof setTimeout> | undefined;

/**
 * Renews a minute before the end, or at half of a shorter life. Call once at the start, and after
 * each new token.
 */
export function plan(): void {
  clearTimeout(timer);
  const text = readRenewal();
  const expiresAt = text === null ? null : (JSON.parse(text) as Renewal).expiresAt;
  if (expiresAt === null) return;
  const leftMs = expiresAt - Date.now();
  const waitMs = Math.max(1000, retryAt - Date.now(), leftMs - Math.min(60_000, leftMs / 2));
  timer = setTimeout(() => void renew().catch(() => {}), waitMs);
}

function storeRenewal({ refreshToken, expiresIn }: ProviderTokens, keep: boolean): void {
  if (refreshToken === null) return;
  const renewal: Renewal = { refreshToken, expiresAt: expiresIn === null ? null : Date.now() + expiresIn * 1000 };
  store(renewalKey, JSON.stringify(renewal), keep);
  plan();
}

function forget(): void {
  isWanted = false;
  clearTimeout(timer);
  failed = retryAt = 0;
  for (const storage of [sessionStorage, localStorage])
    for (const key of [tokenKey, renewalKey]) write(storage, key, null);
}

/** The token of a pasted text ("Bearer ..." included); null for what cannot be one. */
export function toToken(text: string): string | null {
  const trimmed = text.trim().replace(/^Bearer +/i, "");
  return /^[\u0021-\u007e]+$/.test(trimmed) ? trimmed : null;
}

/**
 * Takes links that sign in and are opened in a tab that already shows the console, and follows
 * other tabs that sign in, renew and sign out. Call once.
 */
export function followSession(): void {
  addEventListener("hashchange", () => {
    // Another user may see less, so nothing may stay from before.
    if (takeFromFragment()) window.location.reload();
  });
  addEventListener("storage", ({ storageArea, key, oldValue, newValue }) => {
    if (storageArea !== localStorage) return;
    if (key === renewalKey) plan();
    // Null when all of the storage was emptied.
    if (key !== tokenKey && key !== null) return;
    // A token of this tab only does not affect the others.
    const isOurs = key === null || oldValue === current.value;
    if (current.value === null ? newValue === null : !isOurs) return;
    // From now on the device's tokens are read.
    for (const name of [tokenKey, renewalKey]) write(sessionStorage, name, null);
    signInProblem.value = null;
    current.value = newValue;
    plan();
  });
}

/**
 * A link that signs in carries the token in its fragment, which no server sees. It is erased from
 * the address at once, and lives in this tab alone. A person who is signed in with another token is
 * asked first: the sender of a link must not decide who they are. Returns whether this tab is
 * signed in with it now.
 */
function takeFromFragment(): boolean {
  const given = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (given === null) return false;
  history.replaceState(null, "", window.location.pathname + window.location.search);
  const text = toToken(given);
  if (text === null || text === current.value) return false;
  if (current.value !== null && !confirm(otherToken)) return false;
  write(sessionStorage, tokenKey, text);
  // It is never renewed: the device's renewal may be somebody else's.
  write(sessionStorage, renewalKey, "");
  return true;
}

/** Null when the token cannot be renewed. */
function readRenewal(): string | null {
  return readText(renewalKey) || null;
}

function readText(key: string): string | null {
  return read(sessionStorage, key) ?? read(localStorage, key);
}

/** A browser may forbid storage: then the token lives as long as the page. */
function read(storage: Storage, key: string): string | null {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, text: string, keep: boolean): void {
  write(sessionStorage, key, text);
  if (keep) write(localStorage, key, text);
}

function write(storage: Storage, key: string, text: string | null): void {
  try {
    if (text === null) storage.removeItem(key);
    else storage.setItem(key, text);
  } catch {
    // Nothing to do: it is in memory.
  }
}
