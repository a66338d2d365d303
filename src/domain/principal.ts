import { type Environment, environments } from "./environment.ts";

/** What a token may do. `ops:operate` does not imply `ops:logs`: logs carry secrets. */
export const scopes = ["ops:read", "ops:logs", "ops:operate", "ops:introspect"] as const;
export type Scope = (typeof scopes)[number];

/** How a caller is proven: the one token of the configuration, an entry of the tokens file, or an issuer's signature. */
export type AuthMethod = "token" | "tokens_file" | "jwt";

/** Where a request came from; for the audit. */
export interface Origin {
  /** Remote address of its connection: that of the proxy, where there is one. Null when it was gone too soon. */
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
