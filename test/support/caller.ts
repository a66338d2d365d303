import { Budget } from "../../src/budget/budget.ts";
import { type Environment, environments } from "../../src/domain/environment.ts";
import { type Scope, scopes } from "../../src/domain/principal.ts";
import type { Caller } from "../../src/graphql/context.ts";

/** Somebody who asks: with every scope and environment unless told otherwise. */
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
