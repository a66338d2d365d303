import { inTurns } from "../../lib/budget/budget.ts";
import { requireEnvironments } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import { type ContainerPoint, findEnded, isUsage } from "../../containers/stats/history.ts";
import type { Environment } from "../../lib/environment.ts";
import { toUnixSeconds } from "../../lib/time.ts";
import { toRoleKey } from "../../releases/service-group.ts";
import {
  type Arg,
  rowRules,
  seriesComplexity,
  toEnvArg,
  toFlagArg,
  toHistoryRangeArgs,
  toNamesArg,
  toRangeArgs,
} from "../args.ts";
import { type Builder, exposeAll, type Problem } from "../builder.ts";
import type { OpsContext } from "../context.ts";
import { isAmong, type SeriesRangeArgs, toAscending, toHistoryRange, toSeriesRanges } from "../range.ts";
import type { Refs } from "../refs.ts";
import { type SeriesKind, toSeriesKind, toSuccessor } from "../series.ts";
import { type Scalars, toEnumValues } from "../scalars.ts";
import type { FoundHistory } from "./history-loader.ts";
import { toListedEnv } from "./loader.ts";

interface ContainerSample {
  readonly time: string;
  readonly container: Container;
  readonly value: number | null;
}

interface ContainerSeriesArgs extends SeriesRangeArgs {
  readonly env?: readonly Environment[] | null | undefined;
  readonly containers?: readonly string[] | null | undefined;
  readonly roles?: readonly string[] | null | undefined;
  /** "" for containers without one. */
  readonly destinations?: readonly string[] | null | undefined;
  readonly includeAccessories: boolean;
  /** Only this one, by its `toRoleKey`. */
  readonly roleKey?: string;
}

interface ContainerSeries {
  readonly container: Container;
  readonly points: readonly ContainerPoint[];
  readonly problems: readonly Problem[];
}

/** The numbers that have a series, and the separate field that each one had. */
const kinds = {
  cpu_pct: {
    value: "cpuPct",
    own: "containerCpuPct",
    about: "CPU use of each container, per cent of one CPU; may exceed 100.",
  },
  mem_pct: { value: "memPct", own: "containerMemPct", about: "Used memory of each container, per cent of its limit." },
} as const satisfies Record<string, SeriesKind<keyof ContainerPoint>>;

type SeriesNumber = (typeof kinds)[keyof typeof kinds]["value"];

const sourceRules =
  "The rows cover the containers that `containers` shows, and the known stopped containers of old " +
  "releases that Kamal keeps. The rows reach back as far as Container.history: 10 minutes of " +
  "memory, or what Prometheus has scraped from /metrics. `containerSeriesProblems` says what is " +
  "missing. Without `step`, each container has fewer points if there are many.";

