import { type Container, liveStates } from "./container.ts";
import { type DeployRecord, toUnix } from "./deploy-record.ts";
import { byNewest, toGap } from "./deploy-merge.ts";
import { runsRelease } from "./runs-release.ts";
import { isSameGroup, toGroupKey } from "./service-group.ts";

export type DeployState = "current" | "incomplete" | "unknown" | "previous" | "rolled_back" | "superseded" | "failed";

/** A deploy with what became of it. */
export interface Deploy extends DeployRecord {
  readonly state: DeployState;
  /** Core containers of its release, stopped ones that are still there too. */
  readonly containers: readonly Container[];
}

/** The containers that may be told of. */
export interface Fleet {
  /** Live and stopped ones. */
  readonly containers: readonly Container[];
  /** Whether an engine does not answer: then there may be others. */
  readonly silent: boolean;
}

/** Whether a container runs now. One of an engine that went away may not. */
export function isLive({ status, stale }: Pick<Container, "status" | "stale">): boolean {
  return liveStates.has(status) && !stale;
}

/** Whether a container is one of the release of a deploy: of its group, with its tag, its version or its commit. */
export function isOfDeploy(container: Container, deploy: DeployRecord): boolean {
  return !deploy.ambiguous && isSameGroup(container, deploy) && runsRelease(container, deploy);
}

/**
 * What became of each deploy, newest first; groups are judged one by one. The tag of the deploy before one is what was recorded, else that of the newest one before
 * that has not failed.
 *
 * - failed: nothing of it went live, so that it is no release: the others are judged as if it were not there. See `findFailed`.
 * - current: the newest one, and every live core container whose release is known runs it; or, where nothing runs the newest, the newest of those that run.
 * - incomplete: the newest one, which some of them, or none, run.
 * - unknown: the newest one, which nothing that answers runs; an engine does not answer. Or one that may be of several groups.
 * - rolled_back: the next deploy was a rollback, or went back to a release of before this one.
 * - previous: the newest of another release, not rolled back: where a rollback would lead.
 * - superseded: all others.
 *
 * @param now unix seconds
 */
export function judgeDeploys(records: readonly DeployRecord[], fleet: Fleet, now = Date.now() / 1000): Deploy[] {
  const core = fleet.containers.filter(({ kind }) => kind === "core");
  const ambiguous = records
    .filter((record) => record.ambiguous)
    .map((record) => ({ ...record, state: "unknown" as const, containers: [] }));
  const groups = toGroups(records.filter((record) => !record.ambiguous).toSorted(byNewest));
  return [...groups.flatMap((group) => judge(group, { ...fleet, containers: core }, now)), ...ambiguous].toSorted(byNewest);
}

/** Those that are releases: a failed deploy is none. */
export function withoutFailed(deploys: readonly Deploy[]): Deploy[] {
  return deploys.filter(({ state }) => state !== "failed");
}

/** The newest of each group, and of those that may be of several, that has not failed. Deploys are newest first. */
export function findLatest(deploys: readonly Deploy[]): Deploy[] {
  return toGroups(withoutFailed(deploys)).flatMap(([newest]) => newest ?? []);
}

function toGroups<T extends DeployRecord>(deploys: readonly T[]): T[][] {
  return [...Map.groupBy(deploys, (deploy) => JSON.stringify([toGroupKey(deploy), deploy.ambiguous])).values()];
}

function judge(group: readonly DeployRecord[], { containers, silent }: Fleet, now: number): Deploy[] {
  const [any] = group;
  if (!any) return [];
  const own = containers.filter((container) => isSameGroup(container, any));
  const failed = findFailed(group, own, now);
  const states = judgeReleases(
    group.filter((record) => !failed.has(record)),
    own.filter(isLive),
    silent,
  );
  return group.map((record, index) => ({
    ...record,
    previousTag: record.previousTag ?? group.slice(index + 1).find((other) => !failed.has(other))?.tag ?? null,
    containers: own.filter((container) => isOfDeploy(container, record)),
    state: states.get(record) ?? "failed",
  }));
}

