import { setImmediate } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { createFairLimit, type Waiters } from "../../../lib/budget/fair-limit.ts";
import { isEmpty, type StatsCounters, type StatsSample, type TimedSample, toLife } from "../../stats/stats.ts";
import type { Engine, EngineCalls } from "../engine/engine.ts";
import { count as smallCount, firstOf, orElse } from "../http/answers.ts";
import { AnswerError } from "../http/errors.ts";
import type { CgroupReader, CgroupSample } from "./cgroup.ts";

const count = orElse(z.number(), null);

const usage = z.object({ total_usage: count, percpu_usage: orElse(firstOf(z.number()), []) });
const throttling = z.object({ periods: z.number(), throttled_periods: z.number(), throttled_time: z.number() });
const network = z.object({ rx_bytes: z.number(), tx_bytes: z.number() });
const transfer = z.object({ op: z.string(), value: z.number() });

const cpuStats = z.object({
  cpu_usage: usage.nullish(),
  system_cpu_usage: count,
  online_cpus: count,
  /** Podman's own figure; Docker has none. */
  cpu: count,
  throttling_data: orElse(throttling, null),
});
type CpuStats = z.infer<typeof cpuStats>;

/**
 * `GET /containers/{id}/stats`. Counters above 2^53 lose their last digits, which does not affect
 * ratios.
 */
const statsAnswer = z.object({
  read: z.string().nullish(),
  cpu_stats: cpuStats.nullish(),
  memory_stats: z.object({ usage: count, limit: count, stats: orElse(z.record(z.string(), z.number()), {}) }).nullish(),
  pids_stats: z.object({ current: smallCount }).nullish(),
  networks: orElse(z.record(z.string(), network), null),
  blkio_stats: orElse(z.object({ io_service_bytes_recursive: orElse(firstOf(transfer), []) }), null),
});

/** The one field of an inspection that distinguishes the lives of a container. */
const startAnswer = z.object({ State: z.object({ StartedAt: z.string() }) });

/**
 * One-shot statistics of an engine: a sample, and the counters that came with it. AnswerError for
 * any other content.
 */
export function toSample(
  answer: unknown,
): Omit<StatsSample, "life" | "counters"> & { readonly counted: StatsCounters } {
  const { success, data } = statsAnswer.safeParse(answer);
  if (!success) throw new AnswerError("unexpected response to GET /containers/{id}/stats");
  const { cpu_stats: cpu, memory_stats: memory } = data;
  return {
    source: "engine",
    readAt: data.read ?? "",
    cpuTotal: cpu?.cpu_usage?.total_usage ?? null,
    cpuSystem: cpu ? toCpuSystem(cpu, data.read ?? "") : null,
    onlineCpus: toOnlineCpus(cpu),
    memUsage: memory?.usage ?? null,
    memLimit: memory?.limit ?? null,
    memDetail: memory?.stats ?? {},
    counted: toCounters(data),
  };
}

function toCounters({
  cpu_stats: cpu,
  pids_stats: pids,
  networks,
  blkio_stats: blkio,
}: z.infer<typeof statsAnswer>): StatsCounters {
  const throttled = cpu?.throttling_data;
  return {
    throttling: throttled
      ? {
          periods: throttled.periods,
          throttledPeriods: throttled.throttled_periods,
          throttledNanoseconds: throttled.throttled_time,
        }
      : null,
    pids: pids?.current ?? null,
    network: networks ? toNetwork(Object.values(networks)) : null,
    blockIo: blkio ? toBlockIo(blkio.io_service_bytes_recursive) : null,
  };
}

/** Of a container that has ended. */
const noCounters: StatsCounters = { throttling: null, pids: null, network: null, blockIo: null };

/** State.StartedAt of an inspection. */
export function toStartedAt(answer: unknown): string {
  const { success, data } = startAnswer.safeParse(answer);
  if (!success) throw new AnswerError("unexpected response to GET /containers/{id}/json");
  return data.State.StartedAt;
}

function toOnlineCpus(cpu: CpuStats | null | undefined): number {
  return cpu?.online_cpus || (cpu?.cpu_usage?.percpu_usage.length ?? 0);
}

/**
 * CPU time of the host, busy or idle. Podman reports only the busy time of its CPUs
 * (containers/common pkg/cgroups SystemCPUUsage): a container alone on an idle host would seem to
 * use all of it. So for Podman the elapsed time is used.
 */
function toCpuSystem(cpu: CpuStats, readAt: string): number | null {
  const at = Date.parse(readAt);
  if (cpu.cpu === null || Number.isNaN(at)) return cpu.system_cpu_usage;
  return at * 1e6 * toOnlineCpus(cpu);
}

function toNetwork(networks: readonly z.infer<typeof network>[]): StatsCounters["network"] {
  return {
    received: sum(networks.map(({ rx_bytes }) => rx_bytes)),
    sent: sum(networks.map(({ tx_bytes }) => tx_bytes)),
  };
}

/**
 * By the first letter of `op`, as the docker CLI does: Read and Write on cgroup v1, read and write
 * on v2.
 */
