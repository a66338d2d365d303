import { formatShare } from "../facts/format.ts";
import type { ContainerEvent, ContainerObserver } from "../containers/events.ts";
import { isHot } from "../facts/host.ts";
import type { Host, HostReport, Thresholds } from "../hosts/host.ts";
import type { Steps } from "../lib/budget/steps.ts";
import type { Environment } from "../lib/environment.ts";
import { formatRfc3339 } from "../lib/time.ts";
import type { QueueMetrics } from "../queues/queue.ts";
import type { MetricsObserver } from "../queues/source.ts";
import { toQueueState } from "../queues/state.ts";
import { createRings, type Place } from "./rings.ts";
import { byTime, type TimelineEntry, type TimelineKind, toEntry, toSubject, toTimelineContainer } from "./timeline.ts";

/** An observed engine or queue source, by its configured name. */
interface Subject extends Pick<TimelineEntry, "env"> {
  readonly name: string;
  readonly since: string;
}

/**
 * Events that no other record holds, from this process's lifetime or from all gateways that share
 * them: bounded.
 */
export interface TimelineMemory {
  add(entry: TimelineEntry): void;
  /** Replaces an entry by a more complete one at the same place; ignores a forgotten entry. */
  replace(entry: TimelineEntry, by: TimelineEntry): void;
  /** Records entries of this kind from now on; only a subject's first call counts. */
  begin(kind: TimelineKind, subject: Subject): void;
  /** Oldest first within one place. */
  entries(kind: TimelineKind): readonly TimelineEntry[];
  /** The newest entry of a sampled kind about this subject (`toSubject`). */
  latest(subject: string): TimelineEntry | undefined;
  /** Since when each subject of this kind is recorded here. */
  begun(kind: TimelineKind): readonly Subject[];
  /** Time of the newest forgotten entry of these places; null without one. */
  forgottenUntil(kind: TimelineKind, accepts: (place: Place) => boolean): string | null;
  /** Notes about entries of other gateways; null where there are none. */
  note(): string | null;
}

/** Of each kind. */
const mostSubjects = 1000;

/** The memory of one process. */
export function createTimelineMemory(): TimelineMemory {
  const rings = createRings();
  const newest = createNewest();
  const subjects = new Map<TimelineKind, Map<string, Subject>>();
  return {
    add(entry) {
      rings.add(entry);
      newest.note(entry);
    },
    replace: (entry, by) => void rings.replace(entry, by),
    begin(kind, subject) {
      const own = subjects.get(kind) ?? new Map<string, Subject>();
      subjects.set(kind, own);
      if (!own.has(subject.name) && own.size < mostSubjects) own.set(subject.name, subject);
    },
    entries: rings.entries,
    latest: newest.get,
    begun: (kind) => [...(subjects.get(kind)?.values() ?? [])],
    forgottenUntil: rings.forgottenUntil,
    note: () => null,
  };
}

/** Kinds whose states are sampled. */
export const sampledKinds: ReadonlySet<TimelineKind> = new Set(["queue_state", "host_alert"]);

/** The newest entry of each sampled subject. */
export function createNewest() {
  const entries = new Map<string, TimelineEntry>();
  return {
    note(entry: TimelineEntry): void {
      if (!sampledKinds.has(entry.kind)) return;
      const subject = toSubject(entry);
      const before = entries.get(subject);
      if (before ? byTime(before, entry) <= 0 : entries.size < mostStates) entries.set(subject, entry);
    },
    get: (subject: string): TimelineEntry | undefined => entries.get(subject),
  };
}

/** How many subjects keep their last state. */
const mostStates = 5000;

interface Sample {
  readonly state: string;
  readonly at: string;
}

/** Detects changes in states that are only sampled. */
export function createStateLog(memory: TimelineMemory, kind: TimelineKind, healthy: string) {
  const last = new Map<string, Sample>();
  return {
    /**
     * Takes every sample of a subject (`toSubject`). The first one becomes an entry only if it is
     * not the healthy state. Other gateways may sample too, at other times: if all see the same
     * (`isShared`), a state is compared with the newest that any of them recorded.
     */
    sample(
      subject: string,
      state: string,
      at: string,
      toChange: (from: string | null) => Partial<TimelineEntry> & { readonly message: string },
      isShared = false,
    ): void {
      const own = last.get(subject);
      if (own && own.at >= at) return;
      if (!own && last.size >= mostStates) return;
      last.set(subject, { state, at });
      const recorded = isShared ? memory.latest(subject) : undefined;
      const change = recorded?.to ? compare({ state: recorded.to, at: recorded.time }, own, { state, at }) : null;
      if (recorded?.to && !change) return;
      const { before, time } = change ?? { before: own, time: at };
      if (before ? before.state === state : state === healthy) return;
      const from = before?.state ?? null;
      memory.add(toEntry({ kind, time, after: before?.at ?? null, from, to: state, ...toChange(from) }));
    },
  };
}

