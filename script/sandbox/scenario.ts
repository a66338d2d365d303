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
  /** The deploys to record, oldest first. */
  readonly deploys: readonly SandboxDeploy[];
  /** Job tables of the product's own. */
  readonly queues: readonly SandboxQueue[];
  /** Jobs of River: its tables with a history, and the workers. Null without. */
  readonly settlements: { readonly sql: string; readonly workers: readonly SettlementWorker[] } | null;
}

/**
 * How long ago the running release was deployed, milliseconds: its verdict compares the minutes
 * since with as many before.
 */
export const currentAgo = 8 * 60_000;
/**
 * The release before it. The gateway takes a deploy, and containers made at most half an hour after
 * it, for one; the containers of both are made now.
 */
export const previousAgo = 24 * 60_000;

/** The deploy that ended so many milliseconds before the start. */
export function toDeploy(startedAt: Date, ago: number, seconds: number): SandboxDeploy {
  const at = new Date(startedAt.getTime() - ago);
  return { version: toDeployTag(at), at, seconds };
}

/**
 * All is well, some minutes after a deploy. The records of jobs and deploys reach back before the
 * start; containers and their logs begin with it.
 */
export function healthyScenario(startedAt: Date): Scenario {
  const [previous, current] = [toDeploy(startedAt, previousAgo, 63), toDeploy(startedAt, currentAgo, 61)];
  return {
    containers: kamalContainers({ current: current.version, previous: previous.version }),
    deploys: [previous, current],
    queues: sandboxQueues,
    settlements: null,
  };
}
