import { LRUCache } from "lru-cache";
import { type Container, liveStates, toContainerKey } from "../containers/container.ts";
import { toUnixSeconds } from "../lib/time.ts";
import { type DeployRecord } from "./deploy.ts";
import { runsRelease } from "./groups.ts";
import { toGap } from "./merge.ts";

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
 * Kamal boots a container beside the serving one. If the boot fails, Kamal stops the new one, leaves the old one running, and runs no hook. If it succeeds,
 * Kamal stops the old one after the new one has started. A rollback does the same with an earlier container, which it starts again.
 *
 * - A recorded `previousTag` names the release that was in service. A deploy between the two was not in service. It failed if its containers ended before
 *   anything could replace them.
 * - A container that served proves that its deploy served. Otherwise a failed container proves that the deploy failed, unless that deploy is known to have
 *   succeeded.
 * - Any other deploy in the history file or deploy_info.json served.
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
    // Newer Docker engines tag an image when they pull it: any other origin is better evidence.
    return older.find((one) => one.origin !== "images" && hasServed(one)) ?? older.find(hasServed);
  };
  return { fateOf, findBefore: (record) => (recorded.has(record) ? recorded.get(record) : findServing(record)) };
}

/** Whether a deploy replaces `from` with a release of the `older` ones. */
export function isWayBack(next: DeployRecord, from: DeployRecord, older: readonly DeployRecord[]): boolean {
  return next.tag !== from.tag && (next.command === "rollback" || older.some(({ tag }) => tag === next.tag));
}

/** A release may be deployed several times: a container belongs to the deploy nearest in time. */
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
 * The fate of one container. `brief` and `long`: it ended before anything replaced it, and the others do not show whether it served; a long life makes that
 * likely. `unknown`: its end is not known yet.
 */
type Life = DeployFate | "brief" | "long";

/** The fates of ended containers, as the others showed them while they existed. One entry for each life of a container. */
export type DeployMemory = Pick<LRUCache<string, Life>, "get" | "set">;

/** The memory of one process: the last 1000 lives. */
export function createDeployMemory(): DeployMemory {
  return new LRUCache({ maxSize: 1000, sizeCalculation: () => 1 });
}

/** Retains what was shown once, even after the container that showed it was restarted or removed. */
function recallLife(container: Container, life: Life, memory: DeployMemory | undefined): Life {
  if (container.finishedAt === null) return life;
  const key = `${toContainerKey(container)} ${container.finishedAt}`;
  if (life === "brief" || life === "long") return memory?.get(key) ?? life;
  memory?.set(key, life);
  return life;
}

/** No boot takes this long, seconds: a longer life has probably served. An aborted deploy can leave its container running, too. */
const bootSeconds = 3600;
/** A container is created a moment before it starts; one not started after this many seconds never will. */
const startSeconds = 60;

/** Compares a container with others of its role on its engine: what replaced it, and what preceded it. */
function judgeLife(container: Container, record: DeployRecord, others: readonly Container[], now: number): Life {
  const { status, finishedAt, createdAt, engine, role } = container;
  if (liveStates.has(status)) return "served";
  const made = toUnixSeconds(createdAt);
  if (status === "created") return now - made > startSeconds ? "failed" : "unknown";
  if (finishedAt === null) return "unknown";
  const ended = toUnixSeconds(finishedAt);
  const isIn = (time: string | null) => time !== null && toUnixSeconds(time) > made && toUnixSeconds(time) <= ended;

  const place = others.filter((other) => other !== container && other.engine === engine && other.role === role);
  if (place.some((other) => isIn(other.createdAt))) return "served";
  const before = place.filter(
    (other) => toUnixSeconds(other.createdAt) < made && (other.replaced || !runsRelease(other, record)),
  );
  if (before.some((other) => isIn(other.finishedAt))) return "served";
  const outliving = before.filter((other) => toEndSeconds(other) > ended);
  // One that the restart policy started was in service before, too.
  if (outliving.some(({ startedAt, restarts }) => isIn(startedAt) && !restarts)) return "returned";
  if (outliving.some(({ startedAt }) => startedAt !== null && toUnixSeconds(startedAt) <= made)) return "failed";
  return ended - made > bootSeconds ? "long" : "brief";
}

/** Unix seconds; infinite for a live container, minus infinity when the end is unknown. */
function toEndSeconds({ status, finishedAt }: Container): number {
  if (liveStates.has(status)) return Number.POSITIVE_INFINITY;
  return finishedAt === null ? Number.NEGATIVE_INFINITY : toUnixSeconds(finishedAt);
}