/**
 * The state before a sample that differs from the recorded one, and when the new one was first
 * seen; null if nothing is new.
 */
function compare(
  recorded: Sample,
  own: Sample | undefined,
  now: Sample,
): { readonly before: Sample; readonly time: string } | null {
  if (recorded.state === now.state || recorded.at >= now.at) return null;
  const isOwnLater = own !== undefined && own.at > recorded.at;
  if (isOwnLater && own.state === now.state) return { before: recorded, time: own.at };
  return { before: isOwnLater && own.state === recorded.state ? own : recorded, time: now.at };
}

/** Records state changes of queues from the metrics that callers request. */
export function observeQueues(memory: TimelineMemory, env: Environment | null): MetricsObserver {
  const log = createStateLog(memory, "queue_state", "ok");
  return function* (source, metrics) {
    const own = source.env ?? env;
    for (const queue of metrics) {
      yield;
      const { name, observedAt } = queue;
      memory.begin("queue_state", { name: source.name, env: own, since: observedAt });
      const state = toLastingState(queue);
      const one = { name, source: source.name };
      const toChange = (from: string | null) => ({
        env: own,
        queue: one,
        message: `Queue ${name} is ${state}${from === null ? "" : `, was ${from}`}`,
      });
      // Values computed from samples differ between gateways.
      log.sample(
        toSubject({ kind: "queue_state", queue: one, host: null }),
        state,
        observedAt,
        toChange,
        queue.windowSeconds === null,
      );
    }
  };
}

/** A healthy queue is idle at times, so idle counts as ok. */
function toLastingState(queue: QueueMetrics): string {
  const state = toQueueState(queue);
  return state === "idle" ? "ok" : state;
}

/** Records alert changes of hosts from the reports that callers request. */
export function observeHosts(memory: TimelineMemory, env: Environment | null): (report: HostReport) => Steps<void> {
  const log = createStateLog(memory, "host_alert", "ok");
  return function* ({ hosts, thresholds, updatedAt }) {
    memory.begin("host_alert", { name: "prometheus", env, since: updatedAt });
    for (const host of hosts) {
      yield;
      const subject = toSubject({ kind: "host_alert", queue: null, host: host.name });
      const state = toAlertState(host, thresholds, memory.latest(subject)?.to === "alert");
      const toChange = (from: string | null) => ({
        env,
        host: host.name,
        message: `Host ${host.name} ${describeHost(host)}${from === null ? "" : `, was ${from}`}`,
      });
      log.sample(subject, state, updatedAt, toChange, true);
    }
  };
}

/** How far below both thresholds a hot host must fall to count as cool: a share, 0..1. */
const coolBy = 0.05;

/** A host whose use swings around a threshold is hot all the time, not again and again. */
function toAlertState(host: Host, { cpu, mem }: Thresholds, wasHot: boolean): string {
  if (host.status === "down") return "down";
  const isWarm = isHot(host.cpuUtil, cpu - coolBy) || isHot(host.memUtil, mem - coolBy);
  return host.alert || (wasHot && isWarm) ? "alert" : "ok";
}

function describeHost(host: Host): string {
  if (host.status === "down") return "is down";
  if (!host.alert) return "is healthy";
  const parts = [["CPU", host.cpuUtil] as const, ["memory", host.memUtil] as const];
  const known = parts.flatMap(([what, share]) => (share === null ? [] : `${what} ${formatShare(share)}`));
  return `is hot: ${known.join(", ")}`;
}

/** Kinds that come from engine events. */
export const containerKinds: readonly TimelineKind[] = ["container_death", "oom_kill", "health", "restart", "gap"];

/**
 * Records the engines' container events, for each engine from its first answer on. Queries no
 * engine: the gateway watches engines once a caller has listed containers.
 */
