import { maySee, type Principal } from "../../auth/principal.ts";
import type { EngineStatus } from "../../containers/source.ts";
import { isOfSameGroup } from "../../deploys/deploy.ts";
import { remember } from "../../deploys/groups.ts";
import { type Deploy, withoutFailed } from "../../deploys/state.ts";
import {
  earlierBaselines,
  needsBaseline,
  type SeenEvents,
  toContainerEvidence,
  toQueueEvidence,
  withBaseline,
} from "../../deploys/verdict/evidence.ts";
import type { DeployVerdict, QueueEvidence } from "../../deploys/verdict/types.ts";
import { failsMore, hasLostJobs, judgeDeploy } from "../../deploys/verdict/verdict.ts";
import { toStepsBefore, toWindows, type Windows } from "../../deploys/verdict/windows.ts";
import { createSharedBudget } from "../../lib/budget/budget.ts";
import { once } from "../../lib/cache.ts";
import { toOpsError, toProblem } from "../../lib/errors.ts";
import { formatList } from "../../lib/text.ts";
import { toUnixSeconds } from "../../lib/time.ts";
import { createProduct } from "../../problems/product.ts";
import type { QueueHistory } from "../../queues/history.ts";
import { isOwnedBy, toConfiguredOwner, toOwners } from "../../queues/owners.ts";
import type { QueueSource } from "../../queues/queue.ts";
import { toQueueState } from "../../queues/state.ts";
import { isSameGroup, type ServiceGroup } from "../../releases/service-group.ts";
import type { Place } from "../../timeline/rings.ts";
import type { ContainerLoaders, KnownContainers } from "../containers/loader.ts";
import type { QueueLoaders } from "../queues/loader.ts";
import type { OwnerLoader } from "../queues/owners-loader.ts";
import { findWorkerGroups } from "../queues/workers.ts";
import type { Caller, Sources } from "../sources.ts";
import type { DeployLoader } from "./info-loader.ts";
import { createOwnership, type Ownership } from "./ownership.ts";
import { createOwnJobs, type OwnJobs } from "./own-jobs.ts";
import { createErrorReader } from "./verdict-errors.ts";
import { VerdictMemory } from "./verdict-memory.ts";
import { type VerdictReads, VerdictTurns } from "./verdict-turns.ts";

export interface DeploySiblings {
  readonly containers: ContainerLoaders;
  readonly deploy: DeployLoader;
  readonly queues: QueueLoaders;
  readonly owners: OwnerLoader;
  readonly nowMs: number;
}

interface VerdictParts {
  readonly siblings: DeploySiblings;
  readonly all: () => Promise<readonly Deploy[]>;
  readonly fleet: () => Promise<KnownContainers>;
}

const memoryOf = new WeakMap<Sources, VerdictMemory>();

function getMemory(sources: Sources): VerdictMemory {
  const memory = memoryOf.get(sources) ?? new VerdictMemory();
  memoryOf.set(sources, memory);
  return memory;
}

const noHistories: ReadonlyMap<string, QueueHistory> = new Map();

/**
 * Collects the evidence of a verdict; what cannot be read becomes a gap. The verdicts of a request
 * share their queries. A deploy with a complete verdict of the usual windows, at most `maxAgeMs`
 * old, is not judged again.
 */