function judgeReleases(
  releases: readonly DeployRecord[],
  live: readonly Container[],
  silent: boolean,
): ReadonlyMap<DeployRecord, DeployState> {
  const [newest] = releases;
  if (!newest) return new Map();
  const runs = (record: DeployRecord) => live.some((container) => isOfDeploy(container, record));
  const running = runs(newest) || silent ? undefined : releases.find(runs);
  const rolledBack = new Set(releases.filter((record, index) => wasRolledBack(releases, record, index)));
  const previous = releases.find(
    (record) => record !== newest && record !== running && record.tag !== (running ?? newest).tag && !rolledBack.has(record),
  );
  const toState = (record: DeployRecord): DeployState => {
    if (record === newest) return judgeNewest(newest, live, silent);
    if (record === running) return "current";
    if (rolledBack.has(record)) return "rolled_back";
    return record === previous ? "previous" : "superseded";
  };
  return new Map(releases.map((record) => [record, toState(record)]));
}

/** Kamal waits half a minute for a release to boot, seldom for minutes: what lived longer has served, seconds. */
const bootSeconds = 600;
/** A container is made a moment before it starts; what has not started after so long will not, seconds. */
const startSeconds = 60;

/**
 * The deploys that stopped with an error before anything of them went live. Kamal leaves the containers of before running then, stops the new ones, and runs no
 * hook. Containers that are no more are no evidence: what cannot be known has not failed.
 *
 * - Not one that is known to have ended well (`booted`).
 * - Of those with containers: those where each never took over; and where none did and Kamal's audit log says that it did not end well.
 * - Of those without: those of which Kamal's audit log says so.
 *
 * @param containers core ones of the group
 */
function findFailed(group: readonly DeployRecord[], containers: readonly Container[], now: number): ReadonlySet<DeployRecord> {
  // The same release may have been deployed several times: a container is of the one that was nearest in time.
  const byDeploy = Map.groupBy(
    containers.filter(({ createdAt }) => createdAt !== ""),
    (container) => {
      const made = { deployedAt: container.createdAt, durationSeconds: null };
      const candidates = group.filter((record) => isOfDeploy(container, record));
      return candidates.toSorted((a, b) => toGap(a, made) - toGap(b, made))[0];
    },
  );
  const hasFailed = (record: DeployRecord) => {
    if (record.booted === true) return false;
    const fates = (byDeploy.get(record) ?? []).map((container) => toFate(container, record, containers, now));
    if (fates.includes("served")) return false;
    return record.booted === false || (fates.length > 0 && fates.every((fate) => fate === "failed"));
  };
  return new Set(group.filter(hasFailed));
}

/**
 * Whether a container took over from one of before on its engine. It did not when it never started; or when it ended soon, before the next one was made, and one
 * of before ended later, or is live: Kamal ends that right after a boot. Neither is known where the one of before is no more.
 */
function toFate(
  container: Container,
  record: DeployRecord,
  others: readonly Container[],
  now: number,
): "served" | "failed" | "unknown" {
  const { status, finishedAt, createdAt, engine, role } = container;
  if (liveStates.has(status)) return "served";
  const made = toUnix(createdAt);
  if (status === "created") return now - made > startSeconds ? "failed" : "unknown";
  if (finishedAt === null) return "unknown";
  const ended = toUnix(finishedAt);
  const place = others.filter((other) => other !== container && other.engine === engine && other.role === role);
  const isReplaced = place.some((other) => toUnix(other.createdAt) > made && toUnix(other.createdAt) <= ended);
  if (isReplaced || ended - made > bootSeconds) return "served";
  const isOutlived = place.some(
    (other) =>
      toUnix(other.createdAt) < made &&
      (other.replaced || !isOfDeploy(other, record)) &&
      (liveStates.has(other.status) || (other.finishedAt !== null && toUnix(other.finishedAt) > ended)),
  );
  return isOutlived ? "failed" : "unknown";
}

function judgeNewest(newest: DeployRecord, live: readonly Container[], silent: boolean): DeployState {
  const named = live.filter(({ floating }) => !floating);
  const own = live.filter((container) => isOfDeploy(container, newest));
  if (own.length === 0) return silent || named.length < live.length ? "unknown" : "incomplete";
  return named.every((container) => isOfDeploy(container, newest)) ? "current" : "incomplete";
}

function wasRolledBack(group: readonly DeployRecord[], record: DeployRecord, index: number): boolean {
  const next = group[index - 1];
  if (!next || next.tag === record.tag) return false;
  return next.command === "rollback" || group.slice(index + 1).some(({ tag }) => tag === next.tag);
}