export function createContainerRecorder(memory: TimelineMemory): ContainerObserver {
  const recordEnd = createEnds(memory);
  return {
    onWatched({ name, env }) {
      const since = formatRfc3339(Date.now());
      for (const kind of containerKinds) memory.begin(kind, { name, env, since });
    },
    onGap(engine) {
      const message = `${engine} was out of contact: events of its containers may be missing`;
      memory.add(toEntry({ kind: "gap", time: new Date().toISOString(), message, engine }));
    },
    onEvent(event) {
      recordEnd(event);
      const entry = describe(event);
      if (entry) memory.add(entry);
    },
  };
}

function describe(event: ContainerEvent): TimelineEntry | null {
  const { action, container, health } = event;
  const { service, destination, env } = container;
  const common = { time: event.time, service, destination, env, container: toTimelineContainer(container) };
  switch (action) {
    case "oom":
      return toEntry({ ...common, kind: "oom_kill", message: `${container.name} ran out of memory` });
    case "restart":
      return toEntry({ ...common, kind: "restart", message: `${container.name} was restarted`, requested: true });
    case "health_status": {
      const from = container.health === health ? null : container.health;
      return toEntry({ ...common, kind: "health", message: `${container.name} is ${health}`, from, to: health });
    }
    default:
      return null;
  }
}

/**
 * INT, QUIT, ABRT, KILL and TERM. Others only notify a container (reload, rotate), unless one is
 * its own StopSignal.
 */
const stopSignals: ReadonlySet<number> = new Set([2, 3, 6, 9, 15]);
/**
 * How long after a signal an end still counts as its result, milliseconds: workers drain for
 * minutes.
 */
const drainMs = 1_800_000;
/** How many containers keep their last signal. */
const maxEntries = 1000;

/** The last signal sent to a container. */
interface Sent {
  readonly at: number;
  readonly signal: number | null;
  /** Whether it certainly requests the end. */
  readonly meansEnd: boolean;
  /** The end after it, while it is unknown whether the signal requested it. */
  readonly death: TimelineEntry | null;
}

/**
 * Records the ends of containers, and whether someone requested them, from their `kill`, `die` and
 * `stop` events. The first end after a signal uses the signal up: a later crash is not requested.
 * For an unusual signal, the `stop` event, which arrives about the time of `die`, shows that it
 * requested the end.
 */
export function createEnds(memory: TimelineMemory): (event: ContainerEvent) => void {
  const sent = new Map<string, Sent>();
  const keep = (fullId: string, one: Sent) => {
    sent.delete(fullId);
    sent.set(fullId, one);
    const [oldest] = sent.keys();
    if (sent.size > maxEntries && oldest !== undefined) sent.delete(oldest);
  };
  return ({ action, time, signal, exitCode, container }) => {
    const { fullId } = container;
    const at = Date.parse(time);
    const earlier = sent.get(fullId);
    const last = earlier && at - earlier.at <= drainMs ? earlier : null;
    if (action === "kill") {
      const meansEnd = signal === null || stopSignals.has(signal);
      // A draining container may get other signals in the meantime.
      if (last?.meansEnd && !meansEnd) return;
      keep(fullId, { at, signal, meansEnd, death: null });
    }
    if (action === "stop" && last) {
      if (last.death) {
        memory.replace(last.death, toDeath(last.death, last));
        sent.delete(fullId);
      } else keep(fullId, { ...last, meansEnd: true });
    }
    if (action === "die") {
      sent.delete(fullId);
      const cause = last?.death === null ? last : null;
      const { service, destination, env } = container;
      const end = { time, service, destination, env, container: toTimelineContainer(container), exitCode };
      const death = toDeath(end, cause?.meansEnd ? cause : null);
      memory.add(death);
      if (cause && !cause.meansEnd) keep(fullId, { ...cause, death });
    }
  };
}

function toDeath(
  end: Pick<TimelineEntry, "time" | "service" | "destination" | "env" | "container" | "exitCode">,
  cause: Sent | null,
): TimelineEntry {
  const because = cause ? ` after signal ${cause.signal ?? "?"}` : ", which nobody requested";
  const message = `${end.container?.name ?? "?"} ended with exit code ${end.exitCode ?? "?"}${because}`;
  return toEntry({ ...end, kind: "container_death", message, requested: cause !== null });
}
