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

type QueueRows = NonNullable<QueuesQuery["queues"]>;
type Owners = QueueRows[number]["owners"];

/** What must hold, all in one read. */
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

/** What the gateway knew at one time, as far as the conditions need it. */
export interface Look {
  /** The selected ones. */
  readonly containers: readonly ContainerRow[];
  /** Engines that do not answer: more may run there. */
  readonly silentEngines: readonly { readonly name: string; readonly message: string | undefined }[];
  /** Versions that containers of the release have. */
  readonly versions: readonly string[];
  /** Those that the wanted service may work on. */
  readonly queues: QueueRows;
  /** Queues that only other services or destinations than the wanted ones work on. */
  readonly othersQueues: QueueRows;
  /** Sources that do not answer, and that the wanted service may work on. */
  readonly silentSources: readonly string[];
  readonly work: readonly SourceWork[];
}

/** Asks what the conditions need. @throws OpsError */
export async function look(client: OpsClient, wanted: Conditions, signal: AbortSignal): Promise<Look> {
  const needsContainers = wanted.isHealthy || wanted.isIdle || wanted.release !== null;
  const needsQueues = wanted.isIdle || wanted.queues.length > 0;
  const [shown, queued, versions] = await Promise.all([
    needsContainers ? client.queryPartial(Containers, { env: wanted.env }, { signal }) : null,
    needsQueues ? client.queryPartial(Queues, {}, { signal }) : null,
    wanted.release === null ? [] : findVersions(client, wanted.release, wanted.env, signal),
  ]);
  if (shown && !shown.data.containers)
    throw shown.errors[0] ?? new OpsError("not_a_gateway", "The gateway named no containers");
  const sources = (queued?.data.queueSources ?? []).filter(
    ({ name, env }) =>
      (wanted.source === null || name === wanted.source) && (wanted.env === null || env === null || env === wanted.env),
  );
  if (queued && !queued.data.queueSources)
    throw queued.errors[0] ?? new OpsError("not_a_gateway", "The gateway named no sources");
  if (wanted.source !== null && sources.length === 0)
    throw new OpsError("not_found", `No source of jobs is named ${wanted.source}`);
  const listed = (queued?.data.queues ?? []).filter(({ source }) => sources.some(({ name }) => name === source));
  const othersQueues = listed.filter(({ owners }) => isOfOthers(owners, wanted));
  const queues = listed.filter((row) => !othersQueues.includes(row));
  const own = sources.filter(({ owner }) => !isOfOthers(owner && [owner], wanted));
  return {
    containers: (shown?.data.containers ?? []).filter((row) => isMeant(row, wanted)),
    silentEngines: (shown?.data.engines ?? []).flatMap(({ name, ok, error }) =>
      ok ? [] : [{ name, message: error?.message }],
    ),
    versions,
    queues,
    othersQueues,
    silentSources: own.flatMap(({ name, ok }) => (ok ? [] : [name])),
    work: wanted.isIdle ? await Promise.all(own.map(({ name }) => findRunningJobs(client, name, queues, signal))) : [],
  };
}

/** Whether it is known that only other services or destinations work on a queue. */
function isOfOthers(owners: Owners, place: Place): boolean {
  // If the gateway knows only one service, another one that is asked for may be it.
  return owners?.every((one) => one.basis !== "ALONE" && !isOfPlace(toWanted(one, place), place)) ?? false;
}

/** An owner at every destination is also at the wanted one. */
function toWanted({ service, destination, everyDestination }: NonNullable<Owners>[number], wanted: Place) {
  return { service, destination: everyDestination ? wanted.destination : destination };
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
