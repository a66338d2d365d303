import { toTime } from "../../domain/queue-history.ts";
import type { Builder } from "../builder.ts";
import type { OpsContext } from "../context.ts";
import { type SeriesRangeArgs, toSeriesRange } from "../history-args.ts";
import { isAmong, toAscending } from "../loaders/series-filter.ts";
import type { Refs } from "../refs.ts";
import { seriesComplexity, toRangeArgs } from "./series-args.ts";
import { loadHostSeries } from "./series-host.ts";

const kinds = ["host", "engine", "queue_source", "container"] as const;
type Kind = (typeof kinds)[number];

interface Count {
  readonly up: number | null;
  readonly total: number | null;
}

interface UpSample extends Count {
  readonly time: string;
  readonly kind: Kind;
}

/** What is there now, of each kind. */
const present: Readonly<Record<Kind, (context: OpsContext) => Promise<Count>>> = {
  host: async ({ loaders }) => count((await loaders.hosts.report()).hosts, ({ status }) => status === "up"),
  engine: async ({ loaders }) => count(await loaders.containers.engines(), ({ ok }) => ok),
  queue_source: async ({ loaders }) => {
    const answers = await Promise.all((await loaders.queues.statuses()).map((source) => source.numbersOk()));
    return count(answers, (isOk) => isOk);
  },
  container: async ({ loaders }) =>
    count(
      await loaders.containers.all(false),
      ({ status, health, stale }) => status === "running" && health !== "unhealthy" && !stale,
    ),
};

/** UpSample, and how many of everything are up. */
export function addUpSeries(builder: Builder, _refs: Refs): void {
  const kind = builder.enumType("UpKind", {
    description: "What is counted, and when it is up.",
    values: {
      host: { description: "Hosts that Prometheus knows: their exporter answers it." },
      engine: { description: "Configured container engines: they answer." },
      queue_source: { description: "Queue sources: their numbers could be read." },
      container: { description: "Core containers: running, not unhealthy, and their engine answers." },
    } as const,
  });
  const sample = builder.objectRef<UpSample>("UpSample").implement({
    description: "How many of a kind were up at one time.",
    fields: (t) => ({
      time: t.expose("time", { type: "DateTime", description: "That time." }),
      kind: t.expose("kind", { type: kind, description: "What is counted." }),
      up: t.exposeInt("up", { nullable: true, description: "How many of them are up; null when nobody could say." }),
      total: t.exposeInt("total", { nullable: true, description: "How many there are; null when nobody could say." }),
    }),
  });
  builder.queryField("upCounts", (t) =>
    t.field({
      type: [sample],
      nullable: true,
      complexity: seriesComplexity,
      description:
        "How many hosts, engines, queue sources and containers are up, ascending in time. The past is known of hosts alone, from Prometheus; of all kinds there is " +
        "one row for now, where the range reaches it. A kind that could not be asked has a row of nulls.",
      args: { ...toRangeArgs(t.arg), kinds: t.arg({ type: [kind], description: "Only these kinds." }) },
      resolve: async (_root, { kinds: wanted, ...args }, context) => {
        const asked = kinds.filter((one) => isAmong(one, wanted));
        const [past, now] = await Promise.all([
          asked.includes("host") ? loadPast(args, context) : [],
          loadNow(args, asked, context),
        ]);
        return toAscending([past.filter(({ time }) => time !== now[0]?.time), now]);
      },
    }),
  );
}

/** Hosts at the times of the range: those are counted that Prometheus asked then. */
async function loadPast(args: SeriesRangeArgs, context: OpsContext): Promise<UpSample[]> {
  const histories = await loadHostSeries(args, context).catch(() => []);
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

async function loadNow(args: SeriesRangeArgs, asked: readonly Kind[], context: OpsContext): Promise<UpSample[]> {
  const { nowMs } = context.loaders;
  const step = toSeriesRange(args, nowMs)?.step ?? 60;
  // Whoever asks up to now says so with a clock of their own, and a moment ago.
  if (Date.parse(args.to) < nowMs - step * 1000 || Date.parse(args.from) > nowMs) return [];
  const time = toTime(Math.floor(Math.min(nowMs, Date.parse(args.to)) / 1000));
  return Promise.all(asked.map(async (kind) => ({ time, kind, ...(await present[kind](context).catch(() => unknown)) })));
}

const unknown: Count = { up: null, total: null };

function count<T>(all: readonly T[], isUp: (one: T) => boolean): Count {
  return { up: all.filter(isUp).length, total: all.length };
}
