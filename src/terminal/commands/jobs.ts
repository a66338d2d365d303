import { toJobTone } from "../../facts/job.ts";
import { formatAge, formatEnum, formatText } from "../../facts/format.ts";
import { UsageError } from "../../cli/command.ts";
import { type JobState, Jobs, type JobsQuery, Queues } from "../../client/client.ts";
import { toShortRelease } from "../../lib/short-release.ts";
import { defineList } from "../list.ts";
import { toWhole } from "../options.ts";
import { toOneLine } from "../output/style.ts";

type Row = NonNullable<NonNullable<JobsQuery["jobs"]>["nodes"]>[number];

const states = [
  "available",
  "blocked",
  "cancelled",
  "completed",
  "failed",
  "retrying",
  "running",
  "scheduled",
] as const;

export const jobsCommand = defineList({
  name: "jobs",
  summary: "the jobs of a source, by state",
  args: "[QUEUE]",
  options: {
    source: { type: "string", value: "NAME", about: "their source; optional if the queue is in only one" },
    state: { type: "string", value: "STATE", choices: states, about: states.join(", ") },
    first: { type: "string", value: "COUNT", default: "50", about: "the most rows, 1 to 100" },
    after: { type: "string", value: "CURSOR", about: "the next page: the value that the previous page printed" },
  },
  examples: [["wallet-core-ops jobs payouts --state failed", "Jobs that failed for good"]],
  columns: [
    { head: "JOB", text: ({ jobId }: Row) => jobId, mayCut: "middle", least: 36 },
    { head: "QUEUE", text: ({ queue }) => queue, mayCut: "middle", least: 12 },
    {
      head: "STATE",
      text: ({ state, systemState }) => (state === null ? systemState : formatEnum(state)),
      tone: ({ state }) => toJobTone(state),
    },
    { head: "KIND", text: ({ kind }) => formatText(kind), mayCut: true, least: 10, drop: 3 },
    { head: "ATTEMPT", text: ({ attempt }) => formatText(attempt), isNumber: true, drop: 4 },
    { head: "STARTED", text: ({ startedAt }) => formatAge(startedAt), isNumber: true, drop: 2 },
    { head: "FINISHED", text: ({ finishedAt }) => formatAge(finishedAt), isNumber: true },
    {
      head: "CONTAINER",
      text: ({ container, worker }) => formatText(container?.name ?? worker),
      mayCut: "middle",
      least: 16,
      drop: 5,
    },
    { head: "RELEASE", text: ({ version }) => (version === null ? "–" : toShortRelease(version)), drop: 1 },
    { head: "SOURCE", text: ({ source }) => source, isWide: true },
    { head: "SYSTEM STATE", text: ({ systemState }) => systemState, isWide: true },
  ],
  nameOf: ({ jobId }) => jobId,
  empty: "No such jobs",
  read: async (client, { source, state, first, after }, [queue, ...others], signal) => {
    if (others.length > 0) throw new UsageError("One queue at most");
    const { data, errors } = await client.queryPartial(
      Jobs,
      {
        source: source ?? (await findSource(client, queue, signal)),
        queue: queue ?? null,
        state: (state?.toUpperCase() as JobState | undefined) ?? null,
        first: toWhole("first", first, 1, 100),
        after: after ?? null,
      },
      { signal },
    );
    const { endCursor, hasNextPage } = data.jobs?.pageInfo ?? {};
    return { rows: data.jobs?.nodes ?? [], errors, notes: hasNextPage ? [`there are more: --after ${endCursor}`] : [] };
  },
});

/** The source that has the queue, or the only one. @throws UsageError */
export async function findSource(
  client: Parameters<Parameters<typeof defineList>[0]["read"]>[0],
  queue: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const { data } = await client.queryPartial(Queues, {}, { signal });
  const names =
    queue === undefined
      ? (data.queueSources ?? []).map(({ name }) => name)
      : (data.queues ?? []).filter(({ name }) => name === queue).map(({ source }) => source);
  const [only, ...others] = new Set(names);
  if (only === undefined)
    throw new UsageError(
      queue === undefined
        ? "The gateway has no job source"
        : `No source has a queue named ${queue}: say which with --source`,
    );
  if (others.length > 0)
    throw new UsageError(toOneLine(`Say which source: --source ${[only, ...others].join(" or ")}`));
  return only;
}