export function createVerdicts(
  sources: Sources,
  { principal, signal }: Caller,
  { siblings, all, fleet }: VerdictParts,
): (deploy: Deploy, seconds: number, maxAgeMs?: number) => Promise<DeployVerdict> {
  const now = siblings.nowMs / 1000;
  const workerGroups = once(() => findWorkerGroups(siblings.containers));

  /**
   * The sources of its environment, and those of an unknown one, which only tokens for every
   * environment see. `unread`: none, because they do not answer.
   */
  const findSources = async (deploy: Deploy, reads: VerdictReads, gaps: string[]) => {
    const groups = await workerGroups();
    const toOwnership = (shown: readonly QueueSource[]) =>
      createOwnership(deploy, shown, { principal, ownersOf: siblings.owners, groups });
    try {
      const visible = await reads.wait(siblings.queues.visible());
      const ofEnvironment = visible.filter((source) => [null, deploy.env].includes(source.env ?? sources.env));
      const ready = await Promise.all(
        ofEnvironment.map(async ({ name }) => {
          try {
            await reads.waitShortly(async () => siblings.owners(name));
            return true;
          } catch (error) {
            gaps.push(`${name}: ${toOpsError(error).message}`);
            return false;
          }
        }),
      );
      const shown = ofEnvironment.filter((_, index) => ready[index]);
      const silent = ofEnvironment.filter((_, index) => !ready[index]);
      if (shown.length === 0 && ofEnvironment.length > 0) {
        return { shown, ownership: await toOwnership([]), silent, unread: true };
      }
      return { shown, ownership: await reads.wait(toOwnership(shown)), silent, unread: false };
    } catch (error) {
      const { message, status, unconfigured } = toOpsError(error);
      gaps.push(`queues: ${message}`);
      const ownership = await toOwnership([]);
      return { shown: [], ownership, silent: [], unread: status >= 500 && !unconfigured };
    }
  };
  const readQueues = async (
    source: QueueSource,
    ownership: Ownership,
    windows: Windows,
    reads: VerdictReads,
    gaps: string[],
  ): Promise<{ readonly evidence: readonly QueueEvidence[]; readonly unread: boolean }> => {
    const { seconds, before, after } = windows;
    const jobs = createOwnJobs(source, seconds, ownership, reads.signal);
    const ask = async (from: number, queues: readonly string[]) => (await jobs.read([from], queues))[0] ?? noHistories;
    const readWindows = async () => {
      const [was = noHistories, is = noHistories] = await jobs.read([before.from, after.from]);
      const evidence = toQueueEvidence(source.name, seconds, was, is).filter(({ queue }) => jobs.isOwn(queue));
      const compared = await addBaselines(source.name, evidence, { before, after }, ask, gaps);
      return compared.some(failsMore) ? addSteps(source.name, compared, windows, jobs, gaps) : compared;
    };
    try {
      const evidence = await reads.read(source, readWindows);
      const isUnknown = evidence.some(
        (queue) => !queue.isUnattributed && (queue.before === null || queue.after === null),
      );
      if (isUnknown) gaps.push(`${source.name}: ended jobs are not stored long enough`);
      const isLost = evidence.some(hasLostJobs);
      return { evidence: isLost ? await addStates(evidence, reads) : evidence, unread: false };
    } catch (error) {
      const { message, status } = toOpsError(error);
      gaps.push(`${source.name}: ${message}`);
      // A refusal counts as an answer.
      return { evidence: [], unread: status >= 500 };
    }
  };
  const addStates = async (
    evidence: readonly QueueEvidence[],
    reads: VerdictReads,
  ): Promise<readonly QueueEvidence[]> => {
    const metrics = await reads.wait(siblings.queues.all()).catch(() => []);
    return evidence.map((one) => {
      const own = metrics.find(({ name, source }) => name === one.queue && source === one.source);
      return { ...one, stateNow: own ? toQueueState(own) : null };
    });
  };
  const readErrors = createErrorReader({ all, containers: siblings.containers, now });
  const turns = once(() => new VerdictTurns(signal));
  const budget = createSharedBudget(signal);
  const product = createProduct(sources);
  /** The services whose workers were seen at a source, which has thousands of queues. */
  const seenAt = remember((source: string) => sources.queueOwners.ofSource(source), String);
  const find = async (deploy: Deploy, seconds: number, reads: VerdictReads): Promise<DeployVerdict> => {
    if (!product.hasService(deploy)) return judgeForeign(deploy, now);
    const wait = budget.turn();
    if (wait) await wait;
    const gaps: string[] = [];
    const errorGaps: string[] = [];
    const [deploys, { containers, engines }] = await Promise.all([all(), fleet()]);
    const failed = deploy.state === "failed";
    const around = withoutFailed(deploys).filter((other) => isOfSameGroup(other, deploy));
    const windows = failed ? null : toWindows(deploy, around, now, seconds);
    const { shown: asked, ownership, silent: silentSources, unread } = await findSources(deploy, reads, gaps);
    const [read, newErrors] = await Promise.all([
      Promise.all(windows === null ? [] : asked.map((source) => readQueues(source, ownership, windows, reads, gaps))),
      readErrors({ deploy, windows, sources: asked, ownership, reads, gaps: errorGaps }),
    ]);
    await budget.turn();
    const queues = read.flatMap(({ evidence }) => evidence);
    gaps.push(...errorGaps, ...ownership.toGaps(queues));
    const own = containers.filter((container) => container.kind === "core" && isIn(container, deploy));
    const { shown, silent } = engines;
    if (silent.length > 0) {
      const names = silent.map(({ name }) => name ?? "an engine");
      gaps.push(`containers: ${formatList(names, "does not answer", "do not answer")}`);
    }
    const seen = toSeenEvents(sources, principal, deploy, shown);
    const failing = asked.filter((_, index) => read[index]?.unread);
    return judgeDeploy({
      failed,
      windows,
      queues,
      queuesUnread: unread || (read.length > 0 && read.every((one) => one.unread)),
      unfinished: reads.unfinished,
      unread: [...silentSources, ...failing]
        .filter((source) => mayHaveJobs(deploy, source, seenAt))
        .map(({ name }) => name),
      containers: toContainerEvidence(deploy, windows, own, seen, now),
      newErrors,
      gaps,
    });
  };
  const memory = getMemory(sources);
  return async (deploy, seconds, maxAgeMs = 0) => {
    const { nowMs } = siblings;
    const last = memory.find(principal, deploy, seconds, nowMs);
    if (last && nowMs - last.at < maxAgeMs) return last.verdict;
    // The deploy judged longest ago comes first.
    const verdict = await find(deploy, seconds, turns().enter(last?.at));
    // An aborted verdict has gaps, so it must not be remembered.
    signal.throwIfAborted();
    return memory.settle(principal, deploy, seconds, verdict, nowMs);
  };
}

