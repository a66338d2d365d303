import { type Environment, environments } from "../lib/environment.ts";
import { OpsError } from "../lib/errors.ts";

/** What a token may do. `ops:operate` does not imply `ops:logs`: logs carry secrets. */
export const scopes = ["ops:read", "ops:logs", "ops:operate", "ops:introspect"] as const;
export type Scope = (typeof scopes)[number];

/** How a caller is proven: the one token of the configuration, an entry of the tokens file, or an issuer's signature. */
export type AuthMethod = "token" | "tokens_file" | "jwt";

/** Where a request came from; for the audit. */
export interface Origin {
  /** The client's address: of its connection, or what a trusted proxy says. Null when the connection was gone too soon. */
  readonly ip: string | null;
  /** The `X-Request-Id` that it brought, if that was short and plain. */
  readonly clientRequestId: string | null;
  /** The trace id of its W3C `traceparent`, 32 hex digits. */
  readonly traceId: string | null;
}

/** Who a token stands for. */
export interface Principal {
  /** Stable name of the holder, for the audit and the request log. */
  readonly subject: string;
  /** Public id of the token or key; never the secret. */
  readonly kid: string;
  readonly auth: AuthMethod;
  readonly scopes: ReadonlySet<Scope>;
  readonly environments: ReadonlySet<Environment>;
}

/**
 * Whether the holder may see something of this environment. What carries no known environment is seen only by a token that
 * is not limited, that is, one that lists every environment.
 */
export function maySee(principal: Principal, environment: Environment | null): boolean {
  return environment === null ? !isLimited(principal) : principal.environments.has(environment);
}

/** What decides who may see a container; `kind` is null where only the audit record knows it. */
interface Belonging {
  readonly env: Environment | null;
  readonly kind: string | null;
}

/** Whether the holder may see a container, and act on it. One that is not of the product is for tokens of every environment alone. */
export function maySeeContainer(principal: Principal, container: Belonging): boolean {
  return maySee(principal, toOwnerEnv(container));
}

/** The environment whose tokens may see a container; null for one that only tokens of every environment see. */
export function toOwnerEnv({ env, kind }: Belonging): Environment | null {
  return kind === "other" ? null : env;
}

/** Whether something is of an environment that is known, and is not the holder's. */
export function isOfOthers(principal: Principal, environment: Environment | null): boolean {
  return environment !== null && !principal.environments.has(environment);
}

/** The question whether a token still has every right that it had: what was begun with more must not go on. */
export function keepsRights(before: Principal): (now: Principal) => boolean {
  const [scopesBefore, environmentsBefore] = [[...before.scopes], [...before.environments]];
  return (now) =>
    scopesBefore.every((scope) => now.scopes.has(scope)) &&
    environmentsBefore.every((environment) => now.environments.has(environment));
}

/** Whether the token is limited to some of the environments. */
function isLimited(principal: Principal): boolean {
  return !environments.every((environment) => principal.environments.has(environment));
}

/** A holder as a key, for what each may have so much of: the tokens of one issuer share its `kid`. */
export function toHolder({ kid, subject }: Pick<Principal, "kid" | "subject">): string {
  return `${kid} ${subject}`;
}

/** Throws forbidden for an environment that the token does not list. */
export function requireEnvironments(principal: Principal, wanted: Environment | readonly Environment[] | null | undefined): void {
  const other = [wanted ?? []].flat().find((environment) => !principal.environments.has(environment));
  if (other) throw new OpsError("forbidden", `This token does not cover ${other}`);
}
