import type { Container } from "../containers/container.ts";
import { isFloatingTag } from "../containers/kamal/version.ts";
import type { ReleaseImage } from "../containers/source.ts";
import { formatRfc3339, toUnixSeconds } from "../lib/time.ts";
import { listGroups, type ServiceGroup, toGroup, toReleaseKey } from "../releases/service-group.ts";
import { type DeployInfo, type DeployOrigin, deployOrigins, type DeployRecord, isOfSameGroup, toStart } from "./deploy.ts";
import { sameCommit } from "./groups.ts";

/** Largest gap between the creation of two containers of one deploy, seconds. */
const clusterSeconds = 600;
/**
 * Two origins describe the same deploy when the end of one and the start of the other are at most this far apart, seconds: one covers the whole deploy, the
 * other its containers.
 */
const sameDeploySeconds = 1800;
/** Largest difference between clocks, seconds. A time further ahead of now is wrong. */
const clockSeconds = 60;
/** Origins whose records are in the order they were written. */
const inOrder: ReadonlySet<DeployOrigin> = new Set(["history", "kamal_audit"]);

/** What neither containers nor images show. */
const unknown = { previousTag: null, deployedBy: null, durationSeconds: null, booted: null, command: null, ambiguous: false };

/** The deploy in deploy_info.json. */
export function toInfoRecord(info: DeployInfo): DeployRecord {
  const extra = new Map(info.extra.map(({ key, value }) => [key, value]));
  const { currentTag: tag, commitSha, deployedBy, deployedAt } = info;
  const durationSeconds = toDuration(extra.get("runtime_seconds"));
  return {
    ...toGroup(info),
    origin: "info",
    tag,
    commitSha,
    deployedBy,
    deployedAt,
    durationSeconds,
    ambiguous: false,
    version: toVersion(extra.get("version"), tag),
    previousTag: info.previousTag || null,
    booted: durationSeconds === null ? null : true,
    command: extra.get("command") ?? null,
  };
}

/** KAMAL_RUNTIME: seconds, at most a day. */
function toDuration(text: string | undefined): number | null {
  return /^\d{1,5}(\.\d+)?$/.test(text ?? "") && Number(text) <= 86_400 ? Number(text) : null;
}

/** Kamal's version where it names a release, else the tag. */
function toVersion(version: string | undefined, tag: string): string {
  return version === undefined || version === "" || isFloatingTag(version) ? tag : version;
}

/** Deploys derived from core containers: those of one release and group created at most ten minutes apart are one. */
export function fromContainers(containers: readonly Container[]): DeployRecord[] {
  const core = containers.filter(({ kind, version, createdAt }) => kind === "core" && version !== "" && createdAt !== "");
  const groups = Map.groupBy(core, toReleaseKey);
  return [...groups.values()].flatMap((group) => toClusters(group).map(toContainersRecord));
}

function toClusters(containers: readonly Container[]): [Container, ...Container[]][] {
  const clusters: [Container, ...Container[]][] = [];
  for (const container of containers.toSorted((a, b) => toUnixSeconds(a.createdAt) - toUnixSeconds(b.createdAt))) {
    const last = clusters.at(-1);
    const before = last?.at(-1)?.createdAt;
    if (last && before && toUnixSeconds(container.createdAt) - toUnixSeconds(before) <= clusterSeconds) last.push(container);
    else clusters.push([container]);
  }
  return clusters;
}

function toContainersRecord(cluster: readonly [Container, ...Container[]]): DeployRecord {
  const { version } = cluster[0];
  return {
    ...unknown,
    ...toGroup(cluster[0]),
    origin: "containers",
    tag: version,
    version,
    commitSha: cluster.find(({ commitSha }) => commitSha !== "")?.commitSha ?? "",
    deployedAt: (cluster.at(-1) ?? cluster[0]).createdAt,
  };
}

/**
 * Deploys derived from images, in addition to the known ones. An image belongs to the group of its service's containers on its engine, if there is exactly one.
 * The image may be there for a future deploy, so it counts only when older than the newest deploy of its group. An image never tagged there counts only when no
 * other origin has its release.
 *
 * @param containers stopped ones too
 */
export function fromImages(
  images: readonly ReleaseImage[],
  known: readonly DeployRecord[],
  containers: readonly Container[],
): DeployRecord[] {
  const found = images.flatMap((image) => {
    const group = findImageGroup(image, containers);
    return group ? [{ ...image, ...group }] : [];
  });
  const releases = Map.groupBy(found, toReleaseKey);
  return [...releases.values()].flatMap((group) => {
    const record = toImageRecord(group as [ImageOfGroup, ...ImageOfGroup[]]);
    const others = known.filter((other) => isOfSameGroup(other, record));
    const isPast = others.some(({ deployedAt }) => toUnixSeconds(deployedAt) > toUnixSeconds(record.deployedAt));
    const isTagged = group.some(({ taggedAt }) => taggedAt !== null);
    return isPast && (isTagged || !others.some((other) => isSameRelease(other, record))) ? [record] : [];
  });
}

type ImageOfGroup = ReleaseImage & ServiceGroup;

