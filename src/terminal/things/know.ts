import {
  Container,
  type ContainerQuery,
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
import { findRunningJobs, type RunningJob } from "../running-jobs.ts";
import type { Thing } from "./find.ts";
import { createReads } from "./reads.ts";

type ProblemRow = NonNullable<ProblemsQuery["problems"]>["problems"][number];
type EntryRow = NonNullable<NonNullable<TimelineQuery["timeline"]>["nodes"]>[number];

/** All that is known about a thing; the fields are null where they are not of its kind. */
export interface Knowledge {
  readonly thing: Thing;
  readonly problems: readonly ProblemRow[];
  /** Of the last 24 hours, newest first, at most 5. */
  readonly timeline: readonly EntryRow[];
  readonly container: ContainerQuery["container"] | null;
  /** Jobs that run in the container; null when no source of jobs could say. */
  readonly runningJobs: readonly RunningJob[] | null;
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
  const { read, errors } = createReads();
  const [problems, timeline, container, runningJobs, queue, verdict] = await Promise.all([
    read(client.queryPartial(Problems, { env: null }, { signal })),
    read(
      client.queryPartial(
        Timeline,
        { env: null, kinds: null, from: "24h", to: null, first: 500, after: null },
        { signal },
      ),
    ),
    thing.kind === "container"
      ? read(client.queryPartial(Container, { name: thing.name, engine: thing.row.engine }, { signal }))
      : null,
    thing.kind === "container" ? readRunning(client, thing.name, thing.row.engine, signal) : null,
    thing.kind === "queue"
      ? read(client.queryPartial(Queue, { name: thing.name, source: thing.row.source }, { signal }))
      : null,
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

/** Null where no source could say which jobs run. */
async function readRunning(
  client: OpsClient,
  name: string,
  engine: string,
  signal: AbortSignal,
): Promise<readonly RunningJob[] | null> {
  try {
    const { data } = await client.queryPartial(Queues, {}, { signal });
    const asked = (data.queueSources ?? []).map((source) =>
      findRunningJobs(client, source.name, data.queues ?? [], signal),
    );
    const known = (await Promise.all(asked)).filter(({ gap, jobs }) => gap === null || jobs.length > 0);
    if (known.length === 0) return null;
    return known.flatMap(({ jobs }) =>
      jobs.filter(({ container }) => container?.name === name && container.engine === engine),
    );
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
          (container?.name === row.name && container.engine === row.engine) ||
          (role === row.role && service === row.service),
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

function isEntryOf(
  thing: Thing,
  { container, role, queue, source, host, engine, service, version, kind }: EntryRow,
): boolean {
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
