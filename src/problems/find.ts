import type { Steps } from "../lib/budget/steps.ts";
import type { Environment } from "../lib/environment.ts";
import { type ContainerReadings, findContainerProblems } from "./containers.ts";
import {
  type EngineReadings,
  findClockProblems,
  findEngineProblems,
  findHostProblems,
  type HostReadings,
} from "./hosts.ts";
import { compareProblems, type CurrentProblem, distinguishTitles } from "./problem.ts";
import { type Failure, findQueueGaps, findQueueProblems, type QueueReadings, toUpstreamDown } from "./queues.ts";
import { findReleaseProblems, type ReleaseReadings } from "./releases.ts";

/**
 * What was read now. Null where nothing is known: its upstream is in `down`, or the caller may not
 * see it.
 */
export interface Readings {
  readonly containers: ContainerReadings;
  readonly engines: EngineReadings;
  readonly releases: ReleaseReadings;
  readonly queues: QueueReadings | null;
  readonly hosts: HostReadings | null;
  /** Upstreams that nothing could be read from, and why. */
  readonly down: readonly {
    readonly upstream: "postgres" | "prometheus";
    readonly env: Environment | null;
    readonly error: Failure;
  }[];
}

/** Problems, and what is unknown. */
export interface FoundProblems {
  /** Worst first: `compareProblems`. */
  readonly problems: readonly CurrentProblem[];
  /** What could not be checked, and why. */
  readonly gaps: readonly string[];
}

/**
 * Finds everything that is wrong now. Pure: the same readings in any order give the same answer. An
 * unknown number causes no problem.
 */
export function* findProblems({ containers, engines, releases, queues, hosts, down }: Readings): Steps<FoundProblems> {
  yield;
  const ofContainers = yield* findContainerProblems(containers);
  const ofReleases = findReleaseProblems(releases, ofContainers.problems);
  yield;
  const problems = [
    ...down.map(({ upstream, env, error }) => toUpstreamDown(upstream, env, [`${error.message} (${error.code})`])),
    ...findEngineProblems(engines),
    ...findClockProblems(engines),
    ...ofContainers.problems,
    ...ofReleases,
    ...(queues ? findQueueProblems(queues) : []),
    ...(hosts ? findHostProblems(hosts) : []),
  ];
  const titled = yield* distinguishTitles(problems);
  return {
    problems: titled.toSorted(compareProblems),
    gaps: [...ofContainers.gaps, ...(queues ? findQueueGaps(queues) : [])],
  };
}
