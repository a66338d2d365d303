import type { Container } from "../containers/container.ts";
import { isFloatingTag } from "../containers/kamal/version.ts";
import type { ReleaseImage } from "../containers/source.ts";
import { groupSteps, mapSteps, type Steps } from "../lib/budget/steps.ts";
import { toSortedBy } from "../lib/sort.ts";
import { formatRfc3339, toUnixSeconds } from "../lib/time.ts";
import { listGroups, type ServiceGroup, toGroup, toReleaseKey } from "../releases/service-group.ts";
import {
  type DeployInfo,
  type DeployOrigin,
  deployOrigins,
  type DeployRecord,
  isOfSameGroup,
  toDeployGroup,
  toStart,
} from "./deploy.ts";
import { sameCommit, toKeys } from "./groups.ts";

/** Largest gap between the creation of two containers of one deploy, seconds. */
const clusterSeconds = 600;
/**
 * Two origins describe the same deploy when the end of one and the start of the other are at most
 * this far apart, seconds: one covers the whole deploy, the other its containers.
 */
const sameDeploySeconds = 1800;
/** Largest difference between clocks, seconds. A time further ahead of now is wrong. */
const clockSeconds = 60;
/** Origins whose records are in the order they were written. */
const inOrder: ReadonlySet<DeployOrigin> = new Set(["history", "kamal_audit"]);

/** What neither containers nor images show. */
const unknown = {
  previousTag: null,
  deployedBy: null,
  durationSeconds: null,
  booted: null,
  command: null,
  ambiguous: false,
};

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

/**
 * Deploys derived from core containers: those of one release and group created at most ten minutes
 * apart are one.
 */
export function* fromContainers(containers: readonly Container[]): Steps<DeployRecord[]> {
  const core = containers.filter(
    ({ kind, version, createdAt }) => kind === "core" && version !== "" && createdAt !== "",
  );
  const groups = yield* groupSteps(core, toReleaseKey);
  const records: DeployRecord[] = [];
  for (const group of groups.values()) {
    yield;
    for (const cluster of toClusters(group)) {
      yield;
      records.push(toContainersRecord(cluster));
    }
  }
  return records;
}