/** ContainerSample, and the history of containers as flat rows. */
export function addContainerSeries(builder: Builder, refs: Refs, scalars: Scalars): void {
  const sample = builder.objectRef<ContainerSample>("ContainerSample").implement({
    description: `A number of one container at one time, as in ContainerPoint. ${rowRules} ${sourceRules}`,
    fields: (t) => ({
      time: t.expose("time", { type: "DateTime", description: "When." }),
      container: t.string({ description: "Its name.", resolve: ({ container }) => container.name }),
      engine: t.string({
        description: "Configured name of the engine that runs it.",
        resolve: ({ container }) => container.engine,
      }),
      role: t.string({ description: "Its role.", resolve: ({ container }) => container.role }),
      destination: t.string({
        nullable: true,
        description: "As Container.destination.",
        resolve: ({ container }) => container.destination,
      }),
      env: t.field({
        type: scalars.environment,
        nullable: true,
        description: "Its environment, null when unknown.",
        resolve: ({ container }) => container.env,
      }),
      value: t.exposeFloat("value", {
        nullable: true,
        description: "Null where it is unknown or the container did not run.",
      }),
    }),
  });
  const toArgs = (arg: Arg) => ({
    ...toRangeArgs(arg),
    env: toEnvArg(arg, scalars),
    containers: toNamesArg(arg, "containers"),
    roles: toNamesArg(arg, "roles"),
    destinations: arg.stringList({ description: 'Only these Kamal destinations; "" for containers without one.' }),
    includeAccessories: toFlagArg(arg, "As Query.containers."),
  });
  const kindType = toSeriesKind(builder, "ContainerSeriesKind", kinds);
  builder.queryField("containerSeries", (t) =>
    t.field({
      type: [sample],
      nullable: true,
      complexity: seriesComplexity,
      description: "One number of each container over a range. See ContainerSample for the rows.",
      args: { kind: t.arg({ type: kindType, required: true, description: "Which number." }), ...toArgs(t.arg) },
      resolve: (_root, { kind, ...args }, context) => loadSamples(kinds[kind].value, args, context),
    }),
  );
  builder.objectField(refs.role, "series", (t) =>
    t.field({
      type: [sample],
      nullable: true,
      complexity: seriesComplexity,
      description: "One number of each of its containers over a range. See ContainerSample for the rows.",
      args: { kind: t.arg({ type: kindType, required: true, description: "Which number." }), ...toRangeArgs(t.arg) },
      resolve: ({ key }, { kind, ...range }, context) =>
        loadSamples(kinds[kind].value, { ...range, includeAccessories: true, roleKey: key }, context),
    }),
  );
  for (const [kind, { value, own, about }] of Object.entries(kinds)) {
    builder.queryField(own, (t) =>
      t.field({
        type: [sample],
        nullable: true,
        complexity: seriesComplexity,
        description: `${about} See ContainerSample for the rows.`,
        deprecationReason: toSuccessor("containerSeries", kind),
        args: toArgs(t.arg),
        resolve: (_root, args, context) => loadSamples(value, args, context),
      }),
    );
  }
  builder.queryField("containerSeriesProblems", (t) =>
    t.field({
      type: [refs.problem],
      nullable: true,
      complexity: seriesComplexity,
      description:
        "Why rows of container series may be missing: engines that do not answer, and " +
        "Prometheus for times before the gateway's memory. Next to series fields with " +
        "the same arguments it causes no further requests.",
      args: toArgs(t.arg),
      resolve: async (_root, args, context) => toProblems(await loadSeries(args, context), context),
    }),
  );
}

async function loadSamples(
  value: SeriesNumber,
  args: ContainerSeriesArgs,
  context: OpsContext,
): Promise<ContainerSample[]> {
  const found = await loadSeries(args, context);
  return toAscending(context.budget, () =>
    found.map(({ container, points }) =>
      points.map((point): ContainerSample => ({ time: point.time, container, value: point[value] })),
    ),
  );
}

async function loadSeries(
  args: ContainerSeriesArgs,
  { loaders, principal, budget }: OpsContext,
): Promise<readonly ContainerSeries[]> {
  requireEnvironments(principal, args.env);
  const [shown, retired] = await Promise.all([
    loaders.containers.all(args.includeAccessories),
    loaders.containers.listRetired(args.includeAccessories),
  ]);
  await budget.turn();
  const ended = findEnded([...shown, ...retired], toUnixSeconds(args.from));
  const asked = shown.filter((one) => isWanted(one, args));
  const past = retired.filter((one) => !ended.has(one) && isWanted(one, args));
  await budget.turn();
  const ranges = toSeriesRanges(args, loaders.nowMs, asked.length + past.length);
  const parts = ranges.map((range) => loaders.containerHistory.history(range));
  const all = [...asked, ...past];
  const found = await Promise.all(parts.map((loader) => loader.loadEach(all)));
  const rows = await inTurns(all, budget, (container, index): ContainerSeries => {
    const own = found.flatMap((histories) => histories[index] ?? []);
    return {
      container,
      points: own.flatMap(({ history }) => history.points),
      problems: own.flatMap(({ problem }) => problem ?? []),
    };
  });
  return [...rows.slice(0, asked.length), ...rows.slice(asked.length).map(whileItRan)];
}

