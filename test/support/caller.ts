import { type Scope, scopes } from "../../src/auth/principal.ts";
import type { Caller } from "../../src/graphql/sources.ts";
import { Budget } from "../../src/lib/budget/budget.ts";
import { type Environment, environments } from "../../src/lib/environment.ts";

/** A caller, with every scope and environment by default. */
export function createCaller(granted: readonly Scope[] = scopes, where: readonly Environment[] = environments): Caller {
  const budget = new Budget("test");
  return {
    principal: { subject: "test", kid: "test", auth: "token", scopes: new Set(granted), environments: new Set(where) },
    origin: () => ({ ip: "192.0.2.7", clientRequestId: null, traceId: null }),
    requestId: "request-1",
    signal: budget.signal,
    budget,
  };
}
