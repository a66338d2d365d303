import { maySee, maySeeContainer } from "../../auth/principal.ts";
import { type Container, type StatsPoint, toContainerKey } from "../../containers/container.ts";
import type { Deploy } from "../../deploys/state.ts";
import type { DeployVerdict } from "../../deploys/verdict/types.ts";
import { toUnread } from "../../deploys/verdict/verdict.ts";
import { createSharedBudget, inTurns } from "../../lib/budget/budget.ts";
import { type OpsError, toOpsError, toProblem } from "../../lib/errors.ts";
import { isSampled } from "../../problems/containers.ts";
import type { Readings } from "../../problems/find.ts";
import { createProduct } from "../../problems/product.ts";
import type { QueueReadings } from "../../problems/queues.ts";
import { nameDeploy, selectJudged } from "../../problems/releases.ts";
import { toConfiguredOwner } from "../../queues/owners.ts";
import type { TimelineKind } from "../../timeline/timeline.ts";
import type { ContainerLoaders } from "../containers/loader.ts";
import type { DeployLoader } from "../deploys/info-loader.ts";
import type { DeployLoaders } from "../deploys/loader.ts";
import type { HostLoaders } from "../hosts/loader.ts";
import type { QueueLoaders } from "../queues/loader.ts";
import type { OrphanLoaders } from "../queues/orphans-loader.ts";
import type { OwnerLoader } from "../queues/owners-loader.ts";
import type { Caller, Sources } from "../sources.ts";
import { findFullSince } from "./full-since.ts";

/** The loaders that the rules of problems read through. */
export interface ProblemSiblings {
  readonly containers: ContainerLoaders;
  readonly queues: QueueLoaders;
  readonly orphans: OrphanLoaders;
  readonly owners: OwnerLoader;
  readonly hosts: HostLoaders;
  readonly deploy: DeployLoader;
  readonly deploys: DeployLoaders;
  readonly nowMs: number;
}

/** What was read, and what could not be checked. */
export interface FoundReadings {
  readonly readings: Readings;
  readonly gaps: readonly string[];
}

/** A result, or its error. */
type Settled<T> = { readonly value: T; readonly error: null } | { readonly value: null; readonly error: OpsError };

async function settle<T>(answer: Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await answer, error: null };
  } catch (error) {
    return { value: null, error: toOpsError(error) };
  }
}

/**
 * Reads what the caller may see and what belongs to the product, through loaders. Failed reads
 * appear in `down` or as gaps; rejects only when nobody waits any more.
 *
 * @param judge the verdict on a deploy
 */
