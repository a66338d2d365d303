import type { Container } from "./container.ts";
import type { DeployInfo } from "./deploy.ts";
import { mayBeSame } from "./environment.ts";

/**
 * Lets deploy_info name the release of a container whose tags only move: of a current one alone, that is a running core container which
 * was not replaced, and only for its own environment. The commit of deploy_info counts only for the very tag that it names
 * (upstreams.md 1.3.4 and 1.3.5). Answers the same object when there is nothing to add.
 */
export function withDeploy(container: Container, deploy: DeployInfo | null): Container {
  if (!deploy || !deploy.currentTag || container.kind !== "core" || !mayBeSame(container.env, deploy.env)) return container;
  const isCurrent = container.status === "running" && !container.replaced;
  const named = container.floating && isCurrent ? { ...container, version: deploy.currentTag, floating: false } : container;
  if (named.version !== deploy.currentTag || named.commitSha !== "" || deploy.commitSha === "") return named;
  return { ...named, commitSha: deploy.commitSha };
}

/** Whether `withDeploy` may have something to add to the container. */
export function needsDeploy({ kind, floating, commitSha }: Container): boolean {
  return floating || (kind === "core" && commitSha === "");
}
