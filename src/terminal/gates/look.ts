import {
  Containers,
  type ContainersQuery,
  Deploys,
  type Environment,
  Jobs,
  type JobsQuery,
  type OpsClient,
  OpsError,
  Queues,
  type QueuesQuery,
} from "../../client/client.ts";
import { isOfPlace, type Place } from "../options.ts";

export type ContainerRow = NonNullable<ContainersQuery["containers"]>[number];
type RunningJob = NonNullable<NonNullable<JobsQuery["jobs"]>["nodes"]>[number];

/** What must hold, all at one look. */
export interface Conditions extends Place {
  readonly isHealthy: boolean;
  readonly isIdle: boolean;
  readonly release: string | null;
  /** Queues that must be empty. */
  readonly queues: readonly string[];
  /** The containers that are meant; empty: of every role. */
  readonly roles: readonly string[];
  /** Source of jobs: for `isIdle` and `queues`; null: every source. */
  readonly source: string | null;
}

/** The jobs that run of one source, or why they are not known. */
interface SourceWork {
  readonly source: string;
  readonly jobs: readonly RunningJob[];
  readonly gap: string | null;
}

/** What the gateway knew at one moment, as far as the conditions need it. */
export interface Look {
  /** Those that are meant. */
  readonly containers: readonly ContainerRow[];
  /** Engines that do not answer: more may run there. */
  readonly silentEngines: readonly string[];
  /** Versions that containers of the release have. */
  readonly versions: readonly string[];
  readonly queues: NonNullable<QueuesQuery["queues"]>;
  /** Sources that do not answer. */
  readonly silentSources: readonly string[];
  readonly work: readonly SourceWork[];
}

/** Codes of errors that another look would meet again. */
const lasting: ReadonlySet<string> = new Set(["unauthorized", "forbidden", "invalid_request", "not_found", "not_a_gateway"]);

/** Whether asking again can help: an upstream or the gateway itself does not answer for now. */
export function isPassing(error: unknown): error is OpsError {
  return error instanceof OpsError && !lasting.has(error.code);
}

const jobsPage = 100;
const mostPages = 10;

/** Asks what the conditions need. @throws OpsError */
export async function look(client: OpsClient, wanted: Conditions, signal: AbortSignal): Promise<Look> {
  const needsContainers = wanted.isHealthy || wanted.isIdle || wanted.release !== null;
  const needsQueues = wanted.isIdle || wanted.queues.length > 0;
  const [listed, queued, versions] = await Promise.all([
    needsContainers ? client.queryPartial(Containers, { env: wanted.env }, { signal }) : null,
    needsQueues ? client.queryPartial(Queues, {}, { signal }) : null,
    wanted.release === null ? [] : findVersions(client, wanted.release, wanted.env, signal),
  ]);
  if (listed && !listed.data.containers)
    throw listed.errors[0] ?? new OpsError("not_a_gateway", "The gateway named no containers");
  const sources = (queued?.data.queueSources ?? []).filter(
    ({ name, env }) =>
      (wanted.source === null || name === wanted.source) && (wanted.env === null || env === null || env === wanted.env),
  );
  if (queued && !queued.data.queueSources)
    throw queued.errors[0] ?? new OpsError("not_a_gateway", "The gateway named no sources");
  if (wanted.source !== null && sources.length === 0)
    throw new OpsError("not_found", `No source of jobs is named ${wanted.source}`);
  const queues = (queued?.data.queues ?? []).filter(({ source }) => sources.some(({ name }) => name === source));
  return {
    containers: (listed?.data.containers ?? []).filter((row) => isMeant(row, wanted)),
    silentEngines: (listed?.data.engines ?? []).flatMap(({ name, ok }) => (ok ? [] : [name])),
    versions,
    queues,
    silentSources: sources.flatMap(({ name, ok }) => (ok ? [] : [name])),
    work: wanted.isIdle ? await Promise.all(sources.map(({ name }) => findWork(client, name, queues, signal))) : [],
  };
}

function isMeant(row: ContainerRow, wanted: Conditions): boolean {
  return (wanted.roles.length === 0 || wanted.roles.includes(row.role)) && isOfPlace(row, wanted);
}

/** The tag, and the version of its deploy where that is another: containers carry the version. */
async function findVersions(client: OpsClient, tag: string, env: Environment | null, signal: AbortSignal): Promise<string[]> {
  try {
    const { data } = await client.queryPartial(Deploys, { tag, env, first: 5 }, { signal });
    return [...new Set([tag, ...(data.deploys?.nodes ?? []).map(({ version }) => version)])];
  } catch (error) {
    if (error instanceof OpsError && error.code === "unauthorized") throw error;
    return [tag];
  }
}

/** The jobs that run of a source. One that cannot list them has none where its queues count none. */
async function findWork(client: OpsClient, source: string, queues: Look["queues"], signal: AbortSignal): Promise<SourceWork> {
  const jobs: RunningJob[] = [];
  try {
    let after: string | null = null;
    for (let page = 1; page <= mostPages; page += 1) {
      const { jobs: found }: JobsQuery = await client.query(
        Jobs,
        { source, state: "RUNNING" as const, first: jobsPage, after },
        { signal },
      );
      jobs.push(...(found?.nodes ?? []));
      if (!found?.pageInfo.hasNextPage) return { source, jobs, gap: null };
      after = found.pageInfo.endCursor;
    }
    return { source, jobs, gap: `more than ${jobsPage * mostPages} jobs run` };
  } catch (error) {
    if (!(error instanceof OpsError) || error.code === "forbidden" || error.code === "unauthorized") throw error;
    const own = queues.filter((queue) => queue.source === source);
    const running = own.reduce((sum: number | null, { active }) => (sum === null || active === null ? null : sum + active), 0);
    if (error.code === "operation_not_supported" && running === 0 && own.length > 0) return { source, jobs: [], gap: null };
    return {
      source,
      jobs,
      gap: running
        ? `${running} of its jobs run, in which containers is not known`
        : `which jobs run is not known (${error.message})`,
    };
  }
}
