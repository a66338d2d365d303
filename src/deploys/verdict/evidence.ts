import type { Container } from "../../containers/container.ts";
import { toUnixSeconds } from "../../lib/time.ts";
import type { FingerprintedFailures } from "../../queues/queue.ts";
import { isSameGroup } from "../../releases/service-group.ts";
import type { ReleaseOf } from "../../releases/worker.ts";
import type { TimelineEntry } from "../../timeline/timeline.ts";
import { type DeployRecord, toStart } from "../deploy.ts";
import { isLive, isOfDeploy } from "../state.ts";
import { verdictRules } from "./rules.ts";
import type { Baseline, ContainerEvidence, NewError, QueueEvidence, QueueWindow } from "./types.ts";
import { countEnded, type OwnHistory } from "./own-history.ts";
import { hasEnough } from "./verdict.ts";
import { lastsUntil, type Span, type Windows } from "./windows.ts";

type Histories = ReadonlyMap<string, OwnHistory>;

/**
 * The queues of one source in both windows, by name, from histories of one step each. A window is
 * null where its rows are gone, or only samples.
 */
export function toQueueEvidence(source: string, seconds: number, before: Histories, after: Histories): QueueEvidence[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return names.map((queue) => ({
    queue,
    source,
    before: toWindow(before.get(queue), seconds),
    after: toWindow(after.get(queue), seconds),
    endedBefore: toEnded(before.get(queue), seconds),
    endedAfter: toEnded(after.get(queue), seconds),
    ...([before, after].some((one) => one.get(queue)?.unattributed === null) && { isUnattributed: true }),
  }));
}

/**
 * Earlier windows at the same hour, in their order, and how many seconds before the one after the
 * deploy.
 */
export const earlierBaselines = [
  ["day", 86_400],
  ["week", 604_800],
] as const satisfies readonly (readonly [Baseline, number])[];

/**
 * Whether too few jobs ended right before a deploy to compare those after it with: a nightly queue
 * has none.
 */
export function needsBaseline({ before, endedBefore, endedAfter }: QueueEvidence): boolean {
  return (endedAfter ?? 0) > 0 && !hasEnough(before) && (endedBefore ?? 0) < verdictRules.leastJobs;
}

/**
 * The same queue, compared with an earlier window if that has more jobs, and enough or the first at
 * all.
 */
export function withBaseline(
  evidence: QueueEvidence,
  baseline: Baseline,
  earlier: Histories,
  seconds: number,
): QueueEvidence {
  const history = earlier.get(evidence.queue);
  const [before, endedBefore] = [toWindow(history, seconds), toEnded(history, seconds)];
  const isFirst = !evidence.endedBefore && (endedBefore ?? 0) > 0;
  return hasEnough(before) || isFirst ? { ...evidence, baseline, before, endedBefore } : evidence;
}

/** Jobs that ended in a history of one step; null when unknown. */
export function toEnded(history: OwnHistory | undefined, seconds: number): number | null {
  if (!history) return 0;
  const ended = countEnded(history, seconds);
  if (ended === null) return null;
  // Failures may be those of another service: they neither blame nor excuse.
  if (history.unattributed === null) return ended.succeeded || null;
  return ended.succeeded + ended.failed + (history.unattributed?.succeeded ?? 0);
}

const nothing = {
  succeeded: 0,
  failed: 0,
  waitP95Seconds: null,
  runP95Seconds: null,
  depth: 0,
  oldestAgeSeconds: null,
};

/** A queue missing from the answer had no jobs. */
function toWindow(history: OwnHistory | undefined, seconds: number): QueueWindow | null {
  if (!history) return nothing;
  const { points, sampled, unattributed } = history;
  const [point] = points;
  const ended = countEnded(history, seconds);
  if (sampled || unattributed === null || !point || ended === null) return null;
  const { waitP95Seconds, runP95Seconds, depth, oldestAgeSeconds } = point;
  const window = { ...ended, waitP95Seconds, runP95Seconds, depth, oldestAgeSeconds };
  return unattributed ? { ...window, unattributed } : window;
}

/** Engine events of a group's containers. */
export interface SeenEvents {
  readonly deaths: readonly TimelineEntry[];
  readonly health: readonly TimelineEntry[];
  /** Start of gapless events from every engine, unix seconds; null when an engine has none. */
  readonly since: number | null;
}

