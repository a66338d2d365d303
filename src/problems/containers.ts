import { type Container, liveStates, type StatsPoint, toContainerKey } from "../containers/container.ts";
import type { Environment } from "../lib/environment.ts";
import { filterSteps, groupSteps, mapSteps, type Steps } from "../lib/budget/steps.ts";
import { formatAge, formatCount, formatDuration, formatPercent, formatShare } from "../facts/format.ts";
import { type ServiceGroup, toRoleKey } from "../releases/service-group.ts";
import type { TimelineEntry } from "../timeline/timeline.ts";
import { aboutContainer, compareTexts, createProblem, type CurrentProblem } from "./problem.ts";
import { problemThresholds } from "./rules.ts";

/** What the engines report, and what the gateway remembers of it. */
export interface ContainerReadings {
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** All listed containers, including accessories, and the stopped ones that no list shows. */
  readonly containers: readonly Container[];
  readonly retired: readonly Container[];
  /** The last lists of engines that do not answer. */
  readonly lost: readonly Container[];
  /**
   * For each silent engine that has never listed its containers: its configured environment; null
   * without one.
   */
  readonly unlisted: readonly (Environment | null)[];
  /** Ends, kills for lack of memory and health changes of containers. */
  readonly events: readonly TimelineEntry[];
  /**
   * Time of the newest end on an engine that is no longer remembered; null without one. RFC 3339.
   */
  readonly forgottenUntil: (engine: string) => string | null;
  /**
   * Samples of the last ten minutes, oldest first, by `toContainerKey`; absent if none were taken.
   */
  readonly samples: ReadonlyMap<string, readonly StatsPoint[]>;
}

type Events = (container: Container, kind: TimelineEntry["kind"]) => readonly TimelineEntry[];

/**
 * Problems of containers and roles. Leaves out containers of engines that do not answer, because
 * their state is unknown. `gaps`: what is unknown.
 */
export function* findContainerProblems(readings: ContainerReadings): Steps<{
  readonly problems: readonly CurrentProblem[];
  readonly gaps: readonly string[];
}> {
  const { nowMs, samples } = readings;
  const eventsOf = yield* indexEvents(readings.events);
  const known = readings.containers.filter(({ stale }) => !stale);
  const roles = yield* findDownRoles(readings, eventsOf);
  yield;
  const single = yield* mapSteps(known, (container) => [
    ...findLoop(container, eventsOf, readings),
    ...findUnhealthy(container, eventsOf),
    ...findOomKill(container, eventsOf, nowMs),
    ...findHighMemory(container, samples.get(toContainerKey(container)) ?? [], nowMs),
  ]);
  yield;
  const stopped = yield* findStopped(readings, eventsOf);
  yield;
  return { problems: [...roles.problems, ...single.flat(), ...stopped], gaps: roles.gaps };
}

/** Kamal gives containers of one role the same name on every host. */
function toPlacedName({ name, engine }: Container): string {
  return `${name} on ${engine}`;
}

function toEventKey({ kind, container }: TimelineEntry): string {
  return `${kind} ${container && toContainerKey(container)}`;
}

/** Events by their container, oldest first. */
function* indexEvents(events: readonly TimelineEntry[]): Steps<Events> {
  const index = yield* groupSteps(events, toEventKey);
  const ordered = new Map<string, readonly TimelineEntry[]>();
  return (container, kind) => {
    const key = `${kind} ${toContainerKey(container)}`;
    const own = ordered.get(key) ?? (index.get(key) ?? []).toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
    ordered.set(key, own);
    return own;
  };
}

function isWithin({ time }: { readonly time: string }, seconds: number, nowMs: number): boolean {
  const ageMs = nowMs - Date.parse(time);
  return ageMs <= seconds * 1000;
}

/**
 * Restarts by the policy: the engine counts them since the last manual start, and the timeline has
 * their times. The lower of the two numbers is certain. If the container is younger than the
 * window, all its restarts are in it. While the engine's number is unknown, unrequested ends count:
 * the container is live again.
 */
