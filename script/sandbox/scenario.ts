import { kamalContainers, type SandboxContainer, toDeployTag } from "./kamal.ts";
import { type SandboxQueue, sandboxQueues } from "./queues.ts";

/** One deploy to record. */
export interface SandboxDeploy {
  readonly version: string;
  /** When it ended. */
  readonly at: Date;
  readonly seconds: number;
}

/** A worker of River jobs, which a process outside of its container plays. */
export interface SettlementWorker {
  /** Host name of its container. */
  readonly host: string;
  /** Folder that the container shares with the process. */
  readonly folder: string;
}

/** What the sandbox shows. */
export interface Scenario {
  /** In the order in which they are made. */
  readonly containers: readonly SandboxContainer[];
  /** The deploys to record at a time, oldest first. */
  readonly deploysAt: (now: Date) => readonly SandboxDeploy[];
  /** Job tables of the product's own. */
  readonly queues: readonly SandboxQueue[];
  /** Jobs of River: its tables with a history, and the workers. Null without. */
  readonly settlements: { readonly sql: string; readonly workers: readonly SettlementWorker[] } | null;
}

/** All is well: right after a deploy, which lasted from the start until it is recorded. */
export function healthyScenario(startedAt: Date): Scenario {
  const releases = { current: toDeployTag(startedAt), previous: toDeployTag(new Date(startedAt.getTime() - 86_400_000)) };
  return {
    containers: kamalContainers(releases),
    deploysAt: (now) => [
      { version: releases.previous, at: startedAt, seconds: 61 },
      { version: releases.current, at: now, seconds: (now.getTime() - startedAt.getTime()) / 1000 },
    ],
    queues: sandboxQueues,
    settlements: null,
  };
}
