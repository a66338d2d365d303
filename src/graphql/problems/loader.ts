import { maySeeContainer, requireEnvironments } from "../../auth/principal.ts";
import { type Container, type StatsPoint, toContainerKey } from "../../containers/container.ts";
import type { Deploy } from "../../deploys/state.ts";
import { inTurns } from "../../lib/budget/budget.ts";
import type { Environment } from "../../lib/environment.ts";
import { type OpsError, toOpsError, toProblem } from "../../lib/errors.ts";
import { formatRfc3339 } from "../../lib/time.ts";
import { isSampled } from "../../problems/containers.ts";
import { findProblems, type FoundProblems, type Readings } from "../../problems/find.ts";
import type { QueueReadings } from "../../problems/queues.ts";
import { selectJudged } from "../../problems/releases.ts";
import type { TimelineKind } from "../../timeline/timeline.ts";
import type { ContainerLoaders } from "../containers/loader.ts";
import type { DeployLoader } from "../deploys/info-loader.ts";
import type { DeployLoaders } from "../deploys/loader.ts";
import type { HostLoaders } from "../hosts/loader.ts";
import type { QueueLoaders } from "../queues/loader.ts";
import type { OrphanLoaders } from "../queues/orphans-loader.ts";
import type { Caller, Sources } from "../sources.ts";
import { findVerdict } from "./verdicts.ts";

/** Problems at one time, RFC 3339. */
export interface CurrentProblems extends FoundProblems {
  readonly checkedAt: string;
}

/** What the caller may see, optionally of one environment and of none that is known. Rejects with forbidden for one that the token does not list. */
export type ProblemLoader = (env: Environment | null) => Promise<CurrentProblems>;

interface Siblings {
  readonly containers: ContainerLoaders;
  readonly queues: QueueLoaders;
  readonly orphans: OrphanLoaders;
  readonly hosts: HostLoaders;
  readonly deploy: DeployLoader;
  readonly deploys: DeployLoaders;
  readonly nowMs: number;
}

/** An answer, or why there is none. */
type Settled<T> = { readonly value: T; readonly error: null } | { readonly value: null; readonly error: OpsError };

async function settle<T>(answer: Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await answer, error: null };
  } catch (error) {
    return { value: null, error: toOpsError(error) };
  }
}