function toClusters(containers: readonly Container[]): [Container, ...Container[]][] {
  const clusters: [Container, ...Container[]][] = [];
  for (const container of toSortedBy(containers, ({ createdAt }) => toUnixSeconds(createdAt))) {
    const last = clusters.at(-1);
    const before = last?.at(-1)?.createdAt;
    if (last && before && toUnixSeconds(container.createdAt) - toUnixSeconds(before) <= clusterSeconds)
      last.push(container);
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
 * Deploys derived from images, in addition to the known ones. An image belongs to the group of its
 * service's containers on its engine, if there is exactly one. The image may be there for a future
 * deploy, so it counts only when older than the newest deploy of its group. An image never tagged
 * there counts only when no other origin has its release.
 *
 * @param containers stopped ones too
 */
export function* fromImages(
  images: readonly ReleaseImage[],
  known: readonly DeployRecord[],
  containers: readonly Container[],
): Steps<DeployRecord[]> {
  if (images.length === 0) return [];
  const findGroup = yield* createImageGroups(containers);
  const found = yield* mapSteps(images, (image) => {
    const group = findGroup(image);
    return group ? [{ ...image, ...group }] : [];
  });
  const releases = yield* groupSteps(found.flat(), toReleaseKey);
  const index = yield* indexDeploys(known);
  const records = yield* mapSteps([...releases.values()], (group) => {
    const record = toImageRecord(group as [ImageOfGroup, ...ImageOfGroup[]]);
    const isPast = index.findNewest(record) > toUnixSeconds(record.deployedAt);
    const isTagged = group.some(({ taggedAt }) => taggedAt !== null);
    return isPast && (isTagged || index.findRelease(record).length === 0) ? [record] : [];
  });
  return records.flat();
}

type ImageOfGroup = ReleaseImage & ServiceGroup;

/** Finds the group of an image: that of its service on its engine, if there is only one. */
function* createImageGroups(containers: readonly Container[]): Steps<(image: ReleaseImage) => ServiceGroup | null> {
  const core = containers.filter(({ kind }) => kind === "core");
  const groupsOf = new Map<string, readonly ServiceGroup[]>();
  for (const [place, own] of yield* groupSteps(core, toServiceKey)) groupsOf.set(place, yield* listGroups(own));
  return (image) => {
    const groups = groupsOf.get(toServiceKey(image)) ?? [];
    const [only, ...others] = groups.filter(({ env }) => image.env === null || env === image.env);
    return only && others.length === 0 ? toGroup(only) : null;
  };
}

/** The same text for what is of one service on one engine. */
function toServiceKey({ engine, service }: Pick<Container, "engine" | "service">): string {
  return JSON.stringify([engine, service]);
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
    // Kamal tags an image once all hosts booted. An image that was only pulled or built may never
    // have booted.
    booted: tagged.length > 0 || null,
    deployedAt: formatRfc3339(Math.max(...times.map((time) => Date.parse(time)))),
  };
}

/**
 * Each deploy once, newest first. Records of the same release and group within half an hour are one
 * deploy: the best origin wins, the others fill its gaps. A moving tag (latest) may be any release.
 *
 * @param now unix seconds; no deploy is after it
 */
export function* mergeDeploys(records: readonly DeployRecord[], now = Date.now() / 1000): Steps<DeployRecord[]> {
  const merged = new DeployIndex();
  const corrected = yield* correctAhead(records, now);
  for (const record of corrected.toSorted((a, b) => toRank(a) - toRank(b))) {
    yield;
    const same = findSame(merged, record);
    if (same) merged.replace(same, complete(same.record, record));
    else merged.add(record);
  }
  yield;
  return toNewestFirst(merged.list());
}

/**
 * Corrects times in the future, from a wrong clock: such a deploy would stay the newest until then.
 * The new time is that of another origin with the same release, if it lies between the neighbouring
 * lines; else the latest that those lines, and now, allow.
 */
function* correctAhead(records: readonly DeployRecord[], now: number): Steps<readonly DeployRecord[]> {
  const isAhead = ({ deployedAt }: DeployRecord) => toUnixSeconds(deployedAt) > now + clockSeconds;
  if (!records.some(isAhead)) return records;
  const past = yield* indexDeploys(records.filter((record) => !isAhead(record)));
  const latestBefore = findLatestBefore(records, isAhead);
  const corrected = [...records];
  /** Latest possible time of the next record of the same file. */
  const next = new Map<DeployOrigin, number>();
  for (const [index, record] of [...records.entries()].toReversed()) {
    yield;
    const { origin } = record;
    const to = Math.min(now, (next.get(origin) ?? Number.POSITIVE_INFINITY) - 1);
    if (isAhead(record)) {
      const from = latestBefore[index] ?? 0;
      const others = past.findRelease(record).filter((other) => other.record.origin !== origin);
      const times = others.map(({ end }) => end).filter((at) => at > from && at <= to);
      const latest = times.reduce((last, at) => Math.max(last, at), -Infinity);
      corrected[index] = { ...record, deployedAt: formatRfc3339((times.length > 0 ? latest : to) * 1000) };
    }
    const at = toUnixSeconds((corrected[index] ?? record).deployedAt);
    if (inOrder.has(origin)) next.set(origin, Math.min(at, next.get(origin) ?? at));
  }
  return corrected;
}

/** For each record, the latest time of those before it in the same file; 0 without one. */
function findLatestBefore(
  records: readonly DeployRecord[],
  isAhead: (record: DeployRecord) => boolean,
): readonly number[] {
  const latest = new Map<DeployOrigin, number>();
  return records.map((record) => {
    const before = latest.get(record.origin) ?? 0;
    const isLine = inOrder.has(record.origin) && !isAhead(record);
    if (isLine) latest.set(record.origin, Math.max(before, toUnixSeconds(record.deployedAt)));
    return before;
  });
}

function toRank({ origin }: DeployRecord): number {
  return deployOrigins.indexOf(origin);
}

export function toNewestFirst<Row extends Pick<DeployRecord, "deployedAt">>(deploys: readonly Row[]): Row[] {
  return toSortedBy(deploys, ({ deployedAt }) => -toUnixSeconds(deployedAt));
}

/**
 * The nearest in time. One origin's records are separate deploys, unless tag and time agree: one
 * deploy under two host names.
 */
function findSame(merged: DeployIndex, record: DeployRecord): Indexed | null {
  const span = toSpan(record);
  let [best, distance]: [Indexed | null, number] = [null, sameDeploySeconds + 1];
  for (const other of merged.findNear(record)) {
    const isTwo = other.record.tag !== record.tag || other.end !== span.end;
    if (other.record.origin === record.origin && isTwo) continue;
    const apart = toGap(other, span);
    if (apart >= distance && !(apart === distance && best && other.place < best.place)) continue;
    [best, distance] = [other, apart];
  }
  return best;
}

/** Unix seconds. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** From the start of a deploy to its end. */
export function toSpan(deploy: Pick<DeployRecord, "deployedAt" | "durationSeconds">): Span {
  return { start: toStart(deploy), end: toUnixSeconds(deploy.deployedAt) };
}

/** Time between the end of one and the start of the other, seconds; 0 where they overlap. */
export function toGap(a: Span, b: Span): number {
  return Math.max(0, a.start - b.end, b.start - a.end);
}

interface Indexed extends Span {
  readonly record: DeployRecord;
  readonly place: number;
}

/** Places of the deploys of one group. */
interface IndexedGroup {
  readonly all: Set<number>;
  /** Those with a moving tag, which may be any release. */
  readonly floating: Set<number>;
  readonly byName: Map<string, Set<number>>;
  /** All of them by `toSpells`. */
  readonly bySpell: Map<string, Set<number>>;
  /** When the newest of them ended. */
  newest: number;
}

/** Keys that `toKeys` never returns: of all deploys, and of those with a moving tag. */
const [anyName, floatingName] = ["*", "~"];

/** Numbers of the half hours that a span touches. */
function toSpells({ start, end }: Span): number[] {
  const [first, last] = [start, end].map((time) => Math.floor(time / sameDeploySeconds)) as [number, number];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

function addTo(places: Map<string, Set<number>>, key: string, place: number): void {
  const known = places.get(key);
  if (known) known.add(place);
  else places.set(key, new Set([place]));
}

/**
 * Deploys by their groups and releases: comparing each with each takes the square of their number.
 */
class DeployIndex {
  readonly #deploys: Indexed[] = [];
  readonly #groups = new Map<string, IndexedGroup>();

  add(record: DeployRecord): void {
    this.#put(record, this.#deploys.length);
  }

  /** `by`: of the same group and release, and more complete. */
  replace({ place }: Indexed, by: DeployRecord): void {
    this.#put(by, place);
  }

  list(): DeployRecord[] {
    return this.#deploys.map(({ record }) => record);
  }

  /** Those of the same group and release. */
  findRelease(record: DeployRecord): Indexed[] {
    const group = this.#groups.get(toDeployGroup(record));
    if (!group) return [];
    const { all, floating, byName } = group;
    const named = () => new Set(toKeys(record).flatMap((key) => [...(byName.get(key) ?? [])]));
    const places = isFloatingTag(record.version) ? all : named().union(floating);
    return this.#select(places, record);
  }

  /** Of these places, those of the same release. */
  #select(places: Iterable<number>, record: DeployRecord): Indexed[] {
    return [...places].flatMap((place) => {
      const one = this.#deploys[place] as Indexed;
      return isSameRelease(one.record, record) ? one : [];
    });
  }

  /**
   * Those of the same group and release that are at most `sameDeploySeconds` apart, and some
   * others.
   */
  findNear(record: DeployRecord): Indexed[] {
    const { bySpell } = this.#groups.get(toDeployGroup(record)) ?? {};
    if (!bySpell) return [];
    const { start, end } = toSpan(record);
    const names = isFloatingTag(record.version) ? [anyName] : [floatingName, ...toKeys(record)];
    const spells = toSpells({ start: start - sameDeploySeconds, end: end + sameDeploySeconds });
    const places = new Set(
      spells.flatMap((spell) => names.flatMap((name) => [...(bySpell.get(`${spell}${name}`) ?? [])])),
    );
    return this.#select(places, record);
  }

  /** When the newest deploy of the same group ended, unix seconds; minus infinity without one. */
  findNewest(record: DeployRecord): number {
    return this.#groups.get(toDeployGroup(record))?.newest ?? -Infinity;
  }

  #put(record: DeployRecord, place: number): void {
    const key = toDeployGroup(record);
    const group = this.#groups.get(key) ?? {
      all: new Set(),
      floating: new Set(),
      byName: new Map(),
      bySpell: new Map(),
      newest: -Infinity,
    };
    this.#groups.set(key, group);
    const span = toSpan(record);
    this.#deploys[place] = { ...span, record, place };
    group.all.add(place);
    group.newest = Math.max(group.newest, span.end);
    if (isFloatingTag(record.version)) group.floating.add(place);
    else group.floating.delete(place);
    for (const name of toKeys(record)) addTo(group.byName, name, place);
    const names = isFloatingTag(record.version) ? [anyName, floatingName] : [anyName, ...toKeys(record)];
    for (const spell of toSpells(span)) for (const name of names) addTo(group.bySpell, `${spell}${name}`, place);
  }
}

function* indexDeploys(records: readonly DeployRecord[]): Steps<DeployIndex> {
  const index = new DeployIndex();
  for (const record of records) {
    yield;
    index.add(record);
  }
  return index;
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
    // One of them may be of an earlier attempt. A build tags an image too, so an image contradicts
    // no other origin.
    booted: other.origin === "images" ? best.booted : best.booted || other.booted || (best.booted ?? other.booted),
    command: best.command ?? other.command,
  };
}
