import { LRUCache } from "lru-cache";
import { type Container, liveStates, toContainerKey } from "../containers/container.ts";
import { type DeployRecord, toUnix } from "./deploy.ts";
import { runsRelease } from "./groups.ts";
import { toGap } from "./merge.ts";

/**
 * Whether a deploy was ever in service.
 *
 * - served: it was.
 * - returned: it was, until the release of before was started again in its place.
 * - failed: nothing of it went live.
 * - unknown: nothing shows one or the other.
 */
type DeployFate = "served" | "returned" | "failed" | "unknown";

/** What is known of the deploys of one group. */
export interface DeployFates {
  readonly fateOf: (record: DeployRecord) => DeployFate;
  /** The release that was in service when a deploy came; undefined when it is not known, or was none. */
  readonly findBefore: (record: DeployRecord) => DeployRecord | undefined;
}

/**
 * Decides each deploy of a group by what was recorded, then by what its containers show.
 *
 * Kamal boots a container beside the one that serves. If the boot fails, it stops the new one, leaves the other one running, and runs no hook. If the
 * boot succeeds, it stops the other one after the new one has started. A rollback does the same with a container of before, which it starts again.
 *
 * - A recorded `previousTag` names the release that was in service. A deploy between the two was not: it is no release before another, and it has failed
 *   if its containers ended before anything could replace them.
 * - A container that served shows that its deploy did. Otherwise one that did not shows that the deploy failed, unless that deploy is known to have ended well.
 * - Whatever else was written down as a deploy has served.
 *
 * @param group deploys, newest first
 * @param containers core ones of the group
 * @param now unix seconds
 */
export function judgeFates(
  group: readonly DeployRecord[],
  containers: readonly Container[],
  now: number,
  memory?: DeployMemory,
): DeployFates {
  const own = assignContainers(group, containers);
  const toLives = (record: DeployRecord) =>
    (own.get(record) ?? []).map((one) => recallLife(one, judgeLife(one, record, containers, now), memory));
  const lives = new Map(group.map((record) => [record, toLives(record)]));
  const livesOf = (record: DeployRecord) => lives.get(record) ?? [];
  const fates = new Map(group.map((record) => [record, judgeFate(record, livesOf(record))]));
  const fateOf = (record: DeployRecord) => fates.get(record) ?? "unknown";

  const recorded = new Map<DeployRecord, DeployRecord | undefined>();
  for (const [index, record] of group.entries()) {
    const { previousTag } = record;
    if (previousTag === null) continue;
    const older = group.slice(index + 1);
    const isNamed = ({ tag, version }: DeployRecord) => tag === previousTag || version === previousTag;
    const before = older.find((one) => isNamed(one) && fateOf(one) !== "failed") ?? older.find(isNamed);
    recorded.set(record, before);
    if (!before) continue;
    if (fateOf(before) !== "returned") fates.set(before, "served");
    for (const between of older.slice(0, older.indexOf(before))) {
      if (fateOf(between) === "unknown" && hasEndedEarly(livesOf(between))) fates.set(between, "failed");
    }
  }

  const findServing = (record: DeployRecord) => {
    const older = group.slice(group.indexOf(record) + 1);
    const hasServed = (one: DeployRecord) =>
      fateOf(one) === "served" || (fateOf(one) === "returned" && isWayBack(record, one, older.slice(older.indexOf(one) + 1)));
    // Newer Docker engines tag an image as they pull it: anything else is better evidence.
    return older.find((one) => one.origin !== "images" && hasServed(one)) ?? older.find(hasServed);
  };
  return { fateOf, findBefore: (record) => (recorded.has(record) ? recorded.get(record) : findServing(record)) };
}

/** Whether a deploy goes back from the one before it, to a release of the `older` ones. */
export function isWayBack(next: DeployRecord, from: DeployRecord, older: readonly DeployRecord[]): boolean {
  return next.tag !== from.tag && (next.command === "rollback" || older.some(({ tag }) => tag === next.tag));
}

/** The same release may have been deployed several times: a container is of the deploy that was nearest in time. */
function assignContainers(group: readonly DeployRecord[], containers: readonly Container[]) {
  return Map.groupBy(
    containers.filter(({ createdAt }) => createdAt !== ""),
    (container) => {
      const made = { deployedAt: container.createdAt, durationSeconds: null };
      const candidates = group.filter((record) => runsRelease(container, record));
      return candidates.toSorted((a, b) => toGap(a, made) - toGap(b, made))[0];
    },
  );
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
 * The fate of one container. `brief` and `long`: it ended before anything replaced it, and the others do not show whether it had served; a long life makes
 * it likely. `unknown`: its end is not known yet.
 */
type Life = DeployFate | "brief" | "long";

/** What containers that have ended did, by what the others showed while they were there. For each life of a container. */
export type DeployMemory = Pick<LRUCache<string, Life>, "get" | "set">;

/** The memory of one process: of the last 1000 lives. */
export function createDeployMemory(): DeployMemory {
  return new LRUCache({ maxSize: 1000, sizeCalculation: () => 1 });
}

/** What was shown once stays so, when the container that showed it was started again, or removed. */
function recallLife(container: Container, life: Life, memory: DeployMemory | undefined): Life {
  if (container.finishedAt === null) return life;
  const key = `${toContainerKey(container)} ${container.finishedAt}`;
  if (life === "brief" || life === "long") return memory?.get(key) ?? life;
  memory?.set(key, life);
  return life;
}

/** No boot takes so long, seconds: what lived longer has probably served. A broken-off deploy can leave its container running, too. */
const bootSeconds = 3600;
/** A container is made a moment before it starts; what has not started after so long will not, seconds. */
const startSeconds = 60;

/** Compares a container with those of its role on its engine: what came in its place, and what was there before. */
function judgeLife(container: Container, record: DeployRecord, others: readonly Container[], now: number): Life {
  const { status, finishedAt, createdAt, engine, role } = container;
  if (liveStates.has(status)) return "served";
  const made = toUnix(createdAt);
  if (status === "created") return now - made > startSeconds ? "failed" : "unknown";
  if (finishedAt === null) return "unknown";
  const ended = toUnix(finishedAt);
  const isIn = (time: string | null) => time !== null && toUnix(time) > made && toUnix(time) <= ended;

  const place = others.filter((other) => other !== container && other.engine === engine && other.role === role);
  if (place.some((other) => isIn(other.createdAt))) return "served";
  const before = place.filter((other) => toUnix(other.createdAt) < made && (other.replaced || !runsRelease(other, record)));
  if (before.some((other) => isIn(other.finishedAt))) return "served";
  const outliving = before.filter((other) => toUnixEnd(other) > ended);
  // One that the restart policy started was in service before too.
  if (outliving.some(({ startedAt, restarts }) => isIn(startedAt) && !restarts)) return "returned";
  if (outliving.some(({ startedAt }) => startedAt !== null && toUnix(startedAt) <= made)) return "failed";
  return ended - made > bootSeconds ? "long" : "brief";
}

/** Unix seconds; never for one that is live, long ago for one of which it is not known. */
function toUnixEnd({ status, finishedAt }: Container): number {
  if (liveStates.has(status)) return Number.POSITIVE_INFINITY;
  return finishedAt === null ? Number.NEGATIVE_INFINITY : toUnix(finishedAt);
}
