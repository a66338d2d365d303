import type { Container } from "./container.ts";
import type { RunningJob } from "./queue.ts";
import type { RestartRefusal } from "./restart.ts";
import { toRoleKey } from "./service-group.ts";
import { toErlangHost } from "./worker-release.ts";

/** What a restart would do, for somebody who has not decided yet. */
export interface RestartPreview {
  /** Why it would be refused; null when it would be done. */
  readonly refusal: RestartRefusal | null;
  /** Other containers of the same role of the same group that run and are not known to be unwell. */
  readonly healthyPeers: number;
  /** True when it is well now and no other of its role is: its service stops for the time of the restart. */
  readonly lastHealthy: boolean;
  readonly work: RunningWork;
}

/** The jobs that run in a container, as far as its queue sources can tell. */
export interface RunningWork {
  /** Null when no source can tell. */
  readonly jobs: readonly RunningJob[] | null;
  /** How many there are, where `jobs` is cut. */
  readonly total: number | null;
  /** Why there may be more. */
  readonly gaps: readonly WorkGap[];
}

export interface WorkGap {
  /** Name of the source; null when none could be had. */
  readonly source: string | null;
  readonly reason: string;
}

/**
 * The host names by which the workers in a container call themselves: the one that it was given or else, as Docker does, the start of its id.
 * Null when another container shares it, for then there is no telling them apart. Also its start up to the first dot, as Erlang cuts it, unless another has the same.
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
    (other) => other.fullId !== container.fullId && toRoleKey(other) === toRoleKey(container) && isWell(other) && !other.replaced,
  );
  return {
    refusal: refused && { code: refused.code, message: refused.message },
    healthyPeers: peers.length,
    lastHealthy: isWell(container) && peers.length === 0,
    work,
  };
}

function isWell({ status, health }: Container): boolean {
  return status === "running" && (health === "healthy" || health === "none");
}
