import { type Environment, environments } from "../lib/environment.ts";
import { OpsError } from "../lib/errors.ts";

/** What a token may do. `ops:operate` does not imply `ops:logs`: logs carry secrets. */
export const scopes = ["ops:read", "ops:logs", "ops:operate", "ops:introspect"] as const;
export type Scope = (typeof scopes)[number];

/**
 * How a caller is authenticated: the configured token, an entry of the tokens file, or an issuer's
 * signature.
 */
export type AuthMethod = "token" | "tokens_file" | "jwt";

/** Where a request came from, for the audit record. */
export interface RequestOrigin {
  /**
   * The client's address: of its connection, or from a trusted proxy. Null when the connection
   * closed too soon.
   */
  readonly ip: string | null;
  /** The client's `X-Request-Id`, if it was short and plain. */
  readonly clientRequestId: string | null;
  /** The trace id of its W3C `traceparent`, 32 hex digits. */
  readonly traceId: string | null;
  /**
   * The program that acts for the caller, by the name that it gives itself (unverified). Absent or
   * null when it gives none.
   */
  readonly agent?: string | null;
}

/** The holder of a token. */
export interface Principal {
  /** Stable name of the holder, for the audit record and the request log. */
  readonly subject: string;
  /** Public id of the token or key; never the secret. */
  readonly kid: string;
  /** Who vouches for the subject of a JWT; absent for our own tokens. */
  readonly issuer?: string;
  readonly auth: AuthMethod;
  readonly scopes: ReadonlySet<Scope>;
  readonly environments: ReadonlySet<Environment>;
  /** When the token expires, epoch milliseconds; absent when it does not. */
  readonly expiresAt?: number;
}

/**
 * Whether the holder may see things of this environment. Null (environment unknown) needs a token
 * that lists every environment.
 */
export function maySee(principal: Principal, environment: Environment | null): boolean {
  return environment === null ? !isLimited(principal) : principal.environments.has(environment);
}

/**
 * Decides who may see a container. `kind` is null where only the audit record has the container.
 */
interface Belonging {
  readonly env: Environment | null;
  readonly kind: string | null;
}

/**
 * Whether the holder may see a container and act on it. One outside the product needs a token for
 * every environment.
 */
export function maySeeContainer(principal: Principal, container: Belonging): boolean {
  return maySee(principal, toOwnerEnv(container));
}

/**
 * The environment whose tokens may see a container; null: visible only to tokens with all
 * environments.
 */
export function toOwnerEnv({ env, kind }: Belonging): Environment | null {
  return kind === "other" ? null : env;
}

/** Whether the environment is known and not one of the holder's. */
export function isOfOthers(principal: Principal, environment: Environment | null): boolean {
  return environment !== null && !principal.environments.has(environment);
}

/**
 * Returns a check whether the token still has all the rights it had before. If not, what it started
 * must stop.
 */
export function keepsRights(before: Principal): (now: Principal) => boolean {
  const [scopesBefore, environmentsBefore] = [[...before.scopes], [...before.environments]];
  return (now) =>
    scopesBefore.every((scope) => now.scopes.has(scope)) &&
    environmentsBefore.every((environment) => now.environments.has(environment));
}

const views = new WeakMap<Principal, string>();

/** What a token may see, as a text: its environments. Equal for tokens with equal views. */
export function toView(principal: Principal): string {
  const found = views.get(principal);
  if (found !== undefined) return found;
  const view = environments.filter((environment) => principal.environments.has(environment)).join();
  views.set(principal, view);
  return view;
}

/** Whether the token lacks some environment. */
export function isLimited(principal: Principal): boolean {
  return !environments.every((environment) => principal.environments.has(environment));
}

/**
 * What identifies a holder. The `kid` of a JWT is that of its issuer's key, which changes while its
 * subject stays the same.
 */
export interface HolderName extends Pick<Principal, "kid" | "subject"> {
  readonly issuer?: string | null | undefined;
}

/** Key of a holder for per-holder limits: the subject of an issuer, or one of our own tokens. */
export function toHolder({ kid, subject, issuer }: HolderName): string {
  return issuer ? `jwt ${issuer} ${subject}` : `${kid} ${subject}`;
}

/** Throws forbidden for an environment that the token does not list. */
export function requireEnvironments(
  principal: Principal,
  wanted: Environment | readonly Environment[] | null | undefined,
): void {
  const other = [wanted ?? []].flat().find((environment) => !principal.environments.has(environment));
  if (other) throw new OpsError("forbidden", `This token does not cover ${other}`);
}