function findImageGroup({ engine, service, env }: ReleaseImage, containers: readonly Container[]): ServiceGroup | null {
  const there = containers.filter((container) => container.kind === "core" && container.engine === engine);
  const groups = listGroups(
    there.filter((container) => container.service === service && (env === null || container.env === env)),
  );
  const [only, ...others] = groups;
  return only && others.length === 0 ? toGroup(only) : null;
}

function toImageRecord(group: readonly [ImageOfGroup, ...ImageOfGroup[]]): DeployRecord {
  const { version } = group[0];
  const tagged = group.flatMap(({ taggedAt }) => taggedAt ?? []);
  const times = tagged.length > 0 ? tagged : group.map(({ builtAt }) => builtAt);
  return {
    ...unknown,
    ...toGroup(group[0]),
    origin: "images",
    tag: version,
    version,
    commitSha: group.find(({ commitSha }) => commitSha !== "")?.commitSha ?? "",
    // Kamal tags an image once all hosts booted. An image that was only pulled or built may never have booted.
    booted: tagged.length > 0 || null,
    deployedAt: formatRfc3339(Math.max(...times.map((time) => Date.parse(time)))),
  };
}

/**
 * Each deploy once, newest first. Records of the same release and group within half an hour are one deploy: the best origin wins, the others fill its gaps. A
 * moving tag (latest) may be any release.
 *
 * @param now unix seconds; no deploy is after it
 */
export function mergeDeploys(records: readonly DeployRecord[], now = Date.now() / 1000): DeployRecord[] {
  const merged: DeployRecord[] = [];
  for (const record of correctAhead(records, now).toSorted((a, b) => toRank(a) - toRank(b))) {
    const at = findSame(merged, record);
    const same = merged[at];
    if (same) merged[at] = complete(same, record);
    else merged.push(record);
  }
  return merged.toSorted(byNewest);
}

/**
 * Corrects times in the future, from a wrong clock: such a deploy would stay the newest until then. The new time is that of another origin with the same
 * release, if it lies between the neighbouring lines; else the latest that those lines, and now, allow.
 */
function correctAhead(records: readonly DeployRecord[], now: number): readonly DeployRecord[] {
  const isAhead = ({ deployedAt }: DeployRecord) => toUnixSeconds(deployedAt) > now + clockSeconds;
  if (!records.some(isAhead)) return records;
  const past = records.filter((record) => !isAhead(record));
  const corrected = [...records];
  /** Latest possible time of the next record of the same file. */
  const next = new Map<DeployOrigin, number>();
  for (const [index, record] of [...records.entries()].toReversed()) {
    const { origin } = record;
    const to = Math.min(now, (next.get(origin) ?? Number.POSITIVE_INFINITY) - 1);
    if (isAhead(record)) {
      const earlier = inOrder.has(origin) ? records.slice(0, index).filter((one) => one.origin === origin && !isAhead(one)) : [];
      const from = Math.max(0, ...earlier.map(({ deployedAt }) => toUnixSeconds(deployedAt)));
      const others = past.filter((other) => other.origin !== origin && isSameRelease(other, record));
      const times = others.map(({ deployedAt }) => toUnixSeconds(deployedAt)).filter((at) => at > from && at <= to);
      corrected[index] = { ...record, deployedAt: formatRfc3339((times.length > 0 ? Math.max(...times) : to) * 1000) };
    }
    const at = toUnixSeconds((corrected[index] ?? record).deployedAt);
    if (inOrder.has(origin)) next.set(origin, Math.min(at, next.get(origin) ?? at));
  }
  return corrected;
}

function toRank({ origin }: DeployRecord): number {
  return deployOrigins.indexOf(origin);
}

export function byNewest(a: DeployRecord, b: DeployRecord): number {
  return toUnixSeconds(b.deployedAt) - toUnixSeconds(a.deployedAt);
}

/** The nearest in time; -1 without a match. One origin's records are separate deploys, unless tag and time agree: one deploy under two host names. */
function findSame(merged: readonly DeployRecord[], record: DeployRecord): number {
  let [best, distance] = [-1, sameDeploySeconds + 1];
  for (const [index, other] of merged.entries()) {
    const isTwo = other.tag !== record.tag || toUnixSeconds(other.deployedAt) !== toUnixSeconds(record.deployedAt);
    if (other.origin === record.origin && isTwo) continue;
    const apart = toGap(other, record);
    if (apart >= distance || !isSameRelease(other, record)) continue;
    [best, distance] = [index, apart];
  }
  return best;
}

type Lasting = Pick<DeployRecord, "deployedAt" | "durationSeconds">;

/** Time between the end of one and the start of the other, seconds; 0 where they overlap. */
export function toGap(a: Lasting, b: Lasting): number {
  return Math.max(0, toStart(a) - toUnixSeconds(b.deployedAt), toStart(b) - toUnixSeconds(a.deployedAt));
}

function isSameRelease(a: DeployRecord, b: DeployRecord): boolean {
  if (!isOfSameGroup(a, b)) return false;
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
    // One of them may be of an earlier attempt. A build tags an image too, so an image contradicts no other origin.
    booted: other.origin === "images" ? best.booted : best.booted || other.booted || (best.booted ?? other.booted),
    command: best.command ?? other.command,
  };
}
