import { toOwnerEnv } from "../auth/principal.ts";
import type { Host, HostReport } from "../hosts/host.ts";
import type { Environment } from "../lib/environment.ts";
import type { QueueMetrics } from "../queues/queue.ts";
import type { MetricsObserver } from "../queues/source.ts";
import { toQueueState } from "../queues/state.ts";
import { type TimelineEntry, type TimelineKind, toEntry } from "./timeline.ts";

/** Which tokens may see an entry: those of its environment (null: only those of every environment); for a gap, those that see its engine. */
export type Place = Pick<TimelineEntry, "env" | "engine">;

/** What is observed: an engine or a queue source, by its configured name. */
interface Subject extends Pick<TimelineEntry, "env"> {
  readonly name: string;
  readonly since: string;
}

/** Events of this process's lifetime that no other record has: bounded. */
export interface TimelineMemory {
  add(entry: TimelineEntry): void;
  /** Replaces an entry by a more complete one of the same place; ignores a forgotten entry. */
  replace(entry: TimelineEntry, by: TimelineEntry): void;
  /** Entries of this kind are recorded from now on; only a subject's first call counts. */
  begin(kind: TimelineKind, subject: Subject): void;
  /** Oldest first within one place. */
  entries(kind: TimelineKind): readonly TimelineEntry[];
  /** Since when each subject of this kind is recorded. */
  begun(kind: TimelineKind): readonly Subject[];
  /** Time of the newest forgotten entry of these places; null without one. */
  forgottenUntil(kind: TimelineKind, accepts: (place: Place) => boolean): string | null;
}

/** For each kind and place, so that frequent events displace no others, and reveal nothing to those who may not see them. */
const mostEntries = 1000;
const mostSubjects = 1000;

interface Ring {
  readonly place: Place;
  readonly entries: TimelineEntry[];
  forgotten: string | null;
}

export function createTimelineMemory(): TimelineMemory {
  const rings = new Map<TimelineKind, Map<string, Ring>>();
  const subjects = new Map<TimelineKind, Map<string, Subject>>();
  const ringsOf = (kind: TimelineKind) => [...(rings.get(kind)?.values() ?? [])];
  const ringOf = (entry: TimelineEntry): Ring => {
    const { kind, engine } = entry;
    const env = toOwnerEnv({ env: entry.env, kind: entry.container?.kind ?? null });
    const own = rings.get(kind) ?? new Map<string, Ring>();
    const id = JSON.stringify([env, engine]);
    const ring = own.get(id) ?? { place: { env, engine }, entries: [], forgotten: null };
    rings.set(kind, own.set(id, ring));
    return ring;
  };
  return {
    add(entry) {
      const ring = ringOf(entry);
      ring.entries.push(entry);
      if (ring.entries.length > mostEntries) ring.forgotten = ring.entries.shift()?.time ?? null;
    },
    replace(entry, by) {
      const { entries } = ringOf(entry);
      const index = entries.lastIndexOf(entry);
      if (index >= 0) entries[index] = by;
    },
    begin(kind, subject) {
      const own = subjects.get(kind) ?? new Map<string, Subject>();
      subjects.set(kind, own);
      if (!own.has(subject.name) && own.size < mostSubjects) own.set(subject.name, subject);
    },
    entries: (kind) => ringsOf(kind).flatMap(({ entries }) => entries),
    begun: (kind) => [...(subjects.get(kind)?.values() ?? [])],
    forgottenUntil(kind, accepts) {
      const times = ringsOf(kind).flatMap(({ place, forgotten }) => (forgotten !== null && accepts(place) ? forgotten : []));
      return times.toSorted((a, b) => Date.parse(a) - Date.parse(b)).at(-1) ?? null;
    },
  };
}

/** Subjects whose last state is retained. */
const mostStates = 5000;

/** Finds changes in states that are only sampled. */
export function createStateLog(memory: TimelineMemory, kind: TimelineKind, healthy: string) {
  const last = new Map<string, { readonly state: string; readonly at: string }>();
  return {
    /** Takes every sample. The first of a subject becomes an entry only when it is not the healthy one. */
    sample(
      subject: string,
      state: string,
      at: string,
      toChange: (from: string | null) => Partial<TimelineEntry> & { readonly message: string },
    ): void {
      const before = last.get(subject);
      if (before && before.at >= at) return;
      if (!before && last.size >= mostStates) return;
      last.set(subject, { state, at });
      if (before ? before.state === state : state === healthy) return;
      memory.add(
        toEntry({
          kind,
          time: at,
          after: before?.at ?? null,
          from: before?.state ?? null,
          to: state,
          ...toChange(before?.state ?? null),
        }),
      );
    },
  };
}

/** Records state changes of queues between the metrics that callers request. */
export function observeQueues(memory: TimelineMemory, env: Environment | null): MetricsObserver {
  const log = createStateLog(memory, "queue_state", "ok");
  return (source, metrics) => {
    const own = source.env ?? env;
    for (const queue of metrics) {
      const { name, observedAt } = queue;
      memory.begin("queue_state", { name: source.name, env: own, since: observedAt });
      const state = toLastingState(queue);
      log.sample(JSON.stringify([source.name, name]), state, observedAt, (from) => ({
        env: own,
        queue: { name, source: source.name },
        message: `Queue ${name} is ${state}${from === null ? "" : `, was ${from}`}`,
      }));
    }
  };
}

/** A healthy queue is idle now and then, so idle counts as ok. */
function toLastingState(queue: QueueMetrics): string {
  const state = toQueueState(queue);
  return state === "idle" ? "ok" : state;
}

/** Records alert changes of hosts between the reports that callers request. */
export function observeHosts(memory: TimelineMemory, env: Environment | null): (report: HostReport) => void {
  const log = createStateLog(memory, "host_alert", "ok");
  return ({ hosts, updatedAt }) => {
    memory.begin("host_alert", { name: "prometheus", env, since: updatedAt });
    for (const host of hosts) {
      const state = toHostState(host);
      log.sample(host.name, state, updatedAt, (from) => ({
        env,
        host: host.name,
        message: `Host ${host.name} ${describeHost(host)}${from === null ? "" : `, was ${from}`}`,
      }));
    }
  };
}

function toHostState({ status, alert }: Host): string {
  if (status === "down") return "down";
  return alert ? "alert" : "ok";
}

function describeHost(host: Host): string {
  if (host.status === "down") return "is down";
  if (!host.alert) return "is healthy";
  return `is hot: CPU ${toPercent(host.cpuUtil)}, memory ${toPercent(host.memUtil)}`;
}

function toPercent(part: number | null): string {
  return part === null ? "unknown" : `${Math.round(part * 100)} %`;
}
