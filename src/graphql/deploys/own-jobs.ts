import { countEnded, countSteps, type Ended, toOwnHistory } from "../../deploys/verdict/own-history.ts";
import { toOpsError } from "../../lib/errors.ts";
import type { HistoryRange } from "../../lib/range.ts";
import type { QueueHistory } from "../../queues/history.ts";
import type { QueueSource } from "../../queues/queue.ts";
import type { Ownership } from "./ownership.ts";

type Histories = ReadonlyMap<string, QueueHistory>;

/** The ended jobs of a source's queues, limited to a deploy's service. */
export interface OwnJobs {
  /**
   * The histories of queues in windows that begin at these times, unix seconds. For a queue that
   * others also work on: only the jobs of the service's own workers.
   *
   * @param queues which; null for all. @default null
   */
  readonly read: (froms: readonly number[], queues?: readonly string[] | null) => Promise<readonly Histories[]>;
  /**
   * The jobs of these queues that ended in each step of a range, after `read`. Omits a queue where
   * this is unknown. Jobs of workers whose service is unknown do not count.
   */
  readonly readSteps: (range: HistoryRange, queues: readonly string[]) => Promise<ReadonlyMap<string, Ended[]>>;
  /** Whether the service works on a queue, by its owners or by the rows that were read. */
  readonly isOwn: (queue: string) => boolean;
}

/**
 * Windows that begin within this many seconds of each other ask for workers since the same time, so
 * that one statement serves them all.
 */
const sharedSeconds = 900;

/**
 * Where rows name the workers of ended jobs, they show who works on a queue, even if no job of it
 * runs or fails now. A queue that is shared in one of the windows counts as shared in all.
 */
export function createOwnJobs(
  source: QueueSource,
  seconds: number,
  { isOwn, isShared, hosts }: Ownership,
  signal: AbortSignal,
): OwnJobs {
  // If there is no other service, all jobs are the service's own.
  const isNamed = source.historyOn !== undefined && hosts.has("other");
  const seen = { own: new Set<string>(), other: new Set<string>() };
  const ofSource = (queue: string) => ({ queue, source: source.name });
  const isOwnHere = (queue: string) => isOwn(ofSource(queue), seen.own.has(queue));
  /** Whether only some of its jobs belong to the service. */
  const isPart = (queue: string) => isOwnHere(queue) && (seen.other.has(queue) || isShared(ofSource(queue)));
  const readOn = async (whose: "own" | "other", from: number, queues: readonly string[] | null): Promise<Histories> => {
    const names = hosts.get(whose);
    if (!isNamed || !source.historyOn || !names || queues?.length === 0) return new Map();
    const histories = await source.historyOn(names, queues, { from, step: seconds, steps: 1 }, signal);
    for (const [queue, history] of histories) {
      const { succeeded, failed } = countEnded(history, seconds) ?? { succeeded: 0, failed: 0 };
      if (succeeded + failed > 0) seen[whose].add(queue);
    }
    return histories;
  };
  /** The queues of the service, and those that others may also work on; null for all. */
  const findQueues = async (from: number) => {
    if (!isNamed || !source.workersSince) return { queues: null, parts: null };
    const [own, other] = [new Set(hosts.get("own")), new Set(hosts.get("other"))];
    const since = Math.floor(from / sharedSeconds) * sharedSeconds;
    const rows = await source.workersSince(since, signal).catch((error: unknown) => {
      if (toOpsError(error).code !== "query_refused") throw error;
      return null;
    });
    if (rows === null) return { queues: null, parts: null };
    const hostsOf = Map.groupBy(rows, ({ queue }) => queue);
    const queues: string[] = [];
    const parts: string[] = [];
    for (const [queue, all] of hostsOf) {
      const recent = all.filter(({ lastAt }) => lastAt === null || lastAt > from);
      const hasOwn = recent.some(({ host }) => host !== null && own.has(host));
      if (recent.length === 0 || !isOwn(ofSource(queue), hasOwn)) continue;
      queues.push(queue);
      if (recent.some(({ host }) => host !== null && other.has(host)) || isShared(ofSource(queue))) parts.push(queue);
      else if (hasOwn) seen.own.add(queue);
    }
    return { queues: queues.toSorted(), parts: parts.toSorted() };
  };
  const readWindow = async (from: number, queues: readonly string[] | null, parts: readonly string[] | null) => {
    const range = { from, step: seconds, steps: 1 };
    const [all = new Map<string, QueueHistory>(), own, others] = await Promise.all([
      source.history?.(queues, range, signal),
      readOn("own", from, parts),
      readOn("other", from, parts),
    ]);
    return { all, own, others };
  };
  /**
   * What ended in each step; for queues whose rows name the workers, only jobs of the service's
   * workers.
   */
  const readSteps = async (range: HistoryRange, queues: readonly string[]) => {
    const all = (await source.history?.(queues, range, signal)) ?? new Map<string, QueueHistory>();
    const names = hosts.get("own");
    const own = isNamed && names ? await source.historyOn?.(names, queues, range, signal) : undefined;
    const steps = queues.map((queue) => {
      const whole = all.get(queue);
      const known = isPart(queue) ? own?.get(queue) : whole;
      return [queue, known && whole?.sampled === false ? countSteps(known, range.step) : null] as const;
    });
    return new Map(steps.flatMap(([queue, ended]) => (ended ? [[queue, ended] as const] : [])));
  };
  return {
    isOwn: isOwnHere,
    readSteps,
    async read(froms, queues = null) {
      const asked = queues ? { queues, parts: queues } : await findQueues(Math.min(...froms));
      const readOne = (from: number) => readWindow(from, asked.queues, asked.parts);
      // Histories of all queues are read one by one: few wait at a time, so all get their turn.
      const windows = asked.queues === null ? [] : await Promise.all(froms.map(readOne));
      if (asked.queues === null) for (const from of froms) windows.push(await readOne(from));
      return windows.map(({ all, own, others }) => {
        const toPart = (queue: string, history: QueueHistory) =>
          toOwnHistory(history, seconds, isNamed ? { own: own.get(queue), others: others.get(queue) } : null);
        return new Map(
          [...all].map(([queue, history]) => [queue, isPart(queue) ? toPart(queue, history) : history] as const),
        );
      });
    },
  };
}
