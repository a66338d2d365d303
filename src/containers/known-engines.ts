import { maySee, type Principal } from "../auth/principal.ts";
import type { EngineStatus } from "./source.ts";

/** The engines that the holder of one token may know of. */
export interface KnownEngines {
  /** Engines that the token may see. */
  readonly shown: readonly EngineStatus[];
  /** Engines that do not answer and may run containers that the token may see. */
  readonly silent: readonly SilentEngine[];
}

/** An engine that does not answer. Without its name and reason where the token may not see it. */
export interface SilentEngine {
  readonly name: string | null;
  readonly code: string;
  readonly message: string;
}

const unnamed: SilentEngine = {
  name: null,
  code: "docker_unavailable",
  message: "An engine without a configured environment does not answer",
};

/**
 * The one rule for engines. A token sees an engine that is configured for one of its environments, or that runs a container of one. All other engines
 * are hidden, with one exception: an engine without a configured environment that was never listed. It may run the token's containers, so while it does
 * not answer they cannot be reported missing.
 */
export function selectEngines(principal: Principal, engines: readonly EngineStatus[]): KnownEngines {
  const shown = engines.filter((engine) => maySeeEngine(principal, engine));
  const silent = shown.flatMap(({ name, ok, error }): SilentEngine | [] => (ok ? [] : toSilent(name, error)));
  const isUnnamed = engines.some(
    (engine) => !engine.ok && engine.env === null && engine.runs === null && !shown.includes(engine),
  );
  return { shown, silent: isUnnamed ? [...silent, unnamed] : silent };
}

function maySeeEngine(principal: Principal, { env, runs }: EngineStatus): boolean {
  return maySee(principal, env) || [...(runs ?? [])].some((environment) => principal.environments.has(environment));
}

function toSilent(name: string, error: EngineStatus["error"]): SilentEngine {
  return { name, code: error?.code ?? "docker_unavailable", message: error?.message ?? "no reason" };
}