function findLoop(
  container: Container,
  eventsOf: Events,
  { nowMs, forgottenUntil }: ContainerReadings,
): CurrentProblem[] {
  const { restarts, status, createdAt } = container;
  const { loopRestarts, loopSeconds } = problemThresholds;
  if (!liveStates.has(status)) return [];
  const known = toUnrequested(eventsOf(container, "container_death"));
  const deaths = known.filter((one) => isWithin(one, loopSeconds, nowMs));
  const last = deaths.at(-1);
  const isYoung = restarts !== null && isWithin({ time: createdAt }, loopSeconds, nowMs);
  const count = isYoung ? restarts : Math.min(restarts ?? Number.POSITIVE_INFINITY, deaths.length);
  // The engine's number falls to 0 when somebody starts the container: what was before has ended.
  const mayGoOn = restarts === null || restarts >= loopRestarts;
  if (count < loopRestarts && !(mayGoOn && last && findStreak(known) >= 0)) return [];
  const span = isYoung
    ? `since it was created, ${formatAge(createdAt, nowMs)} ago`
    : `in ${formatDuration(loopSeconds)}`;
  return [
    createProblem("container_restart_loop", toContainerKey(container), {
      ...aboutContainer(container),
      title: `${toPlacedName(container)} restarts in a loop`,
      since: findLoopStart(container, known, forgottenUntil(container.engine)),
      at: last?.time ?? null,
      evidence: [
        `${formatCount(count, restarts === null ? "unrequested end" : "restart")} ${span}`,
        ...toExit(last),
        ...(status === "running" ? [] : [`status ${status}`]),
      ],
    }),
  ];
}

/** The ends that nobody requested, after the last requested one. */
function toUnrequested(deaths: readonly TimelineEntry[]): readonly TimelineEntry[] {
  return deaths.slice(deaths.findLastIndex(({ requested }) => requested) + 1);
}

/** Whether both times are in one window of a loop. */
function isNear(before: string, after: string): boolean {
  return Date.parse(after) - Date.parse(before) <= problemThresholds.loopSeconds * 1000;
}

/**
 * Where the last streak began: the first of enough ends in one window, after which no window was
 * without an end. -1 if there is none.
 */
function findStreak(deaths: readonly TimelineEntry[]): number {
  let found = -1;
  for (let index = deaths.length - 1; index >= 0; index -= 1) {
    const [one, next, last] = [deaths[index], deaths[index + 1], deaths[index + problemThresholds.loopRestarts - 1]];
    if (one && next && !isNear(one.time, next.time)) break;
    if (one && last && isNear(one.time, last.time)) found = index;
  }
  return found;
}

/**
 * The first end of the streak, so that a loop has one start. If earlier ends were missed soon after
 * the container was created, that time; null if ends of the streak may be forgotten.
 */
function findLoopStart(
  { createdAt, startedAt, restarts }: Container,
  deaths: readonly TimelineEntry[],
  forgottenUntil: string | null,
): string | null {
  const first = Math.max(0, findStreak(deaths));
  const begin = deaths[first]?.time ?? createdAt;
  if (first > 0) return begin;
  if (forgottenUntil !== null && isNear(forgottenUntil, begin)) return null;
  // The engine has counted the restarts up to its last start.
  const followed = deaths.filter(({ time }) => startedAt === null || Date.parse(time) <= Date.parse(startedAt));
  const isUnseen = restarts !== null && restarts > followed.length;
  return isUnseen && isNear(createdAt, begin) ? createdAt : begin;
}

function toExit(death: TimelineEntry | undefined): string[] {
  return death && death.exitCode !== null ? [`exit code ${death.exitCode}`] : [];
}

/** Longest line of a health check's output in the evidence, characters. */
const mostOutput = 200;

function findUnhealthy(container: Container, eventsOf: Events): CurrentProblem[] {
  const { health, probe, status } = container;
  if (health !== "unhealthy" || !liveStates.has(status)) return [];
  const change = eventsOf(container, "health").at(-1);
  const line = probe?.output.split("\n").find((text) => text.trim() !== "");
  return [
    createProblem("container_unhealthy", toContainerKey(container), {
      ...aboutContainer(container),
      title: `${toPlacedName(container)} is unhealthy`,
      since: change?.to === "unhealthy" ? change.time : (probe?.failingSince ?? null),
      at: probe?.checkedAt ?? null,
      evidence: [
        ...(probe ? [`${formatCount(probe.failingStreak, "check")} failed in a row`] : []),
        ...(line ? [`its check printed: ${line.trim().slice(0, mostOutput).toWellFormed()}`] : []),
      ],
    }),
  ];
}

