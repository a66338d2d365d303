import { LRUCache } from "lru-cache";
import { type Container, liveStates, toContainerKey } from "../containers/container.ts";
import { groupSteps, mapSteps, type Steps } from "../lib/budget/steps.ts";
import { toSortedBy } from "../lib/sort.ts";
import { toUnixSeconds } from "../lib/time.ts";
import { type DeployRecord } from "./deploy.ts";
import { indexReleases, namesOfContainer, remember, runsRelease } from "./groups.ts";
import { toGap, toSpan } from "./merge.ts";

/**
 * Whether a deploy was ever in service.
 *
 * - served: it was.
 * - returned: it was, until the previous release was started again in its place.
 * - failed: no container of it went live.
 * - unknown: no evidence either way.
 */
type DeployFate = "served" | "returned" | "failed" | "unknown";

/** The fates of one group's deploys. */
export interface DeployFates {
  readonly fateOf: (record: DeployRecord) => DeployFate;
  /** The release in service when a deploy came; undefined when unknown, or when there was none. */
  readonly findBefore: (record: DeployRecord) => DeployRecord | undefined;
}

/**
 * Judges each deploy of a group by what was recorded, then by what its containers show.
 *
 * Kamal boots a container beside the serving one. If the boot fails, Kamal stops the new one,
 * leaves the old one running, and runs no hook. If it succeeds, Kamal stops the old one after the
 * new one has started. A rollback does the same with an earlier container, which it starts again.
 *
 * - A recorded `previousTag` names the release that was in service. A deploy between the two was
 *   not in service. It failed if its containers ended before anything could replace them.
 * - A container that served proves that its deploy served. Otherwise a failed container proves that
 *   the deploy failed, unless that deploy is known to have succeeded.
 * - Any other deploy in the history file or deploy_info.json served.
 *
 * @param group deploys, newest first
 * @param containers core ones of the group
 * @param now unix seconds
 */
export function* judgeFates(
  group: readonly DeployRecord[],
  containers: readonly Container[],
  now: number,
  memory?: DeployMemory,
): Steps<DeployFates> {
  const own = yield* assignContainers(group, containers);
  const judged = yield* judgeLives(own, containers, now);
  const toLives = (record: DeployRecord) =>
    (own.get(record) ?? []).map((one) => recallLife(one, judged.get(one) ?? "unknown", memory));
  const lives = new Map(yield* mapSteps(group, (record) => [record, toLives(record)] as const));
  const livesOf = (record: DeployRecord) => lives.get(record) ?? [];
  const fates = new Map(yield* mapSteps(group, (record) => [record, judgeFate(record, livesOf(record))] as const));
  const fateOf = (record: DeployRecord) => fates.get(record) ?? "unknown";

  const recorded = new Map<DeployRecord, DeployRecord | undefined>();
  const places = createPlaces(group);
  /** Places of deploys that may have failed, the next one last. */
  const early = [...group.keys()].filter((place) => hasEndedEarly(livesOf(group[place] as DeployRecord))).toReversed();
  for (const [index, record] of group.entries()) {
    yield;
    if (record.previousTag === null) continue;
    const older = places.after(index, record.previousTag);
    const at = older.findLast((place) => fateOf(group[place] as DeployRecord) !== "failed") ?? older.at(-1);
    const before = at === undefined ? undefined : group[at];
    recorded.set(record, before);
    if (at === undefined || !before) continue;
    if (fateOf(before) !== "returned") fates.set(before, "served");
    while ((early.at(-1) ?? at) < at) {
      const place = early.pop() as number;
      const between = group[place] as DeployRecord;
      if (place > index && fateOf(between) === "unknown") fates.set(between, "failed");
    }
  }
  const findServing = createServing(group, fateOf);
  return { fateOf, findBefore: (record) => (recorded.has(record) ? recorded.get(record) : findServing(record)) };
}

/** Finds deploys of a group by a name, for one deploy after the other, newest first. */
function createPlaces(group: readonly DeployRecord[]) {
  const byName = new Map<string, number[]>();
  const note = (name: string, place: number) => {
    const places = byName.get(name);
    if (places) places.push(place);
    else byName.set(name, [place]);
  };
  for (let place = group.length - 1; place >= 0; place -= 1) {
    const { tag, version } = group[place] as DeployRecord;
    note(tag, place);
    if (version !== tag) note(version, place);
  }
  return {
    /**
     * Places of deploys older than this one with this tag or version, oldest first. Those before it
     * are forgotten.
     */
    after(place: number, name: string): readonly number[] {
      const places = byName.get(name) ?? [];
      while ((places.at(-1) ?? Infinity) <= place) places.pop();
      return places;
    },
  };
}

