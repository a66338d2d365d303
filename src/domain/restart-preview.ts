import type { Container } from "./container.ts";
import type { RestartRefused } from "./restart-limits.ts";

/** What a restart would do, for somebody who has not decided yet. */
export interface RestartPreview {
  /** Why it would be refused; null when it would be done. */
  readonly refusal: { readonly code: string; readonly message: string } | null;
  /** Other containers of the same role and environment that run and are not known to be unwell. */
  readonly healthyPeers: number;
  /** True when it is well now and no other of its role is: its service stops for the time of the restart. */
  readonly lastHealthy: boolean;
}

export function toPreview(container: Container, all: readonly Container[], refused: RestartRefused | null): RestartPreview {
  const peers = all.filter(
    (other) => other.fullId !== container.fullId && isPeer(other, container) && isWell(other) && !other.replaced,
  );
  return {
    refusal: refused && { code: refused.code, message: refused.message },
    healthyPeers: peers.length,
    lastHealthy: isWell(container) && peers.length === 0,
  };
}

function isPeer(a: Container, b: Container): boolean {
  return a.role === b.role && a.env === b.env && a.service === b.service && a.kind === b.kind;
}

function isWell({ status, health }: Container): boolean {
  return status === "running" && (health === "healthy" || health === "none");
}
