import type { Container } from "../containers/container.ts";
import type { ContainerNumberName } from "../facts/container.ts";
import type { HostNumberName } from "../facts/host.ts";
import type { QueueNumberName } from "../facts/queue.ts";
import { severities } from "../facts/problem.ts";
import { toPlaceOf } from "../facts/tone.ts";
import type { EngineStatus } from "../containers/source.ts";
import type { Deploy } from "../deploys/state.ts";
import type { Host } from "../hosts/host.ts";
import { groupSteps, type Steps } from "../lib/budget/steps.ts";
import type { QueueMetrics } from "../queues/queue.ts";
import type { ServiceGroup } from "../releases/service-group.ts";
import { alertRules, type AlertName, problemKinds, type ProblemKind, problemRules, type Severity } from "./rules.ts";

/**
 * One thing that is wrong now, and its group; the group is null where unknown or absent. Times are
 * RFC 3339.
 */
export interface CurrentProblem extends ServiceGroup {
  /** The kind and its subject: the same while the problem lasts. */
  readonly id: string;
  readonly kind: ProblemKind;
  readonly severity: Severity;
  /** A sentence for people, without a full stop. */
  readonly title: string;
  /** Null when unknown. */
  readonly since: string | null;
  /** The number of its queue, container or host that it is about; null without one. */
  readonly measure: MeasureName | null;
  /** Short facts. */
  readonly evidence: readonly string[];
  readonly rule: string;
  /**
   * The matching alert, and how long the problem must last before it fires, seconds; null without
   * one.
   */
  readonly alert: AlertName | null;
  readonly alertAfterSeconds: number | null;
  readonly role: string | null;
  /** A time to look at in its log. */
  readonly at: string | null;
  /** Where to look first. */
  readonly container: Container | null;
  /** All containers that it concerns, by engine and id. */
  readonly containers: readonly Container[];
  readonly queue: QueueMetrics | null;
  readonly host: Host | null;
  readonly engine: EngineStatus | null;
  readonly deploy: Deploy | null;
  /** Configured name of a queue source. */
  readonly source: string | null;
  /** postgres, redis, rabbitmq or prometheus. */
  readonly upstream: string | null;
  /** The name of the database or broker; null without one. */
  readonly place: string | null;
}

type MeasureName = QueueNumberName | ContainerNumberName | HostNumberName;

/** The number that a kind is about. */
const measures: Partial<Record<ProblemKind, MeasureName>> = {
  queue_no_workers: "depth",
  queue_stalled: "depth",
  queue_backlog: "depth",
  queue_failing: "failuresLastHour",
  queue_orphans: "orphans",
  container_restart_loop: "restarts",
  container_oom_killed: "memPct",
  container_memory_high: "memPct",
  host_disk_full: "diskUtil",
};

const blank = {
  since: null,
  evidence: [],
  service: null,
  destination: null,
  env: null,
  role: null,
  at: null,
  container: null,
  containers: [],
  queue: null,
  host: null,
  engine: null,
  deploy: null,
  source: null,
  upstream: null,
  place: null,
};

type Given = Pick<CurrentProblem, "title"> &
  Partial<Omit<CurrentProblem, "id" | "kind" | "severity" | "alert" | "alertAfterSeconds">>;

/**
 * Creates a problem with the severity, the alert and, unless given, the rule of its kind. `subject`
 * is unique among problems of the kind.
 */
export function createProblem(kind: ProblemKind, subject: string, given: Given): CurrentProblem {
  const { severity, alert, rule } = problemRules[kind];
  const alertAfterSeconds = alert && alertRules[alert].for;
  return {
    ...blank,
    rule,
    measure: measures[kind] ?? null,
    ...given,
    id: `${kind}:${subject}`,
    kind,
    severity,
    alert,
    alertAfterSeconds,
  };
}

/** The fields of a problem that come from one container. */
export function aboutContainer(
  container: Container,
): Pick<CurrentProblem, "service" | "destination" | "env" | "role" | "container" | "containers"> {
  const { service, destination, env, role } = container;
  return { service, destination, env, role, container, containers: [container] };
}

/** What can distinguish problems with the same title, simplest first. */
const marks: readonly ((problem: CurrentProblem) => string | null)[] = [
  ({ service }) => service,
  ({ destination }) => destination,
  ({ env }) => env,
  ({ source }) => source,
  ({ container, engine }) => container?.engine ?? engine?.name ?? null,
];

/**
 * Adds the difference to titles that several problems share: `Most jobs of mailer fail (billing)`.
 */
export function* distinguishTitles(problems: readonly CurrentProblem[]): Steps<CurrentProblem[]> {
  const namesakes = yield* groupSteps(problems, ({ title }) => title);
  const apart: CurrentProblem[] = [];
  for (const same of namesakes.values()) {
    yield;
    const differing = marks.filter((mark) => new Set(same.map(mark)).size > 1);
    const enough = differing.find((mark) => new Set(same.map(mark)).size === same.length);
    for (const problem of same) {
      const named = (enough ? [enough] : differing).flatMap((mark) => mark(problem) ?? []);
      apart.push(named.length === 0 ? problem : { ...problem, title: `${problem.title} (${named.join(", ")})` });
    }
  }
  return apart;
}

/**
 * Worst first: by severity, then by kind, then the one that lasts longest (unknown last), then by
 * id. A total order, as ids differ.
 */
export function compareProblems(a: CurrentProblem, b: CurrentProblem): number {
  return (
    toPlaceOf(severities, a.severity) - toPlaceOf(severities, b.severity) ||
    problemKinds.indexOf(a.kind) - problemKinds.indexOf(b.kind) ||
    compareTimes(a.since, b.since) ||
    compareTexts(a.id, b.id)
  );
}

function compareTimes(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return Date.parse(a) - Date.parse(b);
}

/** By code units: the same everywhere. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
