import { type Container, liveStates } from "../containers/container.ts";
import { filterSteps, groupSteps, mapSteps, type Steps } from "../lib/budget/steps.ts";
import { isSameGroup, toGroupKey } from "../releases/service-group.ts";
import { type DeployRecord, toDeployGroup } from "./deploy.ts";
import { createWayBack, type DeployFates, type DeployMemory, judgeFates } from "./fate.ts";
import { indexReleases, namesOfContainer, remember, runsRelease, toReleaseNames } from "./groups.ts";
import { toNewestFirst } from "./merge.ts";

export type DeployState = "current" | "incomplete" | "unknown" | "previous" | "rolled_back" | "superseded" | "failed";

/** A deploy and its outcome. */
export interface Deploy extends DeployRecord {
  readonly state: DeployState;
  /** Core containers of its release, including stopped ones that still exist. */
  readonly containers: readonly Container[];
}

/** A text that only this deploy has. */
export function toDeployKey({ service, destination, env, tag, deployedAt }: DeployRecord): string {
  return JSON.stringify([service, destination, env, tag, deployedAt]);
}

/** The containers that may be reported. */
export interface Fleet {
  /** Live and stopped ones. */
  readonly containers: readonly Container[];
  /** Whether an engine does not answer: then there may be others. */
  readonly silent: boolean;
  /**
   * Whether a service is the product's: the containers of others are not core. @default every one
   * is
   */
  readonly isOwnService?: (service: string) => boolean;
  /** Earlier evidence; absent where nothing is remembered. */
  readonly memory?: DeployMemory;
}

/** Whether a container runs now. One on an engine that went away may not. */
export function isLive({ status, stale }: Pick<Container, "status" | "stale">): boolean {
  return liveStates.has(status) && !stale;
}

/** Whether a container runs the release of a deploy: same group, and its tag, version or commit. */
export function isOfDeploy(container: Container, deploy: DeployRecord): boolean {
  return !deploy.ambiguous && isSameGroup(container, deploy) && runsRelease(container, deploy);
}

/**
 * Judges each deploy, newest first, one group at a time. `previousTag` is the recorded one, else
 * that of the newest earlier deploy of another tag that is known to have served (fate.ts).
 *
 * - failed: nothing of it went live, so it is no release: the others are judged without it.
 * - current: the newest deploy, and every live core container with a known release runs it. Where
 * nothing runs the newest: the newest that does run.
 * - incomplete: the newest deploy, which only some of them, or none, run.
 * - unknown: the newest deploy, which no known container runs, while an engine does not answer, a
 * live container has only a moving tag, or the service is not the product's. Also one without
 * evidence that it ever served, and one that may belong to several groups.
 * - rolled_back: the next deploy was a rollback, or went back to a release before this one; or an
 * earlier container was started again in its place.
 * - previous: the deploy before the running one, of another release and not rolled back: the target
 * of a rollback. Absent where unknown.
 * - superseded: all others.
 *
 * @param now unix seconds
 */
export function* judgeDeploys(
  records: readonly DeployRecord[],
  fleet: Fleet,
  now = Date.now() / 1000,
): Steps<Deploy[]> {
  const core = fleet.containers.filter(({ kind }) => kind === "core");
  const ambiguous = records
    .filter((record) => record.ambiguous)
    .map((record) => ({ ...record, state: "unknown" as const, containers: [] }));
  const newestFirst = toNewestFirst(records.filter((record) => !record.ambiguous));
  yield;
  const groups = yield* groupSteps(newestFirst, toDeployGroup);
  const containersOf = yield* groupSteps(core, toGroupKey);
  const judged: Deploy[][] = [];
  for (const group of groups.values()) {
    yield;
    const containers = (group[0] && containersOf.get(toGroupKey(group[0]))) ?? [];
    const silent = fleet.silent || (containers.length === 0 && isForeign(group[0], fleet));
    judged.push(yield* judge(group, { ...fleet, containers, silent }, now));
  }
  yield;
  return toNewestFirst([...judged.flat(), ...ambiguous]);
}

/**
 * Whether a deploy is of a service that the gateway does not look after: which containers run it is
 * unknown.
 */
