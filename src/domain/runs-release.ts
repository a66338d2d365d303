import type { Container } from "./container.ts";
import type { DeployRecord } from "./deploy-record.ts";

/**
 * Whether a core container runs a release: by its tag, Kamal's version of it, or its commit (7 or more hex digits, one may be abbreviated). That a container is
 * of the deploy's group (`ServiceGroup`) is another question.
 */
export function runsRelease(
  { kind, version: own, commitSha: ownSha }: Container,
  { tag, version, commitSha }: Pick<DeployRecord, "tag" | "version" | "commitSha">,
): boolean {
  return kind === "core" && (own === tag || own === version || sameCommit(ownSha, commitSha));
}

export function sameCommit(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= 7 && (a.startsWith(b) || b.startsWith(a));
}
