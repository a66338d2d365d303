import { toAgeSeconds } from "../../lib/time.ts";
import type { Caller, Sources } from "../sources.ts";
import { selectEngines } from "./loader.ts";

/**
 * An engine of the configuration. `ageSeconds`: since it last answered or sent an event; null when
 * it never did.
 */
export interface EngineNow {
  readonly name: string;
  readonly ageSeconds: number | null;
  /** Null when it answers. */
  readonly code: string | null;
}

/** The engines that a caller may see, from the last list; empty before the first one. */
export function listEnginesNow(sources: Sources, { principal }: Caller): readonly EngineNow[] {
  const { engines = [] } = sources.containers.listCached() ?? {};
  return selectEngines(principal, engines).shown.map(({ name, contactAt, error }) => ({
    name,
    ageSeconds: toAgeSeconds(contactAt),
    code: error?.code ?? null,
  }));
}
