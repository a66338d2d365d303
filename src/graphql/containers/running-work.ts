import type { Container } from "../../containers/container.ts";
import type { RestartRefusal } from "../../containers/restart/limits.ts";
import { toProblem } from "../../lib/errors.ts";
import type { QueueSource, RunningJob, RunningJobs } from "../../queues/queue.ts";
import { toRoleKey } from "../../releases/service-group.ts";
import { toErlangHost } from "../../releases/worker.ts";
import type { QueueLoaders } from "../queues/loader.ts";

interface SourceResult {
  readonly found: RunningJobs | null;
  readonly gap: WorkGap | null;
}

/** Queries every source that the caller may see. Never rejects: gaps name what is unknown. */
export async function findRunningWork(
  container: Container,
  all: readonly Container[],
  queues: QueueLoaders,
  signal: AbortSignal,
): Promise<RunningWork> {
  const hosts = toWorkerHosts(container, all);
  if (hosts === null) return unknown(`another container has the same host name, ${container.host}`);
  try {
    const sources = await queues.visible();
    if (sources.length === 0) return unknown("no queue source is configured");
    const results = await Promise.all(sources.map((source) => ask(source, hosts, signal)));
    const answers = results.flatMap(({ found }) => found ?? []);
    const gaps = results.flatMap(({ gap }) => gap ?? []);
    if (answers.length === 0) return { jobs: null, total: null, gaps };
    return {
      jobs: answers.flatMap(({ jobs }) => jobs),
      total: answers.reduce((sum, { total }) => sum + total, 0),
      gaps,
    };
  } catch (error) {
    return unknown(toProblem(error).message);
  }
}

async function ask(source: QueueSource, hosts: readonly string[], signal: AbortSignal): Promise<SourceResult> {
  const { name } = source;
  if (!source.running) return { found: null, gap: { source: name, reason: "its rows do not name the host of a job" } };
  try {
    const found = await source.running(hosts, signal);
    const reason = `${found.unnamed} of its running jobs have no known host`;
    return { found, gap: found.unnamed > 0 ? { source: name, reason } : null };
  } catch (error) {
    return { found: null, gap: { source: name, reason: toProblem(error).message } };
  }
}

function unknown(reason: string): RunningWork {
  return { jobs: null, total: null, gaps: [{ source: null, reason }] };
}

/** What a restart would do. */
export interface RestartPreview {
  /** Why it would be refused; null when it would be done. */
  readonly refusal: RestartRefusal | null;
  /** Other running containers of its role and group that are healthy or have no health check. */
  readonly healthyPeers: number;
  /** True when it is healthy and no other of its role is: the service stops during the restart. */
  readonly lastHealthy: boolean;
  readonly work: RunningWork;
}

/** The jobs that run in a container, according to the queue sources. */
export interface RunningWork {
  /** Null when no source knows. */
  readonly jobs: readonly RunningJob[] | null;
  /** Their number, even if `jobs` is cut. */
  readonly total: number | null;
  /** Why there may be more. */
  readonly gaps: readonly WorkGap[];
}

export interface WorkGap {
  /** Name of the source; null for all sources. */
  readonly source: string | null;
  readonly reason: string;
}

/**
 * The host names that the workers in a container may report: its own host name, or the start of its
 * id, which is Docker's default. Null when another container shares its host name, so they are
 * indistinguishable. Includes the part up to the first dot, as Erlang cuts it, unless another
 * container has the same.
 */
export function toWorkerHosts(container: Container, all: readonly Container[]): readonly string[] | null {
  const others = all.filter(({ fullId }) => fullId !== container.fullId);
  if (others.some(({ host }) => host === container.host)) return null;
  const cut = toErlangHost(container.host);
  const isOwn = !others.some(({ host }) => toErlangHost(host) === cut);
  return [...new Set([container.host, container.id, ...(isOwn ? [cut] : [])])];
}

export function toPreview(
  container: Container,
  all: readonly Container[],
  refused: RestartRefusal | null,
  work: RunningWork,
): RestartPreview {
  const peers = all.filter(
    (other) =>
      other.fullId !== container.fullId &&
      toRoleKey(other) === toRoleKey(container) &&
      isHealthy(other) &&
      !other.replaced,
  );
  return {
    refusal: refused && { code: refused.code, message: refused.message },
    healthyPeers: peers.length,
    lastHealthy: isHealthy(container) && peers.length === 0,
    work,
  };
}

function isHealthy({ status, health }: Container): boolean {
  return status === "running" && (health === "healthy" || health === "none");
}
