import { explainSilentEngine } from "../../facts/engine.ts";
import { formatClock, formatEnum, formatNumber } from "../../facts/format.ts";
import { toShortRelease } from "../../lib/short-release.ts";
import { formatFirst } from "../../lib/text.ts";
import { describeOwners } from "../../queues/owners.ts";
import type { Conditions, ContainerRow, Look } from "./look.ts";

/** Why a condition does not hold. */
export interface Missing {
  readonly text: string;
  /** It may hold: the data that would show it could not be read. */
  readonly isUnknown: boolean;
}

/** The awaited condition, in words. */
export function describe(wanted: Conditions): string[] {
  const { isHealthy, isIdle, release, queues, roles } = wanted;
  const whose = `${roles.length === 0 ? "every container" : `every container of ${roles.join(", ")}`}${toPlace(wanted)}`;
  return [
    ...(isHealthy ? [`${whose} is healthy`] : []),
    ...(release === null ? [] : [`${whose} runs ${release}`]),
    ...(isIdle ? [`no job runs in ${whose.replace(/^every/, "any")}`] : []),
    ...queues.map((queue) => `no job waits or runs in the queue ${queue}`),
  ];
}

function toPlace({ env, service, destination }: Conditions): string {
  const parts = [service, destination === "" ? "no destination" : destination, env?.toLowerCase()].filter(Boolean);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/**
 * A container without a health check counts as healthy once it has run so long, as after a restart
 * by the gateway: one that restarts in a loop does not.
 */
const stableMs = 10_000;

/** The conditions that do not hold, and those that are unknown; empty when all hold. */
export function findMissing(wanted: Conditions, seen: Look, nowMs: number): Missing[] {
  const isOfContainers = wanted.isHealthy || wanted.isIdle || wanted.release !== null;
  return [
    ...(isOfContainers ? findAbsent(wanted, seen) : []),
    ...(wanted.isHealthy ? seen.containers.flatMap((row) => toUnhealthy(row, nowMs)) : []),
    ...(wanted.release === null ? [] : seen.containers.flatMap((row) => toOther(row, seen.versions))),
    ...(wanted.isIdle ? findBusy(seen) : []),
    ...wanted.queues.flatMap((queue) => findWaiting(queue, seen)),
  ];
}

const known = (text: string): Missing => ({ text, isUnknown: false });
const unknown = (text: string): Missing => ({ text, isUnknown: true });

/** A role that is misspelt has no container: that must not count as healthy or idle. */
function findAbsent(wanted: Conditions, { containers, silentEngines }: Look): Missing[] {
  const roles = wanted.roles.filter((role) => !containers.some((row) => row.role === role));
  const absent =
    wanted.roles.length === 0 && containers.length === 0
      ? ["no container is known"]
      : roles.map((role) => `no container of the role ${role} is known`);
  return [
    ...absent.map((text) => known(`${text}${toPlace(wanted)}`)),
    ...silentEngines.map(({ name, message }) =>
      unknown(explainSilentEngine(name, message, "so what runs there is unknown")),
    ),
  ];
}

function toUnhealthy({ name, status, health, startedAt, stale }: ContainerRow, nowMs: number): Missing[] {
  // Its engine is named already.
  if (stale) return [];
  if (status !== "running") return [known(`${name} is ${status}`)];
  if (health === "NONE")
    return startedAt === null || nowMs - Date.parse(startedAt) >= stableMs ? [] : [known(`${name} has just started`)];
  return health === "HEALTHY" ? [] : [known(`${name} is ${formatEnum(health)}`)];
}

/**
 * By the version, also as `ps` shows it, or by seven digits of the commit, which is Kamal's version
 * where nobody chose another.
 */
function toOther({ name, version, commitSha }: ContainerRow, versions: readonly string[]): Missing[] {
  const isIt = versions.some(
    (one) =>
      version === one ||
      toShortRelease(version) === one ||
      (/^[0-9a-f]{7,}$/.test(one) && (version.startsWith(one) || commitSha.startsWith(one))),
  );
  return isIt ? [] : [known(`${name} runs ${toShortRelease(version)}`)];
}

function findBusy({ containers, work, silentSources, othersQueues }: Look): Missing[] {
  const found = work.flatMap(({ source, jobs, gap }) => {
    const isOfOthers = (queue: string) => othersQueues.some((row) => row.name === queue && row.source === source);
    const homeless = jobs.filter(({ container, queue }) => container === null && !isOfOthers(queue));
    return [
      ...jobs.flatMap(({ jobId, queue, kind, startedAt, container }) => {
        if (!containers.some(({ name, engine }) => name === container?.name && engine === container.engine)) return [];
        const what = kind === null || kind === queue ? queue : `${queue}, ${kind}`;
        return [
          known(
            `job ${jobId} (${what}) runs in ${container?.name}${startedAt === null ? "" : ` since ${formatClock(startedAt)}`}`,
          ),
        ];
      }),
      ...(homeless.length === 0 ? [] : [unknown(`${source}: the container of ${toIds(homeless)} is unknown`)]),
      ...(gap === null ? [] : [unknown(`${source}: ${gap}`)]),
    ];
  });
  const named = new Set(work.flatMap(({ source, gap }) => (gap === null ? [] : [source])));
  return [
    ...found,
    ...silentSources
      .filter((source) => !named.has(source))
      .map((source) => unknown(`source ${source} does not answer`)),
  ];
}

function toIds(jobs: readonly { readonly jobId: string }[]): string {
  const ids = jobs.map(({ jobId }) => jobId);
  return `${jobs.length === 1 ? "job" : "jobs"} ${formatFirst(ids, 5)}`;
}

/** A queue that no source lists may be misspelt or empty, so it is unknown. */
function findWaiting(queue: string, { queues, othersQueues, silentSources }: Look): Missing[] {
  const own = queues.filter(({ name }) => name === queue);
  const other = othersQueues.find(({ name }) => name === queue);
  if (own.length === 0 && other) return [unknown(`${queue} (${other.source}) is of ${describeOwners(other.owners)}`)];
  if (own.length === 0 && silentSources.length === 0) return [unknown(`no source lists a queue named ${queue}`)];
  return [
    ...own.flatMap(({ depth, active, source }) => {
      const parts = [
        ...(depth > 0 ? [`${formatNumber(depth)} waiting`] : []),
        ...(active ? [`${formatNumber(active)} running`] : []),
      ];
      return [
        ...(parts.length === 0 ? [] : [known(`${queue} (${source}): ${parts.join(", ")}`)]),
        ...(active === null ? [unknown(`${queue} (${source}): its job system does not record what runs`)] : []),
      ];
    }),
    ...silentSources.map((source) => unknown(`source ${source} does not answer, so ${queue} is unknown there`)),
  ];
}