/** Reads through the loaders of the request, so it shows what their own fields show. What cannot be read is a problem or a gap. */
export function createProblemLoader(sources: Sources, caller: Caller, siblings: Siblings): ProblemLoader {
  const { principal, budget } = caller;
  const { nowMs } = siblings;
  const eventsOf = (...kinds: readonly TimelineKind[]) =>
    kinds
      .flatMap((kind) => sources.timeline.entries(kind))
      .filter(({ env, container }) => maySeeContainer(principal, { env, kind: container?.kind ?? null }));

  const readContainers = async (gaps: string[]): Promise<Pick<Readings, "containers" | "engines">> => {
    const [{ containers, engines }, retired] = await Promise.all([
      siblings.containers.known(true),
      siblings.containers.listRetired(true),
    ]);
    const { shown, silent } = engines;
    const samples = await readSamples(containers);
    const isUnsampled = containers.some(
      (container) =>
        container.status === "running" && !container.stale && !isSampled(samples.get(toContainerKey(container)) ?? [], nowMs),
    );
    if (isUnsampled) gaps.push("memory of containers: not sampled while no client asks for their statistics");
    const events = eventsOf("container_death", "oom_kill", "health");
    return {
      containers: { nowMs, containers, retired, silent, events, samples },
      engines: { nowMs, engines: shown, silent },
    };
  };
  const readSamples = async (containers: readonly Container[]): Promise<ReadonlyMap<string, readonly StatsPoint[]>> =>
    new Map(
      await inTurns(containers, budget, (one) => [toContainerKey(one), sources.containers.statsHistoryCached(one)] as const),
    );
  const readReleases = async (gaps: string[]): Promise<Readings["releases"]> => {
    const [deploys, drift, info, logs] = await Promise.all([
      settle(siblings.deploys.all()),
      settle(siblings.deploys.drift()),
      settle(siblings.deploy.info()),
      settle(siblings.deploys.logs()),
    ]);
    for (const error of new Set([deploys, drift, logs].flatMap((part) => part.error?.message ?? [])))
      gaps.push(`deploys: ${error}`);
    for (const { error } of logs.value ?? []) if (error) gaps.push(`deploys: ${error.message}`);
    const all = deploys.value ?? [];
    const judged = selectJudged(all, nowMs);
    const verdicts = await Promise.all(judged.map(async (deploy) => [deploy, await readVerdict(deploy, gaps)] as const));
    const isUnreadable = info.error?.code === "deploy_info_invalid" || info.error?.code === "deploy_info_unreadable";
    const staleError = info.value?.stale ? (info.value.error ?? "this is its last good version") : null;
    return {
      nowMs,
      deploys: all,
      verdicts: new Map(verdicts),
      drift: drift.value ?? [],
      infoError: isUnreadable ? info.error.message : staleError,
      info: info.value,
    };
  };
  const readVerdict = async (deploy: Deploy, gaps: string[]) => {
    const { value, error } = await settle(findVerdict(sources, caller, deploy));
    const reason = error?.message ?? (value?.queuesUnread ? "no queue source could be read" : null);
    if (reason !== null && value?.outcome !== "regressed") gaps.push(`the verdict on ${deploy.tag}: ${reason}`);
    return value;
  };
  const readQueues = async (gaps: string[], down: Readings["down"][number][]): Promise<QueueReadings | null> => {
    const visible = await settle(siblings.queues.visible());
    if (visible.error) {
      const { code, status, unconfigured } = visible.error;
      if (status >= 500 && !unconfigured) down.push({ upstream: "postgres", env: sources.env, error: toProblem(visible.error) });
      if (code === "forbidden") gaps.push(`queues: ${visible.error.message}`);
      return null;
    }
    const [statuses, metrics] = await Promise.all([siblings.queues.statuses(), settle(siblings.queues.all())]);
    const read = statuses.map(async (source) => {
      const { name, kind, env } = source;
      return { name, kind, env, error: await source.numbersError() };
    });
    const queues = (metrics.value ?? []).map(async (queue) => ({
      queue,
      orphans: (await settle(siblings.orphans.byHost(queue))).value,
    }));
    const [found, sourcesRead] = await Promise.all([Promise.all(queues), Promise.all(read)]);
    return { queues: found, sources: sourcesRead, events: eventsOf("queue_state") };
  };
  const readHosts = async (gaps: string[], down: Readings["down"][number][]): Promise<Readings["hosts"]> => {
    const { value, error } = await settle(siblings.hosts.report());
    if (value) {
      const { hosts, thresholds } = value;
      return { hosts, thresholds, env: sources.env, events: eventsOf("host_alert") };
    }
    if (error.code === "forbidden") gaps.push(`hosts: ${error.message}`);
    else down.push({ upstream: "prometheus", env: sources.env, error: toProblem(error) });
    return null;
  };

  return async (env) => {
    requireEnvironments(principal, env);
    const gaps: string[] = [];
    const down: Readings["down"][number][] = [];
    const [ofContainers, releases, queues, hosts] = await Promise.all([
      readContainers(gaps),
      readReleases(gaps),
      readQueues(gaps, down),
      readHosts(gaps, down),
    ]);
    const found = findProblems({ ...ofContainers, releases, queues, hosts, down });
    return {
      // What has no known environment may be of this one.
      problems: env === null ? found.problems : found.problems.filter((problem) => problem.env === null || problem.env === env),
      gaps: [...found.gaps, ...gaps].toSorted(),
      checkedAt: formatRfc3339(nowMs),
    };
  };
}