function isForeign(record: DeployRecord | undefined, { isOwnService }: Fleet): boolean {
  const service = record?.service ?? null;
  return service !== null && isOwnService !== undefined && !isOwnService(service);
}

/** Without failed deploys, which are no releases. */
export function withoutFailed(deploys: readonly Deploy[]): Deploy[] {
  return deploys.filter(({ state }) => state !== "failed");
}

/**
 * The newest deploy of each group that has not failed, and of the ambiguous ones. Input is newest
 * first.
 */
export function findLatest(deploys: readonly Deploy[]): Deploy[] {
  return [...Map.groupBy(withoutFailed(deploys), toDeployGroup).values()].flatMap(([newest]) => newest ?? []);
}

/** `own`: the containers of the group. */
function* judge(
  group: readonly DeployRecord[],
  { containers: own, silent, memory }: Fleet,
  now: number,
): Steps<Deploy[]> {
  const index = yield* indexReleases(own, namesOfContainer);
  const containersOf = remember(
    (record: DeployRecord) => index.find(record).filter((container) => isOfDeploy(container, record)),
    toReleaseNames,
  );
  const runs = remember((record: DeployRecord) => containersOf(record).some(isLive), toReleaseNames);
  // Each is remembered: what follows needs most of them at once.
  yield* mapSteps(group, containersOf);
  const fates = yield* judgeFates(group, own, now, memory);
  const releases = yield* filterSteps(group, (record) => fates.fateOf(record) !== "failed");
  const states = judgeReleases(releases, fates, { live: own.filter(isLive), silent, runs });
  const toPreviousTag = yield* createPreviousTags(group, fates);
  return yield* mapSteps(group, (record) => ({
    ...record,
    previousTag: record.previousTag ?? toPreviousTag(record) ?? null,
    containers: containersOf(record),
    state: states.get(record) ?? "failed",
  }));
}

/**
 * Finds the tag in service before a deploy: of deploys of one tag in a row, that before the first.
 * Input is newest first.
 */
function* createPreviousTags(
  group: readonly DeployRecord[],
  { findBefore }: DeployFates,
): Steps<(record: DeployRecord) => string | undefined> {
  const tags = new Map<DeployRecord, string | undefined>();
  for (const record of group.toReversed()) {
    yield;
    const before = findBefore(record);
    tags.set(record, before && before.tag === record.tag ? tags.get(before) : before?.tag);
  }
  return (record) => tags.get(record);
}

/** What runs of a group. */
interface Running {
  readonly live: readonly Container[];
  readonly silent: boolean;
  /** Whether a live container runs a deploy. */
  readonly runs: (record: DeployRecord) => boolean;
}

function judgeReleases(
  releases: readonly DeployRecord[],
  { fateOf, findBefore }: DeployFates,
  { live, silent, runs }: Running,
): ReadonlyMap<DeployRecord, DeployState> {
  const [newest] = releases;
  if (!newest) return new Map();
  const running = runs(newest) || silent ? undefined : releases.find(runs);
  const isWayBack = createWayBack(releases);
  const rolledBack = new Set(
    releases.filter((record, index) => {
      const next = releases[index - 1];
      return fateOf(record) === "returned" || (next && isWayBack(next, index));
    }),
  );
  const inService = running ?? newest;
  let previous = findBefore(inService);
  while (previous && (previous.tag === inService.tag || rolledBack.has(previous))) previous = findBefore(previous);
  const toState = (record: DeployRecord): DeployState => {
    if (record === running) return "current";
    if (rolledBack.has(record)) return "rolled_back";
    if (record === newest) return judgeNewest(newest, live, silent);
    if (record === previous) return "previous";
    return fateOf(record) === "unknown" ? "unknown" : "superseded";
  };
  return new Map(releases.map((record) => [record, toState(record)]));
}

function judgeNewest(newest: DeployRecord, live: readonly Container[], silent: boolean): DeployState {
  const named = live.filter(({ floating }) => !floating);
  const own = live.filter((container) => isOfDeploy(container, newest));
  if (own.length === 0) return silent || named.length < live.length ? "unknown" : "incomplete";
  return named.every((container) => isOfDeploy(container, newest)) ? "current" : "incomplete";
}
