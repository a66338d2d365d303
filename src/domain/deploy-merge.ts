import type { Container } from "./container.ts";
import type { DeployInfo } from "./deploy.ts";
import { type DeployRecord, deployOrigins, toUnix } from "./deploy-record.ts";
import { isFloatingTag } from "./kamal-version.ts";
import type { ReleaseImage } from "./release-image.ts";
import { sameCommit } from "./runs-release.ts";
import { mayBeSame } from "./environment.ts";

/** Containers of one release that were made closer together than that are of one deploy, seconds. */
const clusterSeconds = 600;
/** Two origins speak of the same deploy when their times are no further apart, seconds: one tells its end, another its containers' beginning. */
const sameDeploySeconds = 1800;

/** What neither containers nor images tell. */
const unknown = { previousTag: null, deployedBy: null, durationSeconds: null, command: null };

/** The deploy that deploy_info.json tells of. */
export function toInfoRecord(info: DeployInfo): DeployRecord {
  const extra = new Map(info.extra.map(({ key, value }) => [key, value]));
  const { currentTag: tag, commitSha, deployedBy, deployedAt, env } = info;
  const durationSeconds = toDuration(extra.get("runtime_seconds"));
  const version = toVersion(extra.get("version"), tag);
  const command = extra.get("command") ?? null;
  const previousTag = info.previousTag || null;
  return { origin: "info", tag, version, previousTag, commitSha, deployedBy, deployedAt, durationSeconds, env, command };
}

/** KAMAL_RUNTIME: seconds, at most a day. */
function toDuration(text: string | undefined): number | null {
  return /^\d{1,5}(\.\d+)?$/.test(text ?? "") && Number(text) <= 86_400 ? Number(text) : null;
}

/** Kamal's version where that names a release, else the tag. */
function toVersion(version: string | undefined, tag: string): string {
  return version === undefined || version === "" || isFloatingTag(version) ? tag : version;
}

/** The deploys that core containers give away: those of one release and environment that were made within ten minutes are one. */
export function fromContainers(containers: readonly Container[]): DeployRecord[] {
  const core = containers.filter(({ kind, version, createdAt }) => kind === "core" && version !== "" && createdAt !== "");
  const groups = Map.groupBy(core, ({ env, version }) => JSON.stringify([env, version]));
  return [...groups.values()].flatMap((group) => toClusters(group).map(toContainersRecord));
}

function toClusters(containers: readonly Container[]): [Container, ...Container[]][] {
  const clusters: [Container, ...Container[]][] = [];
  for (const container of containers.toSorted((a, b) => toUnix(a.createdAt) - toUnix(b.createdAt))) {
    const last = clusters.at(-1);
    const before = last?.at(-1)?.createdAt;
    if (last && before && toUnix(container.createdAt) - toUnix(before) <= clusterSeconds) last.push(container);
    else clusters.push([container]);
  }
  return clusters;
}

function toContainersRecord(cluster: readonly [Container, ...Container[]]): DeployRecord {
  const { version, env } = cluster[0];
  return {
    ...unknown,
    origin: "containers",
    tag: version,
    version,
    commitSha: cluster.find(({ commitSha }) => commitSha !== "")?.commitSha ?? "",
    deployedAt: (cluster.at(-1) ?? cluster[0]).createdAt,
    env,
  };
}

/**
 * The deploys that images give away, beside all that is told of otherwise. An image may be there for a deploy that is yet to come, so one counts only
 * when it is older than the newest deploy of its environment; and one that was never tagged there only when nothing else tells of its release.
 */
export function fromImages(images: readonly ReleaseImage[], told: readonly DeployRecord[]): DeployRecord[] {
  return [...Map.groupBy(images, ({ env, version }) => JSON.stringify([env, version])).values()].flatMap((group) => {
    const record = toImageRecord(group as [ReleaseImage, ...ReleaseImage[]]);
    const others = told.filter(({ env }) => env === record.env);
    const isPast = others.some(({ deployedAt }) => toUnix(deployedAt) > toUnix(record.deployedAt));
    const isTagged = group.some(({ taggedAt }) => taggedAt !== null);
    return isPast && (isTagged || !others.some((other) => isSameRelease(other, record))) ? [record] : [];
  });
}

function toImageRecord(group: readonly [ReleaseImage, ...ReleaseImage[]]): DeployRecord {
  const { version, env } = group[0];
  const tagged = group.flatMap(({ taggedAt }) => taggedAt ?? []);
  const times = tagged.length > 0 ? tagged : group.map(({ builtAt }) => builtAt);
  return {
    ...unknown,
    origin: "images",
    tag: version,
    version,
    commitSha: group.find(({ commitSha }) => commitSha !== "")?.commitSha ?? "",
    deployedAt: `${new Date(Math.max(...times.map((time) => Date.parse(time)))).toISOString().slice(0, 19)}Z`,
    env,
  };
}

/**
 * Each deploy once, newest first. What several origins tell is told by the best of them, and completed from the others: the same release in
 * the same environment (or one that is not known) within half an hour. A moving tag (latest) may be any release.
 */
export function mergeDeploys(records: readonly DeployRecord[]): DeployRecord[] {
  const merged: DeployRecord[] = [];
  for (const record of records.toSorted((a, b) => toRank(a) - toRank(b))) {
    const at = findSame(merged, record);
    const same = merged[at];
    if (same) merged[at] = complete(same, record);
    else merged.push(record);
  }
  return merged.toSorted(byNewest);
}

function toRank({ origin }: DeployRecord): number {
  return deployOrigins.indexOf(origin);
}

export function byNewest(a: DeployRecord, b: DeployRecord): number {
  return toUnix(b.deployedAt) - toUnix(a.deployedAt);
}

/** The nearest in time; -1 for none. What one origin has twice were two, but for the very same time: that is one, told by two names of a host. */
function findSame(merged: readonly DeployRecord[], record: DeployRecord): number {
  let [best, distance] = [-1, sameDeploySeconds + 1];
  for (const [index, other] of merged.entries()) {
    const apart = Math.abs(toUnix(other.deployedAt) - toUnix(record.deployedAt));
    if (other.origin === record.origin && (apart > 0 || other.tag !== record.tag)) continue;
    if (apart >= distance || !isSameRelease(other, record)) continue;
    [best, distance] = [index, apart];
  }
  return best;
}

function isSameRelease(a: DeployRecord, b: DeployRecord): boolean {
  if (!mayBeSame(a.env, b.env)) return false;
  if (isFloatingTag(a.version) || isFloatingTag(b.version)) return true;
  return a.version === b.version || a.tag === b.tag || sameCommit(a.commitSha, b.commitSha);
}

function complete(best: DeployRecord, other: DeployRecord): DeployRecord {
  return {
    ...best,
    version: isFloatingTag(best.version) ? other.version : best.version,
    previousTag: best.previousTag ?? other.previousTag,
    commitSha: best.commitSha || other.commitSha,
    deployedBy: best.deployedBy || other.deployedBy,
    durationSeconds: best.durationSeconds ?? other.durationSeconds,
    env: best.env ?? other.env,
    command: best.command ?? other.command,
  };
}
