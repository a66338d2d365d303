import { requireEnvironments } from "../../auth/principal.ts";
import type { Environment } from "../../lib/environment.ts";
import { OpsError, toOpsError, toProblem } from "../../lib/errors.ts";
import type { HistoryRange } from "../../lib/range.ts";
import { toUnixSeconds } from "../../lib/time.ts";
import { type QueueHistory, toPoints } from "../../queues/history.ts";
import type { QueueSource } from "../../queues/queue.ts";
import { countQueues } from "../list-lengths.ts";
import { countPoints, isAmong, pointsAdvice, type SeriesRangeArgs, seriesRows, toSeriesRanges } from "../range.ts";
import type { Caller, Sources } from "../sources.ts";
import type { QueueLoaders } from "./loader.ts";

/** Queues and their range; an absent list matches all. */
export interface QueueSeriesArgs extends SeriesRangeArgs {
  readonly env?: readonly Environment[] | null | undefined;
  readonly queues?: readonly string[] | null | undefined;
  readonly sources?: readonly string[] | null | undefined;
}

interface QueueSeries extends QueueHistory {
  readonly queue: string;
  readonly source: string;
  readonly env: Environment | null;
}

/** How much of the range one source covers. */
export interface QueueSeriesSource {
  readonly name: string;
  readonly env: Environment | null;
  /** As QueueHistory.exact; null if it returned nothing. */
  readonly exact: boolean | null;
  /** As QueueHistory.since, the latest of its queues. */
  readonly since: string | null;
  readonly error: ReturnType<typeof toProblem> | null;
}

interface QueueSeriesAnswer {
  readonly series: readonly QueueSeries[];
  readonly sources: readonly QueueSeriesSource[];
  /** Set when all queried sources failed. */
  readonly failure: OpsError | null;
}

export type QueueSeriesLoader = (args: QueueSeriesArgs) => Promise<QueueSeriesAnswer>;

/**
 * One query to each source for each range of a request, however many of its numbers are selected. A
 * failure affects only its own source. Rejects with invalid_request, and with forbidden for an
 * environment that the token does not list.
 */
export function createQueueSeriesLoader(
  sources: Sources,
  { principal, signal, budget }: Caller,
  siblings: { readonly queues: QueueLoaders; readonly nowMs: number },
): QueueSeriesLoader {
  const asked = new Map<string, Promise<QueueSeriesAnswer>>();
  const toEnv = (source: QueueSource) => source.env ?? sources.env;

  const choose = async ({ env, sources: names }: QueueSeriesArgs): Promise<readonly QueueSource[]> => {
    requireEnvironments(principal, env);
    return (await siblings.queues.visible()).filter(
      (source) => isAmong(source.name, names) && isAmong(toEnv(source), env),
    );
  };
  /** For a current step that began before the source's first data: the covered part. */
  const readPart = async (
    source: QueueSource,
    queues: readonly string[] | null,
    range: HistoryRange,
  ): Promise<Histories> => {
    const read = async (one: HistoryRange) => (await source.history?.(queues, one, signal)) ?? noHistories;
    const histories = await read(range);
    const end = range.from + range.step;
    // The data begins within that second.
    const since = Math.floor(findSince(histories.values()) ?? 0) + 1;
    if (range.steps > 1 || since <= range.from || since >= end) return histories;
    const known = await read({ from: since, step: end - since, steps: 1 });
    return new Map([...known].map(([name, one]) => [name, { ...one, since: histories.get(name)?.since ?? one.since }]));
  };
  const ask = async (source: QueueSource, queues: readonly string[] | null, ranges: readonly HistoryRange[]) => {
    if (!source.history) throw new OpsError("query_refused", "No history is available for its queues");
    const parts = await Promise.all(ranges.map((range) => readPart(source, queues, range)));
    return [...joinHistories(parts, ranges)].map(([queue, history]): QueueSeries => ({
      queue,
      source: source.name,
      env: toEnv(source),
      ...history,
    }));
  };
  /**
   * A source returns an empty history for any name: drops those of queues that it does not have.
   */
  const withoutStrangers = async (series: readonly QueueSeries[]): Promise<readonly QueueSeries[]> => {
    if (!series.some(isEmpty)) return series;
    const known = await siblings.queues.all().catch(() => []);
    return series.filter(
      (one) => !isEmpty(one) || known.some(({ name, source }) => name === one.queue && source === one.source),
    );
  };

  const load = async (args: QueueSeriesArgs, expected?: number): Promise<QueueSeriesAnswer> => {
    const chosen = await choose(args);
    const names = chosen.map(({ name }) => name);
    const shared = expected ?? args.queues?.length ?? countQueues(sources, names);
    const ranges = toSeriesRanges(args, siblings.nowMs, shared);
    if (ranges.length === 0) return { series: [], sources: [], failure: null };
    const steps = countPoints(ranges);
    const answers = await Promise.all(
      chosen.map((source) => ask(source, args.queues ?? null, ranges).catch((error: unknown) => toOpsError(error))),
    );
    const results = answers.map((answer, index) => toSource(chosen[index] as QueueSource, answer));
    const all = answers.flatMap((answer) => (answer instanceof OpsError ? [] : answer));
    const series = args.queues ? await withoutStrangers(all) : all;
    // More queues than expected: try again with fewer points each.
    const isLarger = series.length > shared && series.length * steps > seriesRows;
    if (!args.step && steps > 1 && (isLarger || answers.some(isTooLarge))) {
      return load(args, Math.max(series.length, 8 * shared));
    }
    await budget.read(series.length * steps, pointsAdvice);
    return { series, sources: results, failure: toFailure(answers, results) };
  };
  const toSource = (source: QueueSource, answer: readonly QueueSeries[] | OpsError): QueueSeriesSource => {
    const identity = { name: source.name, env: toEnv(source) };
    if (answer instanceof OpsError) return { ...identity, exact: null, since: null, error: toProblem(answer) };
    const since = answer.map((one) => one.since ?? "").reduce((latest, one) => (one > latest ? one : latest), "");
    return { ...identity, exact: answer.every(({ exact }) => exact), since: since === "" ? null : since, error: null };
  };

  return (args) => {
    const { from, to, step, maxPoints, env, queues, sources: names } = args;
    const key = JSON.stringify([from, to, step ?? null, maxPoints, env ?? null, queues ?? null, names ?? null]);
    const answer = asked.get(key) ?? load(args);
    asked.set(key, answer);
    return answer;
  };
}