/** A retired one has no rows for times when it did not run. */
function whileItRan({ points, ...one }: ContainerSeries): ContainerSeries {
  return { ...one, points: points.filter(isUsage) };
}

function isWanted(one: Container, wanted: ContainerSeriesArgs): boolean {
  const { env, containers: names, roles, destinations, roleKey } = wanted;
  if (roleKey !== undefined && toRoleKey(one) !== roleKey) return false;
  const isThere = isAmong(toListedEnv(one), env) && isAmong(one.destination ?? "", destinations);
  return isThere && isAmong(one.name, names) && isAmong(one.role, roles);
}

/** Each problem once: a missing Prometheus affects all containers alike. */
async function toProblems(found: readonly ContainerSeries[], { loaders }: OpsContext): Promise<Problem[]> {
  const { silent } = await loaders.containers.engines();
  const problems: Problem[] = [...silent, ...found.flatMap(({ problems: own }) => own)];
  return [...new Map(problems.map((problem) => [`${problem.code} ${problem.message}`, problem])).values()];
}

/** ContainerHistory and ContainerPoint, and Container.history. */
export function addContainerHistory(builder: Builder, refs: Refs): void {
  const containerPoint = builder.objectRef<ContainerPoint>("ContainerPoint").implement({
    description:
      "What a container used at one time. A number is null where it is unknown or the container did not run.",
    fields: (t) =>
      exposeAll(t, {
        "time: DateTime!": "When.",
        "cpuPct: Float": "As ContainerStats.cpuPct.",
        "memPct: Float": "As ContainerStats.memPct.",
        "restarts: Int": "As Container.restarts. Null from memory, which does not store restarts.",
      }),
  });
  const origin = builder.enumType("HistoryOrigin", {
    description: "Where the history of a container comes from.",
    values: toEnumValues({
      memory: "The gateway's own samples of the last 10 minutes, taken while clients request them.",
      prometheus: "Prometheus, which scrapes the gateway's /metrics.",
    }),
  });
  const containerHistory = builder.objectRef<FoundHistory>("ContainerHistory").implement({
    description: "The history of a container.",
    fields: (t) => ({
      source: t.field({
        type: origin,
        description: "Where the history comes from.",
        resolve: ({ history }) => history.source,
      }),
      problem: t.field({
        type: refs.problem,
        nullable: true,
        description: "Why Prometheus could not supply what the memory lacks; null when it answered or was not needed.",
        resolve: ({ problem }) => problem,
      }),
      stepSeconds: t.int({
        description:
          "Seconds between points: the step, or its next multiple that is at least the distance between samples.",
        resolve: ({ history }) => history.stepSeconds,
      }),
      since: t.field({
        type: "DateTime",
        nullable: true,
        description:
          "Points before this time are null. Null when the whole range is " +
          "known; the end of the range when none of it is.",
        resolve: ({ history }) => history.since,
      }),
      points: t.field({
        type: [containerPoint],
        description: "Oldest first, up to the end of the range.",
        resolve: ({ history }) => [...history.points],
      }),
    }),
  });
  builder.objectField(refs.container, "history", (t) =>
    t.field({
      type: containerHistory,
      nullable: true,
      complexity: { field: 400, multiplier: 1 },
      description:
        "Usage over a range of the containers with this name, at most 11,000 points. Comes " +
        "from memory if it reaches back far enough, else from Prometheus if it has scraped " +
        "the gateway, else from memory as far as it reaches.",
      args: toHistoryRangeArgs(t.arg),
      resolve: async (container, args, { loaders }) =>
        loaders.containerHistory.history(toHistoryRange(args, loaders.nowMs)).load(container),
    }),
  );
}