function findOomKill(container: Container, eventsOf: Events, nowMs: number): CurrentProblem[] {
  const { oomSeconds } = problemThresholds;
  const kills = eventsOf(container, "oom_kill").filter((one) => isWithin(one, oomSeconds, nowMs));
  const last = kills.at(-1);
  if (!last) return [];
  return [
    createProblem("container_oom_killed", toContainerKey(container), {
      ...aboutContainer(container),
      title: `${toPlacedName(container)} ran out of memory`,
      since: kills[0]?.time ?? null,
      at: last.time,
      evidence: [`${formatCount(kills.length, "kill")} for lack of memory in ${formatDuration(oomSeconds)}`],
    }),
  ];
}

/** Older samples do not show the current state, ms. */
const sampleMaxAgeMs = 30_000;

/** Whether the container's usage is being sampled. */
export function isSampled(samples: readonly StatsPoint[], nowMs: number): boolean {
  const last = samples.at(-1);
  return last !== undefined && nowMs - Date.parse(last.sampledAt) <= sampleMaxAgeMs;
}

function findHighMemory(container: Container, samples: readonly StatsPoint[], nowMs: number): CurrentProblem[] {
  const { memoryRatio, memorySeconds } = problemThresholds;
  const last = samples.at(-1);
  if (!last || last.memPct === null || !liveStates.has(container.status) || !isSampled(samples, nowMs)) return [];
  const before = samples.findLastIndex(({ memPct }) => memPct === null || memPct < memoryRatio * 100);
  const first = samples[before + 1];
  if (!first || Date.parse(last.sampledAt) - Date.parse(first.sampledAt) < memorySeconds * 1000) return [];
  return [
    createProblem("container_memory_high", toContainerKey(container), {
      ...aboutContainer(container),
      title: `${toPlacedName(container)} is near its memory limit`,
      since: first.sampledAt,
      evidence: [`memory ${formatPercent(last.memPct)}, threshold ${formatShare(memoryRatio)}`],
    }),
  ];
}

/** Roles that run on every host of the product, in any deploy. */
const coreRoles: ReadonlySet<string> = new Set(["web", "runner", "worker"]);

/** As in the alert: roles of a service, core roles, and others that ran for a while recently. */
function isMeantToRun(role: readonly Container[], nowMs: number): boolean {
  const { lastingSeconds, lastingWithinSeconds } = problemThresholds;
  return role.some(
    ({ service, role: name, startedAt, finishedAt }) =>
      service !== null ||
      coreRoles.has(name) ||
      (startedAt !== null &&
        finishedAt !== null &&
        Date.parse(finishedAt) - Date.parse(startedAt) >= lastingSeconds * 1000 &&
        isWithin({ time: finishedAt }, lastingWithinSeconds, nowMs)),
  );
}

/** For titles: `worker of wallet-core -d beta`. */
function describeRole({ role, service, destination }: ServiceGroup & { readonly role: string }): string {
  return `${role}${service === null ? "" : ` of ${service}`}${destination === null ? "" : ` -d ${destination}`}`;
}

const runs = ({ status }: Container) => status === "running" || status === "restarting";

/** A container is created first, then started. */
function isStarting({ status, createdAt }: Container, nowMs: number): boolean {
  return status === "created" && isWithin({ time: createdAt }, problemThresholds.startSeconds, nowMs);
}

/**
 * An engine that was never listed may run a core role of its environment. Accessories and other
 * containers run where somebody put them.
 */
function mayHaveRole(engines: ContainerReadings["unlisted"], role: readonly Container[]): boolean {
  return (
    role.some(({ kind }) => kind === "core") &&
    engines.some((engine) => engine === null || role.some(({ env }) => env === null || env === engine))
  );
}