export async function readAll(
  sources: Sources,
  { principal, signal }: Caller,
  siblings: ProblemSiblings,
  judge: (deploy: Deploy) => Promise<DeployVerdict>,
): Promise<FoundReadings> {
  const { nowMs } = siblings;
  const product = createProduct(sources);
  /** Its work serves all who share the answer. */
  const shared = createSharedBudget(signal);
  const gaps: string[] = [];
  const down: Readings["down"][number][] = [];
  const eventsOf = (...kinds: readonly TimelineKind[]) =>
    kinds
      .flatMap((kind) => sources.timeline.entries(kind))
      .filter(({ env, container }) => maySeeContainer(principal, { env, kind: container?.kind ?? null }));

  const readContainers = async (): Promise<Pick<Readings, "containers" | "engines">> => {
    const [known, retired, last] = await Promise.all([
      siblings.containers.known(true),
      siblings.containers.listRetired(true),
      siblings.containers.lastListed(),
    ]);
    const { shown, silent } = known.engines;
    const containers = known.containers.filter((one) => product.hasContainer(one));
    const samples = await readSamples(containers);
    await shared.turn();
    const running = containers.filter(({ status, stale }) => status === "running" && !stale);
    const unsampled = running.filter((container) => !isSampled(samples.get(toContainerKey(container)) ?? [], nowMs));
    if (unsampled.length > 0) {
      const which =
        unsampled.length < running.length ? `${unsampled.length} of ${running.length} containers` : "containers";
      gaps.push(`memory of ${which}: not sampled while no client asks for their statistics`);
    }
    const events = eventsOf("container_death", "oom_kill", "health");
    return {
      containers: {
        nowMs,
        containers,
        retired: retired.filter((one) => product.hasContainer(one)),
        lost: last.lost.filter((one) => product.hasContainer(one)),
        unlisted: last.unlisted,
        events,
        forgottenUntil: (engine) =>
          sources.timeline.forgottenUntil("container_death", (place) => place.engine === engine),
        samples,
      },
      engines: {
        nowMs,
        engines: shown,
        silent,
        databases: maySee(principal, null) ? sources.databaseClocks() : [],
      },
    };
  };
  const readSamples = async (containers: readonly Container[]): Promise<ReadonlyMap<string, readonly StatsPoint[]>> =>
    new Map(
      await inTurns(
        containers,
        shared,
        (one) => [toContainerKey(one), sources.containers.statsHistoryCached(one)] as const,
      ),
    );
  const readReleases = async (): Promise<Readings["releases"]> => {
    const [deploys, drift, info, logs] = await Promise.all([
      settle(siblings.deploys.all()),
      settle(siblings.deploys.drift()),
      settle(siblings.deploy.info()),
      settle(siblings.deploys.logs()),
    ]);
    for (const error of new Set([deploys, drift, logs].flatMap((part) => part.error?.message ?? [])))
      gaps.push(`deploys: ${error}`);
    for (const { error } of logs.value ?? []) if (error) gaps.push(`deploys: ${error.message}`);
    const all = (deploys.value ?? []).filter((deploy) => product.hasService(deploy));
    const judged = selectJudged(all, nowMs);
    const verdicts = await Promise.all(judged.map(async (deploy) => [deploy, await readVerdict(deploy)] as const));
    const isUnreadable = info.error?.code === "deploy_info_invalid" || info.error?.code === "deploy_info_unreadable";
    const staleError = info.value?.stale ? (info.value.error ?? "this is its last good version") : null;
    return {
      nowMs,
      deploys: all,
      verdicts: new Map(verdicts),
      drift: (drift.value ?? []).filter((one) => product.hasService(one)),
      infoError: isUnreadable ? info.error.message : staleError,
      info: info.value,
    };
  };
  const readVerdict = async (deploy: Deploy) => {
    const { value, error } = await settle(judge(deploy));
    const unread = value?.queuesUnread ? "no queue source could be read" : null;
    const silent = value?.outcome === "not_enough_data" && value.unread.length > 0 ? toUnread(value.unread) : null;
    const reason = error?.message ?? value?.unfinished ?? unread ?? silent;
    if (reason !== null && value?.outcome !== "regressed") gaps.push(`the verdict on ${nameDeploy(deploy)}: ${reason}`);
    return value;
  };
  const readQueues = async (): Promise<QueueReadings | null> => {
    const visible = await settle(siblings.queues.visible());
    if (visible.error) {
      const { code, status, unconfigured } = visible.error;
      if (status >= 500 && !unconfigured)
        down.push({ upstream: "postgres", env: sources.env, error: toProblem(visible.error) });
      if (code === "forbidden") gaps.push(`queues: ${visible.error.message}`);
      return null;
    }
    const [statuses, metrics] = await Promise.all([siblings.queues.statuses(), settle(siblings.queues.all())]);
    const read = statuses.map(async (source) => {
      const { name, kind, env, place, owner } = source;
      return { name, kind, env, place, owner: owner && toConfiguredOwner(owner), error: await source.numbersError() };
    });
    const queues = (metrics.value ?? []).map(async (queue) => ({
      queue,
      orphans: (await settle(siblings.orphans.byHost(queue))).value,
      owners: (await siblings.owners(queue.source))(queue.name),
    }));
    const [found, sourcesRead] = await Promise.all([Promise.all(queues), Promise.all(read)]);
    return {
      queues: found.filter(({ owners }) => product.hasQueue(owners)),
      sources: sourcesRead,
      events: eventsOf("queue_state"),
    };
  };
  const readHosts = async (): Promise<Readings["hosts"]> => {
    const { value, error } = await settle(siblings.hosts.report());
    if (value) {
      const { hosts, thresholds } = value;
      const fullSince = await findFullSince(sources, hosts, siblings.hosts, nowMs);
      return { hosts, thresholds, env: sources.env, events: eventsOf("host_alert"), fullSince };
    }
    if (error.code === "forbidden") gaps.push(`hosts: ${error.message}`);
    else if (!error.unconfigured) down.push({ upstream: "prometheus", env: sources.env, error: toProblem(error) });
    return null;
  };

  const [ofContainers, releases, queues, hosts] = await Promise.all([
    readContainers(),
    readReleases(),
    readQueues(),
    readHosts(),
  ]);
  // Abandoned parts are not failures.
  signal.throwIfAborted();
  return { readings: { ...ofContainers, releases, queues, hosts, down }, gaps };
}
