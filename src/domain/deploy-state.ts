import { type Container, liveStates } from "./container.ts";
import type { DeployRecord } from "./deploy-record.ts";
import { byNewest } from "./deploy-merge.ts";
import { runsRelease } from "./runs-release.ts";
import { isSameGroup, toGroupKey } from "./service-group.ts";

export type DeployState = "current" | "incomplete" | "unknown" | "previous" | "rolled_back" | "superseded";

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
 * What became of each deploy, newest first; groups are judged one by one.
 *
 * - current: the newest one, and every live core container whose release is known runs it; or, where nothing runs the newest, the newest of those that run.
 * - incomplete: the newest one, which some of them, or none, run.
 * - unknown: the newest one, which nothing that answers runs; an engine does not answer. Or one that may be of several groups.
 * - rolled_back: the next deploy was a rollback, or went back to a release of before this one.
 * - previous: the newest of another release, not rolled back: where a rollback would lead.
 * - superseded: all others.
 */
export function judgeDeploys(records: readonly DeployRecord[], fleet: Fleet): Deploy[] {
  const core = fleet.containers.filter(({ kind }) => kind === "core");
  const ambiguous = records
    .filter((record) => record.ambiguous)
    .map((record) => ({ ...record, state: "unknown" as const, containers: [] }));
  const groups = toGroups(records.filter((record) => !record.ambiguous).toSorted(byNewest));
  return [...groups.flatMap((group) => judge(group, { ...fleet, containers: core })), ...ambiguous].toSorted(byNewest);
}

/** The newest of each group, and of those that may be of several. Deploys are newest first. */
export function findLatest(deploys: readonly Deploy[]): Deploy[] {
  return toGroups(deploys).flatMap(([newest]) => newest ?? []);
}

function toGroups<T extends DeployRecord>(deploys: readonly T[]): T[][] {
  return [...Map.groupBy(deploys, (deploy) => JSON.stringify([toGroupKey(deploy), deploy.ambiguous])).values()];
}

function judge(group: readonly DeployRecord[], { containers, silent }: Fleet): Deploy[] {
  const [newest] = group;
  if (!newest) return [];
  const live = containers.filter((container) => isSameGroup(container, newest) && isLive(container));
  const runs = (record: DeployRecord) => live.some((container) => isOfDeploy(container, record));
  const first = judgeNewest(newest, live, silent);
  const running = runs(newest) || silent ? undefined : group.find(runs);
  const isRolledBack = group.map((record, index) => wasRolledBack(group, record, index));
  const previous = group.find(
    (record, index) => index > 0 && record !== running && record.tag !== (running ?? newest).tag && !isRolledBack[index],
  );
  return group.map((record, index) => ({
    ...record,
    previousTag: group[index + 1]?.tag ?? record.previousTag,
    containers: containers.filter((container) => isOfDeploy(container, record)),
    state:
      record === newest
        ? first
        : record === running
          ? "current"
          : isRolledBack[index]
            ? "rolled_back"
            : record === previous
              ? "previous"
              : "superseded",
  }));
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
