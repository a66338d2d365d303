import {
  type EntryFieldsFragment,
  ExplainContainer,
  type ExplainContainerQuery,
  ExplainDeploy,
  type ExplainDeployQuery,
  ExplainEngine,
  ExplainHost,
  ExplainQueue,
  type ExplainQueueQuery,
  ExplainRole,
  type OpsClient,
  OpsError,
  type ProblemFieldsFragment,
} from "../../client/client.ts";
import type { Thing } from "./find.ts";
import { createReads } from "./reads.ts";

/** What every thing has in the graph. Null: it could not be read. */
interface Edges {
  readonly problems: readonly ProblemFieldsFragment[] | null;
  readonly timeline: readonly EntryFieldsFragment[] | null;
}

type Own<Row> = Omit<NonNullable<Row>, keyof Edges | "work">;
type Work = NonNullable<NonNullable<ExplainContainerQuery["container"]>["work"]>;

/** Other nodes than deploys have none of the fields. */
type ExplainedDeploy = Exclude<NonNullable<ExplainDeployQuery["node"]>, Record<PropertyKey, never>>;

/** All that is known about a thing; the fields are null where they are not of its kind. */
export interface Knowledge {
  readonly thing: Thing;
  readonly problems: readonly ProblemFieldsFragment[];
  /** Of the last 24 hours, newest first, at most 5. */
  readonly timeline: readonly EntryFieldsFragment[];
  readonly container: Own<ExplainContainerQuery["container"]> | null;
  /** Jobs that run in the container; null when no source of jobs could say. */
  readonly runningJobs: Work["jobs"];
  readonly queue: Own<ExplainQueueQuery["queue"]> | null;
  readonly verdict: Own<ExplainedDeploy> | null;
}

type Known = Partial<Omit<Knowledge, "thing">>;

const mostEntries = 5;

/**
 * Reads what is known about a thing, in one question, and the errors of what could not be read.
 *
 * @throws OpsError gateway_outdated for a gateway of an earlier version
 */
export async function readKnowledge(
  client: OpsClient,
  thing: Thing,
  signal: AbortSignal,
): Promise<{ readonly knowledge: Knowledge; readonly errors: readonly OpsError[] }> {
  const { read, errors } = createReads();
  const nothing = { problems: [], timeline: [], container: null, runningJobs: null, queue: null, verdict: null };
  const known = await ask(client, read, thing, signal);
  const refused = errors.find(({ code }) => code === "GRAPHQL_VALIDATION_FAILED");
  if (refused) throw toOutdated(refused, thing);
  return { knowledge: { thing, ...nothing, ...known }, errors };
}

async function ask(
  client: OpsClient,
  read: ReturnType<typeof createReads>["read"],
  thing: Thing,
  signal: AbortSignal,
): Promise<Known> {
  const { name } = thing;
  switch (thing.kind) {
    case "container": {
      const answer = await read(client.queryPartial(ExplainContainer, { name, engine: thing.row.engine }, { signal }));
      if (!answer?.container) return {};
      const { problems, timeline, work, ...container } = answer.container;
      return { ...toShown([{ problems, timeline }]), container, runningJobs: work?.jobs ?? null };
    }
    case "role": {
      const answer = await read(client.queryPartial(ExplainRole, { name }, { signal }));
      const groups = new Set(thing.rows.map(toGroup));
      return toShown((answer?.roles ?? []).filter((role) => groups.has(toGroup(role))));
    }
    case "queue": {
      const answer = await read(client.queryPartial(ExplainQueue, { name, source: thing.row.source }, { signal }));
      if (!answer?.queue) return {};
      const { problems, timeline, ...queue } = answer.queue;
      return { ...toShown([{ problems, timeline }]), queue };
    }
    case "host": {
      const answer = await read(client.queryPartial(ExplainHost, { name }, { signal }));
      return toShown(answer?.host ? [answer.host] : []);
    }
    case "engine": {
      const answer = await read(client.queryPartial(ExplainEngine, {}, { signal }));
      return toShown((answer?.engines ?? []).filter((engine) => engine.name === name));
    }
    default: {
      const answer = await read(client.queryPartial(ExplainDeploy, { id: thing.row.id }, { signal }));
      const deploy = (answer?.node ?? null) as ExplainedDeploy | null;
      if (!deploy) return {};
      const { problems, timeline, ...verdict } = deploy;
      return { ...toShown([{ problems, timeline }]), verdict };
    }
  }
}

function toGroup(row: { readonly service: string | null; readonly destination: string | null; readonly env: unknown }) {
  return JSON.stringify([row.service, row.destination, row.env]);
}

/**
 * The edges of one thing, or of a role in several services: each problem once, the newest entries.
 */
function toShown(all: readonly Edges[]): Pick<Knowledge, "problems" | "timeline"> {
  const problems = new Map(all.flatMap(({ problems: own }) => own ?? []).map((row) => [row.id, row]));
  const timeline = all
    .flatMap(({ timeline: own }) => own ?? [])
    .toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time));
  return { problems: [...problems.values()], timeline: timeline.slice(0, mostEntries) };
}

/** A gateway of an earlier version refuses fields that it does not have. */
function toOutdated(error: OpsError, { kind }: Thing): OpsError {
  const message =
    `This gateway's version is older than this program's and lacks the problems and the timeline of one ${kind}: ` +
    "upgrade the gateway, or use the commands problems and timeline";
  return new OpsError("gateway_outdated", message, { cause: error });
}
