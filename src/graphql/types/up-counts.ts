import { toTime } from "../../domain/queue-history.ts";
import { type OpsError, toOpsError } from "../../errors.ts";
import type { OpsContext } from "../context.ts";
import { type SeriesRangeArgs, toSeriesRange } from "../history-args.ts";
import { isAmong } from "../loaders/series-filter.ts";
import { loadHostSeries } from "./series-host.ts";

const kinds = ["host", "engine", "queue_source", "container"] as const;
export type UpKind = (typeof kinds)[number];

interface Count {
  readonly up: number | null;
  readonly total: number | null;
}

export interface UpSample extends Count {
  readonly time: string;
  readonly kind: UpKind;
}

/** What one question told. */
interface UpAnswer {
  readonly kind: UpKind;
  readonly rows: readonly UpSample[];
  /** Why it could not be told. */
  readonly failure: OpsError | null;
}

interface UpArgs extends SeriesRangeArgs {
  readonly kinds?: readonly UpKind[] | null | undefined;
}

/** What is there now, of each kind. */
const present: Readonly<Record<UpKind, (context: OpsContext) => Promise<Count>>> = {
  host: async ({ loaders }) => count((await loaders.hosts.report()).hosts, ({ status }) => status === "up"),
  engine: async ({ loaders }) => count((await loaders.containers.engines()).shown, ({ ok }) => ok),
  queue_source: async ({ loaders }) => {
    const answers = await Promise.all((await loaders.queues.statuses()).map((source) => source.numbersOk()));
    return count(
      answers.filter((isOk) => isOk !== null),
      (isOk) => isOk,
    );
  },
  container: async ({ loaders }) =>
    count(
      await loaders.containers.all(false),
      ({ status, health, stale }) => status === "running" && health !== "unhealthy" && !stale,
    ),
};

/** One question for the past, of hosts alone, and one of each kind for now, where the range reaches it. Rejects with invalid_request for a range that is none. */
export async function loadUpCounts({ kinds: wanted, ...args }: UpArgs, context: OpsContext) {
  const asked = kinds.filter((kind) => isAmong(kind, wanted));
  const [past, now] = await Promise.all([
    Promise.all(asked.filter((kind) => kind === "host").map((kind) => ask(kind, [], () => loadPast(args, context)))),
    loadNow(args, asked, context),
  ]);
  return { past, now };
}

/** What fails has the rows that are given. */
async function ask(kind: UpKind, unless: readonly UpSample[], load: () => Promise<readonly UpSample[]>): Promise<UpAnswer> {
  try {
    return { kind, rows: await load(), failure: null };
  } catch (error) {
    return { kind, rows: unless, failure: toOpsError(error) };
  }
}

/** Hosts at the times of the range: those are counted that Prometheus asked then. */
async function loadPast(args: SeriesRangeArgs, context: OpsContext): Promise<UpSample[]> {
  const histories = await loadHostSeries(args, context);
  const byTime = Map.groupBy(
    histories.flatMap(({ points }) => points),
    ({ time }) => time,
  );
  return [...byTime].map(([time, points]) => {
    const known = points.filter(({ up }) => up !== null);
    const counted = known.length === 0 ? unknown : count(known, ({ up }) => up === true);
    return { time, kind: "host", ...counted };
  });
}

async function loadNow(args: SeriesRangeArgs, asked: readonly UpKind[], context: OpsContext): Promise<UpAnswer[]> {
  const { nowMs } = context.loaders;
  const step = toSeriesRange(args, nowMs)?.step ?? 60;
  // Whoever asks up to now says so with a clock of their own, and a moment ago.
  if (Date.parse(args.to) < nowMs - step * 1000 || Date.parse(args.from) > nowMs) return [];
  const time = toTime(Math.floor(Math.min(nowMs, Date.parse(args.to)) / 1000));
  const countNow = async (kind: UpKind) => [{ time, kind, ...(await present[kind](context)) }];
  return Promise.all(asked.map((kind) => ask(kind, [{ time, kind, ...unknown }], () => countNow(kind))));
}

const unknown: Count = { up: null, total: null };

function count<T>(all: readonly T[], isUp: (one: T) => boolean): Count {
  return { up: all.filter(isUp).length, total: all.length };
}