/**
 * Containers before and after a deploy. `containers` are the core ones of its group, stopped ones
 * too; `now` in unix seconds.
 */
export function toContainerEvidence(
  deploy: DeployRecord,
  windows: Windows | null,
  containers: readonly Container[],
  { deaths, health, since }: SeenEvents,
  now: number,
): ContainerEvidence {
  const own = containers.filter((container) => isOfDeploy(container, deploy));
  const untilNow = windows !== null && lastsUntil(windows, now);
  const unhealthyNow = own
    .filter((container) => isLive(container) && container.health === "unhealthy")
    .map(({ name }) => name);
  if (windows !== null && since !== null && since <= windows.before.from) {
    const died = ({ from, to }: Span) => ({
      count: deaths.filter((entry) => !entry.requested && isIn(entry, from, to)).length,
      seconds: to - from,
    });
    return {
      untilNow,
      restartsFrom: "events",
      restartsBefore: died(windows.before),
      restartsAfter: died(windows.after),
      unhealthySecondsBefore: countUnhealthy(health, deaths, windows.before),
      unhealthySecondsAfter: countUnhealthy(health, deaths, windows.after),
      unhealthyNow,
    };
  }
  const start = windows?.before.to ?? toStart(deploy);
  const earlier = containers.filter(
    (container) => !isOfDeploy(container, deploy) && toUnixSeconds(container.createdAt) < start,
  );
  const restartsAfter = toCounted(own, now);
  return {
    untilNow,
    restartsFrom: restartsAfter === null ? null : "counters",
    restartsBefore: toCounted(earlier, start),
    restartsAfter,
    unhealthySecondsBefore: null,
    unhealthySecondsAfter: null,
    unhealthyNow,
  };
}

/** The engines' restart counters, since the first of the containers was created. */
function toCounted(containers: readonly Container[], until: number) {
  const known = containers.filter(({ restarts }) => restarts !== null);
  if (known.length === 0) return null;
  const first = Math.min(...known.map(({ createdAt }) => toUnixSeconds(createdAt)));
  return { count: known.reduce((sum, { restarts }) => sum + (restarts ?? 0), 0), seconds: Math.max(1, until - first) };
}

function isIn({ time }: TimelineEntry, from: number, to: number): boolean {
  return toUnixSeconds(time) > from && toUnixSeconds(time) <= to;
}

/** From when a container became unhealthy until its state changed, or it ended. */
function countUnhealthy(
  health: readonly TimelineEntry[],
  deaths: readonly TimelineEntry[],
  { from, to }: Span,
): number {
  const byContainer = Map.groupBy([...health, ...deaths], ({ container }) => container?.fullId);
  return [...byContainer.values()].reduce((total, entries) => {
    const ordered = entries.toSorted((a, b) => toUnixSeconds(a.time) - toUnixSeconds(b.time));
    return (
      total +
      ordered.reduce((sum, entry, index) => {
        if (entry.kind !== "health" || entry.to !== "unhealthy") return sum;
        const end = ordered[index + 1]?.time;
        return (
          sum + Math.max(0, Math.min(to, end ? toUnixSeconds(end) : to) - Math.max(from, toUnixSeconds(entry.time)))
        );
      }, 0)
    );
  }, 0);
}

/** How far back the sources' failures reach, seconds. */
export const failuresSeconds = 3600;
/** Least time observed before the deploy for an error to count as new, seconds. */
const leastBefore = 300;

/** Whose a failure is. */
export interface FailureOwners {
  readonly releaseOf: ReleaseOf;
  /** Whether the deploy's service works on its queue, for one whose worker is unknown. */
  readonly isOwn: (failure: OwnedFailure) => boolean;
  /** Whether it may work on its queue, for one whose worker is unknown. */
  readonly mayBeOwn: (failure: OwnedFailure) => boolean;
}

type OwnedFailure = Pick<FingerprintedFailures, "queue" | "source" | "worker">;

/**
 * Whether a failure counts for the service of a deploy: its worker is of the same group, or nobody
 * knows whose it is and the queue is the service's.
 */
