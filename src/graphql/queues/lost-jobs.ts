import { isIP } from "node:net";
import type { Container } from "../../containers/container.ts";
import type { EngineStatus } from "../../containers/source.ts";
import { mapSteps, type Steps } from "../../lib/budget/steps.ts";
import { type ClockOffset, mostClockSkew } from "../../lib/clock-skew.ts";
import { type WorkerJobs, workerStartsLimit } from "../../queues/queue.ts";
import { toErlangHost, toRiverHost, toWorkerNames } from "../../releases/worker.ts";

/**
 * Grace time of a worker, seconds. Its oldest job may be younger than the list of containers: an
 * engine without events is listed again only after this time. A job without a recorded start counts
 * as old.
 */
export const orphanGraceSeconds = 30;

/** What is known of the running jobs of one queue on one host. */
export interface Judged {
  readonly jobs: WorkerJobs;
  /** How many of them have certainly lost their worker. */
  readonly lost: number;
  /** The lost ones started before this time, unix seconds; null where all of the host are lost. */
  readonly lostBefore: number | null;
  /** How many of them may have lost it, and why this is unknown. */
  readonly unknown: number;
  readonly reason: string | null;
}

/** The clock of a source's database. Absent if it has none: its workers then write all times. */
type DatabaseClock = ClockOffset | null | undefined;

/**
 * When a container started, unix seconds, by every clock that may have written the start of its
 * jobs: that of its machine, or that of the database. Certainly after `least`, and by `most`.
 */
interface Started {
  readonly least: number;
  readonly most: number;
}

/** When the containers that share one worker's name started. */
interface Starts extends Started {
  readonly isAnyUnknown: boolean;
}

/** Judges the running jobs of a source. `clock` is that of its database. */
export type Judge = (jobs: readonly WorkerJobs[], clock: DatabaseClock) => Steps<readonly Judged[]>;

/** Judges the running jobs of sources by the containers that are live after the jobs were read. */
export function* createJudge(
  live: readonly Container[],
  engines: readonly Pick<EngineStatus, "name" | "clockOffset">[],
): Steps<Judge> {
  const clocks = new Map(engines.map(({ name, clockOffset }) => [name, clockOffset]));
  const [exact, cut] = [new Map<string, Container[]>(), new Map<string, Container[]>()];
  const machines = new Set<string>();
  for (const container of live) {
    yield;
    for (const name of toWorkerNames(container)) add(exact, name, container);
    add(cut, toErlangHost(container.host), container);
    for (const name of container.hostNames) {
      machines.add(name).add(toRiverHost(name));
      // No machine has an address for its name, so Erlang cuts none.
      if (isIP(name) === 0) machines.add(toErlangHost(name));
    }
  }
  const toStarts = function* (containers: readonly Container[], clock: DatabaseClock): Steps<Starts> {
    let [least, most, isAnyUnknown] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, false];
    for (const container of containers) {
      yield;
      const started = toStarted(container, clocks.get(container.engine) ?? null, clock);
      if (started === null) isAnyUnknown = true;
      else [least, most] = [Math.min(least, started.least), Math.max(most, started.most)];
    }
    return { least, most, isAnyUnknown };
  };
  const judgeHost = (jobs: WorkerJobs, host: string, isOld: boolean, starts: Starts | undefined): Judged => {
    const isExact = exact.has(host);
    if (!isExact && machines.has(host))
      return toUnknown(jobs, "run on a machine, outside of the containers that are known");
    if (!starts) return { jobs, lost: isOld ? jobs.count : 0, lostBefore: null, unknown: 0, reason: null };
    return judgeStarts(jobs, starts, isExact);
  };
  return function* (jobs, clock) {
    const ages = new Map<string, number>();
    for (const { host, oldestAgeSeconds } of jobs) {
      if (host !== null) ages.set(host, Math.max(ages.get(host) ?? 0, oldestAgeSeconds ?? Number.POSITIVE_INFINITY));
    }
    // Thousands of containers may share a name, each running jobs of every queue.
    const known = new Map<string, Starts>();
    for (const host of ages.keys()) {
      yield;
      const own = exact.get(host) ?? cut.get(host);
      if (own) known.set(host, yield* toStarts(own, clock));
    }
    return yield* mapSteps(jobs, (own) => {
      if (own.host === null) return toUnknown(own, "have no known host");
      return judgeHost(own, own.host, (ages.get(own.host) ?? 0) >= orphanGraceSeconds, known.get(own.host));
    });
  };
}

/**
 * A job that started before all containers with its worker's name has lost its worker, if it still
 * runs after they started. A job that started after all of them runs, if only they have the name:
 * many hosts may share a short name, including one that is gone.
 */
function judgeStarts(jobs: WorkerJobs, { least, most, isAnyUnknown }: Starts, isExact: boolean): Judged {
  const isKnown = !isAnyUnknown;
  // A whole second, like the start of a listed job.
  const lostBefore = isKnown && jobs.readAt >= most ? Math.floor(least - mostClockSkew) : Number.NEGATIVE_INFINITY;
  const lost = jobs.starts.filter((start) => start < lostBefore).length;
  const isRunning = (start: number) => isExact && isKnown && start >= most;
  const isCut = jobs.starts.length === workerStartsLimit && isRunning(jobs.starts.at(-1) ?? 0);
  const running = jobs.starts.filter(isRunning).length + (isCut ? jobs.count - jobs.starts.length : 0);
  const unknown = jobs.count - lost - running;
  const reason = unknown === 0 ? null : explain(jobs, isExact, isKnown);
  return { jobs, lost, lostBefore, unknown, reason };
}

function explain({ host, count, starts }: WorkerJobs, isExact: boolean, isKnown: boolean): string {
  if (!isExact) return `name their worker ${host}, which several hosts may be called for short`;
  if (!isKnown) return "cannot be compared with the start of their container";
  if (starts.length < Math.min(count, workerStartsLimit))
    return "have no recorded start, and their worker may have restarted since";
  return "may have started before their container did";
}

function toUnknown(jobs: WorkerJobs, reason: string): Judged {
  return { jobs, lost: 0, lostBefore: null, unknown: jobs.count, reason };
}

function toStarted({ startedAt }: Container, engine: ClockOffset | null, database: DatabaseClock): Started | null {
  const start = startedAt === null ? Number.NaN : Date.parse(startedAt) / 1000;
  if (Number.isNaN(start)) return null;
  // The time is truncated to whole seconds.
  const own = { least: start, most: start + 1 };
  if (database === undefined) return own;
  if (database === null || engine === null) return null;
  const ahead = { least: (database.least - engine.most) / 1000, most: (database.most - engine.least) / 1000 };
  return { least: own.least + Math.min(0, ahead.least), most: own.most + Math.max(0, ahead.most) };
}

function add(index: Map<string, Container[]>, name: string, container: Container): void {
  const own = index.get(name);
  if (own) own.push(container);
  else index.set(name, [container]);
}