type Histories = ReadonlyMap<string, QueueHistory>;

const noHistories: Histories = new Map();

/** The latest `since`, unix seconds; null if all cover their ranges. */
function findSince(histories: Iterable<QueueHistory>): number | null {
  const times = [...histories].flatMap(({ since }) => (since === null ? [] : toUnixSeconds(since)));
  return times.length === 0 ? null : Math.max(...times);
}

/**
 * Joins the histories of consecutive ranges into one for each queue. A queue that a source leaves
 * out of a range had no job in it, as far back as the source has data.
 */
function joinHistories(parts: readonly Histories[], ranges: readonly HistoryRange[]): Histories {
  const names = new Set(parts.flatMap((part) => [...part.keys()]));
  const begin = findSince(parts.flatMap((part) => [...part.values()]));
  const join = (name: string): QueueHistory => {
    const known = parts.flatMap((part) => part.get(name) ?? []);
    const sampled = known.some((history) => history.sampled);
    const idle = (range: HistoryRange) => (sampled ? [] : toPoints(range, [], begin));
    return {
      points: ranges.flatMap((range, index) => parts[index]?.get(name)?.points ?? idle(range)),
      exact: known.every(({ exact }) => exact),
      sampled,
      since: known.reduce<string | null>(
        (latest, { since }) => (since !== null && since > (latest ?? "") ? since : latest),
        null,
      ),
    };
  };
  return new Map([...names].map((name) => [name, join(name)]));
}

function isTooLarge(answer: unknown): boolean {
  return answer instanceof OpsError && answer.code === "answer_too_large";
}

function isEmpty({ points }: QueueSeries): boolean {
  return points.every(({ depth, processedPerSec, failures }) => !depth && !processedPerSec && !failures);
}

/**
 * Null unless all failed. Keeps the sources' code if they agree: too much to read differs from no
 * answer.
 */
function toFailure(answers: readonly unknown[], results: readonly QueueSeriesSource[]): OpsError | null {
  const [first] = answers;
  if (!(first instanceof OpsError) || !results.every(({ error }) => error !== null)) return null;
  const code = results.every(({ error }) => error?.code === first.code) ? first.code : "queues_unavailable";
  const reasons = results.map(({ name, error }) => `${name}: ${error?.message}`).join("; ");
  return new OpsError(code, `No queue source could read this range (${reasons})`, { cause: first });
}