function* findDownRoles({ containers, lost, unlisted, nowMs }: ContainerReadings, eventsOf: Events) {
  const problems: CurrentProblem[] = [];
  const unknown: string[] = [];
  const unseen = [...lost, ...containers.filter(({ stale }) => stale)].filter(runs);
  const mayRun = new Set(yield* mapSteps(unseen, toRoleKey));
  for (const [key, role] of yield* groupSteps(containers, toRoleKey)) {
    yield;
    const known = role.filter(({ stale }) => !stale);
    if (known.some((one) => runs(one) || isStarting(one, nowMs)) || !isMeantToRun(known, nowMs)) continue;
    const newest = yield* findNewest(known);
    if (!newest) continue;
    if (mayRun.has(key) || mayHaveRole(unlisted, known)) {
      unknown.push(describeRole(newest));
      continue;
    }
    // Engines do not report when a container was paused, and the end of another one is not when the
    // role went down.
    const isPaused = known.some(({ status }) => status === "paused");
    const ended = isPaused ? [] : known.flatMap(({ finishedAt }) => finishedAt ?? []).toSorted();
    problems.push(
      createProblem("role_down", key, {
        ...aboutContainer(newest),
        containers: yield* sortByKey(known),
        title: `No container of ${describeRole(newest)} runs`,
        since: ended.at(-1) ?? null,
        at: newest.finishedAt,
        evidence: [`${toPlacedName(newest)} is ${newest.status}`, ...toEnd(newest, eventsOf), ...toEngines(known)],
      }),
    );
  }
  const names = [...new Set(unknown)].toSorted();
  const gaps =
    names.length === 0 ? [] : [`whether these roles run on an engine that does not answer: ${names.join(", ")}`];
  return { problems, gaps };
}

/** How many containers there are on each engine, if there are several: "3 on fra-2, 2 on fra-1". */
function toEngines(containers: readonly Container[]): string[] {
  if (containers.length < 2) return [];
  const counts = [...Map.groupBy(containers, ({ engine }) => engine)].map(([engine, { length }]) => ({
    engine,
    length,
  }));
  counts.sort((a, b) => b.length - a.length || compareTexts(a.engine, b.engine));
  return [counts.map(({ engine, length }) => `${length} on ${engine}`).join(", ")];
}

/** If several have the same time, the first by key. */
function* findNewest(containers: readonly Container[]): Steps<Container | undefined> {
  let [newest, latest]: [Container | undefined, number] = [undefined, Number.NEGATIVE_INFINITY];
  for (const container of containers) {
    yield;
    const createdMs = Date.parse(container.createdAt);
    if (createdMs < latest) continue;
    if (newest && !(createdMs > latest) && toContainerKey(container) > toContainerKey(newest)) continue;
    [newest, latest] = [container, createdMs];
  }
  return newest;
}

/** Makes each key once, because a long sort compares often. */
function* sortByKey(containers: readonly Container[]): Steps<Container[]> {
  const keyed = yield* mapSteps(containers, (container) => ({ key: toContainerKey(container), container }));
  yield;
  keyed.sort((a, b) => compareTexts(a.key, b.key));
  return keyed.map(({ container }) => container);
}

/** How it ended, according to the engine's event of that time. */
function toEnd(container: Container, eventsOf: Events): string[] {
  const death = eventsOf(container, "container_death").at(-1);
  if (!death) return [];
  return [...toExit(death), death.requested ? "somebody stopped it" : "nobody requested its end"];
}

const toRelease = (container: Container) => `${toRoleKey(container)} ${container.version}`;

function mayHaveStopped({ kind, status, stale, replaced }: Container): boolean {
  return kind === "core" && (status === "exited" || status === "dead") && !stale && !replaced;
}

const toPlace = (container: Container) => `${toRoleKey(container)} ${container.engine}`;

/**
 * Stopped core containers of a release that their role runs elsewhere. While a deploy goes from
 * engine to engine, the old release keeps running: a newer running container of the role, of
 * another release, has replaced the stopped one.
 */
function* findStopped({ containers, retired }: ContainerReadings, eventsOf: Events): Steps<CurrentProblem[]> {
  const all = new Map(
    yield* mapSteps([...retired, ...containers], (container) => [toContainerKey(container), container] as const),
  );
  const released = containers.filter((one) => runs(one) && !one.stale && !one.floating && !one.replaced);
  const running = new Set(yield* mapSteps(released, toRelease));
  const places = yield* groupSteps(released, toPlace);
  const isReplaced = (one: Container) =>
    (places.get(toPlace(one)) ?? []).some(
      ({ version, createdAt }) => version !== one.version && Date.parse(createdAt) > Date.parse(one.createdAt),
    );
  const stopped = yield* filterSteps(
    all.values(),
    (one) => mayHaveStopped(one) && running.has(toRelease(one)) && !isReplaced(one),
  );
  return yield* mapSteps(stopped, (container) =>
    createProblem("container_stopped", toContainerKey(container), {
      ...aboutContainer(container),
      title: `${toPlacedName(container)} has stopped, other containers of ${describeRole(container)} run`,
      since: container.finishedAt,
      at: container.finishedAt,
      evidence: [`status ${container.status}`, ...toEnd(container, eventsOf)],
    }),
  );
}
