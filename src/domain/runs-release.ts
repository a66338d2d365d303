import type { Container } from "./container.ts";
import type { DeployInfo } from "./deploy.ts";
import { mayBeSame } from "./environment.ts";

/**
 * Whether a core container runs the release of this deploy: the same tag, or the same commit (7 or more hex digits, one may be
 * abbreviated). A deploy of another environment is another release.
 */
export function runsRelease(container: Container, deploy: Pick<DeployInfo, "currentTag" | "commitSha" | "env">): boolean {
  if (container.kind !== "core") return false;
  if (!mayBeSame(container.env, deploy.env)) return false;
  return container.version === deploy.currentTag || sameCommit(container.commitSha, deploy.commitSha);
}

export function sameCommit(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= 7 && (a.startsWith(b) || b.startsWith(a));
}
