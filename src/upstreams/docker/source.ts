import type { ContainerKind, ContainerListing, ContainerRef, ContainerSource, ListedContainer } from "../../domain/container.ts";
import { toOpsError, toProblem } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { createEngine, type Engine, findEngine } from "./engine.ts";
import type { EngineOptions } from "./engine-options.ts";
import { toDockerError } from "./failure.ts";
import { createInspector } from "./inspect.ts";
import { readLogs } from "./logs.ts";
import { createRestarter } from "./restart.ts";
import { createSampler } from "./stats.ts";

export interface ContainerSourceOptions {
  readonly engines: readonly EngineOptions[];
  /** Kamal service whose containers are core. */
  readonly service: string;
  readonly logger: Logger;
  /** @default 2000 */
  readonly listTimeoutMs?: number;
  /** For each container. @default 2000 */
  readonly inspectTimeoutMs?: number;
  /** For each of the two samples. @default 2000 */
  readonly statsTimeoutMs?: number;
  /** Between the two samples. @default 1000 */
  readonly statsWindowMs?: number;
  /** @default 5000 */
  readonly logsTimeoutMs?: number;
  /** How long a restart may take beyond the container's stop timeout. @default 15000 */
  readonly restartGraceMs?: number;
  /** Calls for single containers in flight on one engine. @default 10 */
  readonly concurrency?: number;
}

/** The port to the container engines, over dockerode. Nothing is asked before the first call. */
export function createContainerSource(options: ContainerSourceOptions): ContainerSource {
  const { service, logger, listTimeoutMs = 2000, concurrency = 10, inspectTimeoutMs = 2000 } = options;
  const settings = { service, logger, listTimeoutMs, concurrency };
  const engines = new Map(options.engines.map((engine) => [engine.name, createEngine(engine, settings)]));
  const inspector = createInspector(inspectTimeoutMs);
  const sampler = createSampler({ windowMs: options.statsWindowMs ?? 1000, timeoutMs: options.statsTimeoutMs ?? 2000 });
  const restarter = createRestarter(inspector, options.restartGraceMs ?? 15_000);

  return {
    list: (signal) => listAll([...engines.values()], signal),
    inspect(refs, caller) {
      // A few hanging containers may take their time; when all do, the batch ends after two such times.
      const batch = AbortSignal.timeout(2 * inspectTimeoutMs);
      return each(refs, async (ref) => {
        const engine = findEngine(engines, ref);
        return engine.limit(() => inspector.toContainer(engine, ref, { caller, batch }));
      });
    },
    stats: (refs, signal) => each(refs, async (ref) => sampler.measure(findEngine(engines, ref), ref.fullId, signal)),
    async logs(ref, logOptions, caller) {
      const engine = findEngine(engines, ref);
      try {
        return await readLogs(engine, inspector, ref, logOptions, { timeoutMs: options.logsTimeoutMs ?? 5000, caller });
      } catch (error) {
        throw toDockerError(error, engine.name);
      }
    },
    async restart(ref) {
      return restarter.restart(findEngine(engines, ref), ref);
    },
    async close() {
      await restarter.settle();
      for (const engine of engines.values()) engine.client.forget();
    },
  };
}

/** Elements fail one by one, as OpsErrors. */
function each<T>(refs: readonly ContainerRef[], ask: (ref: ContainerRef) => Promise<T>): Promise<(T | Error)[]> {
  return Promise.all(refs.map((ref) => ask(ref).catch((error: unknown) => toOpsError(error))));
}

/** All engines at the same time, each with its own deadline; core containers first, then by name and engine. */
async function listAll(engines: readonly Engine[], signal: AbortSignal): Promise<ContainerListing> {
  const asked = await Promise.allSettled(engines.map((engine) => engine.list(signal)));
  const containers = asked.flatMap((result) => (result.status === "fulfilled" ? result.value.visible : []));
  const statuses = asked.map((result, index) => {
    const name = engines[index]?.name ?? "";
    if (result.status === "fulfilled") return { name, ok: true, error: null };
    return { name, ok: false, error: toProblem(result.reason) };
  });
  return { containers: containers.toSorted(byKindAndName), engines: statuses };
}

const rank: Readonly<Record<ContainerKind, number>> = { core: 0, accessory: 1 };

function byKindAndName(a: ListedContainer, b: ListedContainer): number {
  if (a.kind !== b.kind) return rank[a.kind] - rank[b.kind];
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.engine < b.engine ? -1 : 1;
}