/** Finds the newest older deploy that served. */
function createServing(group: readonly DeployRecord[], fateOf: DeployFates["fateOf"]) {
  const isWayBack = createWayBack(group);
  const places = new Map(group.map((record, place) => [record, place]));
  // Newer Docker engines tag an image when they pull it: any other origin is better evidence.
  const chains = [
    toChain(group, (one) => one.origin !== "images" && ["served", "returned"].includes(fateOf(one))),
    toChain(group, (one) => ["served", "returned"].includes(fateOf(one))),
  ];
  return (record: DeployRecord): DeployRecord | undefined => {
    const begin = places.get(record) ?? -1;
    for (const chain of chains) {
      for (
        let place = chain[begin + 1] ?? group.length;
        place < group.length;
        place = chain[place + 1] ?? group.length
      ) {
        const one = group[place] as DeployRecord;
        if (fateOf(one) === "served" || isWayBack(record, place)) return one;
      }
    }
    return undefined;
  };
}

/** From each place on, the first place of an accepted deploy. */
function toChain(group: readonly DeployRecord[], accepts: (record: DeployRecord) => boolean): readonly number[] {
  const chain: number[] = Array.from({ length: group.length });
  let next = group.length;
  for (let place = group.length - 1; place >= 0; place -= 1) {
    if (accepts(group[place] as DeployRecord)) next = place;
    chain[place] = next;
  }
  return chain;
}

/**
 * Says whether a deploy replaces the one at a place with a release of the older ones. `records`:
 * newest first.
 */
export function createWayBack(records: readonly DeployRecord[]): (next: DeployRecord, place: number) => boolean {
  const oldest = new Map(records.map(({ tag }, place) => [tag, place]));
  return (next, place) =>
    next.tag !== records[place]?.tag && (next.command === "rollback" || (oldest.get(next.tag) ?? -1) > place);
}

/** A release may be deployed several times: a container belongs to the deploy nearest in time. */
function* assignContainers(
  group: readonly DeployRecord[],
  containers: readonly Container[],
): Steps<ReadonlyMap<DeployRecord | undefined, readonly Container[]>> {
  const index = yield* indexReleases(group, (record) => record);
  const spans = new Map(yield* mapSteps(group, (record) => [record, toSpan(record)] as const));
  const findCandidates = remember(
    (container: Container) => {
      const found = index.find(namesOfContainer(container)).filter((record) => runsRelease(container, record));
      return found.map((record) => ({ record, span: spans.get(record) as ReturnType<typeof toSpan> }));
    },
    ({ kind, version, commitSha }) => JSON.stringify([kind, version, commitSha]),
  );
  const own = new Map<DeployRecord | undefined, Container[]>();
  for (const container of containers) {
    if (container.createdAt === "") continue;
    yield;
    const nearest = findNearest(findCandidates(container), toUnixSeconds(container.createdAt));
    const some = own.get(nearest);
    if (some) some.push(container);
    else own.set(nearest, [container]);
  }
  return own;
}

/** The first of those that are the least apart from a time. */
function findNearest(
  candidates: readonly { readonly record: DeployRecord; readonly span: ReturnType<typeof toSpan> }[],
  time: number,
): DeployRecord | undefined {
  const moment = { start: time, end: time };
  let [nearest, least]: [DeployRecord | undefined, number] = [undefined, Infinity];
  for (const { record, span } of candidates) {
    const gap = toGap(span, moment);
    if (gap < least) [nearest, least] = [record, gap];
    if (least === 0) break;
  }
  return nearest;
}

function judgeFate({ booted, origin }: DeployRecord, lives: readonly Life[]): DeployFate {
  if (lives.includes("served")) return "served";
  if (lives.includes("returned")) return "returned";
  if (booted !== null) return booted ? "served" : "failed";
  if (lives.includes("failed") && !lives.includes("unknown")) return "failed";
  if (lives.includes("long")) return "served";
  return origin === "history" || origin === "info" ? "served" : "unknown";
}

/** Whether each ended before anything replaced it. */
function hasEndedEarly(lives: readonly Life[]): boolean {
  return lives.length > 0 && lives.every((life) => life === "brief");
}

/**
 * The fate of one container. `brief` and `long`: it ended before anything replaced it, and the
 * others do not show whether it served; a long life makes that likely. `unknown`: its end is not
 * known yet.
 */
type Life = DeployFate | "brief" | "long";

/**
 * The fates of ended containers, as the others showed them while they existed. One entry for each
 * life of a container.
 */
