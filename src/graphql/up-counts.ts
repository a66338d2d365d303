import { requireEnvironments } from "../auth/principal.ts";
import type { Environment } from "../lib/environment.ts";
import { type OpsError, toOpsError, toProblem } from "../lib/errors.ts";
import { formatRfc3339 } from "../lib/time.ts";
import { type Arg, seriesComplexity, toRangeArgs } from "./args.ts";
import type { Builder } from "./builder.ts";
import type { OpsContext } from "./context.ts";
import { createContainerFilter, mayRun } from "./containers/loader.ts";
import { loadHostSeries } from "./hosts/history.ts";
import { isAmong, type SeriesRangeArgs, toAscending, toSeriesRanges } from "./range.ts";
import type { Refs } from "./refs.ts";
import { type Scalars, toEnumValues } from "./scalars.ts";

const kinds = ["host", "engine", "queue_source", "container"] as const;
type UpKind = (typeof kinds)[number];

interface Count {
  readonly up: number | null;
  readonly total: number | null;
}

interface UpSample extends Count {
  readonly time: string;
  readonly kind: UpKind;
}

/** The result of one query. */
interface UpAnswer {
  readonly kind: UpKind;
  readonly rows: readonly UpSample[];
  /** Why it failed. */
  readonly failure: OpsError | null;
}

interface UpArgs extends SeriesRangeArgs {
  readonly env?: Environment | null | undefined;
  readonly kinds?: readonly UpKind[] | null | undefined;
}

/** Current counts of each kind, limited to one environment where it is known. */
const present: Readonly<Record<UpKind, (context: OpsContext, env: Environment | null) => Promise<Count>>> = {
  host: async ({ loaders }) => count((await loaders.hosts.report()).hosts, ({ status }) => status === "up"),
  engine: async ({ loaders }, env) =>
    count(
      (await loaders.containers.engines()).shown.filter((engine) => env === null || mayRun(engine, env)),
      ({ ok }) => ok,
    ),
  queue_source: async ({ loaders }, env) => {
    const answers = await Promise.all((await loaders.queues.statuses(env)).map((source) => source.numbersOk()));
    return count(
      answers.filter((isOk) => isOk !== null),
      (isOk) => isOk,
    );
  },
  container: async ({ loaders, principal }, env) =>
    count(
      (await loaders.containers.all(false)).filter(
        createContainerFilter({ env, includeAccessories: false }, principal),
      ),
      ({ status, health, stale }) => status === "running" && health !== "unhealthy" && !stale,
    ),
};

/**
 * One query for the past (hosts only), and one of each kind for now if the range includes it.
 * Rejects with invalid_request for an invalid range.
 */
async function loadUpCounts({ kinds: wanted, env, ...args }: UpArgs, context: OpsContext) {
  requireEnvironments(context.principal, env);
  const asked = kinds.filter((kind) => isAmong(kind, wanted));
  const [past, now] = await Promise.all([
    Promise.all(asked.filter((kind) => kind === "host").map((kind) => ask(kind, [], () => loadPast(args, context)))),
    loadNow(args, asked, env ?? null, context),
  ]);
  return { past, now };
}

/** The rows of a query; if it fails, the rows `unless`, with the failure. */
async function ask(
  kind: UpKind,
  unless: readonly UpSample[],
  load: () => Promise<readonly UpSample[]>,
): Promise<UpAnswer> {
  try {
    return { kind, rows: await load(), failure: null };
  } catch (error) {
    return { kind, rows: unless, failure: toOpsError(error) };
  }
}