function countsForDeploy(failure: OwnedFailure, deploy: DeployRecord, { releaseOf, isOwn }: FailureOwners): boolean {
  const release = releaseOf(failure.worker);
  return release === null ? isOwn(failure) : isSameGroup(release, deploy);
}

/**
 * Whether a failure from before a deploy may be of its service. A worker that is gone, and whose
 * record its system deleted, may have had it: its error is not new.
 */
export function mayCountForDeploy(
  failure: OwnedFailure,
  deploy: DeployRecord,
  { releaseOf, mayBeOwn }: FailureOwners,
): boolean {
  const release = releaseOf(failure.worker);
  return release === null ? mayBeOwn(failure) : isSameGroup(release, deploy);
}

/**
 * Errors of the deploy's service with no failure before its release began, not even one that may
 * be of another, and none by a worker of another release. A deploy itself interrupts jobs while it
 * lasts: where workers are unknown, only failures after it count. Null when the failures of the
 * last hour do not reach far enough before the deploy, or are incomplete.
 *
 * @param releaseStart when its release first began to be deployed, unix seconds
 */
export function findNewErrors(
  deploy: DeployRecord,
  failures: readonly FingerprintedFailures[],
  owners: FailureOwners,
  now: number,
  releaseStart = toStart(deploy),
): NewError[] | null {
  const [start, end] = [toStart(deploy), toUnixSeconds(deploy.deployedAt)];
  const reach = now - failuresSeconds;
  const ofService = failures.filter((failure) => countsForDeploy(failure, deploy, owners));
  if (start - reach < leastBefore || ofService.some(({ complete }) => !complete)) return null;
  const { releaseOf } = owners;
  const seen = new Set(
    failures
      .filter((failure) => toUnixSeconds(failure.firstAt) < releaseStart && mayCountForDeploy(failure, deploy, owners))
      .map(({ fingerprint }) => fingerprint),
  );
  const groups = [...Map.groupBy(ofService, ({ fingerprint }) => fingerprint)];
  return groups.flatMap(([fingerprint, own]) => {
    const isOfAnother = own
      .flatMap(({ worker }) => releaseOf(worker) ?? [])
      .some(({ version }) => ![deploy.version, deploy.tag].includes(version));
    if (isOfAnother || seen.has(fingerprint)) return [];
    const counted = own.flatMap((row) => countAfter(row, releaseOf(row.worker) === null ? end : start) ?? []);
    if (counted.length === 0) return [];
    const newest = own.reduce((best, row) => (row.lastAt > best.lastAt ? row : best));
    const first = Math.min(...counted.map(({ from }) => from));
    const count = counted.reduce((sum, row) => sum + row.count, 0);
    return [
      {
        fingerprint,
        error: newest.error,
        queues: [...new Set(own.map(({ queue }) => queue))].toSorted(),
        sources: [...new Set(own.map(({ source }) => source))].toSorted(),
        after: { count, seconds: Math.max(1, now - Math.min(first, end)) },
        // The release before a deploy of the same one again may have ended long ago.
        beforeSeconds: Math.max(leastBefore, releaseStart - reach),
        minutes: countMinutes(counted),
        firstAgo: now - first,
        lastAgo: now - toUnixSeconds(newest.lastAt),
      },
    ];
  });
}

/** Failures of a row in a time span, unix seconds. */
interface Failed extends Span {
  readonly count: number;
}

/**
 * Failures of a row after a time. If the row began before it, only its last failure is known to be
 * later.
 */
function countAfter({ count, firstAt, lastAt }: FingerprintedFailures, time: number): Failed | null {
  const [from, to] = [toUnixSeconds(firstAt), toUnixSeconds(lastAt)];
  if (to < time) return null;
  return from < time ? { count: 1, from: to, to } : { count, from, to };
}

/**
 * Upper limit of the different minutes with failures: each minute between a row's first and last
 * failure may have one.
 */
function countMinutes(rows: readonly Failed[]): number {
  const minutes = rows.flatMap(({ count, from, to }) => {
    const [first, last] = [Math.floor(from / 60), Math.floor(to / 60)];
    return count <= 2 ? [first, last] : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  const count = rows.reduce((sum, row) => sum + row.count, 0);
  return Math.min(count, new Set(minutes).size);
}