export type DeployMemory = Pick<LRUCache<string, Life>, "get" | "set">;

/** The memory of one process: the last 1000 lives. */
export function createDeployMemory(): DeployMemory {
  return new LRUCache({ maxSize: 1000, sizeCalculation: () => 1 });
}

/**
 * Retains what was shown once, even after the container that showed it was restarted or removed.
 */
function recallLife(container: Container, life: Life, memory: DeployMemory | undefined): Life {
  if (container.finishedAt === null) return life;
  const key = `${toContainerKey(container)} ${container.finishedAt}`;
  if (life === "brief" || life === "long") return memory?.get(key) ?? life;
  memory?.set(key, life);
  return life;
}

/**
 * No boot takes this long, seconds: a longer life has probably served. An aborted deploy can leave
 * its container running, too.
 */
const bootSeconds = 3600;
/**
 * A container is created a moment before it starts; one not started after this many seconds never
 * will.
 */
const startSeconds = 60;

/** A container with its times, unix seconds; not a number where unknown. */
interface Lived {
  readonly container: Container;
  readonly made: number;
  readonly started: number;
  readonly finished: number;
  readonly end: number;
}

function toLived(container: Container): Lived {
  const { createdAt, startedAt, finishedAt } = container;
  const [made, started, finished] = [createdAt, startedAt ?? "", finishedAt ?? ""].map(toUnixSeconds) as [
    number,
    number,
    number,
  ];
  return { container, made, started, finished, end: toEndSeconds(container) };
}

/**
 * Compares each container with others of its role on its engine: what replaced it, and what
 * preceded it.
 */
function* judgeLives(
  own: ReadonlyMap<DeployRecord | undefined, readonly Container[]>,
  containers: readonly Container[],
  now: number,
): Steps<ReadonlyMap<Container, Life>> {
  const recordOf = new Map([...own].flatMap(([record, some]) => some.map((container) => [container, record] as const)));
  const lives = new Map<Container, Life>();
  const created = containers.filter(({ createdAt }) => createdAt !== "");
  const places = yield* groupSteps(created, ({ engine, role }) => JSON.stringify([engine, role]));
  for (const place of places.values()) {
    const others = toSortedBy(yield* mapSteps(place, toLived), ({ made }) => made);
    /**
     * The first of those created at the time of the current one, and the first of those created
     * later.
     */
    let [same, later] = [0, 0];
    let alive: Lived[] = [];
    for (const lived of others) {
      yield;
      const { container, made, finished } = lived;
      while ((others[same]?.made ?? Infinity) < made) alive.push(others[same++] as Lived);
      while ((others[later]?.made ?? Infinity) <= made) later += 1;
      const record = recordOf.get(container);
      if (!record) continue;
      if (finished >= made) alive = alive.filter(({ end }) => end > made);
      // Only what was there when it was created, or ended, says anything about it. If the clock
      // went back, everything does.
      const earlier = finished < made ? others.slice(0, same) : alive;
      lives.set(container, judgeLife(lived, record, { earlier, next: others[later]?.made ?? Infinity }, now));
    }
  }
  return lives;
}

/** What was created before a container, and when the next one was. */
interface Neighbours {
  readonly earlier: readonly Lived[];
  readonly next: number;
}

function judgeLife({ container, made, finished }: Lived, record: DeployRecord, others: Neighbours, now: number): Life {
  const { status } = container;
  if (liveStates.has(status)) return "served";
  if (status === "created") return now - made > startSeconds ? "failed" : "unknown";
  if (Number.isNaN(finished)) return "unknown";
  if (others.next <= finished) return "served";
  const isIn = (time: number) => time > made && time <= finished;
  const isOther = (one: Lived) => one.container.replaced || !runsRelease(one.container, record);
  const { earlier } = others;
  if (earlier.some((one) => isIn(one.finished) && isOther(one))) return "served";
  const outlives = ({ end }: Lived) => end > finished;
  // One that the restart policy started was in service before, too.
  if (earlier.some((one) => outlives(one) && isIn(one.started) && !one.container.restarts && isOther(one)))
    return "returned";
  if (earlier.some((one) => outlives(one) && one.started <= made && isOther(one))) return "failed";
  return finished - made > bootSeconds ? "long" : "brief";
}

/** Unix seconds; infinite for a live container, minus infinity when the end is unknown. */
function toEndSeconds({ status, finishedAt }: Container): number {
  if (liveStates.has(status)) return Number.POSITIVE_INFINITY;
  return finishedAt === null ? Number.NEGATIVE_INFINITY : toUnixSeconds(finishedAt);
}