function toBlockIo(transfers: readonly z.infer<typeof transfer>[]): StatsCounters["blockIo"] {
  const of = (letter: string) =>
    sum(transfers.filter(({ op }) => op[0]?.toLowerCase() === letter).map(({ value }) => value));
  return { read: of("r"), written: of("w") };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** What a sample needs of an engine. */
export type SampledEngine = Pick<EngineCalls, "name" | "client" | "ask"> & Pick<Engine, "inventory" | "limits">;

export interface StatsReader {
  /**
   * One sample; null for a container that is not running. Rejects with an OpsError;
   * container_not_found when it has vanished. A sample that `begins` a window uses the start time
   * already known, where there is one. The next sample inspects: if both have the same life, the
   * known time was right.
   */
  read(
    engine: SampledEngine,
    fullId: string,
    begins: boolean,
    waiters: Waiters,
    ended: AbortSignal,
  ): Promise<TimedSample | null>;
}

interface StatsReaderOptions {
  /** Null to read from the engines only. */
  readonly cgroups: Pick<CgroupReader, "read"> | null;
  /** Per sample. */
  readonly timeoutMs: number;
}

/** The network of a container as its engine answered, where its cgroup's files do not show it. */
interface KnownNetwork extends Pick<StatsSample, "life">, Pick<StatsCounters, "network"> {
  readonly at: number;
}

/** A container that is sampled until the signal. */
interface Sampled {
  readonly engine: SampledEngine;
  readonly fullId: string;
  readonly ended: AbortSignal;
}

/** How long files are read before other work gets its turn, milliseconds. */
const turnMs = 1;

/** How long such an answer counts, milliseconds: the engine is asked for a tenth of the samples. */
const networkMs = 15_000;

/** Reads the container's cgroup if it is on this machine; else asks its engine. */
export function createStatsReader({ cgroups, timeoutMs }: StatsReaderOptions): StatsReader {
  const oneByOne = createFairLimit(1);
  let turnEndsAt = 0;
  /**
   * One container's files are read in one go; other work gets its turn between containers, each
   * millisecond.
   */
  const inTurn = <T>(waiters: Waiters, read: () => T) =>
    oneByOne.runShared(waiters, async () => {
      if (performance.now() >= turnEndsAt) {
        await setImmediate();
        turnEndsAt = performance.now() + turnMs;
      }
      return read();
    });
  const networks = new LRUCache<string, KnownNetwork>({ maxSize: 5000, sizeCalculation: () => 1 });
  const readNetwork = async (
    { engine, fullId, ended }: Sampled,
    life: string,
    waiters: Waiters,
  ): Promise<StatsCounters["network"]> => {
    const last = networks.get(fullId);
    const known = last?.life === life ? last : null;
    const at = performance.now();
    if (known && at - known.at < networkMs) return known.network;
    const ask = (signal: AbortSignal) =>
      engine.client.call(fullId, "stats", { stream: "false", "one-shot": "true" }, signal);
    const found = await engine.limits.stats
      .runShared(waiters, () => engine.ask(timeoutMs, ask, ended))
      .then((answer) => toSample(answer).counted.network)
      // The figures from the files are valid without those of the network.
      .catch(() => known?.network ?? null);
    networks.set(fullId, { life, at, network: found });
    return found;
  };
  const readCounters = async (from: Sampled, sample: CgroupSample, waiters: Waiters) => {
    const { network: shown, ...own } = (await inTurn(waiters, sample.readCounters)) ?? noCounters;
    return { ...own, network: shown === undefined ? await readNetwork(from, sample.life, waiters) : shown };
  };
  const readHere = (reader: Pick<CgroupReader, "read">, from: Sampled, waiters: Waiters) =>
    inTurn(waiters, (): TimedSample | null => {
      const at = performance.now();
      const sample = reader.read(from.fullId);
      return sample && { at, sample: { ...sample, counters: (who) => readCounters(from, sample, who) } };
    });
  return {
    async read(engine, fullId, begins, waiters, ended) {
      const here = cgroups && (await readHere(cgroups, { engine, fullId, ended }, waiters));
      if (here) return here;
      return engine.limits.stats.runShared(waiters, () =>
        engine.ask(timeoutMs, (signal) => askEngine(engine, fullId, begins, signal), ended),
      );
    },
  };
}

async function askEngine(
  engine: SampledEngine,
  fullId: string,
  begins: boolean,
  signal: AbortSignal,
): Promise<TimedSample | null> {
  const at = performance.now();
  const { counted, ...sample } = toSample(
    await engine.client.call(fullId, "stats", { stream: "false", "one-shot": "true" }, signal),
  );
  if (isEmpty(sample)) return null;
  const known = begins ? engine.inventory.snapshot(false).known(fullId)?.raw.startedAt : null;
  // After the sample, never before: only then does it show whether the container was started in
  // between.
  const startedAt = known ?? toStartedAt(await engine.client.call(fullId, "json", {}, signal));
  return { at, sample: { ...sample, life: toLife(sample.readAt, startedAt), counters: async () => counted } };
}
