import {
  Containers,
  type ContainersQuery,
  Deploys,
  type Environment,
  type OpsClient,
  OpsError,
  Queues,
  type QueuesQuery,
} from "../../client/client.ts";
import { isOfPlace, type Place } from "../options.ts";
import { findRunningJobs, type SourceWork } from "../running-jobs.ts";

export type ContainerRow = NonNullable<ContainersQuery["containers"]>[number];

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
const lasting: ReadonlySet<string> = new Set([
  "unauthorized",
  "forbidden",
  "invalid_request",
  "not_found",
  "not_a_gateway",
]);

/** Whether asking again can help: an upstream or the gateway itself does not answer for now. */
export function isPassing(error: unknown): error is OpsError {
  return error instanceof OpsError && !lasting.has(error.code);
}

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
    work: wanted.isIdle
      ? await Promise.all(sources.map(({ name }) => findRunningJobs(client, name, queues, signal)))
      : [],
  };
}

function isMeant(row: ContainerRow, wanted: Conditions): boolean {
  return (wanted.roles.length === 0 || wanted.roles.includes(row.role)) && isOfPlace(row, wanted);
}

/** The tag, and the version of its deploy where that is another: containers carry the version. */
async function findVersions(
  client: OpsClient,
  tag: string,
  env: Environment | null,
  signal: AbortSignal,
): Promise<string[]> {
  try {
    const { data } = await client.queryPartial(Deploys, { tag, env, first: 5 }, { signal });
    return [...new Set([tag, ...(data.deploys?.nodes ?? []).map(({ version }) => version)])];
  } catch (error) {
    if (error instanceof OpsError && error.code === "unauthorized") throw error;
    return [tag];
  }
}
