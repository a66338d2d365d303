import pLimit from "p-limit";
import type { Container, EngineStatus } from "../../domain/container.ts";
import { type SeenEvents, findNewErrors, toContainerEvidence, toQueueEvidence } from "../../domain/deploy-evidence.ts";
import { hasLostJobs } from "../../domain/deploy-queues.ts";
import { toUnix } from "../../domain/deploy-record.ts";
import type { Deploy } from "../../domain/deploy-state.ts";
import { type DeployVerdict, type QueueEvidence, judgeDeploy } from "../../domain/deploy-verdict.ts";
import { type Windows, toWindows } from "../../domain/deploy-windows.ts";
import { type Environment, mayBeSame } from "../../domain/environment.ts";
import type { QueueSource } from "../../domain/queue.ts";
import { toQueueState } from "../../domain/queue-state.ts";
import { toOpsError, toProblem } from "../../errors.ts";
import type { Caller, Sources } from "../context.ts";
import type { DeploySiblings } from "./deploys.ts";
import { fingerprint } from "./queues.ts";
import { findReleases } from "./releases.ts";

interface VerdictParts {
  readonly siblings: DeploySiblings;
  readonly all: () => Promise<readonly Deploy[]>;
  readonly fleet: () => Promise<{ readonly containers: readonly Container[]; readonly engines: readonly EngineStatus[] }>;
}

/** Verdicts that are looked into side by side: each asks every source twice. */
const sideBySide = 2;

/** Asks for what a verdict is made of; whatever cannot be asked is a gap of it. One question for each source and window. */
export function createVerdicts(
  sources: Sources,
  { signal }: Caller,
  { siblings, all, fleet }: VerdictParts,
): (deploy: Deploy, seconds: number) => Promise<DeployVerdict> {
  const now = siblings.nowMs / 1000;

  /** The sources; or none, and whether that is because they do not answer. */
  const findSources = async (env: Environment | null, gaps: string[]) => {
    try {
      const shown = (await siblings.queues.visible()).filter((source) => mayBeSame(env, source.env ?? sources.env));
      return { shown, unread: false };
    } catch (error) {
      const { message, status, unconfigured } = toOpsError(error);
      gaps.push(`queues: ${message}`);
      return { shown: [], unread: status >= 500 && !unconfigured };
    }
  };
  const readQueues = async (
    source: QueueSource,
    { seconds, before, after }: Windows,
    gaps: string[],
  ): Promise<{ readonly evidence: QueueEvidence[]; readonly unread: boolean }> => {
    const ask = async (from: number) => (await source.history?.(null, { from, step: seconds, steps: 1 }, signal)) ?? new Map();
    try {
      const [was, is] = await Promise.all([ask(before.from), ask(after.from)]);
      const evidence = toQueueEvidence(source.name, seconds, was, is);
      const isUnknown = evidence.some((queue) => queue.before === null || queue.after === null);
      if (isUnknown) gaps.push(`${source.name}: jobs that ended are not kept, or not long enough`);
      return { evidence: evidence.some(hasLostJobs) ? await addStates(evidence) : evidence, unread: false };
    } catch (error) {
      const { message, status } = toOpsError(error);
      gaps.push(`${source.name}: ${message}`);
      // One that refuses does answer.
      return { evidence: [], unread: status >= 500 };
    }
  };
  const addStates = async (evidence: readonly QueueEvidence[]): Promise<QueueEvidence[]> => {
    const metrics = await siblings.queues.all().catch(() => []);
    return evidence.map((one) => {
      const own = metrics.find(({ name, source }) => name === one.queue && source === one.source);
      return { ...one, stateNow: own ? toQueueState(own) : null };
    });
  };
  const readErrors = async (deploy: Deploy, shown: readonly QueueSource[], gaps: string[]) => {
    const latest = (await all()).find(({ env }) => env === deploy.env);
    if (shown.length === 0 || latest?.deployedAt !== deploy.deployedAt) return null;
    try {
      const failures = (await Promise.all(shown.map(async (source) => fingerprint(await source.failures(signal))))).flat();
      const errors = findNewErrors(deploy, failures, await findReleases(siblings.containers), now);
      if (errors === null) gaps.push("errors: the failures that are told do not reach far enough before the deploy");
      return errors;
    } catch (error) {
      gaps.push(`errors: ${toProblem(error).message}`);
      return null;
    }
  };
  const limit = pLimit(sideBySide);
  const find = async (deploy: Deploy, seconds: number): Promise<DeployVerdict> => {
    const gaps: string[] = [];
    const [deploys, { containers, engines }] = await Promise.all([all(), fleet()]);
    const windows = toWindows(
      deploy,
      deploys.filter(({ env }) => env === deploy.env),
      now,
      seconds,
    );
    const { shown, unread } = await findSources(deploy.env, gaps);
    const [read, newErrors] = await Promise.all([
      Promise.all(windows === null ? [] : shown.map((source) => readQueues(source, windows, gaps))),
      readErrors(deploy, shown, gaps),
    ]);
    const own = containers.filter(({ kind, env }) => kind === "core" && mayBeSame(deploy.env, env));
    const silent = engines.filter(({ ok }) => !ok);
    if (silent.length > 0) gaps.push(`containers: ${silent.map(({ name }) => name).join(", ")} does not answer`);
    const seen = toSeenEvents(sources, deploy.env, engines);
    return judgeDeploy({
      windows,
      queues: read.flatMap(({ evidence }) => evidence),
      queuesUnread: unread || (read.length > 0 && read.every((one) => one.unread)),
      containers: toContainerEvidence(deploy, windows, own, seen, now),
      newErrors,
      gaps,
    });
  };
  return (deploy, seconds) => limit(() => find(deploy, seconds));
}

function toSeenEvents({ timeline }: Sources, env: Environment | null, engines: readonly EngineStatus[]): SeenEvents {
  const ofEnv = (kind: "container_death" | "health") =>
    timeline.entries(kind).filter(({ container, env: own }) => container?.kind === "core" && mayBeSame(env, own));
  const begun = timeline.begun("container_death");
  const isWhole = engines.length > 0 && engines.every(({ name }) => begun.has(name));
  const times = [
    ...begun.values(),
    ...timeline.entries("gap").map(({ time }) => time),
    ...(["container_death", "health"] as const).flatMap((kind) => timeline.forgottenUntil(kind) ?? []),
  ];
  return { deaths: ofEnv("container_death"), health: ofEnv("health"), since: isWhole ? Math.max(...times.map(toUnix)) : null };
}
