import {
  Container,
  type ContainerQuery,
  Jobs,
  type JobsQuery,
  type OpsClient,
  OpsError,
  Problems,
  type ProblemsQuery,
  Queue,
  type QueueQuery,
  Queues,
  Timeline,
  type TimelineQuery,
  Verdict,
  type VerdictQuery,
} from "../../client/client.ts";
import type { Thing } from "./find.ts";

type ProblemRow = NonNullable<ProblemsQuery["problems"]>["problems"][number];
type EntryRow = NonNullable<NonNullable<TimelineQuery["timeline"]>["nodes"]>[number];
type JobRow = NonNullable<NonNullable<JobsQuery["jobs"]>["nodes"]>[number];

/** All that is known about a thing; the fields are null where they are not of its kind. */
export interface Knowledge {
  readonly thing: Thing;
  readonly problems: readonly ProblemRow[];
  /** Of the last 24 hours, newest first, at most 5. */
  readonly timeline: readonly EntryRow[];
  readonly container: ContainerQuery["container"] | null;
  /** Jobs that run in the container; null when no source of jobs could say. */
  readonly runningJobs: readonly JobRow[] | null;
  readonly queue: QueueQuery["queue"] | null;
  readonly verdict: VerdictQuery["node"] | null;
}

const mostEntries = 5;

/** Reads what is known about a thing, and the errors of what could not be read. */
export async function readKnowledge(
  client: OpsClient,
  thing: Thing,
  signal: AbortSignal,
): Promise<{ readonly knowledge: Knowledge; readonly errors: readonly OpsError[] }> {
  const errors: OpsError[] = [];
  const read = async <Data>(answer: Promise<{ readonly data: Data; readonly errors: readonly OpsError[] }>) => {
    try {
      const { data, errors: own } = await answer;
      errors.push(...own);
      return data;
    } catch (error) {
      if (!(error instanceof OpsError)) throw error;
      errors.push(error);
      return null;
    }
  };
  const [problems, timeline, container, runningJobs, queue, verdict] = await Promise.all([
    read(client.queryPartial(Problems, { env: null }, { signal })),
    read(client.queryPartial(Timeline, { env: null, kinds: null, from: "24h", to: null, first: 500, after: null }, { signal })),
    thing.kind === "container"
      ? read(client.queryPartial(Container, { name: thing.name, engine: thing.row.engine }, { signal }))
      : null,
    thing.kind === "container" ? readRunning(client, thing.name, thing.row.engine, signal) : null,
    thing.kind === "queue" ? read(client.queryPartial(Queue, { name: thing.name, source: thing.row.source }, { signal })) : null,
    thing.kind === "deploy" ? read(client.queryPartial(Verdict, { id: thing.row.id, window: 1800 }, { signal })) : null,
  ]);
  return {
    knowledge: {
      thing,
      problems: (problems?.problems?.problems ?? []).filter((row) => isProblemOf(thing, row)),
      timeline: (timeline?.timeline?.nodes ?? []).filter((row) => isEntryOf(thing, row)).slice(0, mostEntries),
      container: container?.container ?? null,
      runningJobs,
      queue: queue?.queue ?? null,
      verdict: verdict?.node ?? null,
    },
    errors,
  };
}

/** Sources that cannot show single jobs are left out. */
async function readRunning(
  client: OpsClient,
  name: string,
  engine: string,
  signal: AbortSignal,
): Promise<readonly JobRow[] | null> {
  const read = async (source: string): Promise<readonly JobRow[] | null> => {
    try {
      const variables = { source, queue: null, state: "RUNNING" as const, first: 100, after: null };
      const { data } = await client.queryPartial(Jobs, variables, { signal });
      return data.jobs?.nodes ?? null;
    } catch (error) {
      if (error instanceof OpsError) return null;
      throw error;
    }
  };
  try {
    const { data } = await client.queryPartial(Queues, {}, { signal });
    const found = await Promise.all((data.queueSources ?? []).map(({ name: source }) => read(source)));
    const known = found.filter((rows) => rows !== null);
    if (known.length === 0) return null;
    return known.flat().filter(({ container }) => container?.name === name && container.engine === engine);
  } catch (error) {
    if (error instanceof OpsError) return null;
    throw error;
  }
}

function isProblemOf(thing: Thing, { container, queue, host, engine, deploy, role, service }: ProblemRow): boolean {
  switch (thing.kind) {
    case "container":
      return container?.name === thing.name && container.engine === thing.row.engine;
    case "role":
      return thing.rows.some(
        (row) =>
          (container?.name === row.name && container.engine === row.engine) || (role === row.role && service === row.service),
      );
    case "queue":
      return queue?.name === thing.name && queue.source === thing.row.source;
    case "host":
      return host?.name === thing.name;
    case "engine":
      return engine?.name === thing.name || container?.engine === thing.name;
    default:
      return deploy?.id === thing.row.id;
  }
}

function isEntryOf(thing: Thing, { container, role, queue, source, host, engine, service, version, kind }: EntryRow): boolean {
  switch (thing.kind) {
    case "container":
      return container === thing.name && engine === thing.row.engine;
    case "role":
      return thing.rows.some(
        (row) => (container === row.name && engine === row.engine) || (role === row.role && service === row.service),
      );
    case "queue":
      return queue === thing.name && source === thing.row.source;
    case "host":
      return host === thing.name;
    case "engine":
      return engine === thing.name;
    default:
      return kind === "DEPLOY" && version === thing.row.version && service === thing.row.service;
  }
}