/** Hosts at the times of the range: counts those that Prometheus scraped then. */
async function loadPast(args: SeriesRangeArgs, context: OpsContext): Promise<UpSample[]> {
  // One of the points is the current one.
  const most = args.maxPoints - Number(hasNow(args, context.loaders.nowMs));
  if (most < 1 && !args.step) return [];
  const histories = await loadHostSeries({ ...args, maxPoints: Math.max(1, most) }, context);
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

function hasNow(args: SeriesRangeArgs, nowMs: number): boolean {
  const step = toSeriesRanges(args, nowMs)[0]?.step ?? 60;
  // A `to` of now follows the client's clock, and is a moment old.
  return Date.parse(args.to) >= nowMs - step * 1000 && Date.parse(args.from) <= nowMs;
}

async function loadNow(
  args: SeriesRangeArgs,
  asked: readonly UpKind[],
  env: Environment | null,
  context: OpsContext,
): Promise<UpAnswer[]> {
  const { nowMs } = context.loaders;
  if (!hasNow(args, nowMs)) return [];
  const time = formatRfc3339(Math.min(nowMs, Date.parse(args.to)));
  const countNow = async (kind: UpKind) => [{ time, kind, ...(await present[kind](context, env)) }];
  return Promise.all(asked.map((kind) => ask(kind, [{ time, kind, ...unknown }], () => countNow(kind))));
}

const unknown: Count = { up: null, total: null };

function count<T>(all: readonly T[], isUp: (one: T) => boolean): Count {
  return { up: all.filter(isUp).length, total: all.length };
}

interface UpCountKind {
  readonly kind: UpKind;
  readonly error: ReturnType<typeof toProblem> | null;
}

/** UpSample and UpCountKind, and the queries of them. */
export function addUpSeries(builder: Builder, refs: Refs, scalars: Scalars): void {
  const kind = builder.enumType("UpKind", {
    description: "What is counted, and when it is up.",
    values: toEnumValues({
      host: "Hosts that Prometheus knows. Up when their exporter answers Prometheus.",
      engine: "Configured container engines. Up when they answer.",
      queue_source: "Queue sources. Up when their numbers could be read.",
      container: "Core containers. Up when running, not unhealthy, and their engine answers.",
    }),
  });
  const sample = builder.objectRef<UpSample>("UpSample").implement({
    description: "How many of a kind were up at one time.",
    fields: (t) => ({
      time: t.expose("time", { type: "DateTime", description: "When." }),
      kind: t.expose("kind", { type: kind, description: "What is counted." }),
      up: t.exposeInt("up", { nullable: true, description: "How many of them are up; null when unknown." }),
      total: t.exposeInt("total", { nullable: true, description: "How many there are; null when unknown." }),
    }),
  });
  const countKind = builder.objectRef<UpCountKind>("UpCountKind").implement({
    description: "Whether one kind could be counted.",
    fields: (t) => ({
      kind: t.expose("kind", { type: kind, description: "Which kind." }),
      error: t.expose("error", {
        type: refs.problem,
        nullable: true,
        description: "Why it could not be counted, now or in the past; null when it could.",
      }),
    }),
  });
  const toArgs = (arg: Arg) => ({
    ...toRangeArgs(arg),
    env: arg({
      type: scalars.environment,
      description:
        "Only engines, queue sources and containers of this environment; hosts have " +
        "none and all count. Forbidden when the token does not list it.",
    }),
    kinds: arg({ type: [kind], description: "Only these kinds." }),
  });
  builder.queryField("upCounts", (t) =>
    t.field({
      type: [sample],
      nullable: true,
      complexity: seriesComplexity,
      description:
        "How many hosts, engines, queue sources and containers are up, ascending in time. " +
        "Only hosts have past rows, from Prometheus. Every kind has one row for now, if the " +
        "range includes now. A kind that could not be counted has a row of nulls; " +
        "`upCountKinds` says why. Null when no kind could be counted.",
      args: toArgs(t.arg),
      resolve: async (_root, args, context) => {
        const { past, now } = await loadUpCounts(args, context);
        const worst = findWorst([...past, ...now].map(({ failure }) => failure));
        if (worst) throw worst;
        const newest = now.flatMap(({ rows }) => rows);
        const earlier = past.flatMap(({ rows }) => rows).filter(({ time }) => time !== newest[0]?.time);
        return toAscending(context.budget, () => [earlier, newest]);
      },
    }),
  );
  builder.queryField("upCountKinds", (t) =>
    t.field({
      type: [countKind],
      nullable: true,
      complexity: seriesComplexity,
      description:
        "Which kinds could be counted, even when none could. Next to `upCounts` " +
        "with the same arguments it causes no further requests.",
      args: toArgs(t.arg),
      resolve: async (_root, args, context) => {
        const { past, now } = await loadUpCounts(args, context);
        return [...Map.groupBy([...now, ...past], (answer) => answer.kind)].map(([of, answers]): UpCountKind => {
          const failed = answers.find(({ failure }) => failure !== null);
          return { kind: of, error: failed ? toProblem(failed.failure) : null };
        });
      },
    }),
  );
}

/**
 * The error when all failed: errors of the gateway and of upstreams (5xx) before those of the
 * request.
 */
function findWorst(failures: readonly (OpsError | null)[]): OpsError | null {
  const failed = failures.filter((failure) => failure !== null);
  if (failed.length < failures.length) return null;
  return failed.toSorted((a, b) => Math.floor(b.status / 100) - Math.floor(a.status / 100))[0] ?? null;
}