/**
 * Compares a queue with too few jobs right before the deploy with the same hour of the day or the
 * week before, if that is before the release.
 */
async function addBaselines(
  source: string,
  evidence: readonly QueueEvidence[],
  { before, after: { from, to } }: Pick<Windows, "before" | "after">,
  ask: (from: number, queues: readonly string[]) => Promise<ReadonlyMap<string, QueueHistory>>,
  gaps: string[],
): Promise<readonly QueueEvidence[]> {
  let compared = evidence;
  for (const [baseline, secondsBefore] of earlierBaselines) {
    if (!compared.some(needsBaseline)) break;
    if (to - secondsBefore > before.to) continue;
    const wanted = compared.filter(needsBaseline).map(({ queue }) => queue);
    const earlier = await ask(from - secondsBefore, wanted).catch((error: unknown) => {
      gaps.push(`${source}, a ${baseline} before: ${toProblem(error).message}`);
      return null;
    });
    if (earlier === null) break;
    compared = compared.map((one) => (needsBaseline(one) ? withBaseline(one, baseline, earlier, to - from) : one));
  }
  return compared;
}

/**
 * For queues that fail more after the deploy, also reads the window before it in steps: they may
 * have failed before it.
 */
async function addSteps(
  source: string,
  evidence: readonly QueueEvidence[],
  windows: Windows,
  jobs: OwnJobs,
  gaps: string[],
): Promise<readonly QueueEvidence[]> {
  const range = toStepsBefore(windows);
  const worse = evidence.filter(failsMore).map(({ queue }) => queue);
  try {
    const steps = await jobs.readSteps(range, worse);
    return evidence.map((one) => {
      const ended = failsMore(one) ? steps.get(one.queue) : undefined;
      return ended ? { ...one, stepsBefore: { seconds: range.step, ended } } : one;
    });
  } catch (error) {
    gaps.push(`${source}, when its jobs began to fail: ${toProblem(error).message}`);
    return evidence;
  }
}

/** Whether something belongs to the group of a deploy. */
function isIn(one: ServiceGroup, deploy: Deploy): boolean {
  return !deploy.ambiguous && isSameGroup(one, deploy);
}

/**
 * Whether an unreadable source may have jobs of a deploy's service. Not if it is configured for
 * another service, or if all workers seen there in the last day belong to others.
 */
function mayHaveJobs(
  deploy: Deploy,
  { name, owner }: QueueSource,
  seenAt: (source: string) => readonly ServiceGroup[],
): boolean {
  if (owner) return isOwnedBy([toConfiguredOwner(owner)], deploy) !== false;
  const workers = seenAt(name);
  return workers.length === 0 || isOwnedBy(toOwners(workers, "workers"), deploy) !== false;
}

/** Reads nothing: what runs of such a service, and where its jobs are, is unknown. */
function judgeForeign(deploy: Deploy, now: number): DeployVerdict {
  const containers = toContainerEvidence(deploy, null, [], { deaths: [], health: [], since: null }, now);
  return judgeDeploy({ foreign: true, windows: null, queues: [], containers, newErrors: null, gaps: [] });
}

/**
 * Events of the deploy's group. Access to the deploy is not enough: the caller must also have
 * access to each container.
 */
function toSeenEvents(
  { timeline }: Sources,
  principal: Principal,
  deploy: Deploy,
  engines: readonly EngineStatus[],
): SeenEvents {
  const ofGroup = (kind: "container_death" | "health") =>
    timeline
      .entries(kind)
      .filter((entry) => entry.container?.kind === "core" && isIn(entry, deploy) && maySee(principal, entry.env));
  const isShown = (wanted: string | null) => wanted === null || engines.some(({ name }) => name === wanted);
  const begun = timeline.begun("container_death").filter(({ name }) => isShown(name));
  const isWhole = engines.length > 0 && engines.every(({ name }) => begun.some((subject) => subject.name === name));
  const isOwn = ({ env }: Place) => env === deploy.env && maySee(principal, env);
  const times = [
    ...begun.map(({ since }) => since),
    ...timeline.entries("gap").flatMap(({ time, engine }) => (isShown(engine) ? time : [])),
    ...(["container_death", "health"] as const).flatMap((kind) => timeline.forgottenUntil(kind, isOwn) ?? []),
  ];
  return {
    deaths: ofGroup("container_death"),
    health: ofGroup("health"),
    since: isWhole ? Math.max(...times.map(toUnixSeconds)) : null,
  };
}
