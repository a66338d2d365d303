import { type Environment, environments } from "./environment.ts";

/** What a token may do. `ops:operate` does not imply `ops:logs`: logs carry secrets. */
export const scopes = ["ops:read", "ops:logs", "ops:operate", "ops:introspect"] as const;
export type Scope = (typeof scopes)[number];

/** Who a token stands for. */
export interface Principal {
  /** Stable name of the holder, for the audit and the request log. */
  readonly subject: string;
  /** Public id of the token or key; never the secret. */
  readonly kid: string;
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

/** Whether the token is limited to some of the environments. */
function isLimited(principal: Principal): boolean {
  return !environments.every((environment) => principal.environments.has(environment));
}
