import type { IncomingMessage } from "node:http";
import { LRUCache } from "lru-cache";
import { type Notifier, createNotifier } from "../../../lib/broadcast.ts";
import { createSharedBudget } from "../../../lib/budget/budget.ts";
import { type Steps, takeSteps } from "../../../lib/budget/steps.ts";
import { toLogTimestamp } from "../../../lib/time.ts";
import { createTextEscaper } from "../http/answers.ts";
import { AnswerError } from "../http/errors.ts";
import { readJsonSteps } from "../http/json.ts";

/** One event of a container, as the engine sends it. */
export interface EngineEvent {
  /**
   * create, start, die, destroy, rename, health_status ...; text after Docker's colon or space is
   * in `detail`.
   */
  readonly action: string;
  readonly detail: string;
  /** 64 hex digits. */
  readonly fullId: string;
  /** RFC 3339 UTC with nanoseconds. */
  readonly time: string;
  /**
   * Labels of the container, escaped as those of an inspection, with its `name`, its `image`, and
   * the fields of the action (exitCode, signal, oldName).
   */
  readonly attributes: Readonly<Record<string, string>>;
}

const actions = [
  "create",
  "start",
  "kill",
  "die",
  "stop",
  "restart",
  "pause",
  "unpause",
  "destroy",
  "rename",
  "oom",
  "update",
];
/**
 * `health_status` without its colon makes Docker match by prefix: "health_status: healthy" passes
 * (daemon/events/filter.go).
 */
const filters = JSON.stringify({ type: ["container"], event: [...actions, "health_status", "remove"] });
/** Podman's words that differ from Docker's. */
const dockersWord: Readonly<Record<string, string>> = { remove: "destroy" };

/** Query of `GET /events`: from now on. A full list finds what later interruptions miss. */
export const eventsQuery = { filters } as const;

/**
 * How far back the first subscription begins, s: the period in which a restart loop is looked for.
 */
const pastSeconds = 900;

/**
 * Query of the first subscription: the stream begins with what the engine still knows of the last
 * minutes. Docker has its last 256 events of all kinds.
 */
export function toFirstEventsQuery(nowMs: number) {
  return { ...eventsQuery, since: Math.floor(nowMs / 1000) - pastSeconds };
}

/** A longer line is no event. */
const maxLineBytes = 1 << 20;

/**
 * Calls `onEvent` for each event of the stream, in turns; resolves when it ends, rejects when it
 * breaks. Skips lines without a container. `labels`: those that an event is read with. @default
 * all, but of thousands the first
 */
export async function readEvents(
  stream: IncomingMessage,
  onEvent: (event: EngineEvent) => void,
  labels: ReadonlySet<string> | null = null,
): Promise<void> {
  stream.setEncoding("utf8");
  const budget = createSharedBudget(new AbortController().signal);
  const read = labels && new Set([...labels, ...ownAttributes]);
  const names = new Set([...(labels ?? []), ...ownAttributes, ...outerNames]);
  /** The parts of a line whose end has not come, and their length. */
  let [rest, length]: [string[], number] = [[], 0];
  for await (const chunk of stream as AsyncIterable<string>) {
    const [first = "", ...others] = chunk.split("\n");
    rest.push(first);
    length += first.length;
    if (others.length > 0) {
      for (const line of [rest.join(""), ...others.slice(0, -1)]) {
        const wait = budget.turn();
        if (wait) await wait;
        const event = await takeSteps(parseEvent(line, names, read), budget);
        if (event) onEvent(event);
      }
      rest = others.slice(-1);
      length = rest[0]?.length ?? 0;
    }
    if (length > maxLineBytes) throw new AnswerError("unexpected response to GET /events");
  }
}

/** Attributes of an event that are read beside the labels of its container. */
const ownAttributes = ["name", "image", "exitCode", "signal", "oldName"];

/** The names of an event itself that are read. */
const outerNames = ["Action", "Actor", "ID", "Attributes", "id", "HealthStatus"];

interface EventLine {
  readonly Action?: unknown;
  readonly Actor?: { readonly ID?: unknown; readonly Attributes?: Record<string, unknown> | null };
  readonly id?: unknown;
  /** Podman's detail of health_status. */
  readonly HealthStatus?: unknown;
}

/** `names` are read however many there are; `read`: the attributes that are kept, null for all. */
function* parseEvent(
  line: string,
  names: ReadonlySet<string>,
  read: ReadonlySet<string> | null,
): Steps<EngineEvent | null> {
  if (line.trim() === "") return null;
  const json = yield* readJsonSteps(line, names);
  try {
    const { Action, Actor, id, HealthStatus } = json as EventLine;
    const fullId = Actor?.ID ?? id;
    if (typeof Action !== "string" || typeof fullId !== "string" || !/^[0-9a-f]{64}$/.test(fullId)) return null;
    const [, action = "", detail = typeof HealthStatus === "string" ? HealthStatus : ""] =
      /^([^: ]*)[: ]*(.+)?$/s.exec(Action) ?? [];
    const escape = createTextEscaper();
    const texts = Object.entries(Actor?.Attributes ?? {}).flatMap(([key, value]) =>
      typeof value === "string" && (read === null || read.has(key)) ? [[key, escape(value)] as const] : [],
    );
    return {
      action: dockersWord[action] ?? escape(action),
      detail,
      fullId,
      time: readTime(line),
      attributes: Object.fromEntries(texts),
    };
  } catch {
    return null;
  }
}

/**
 * Parsed from the text: nanoseconds since 1970 exceed a number's precision. The current time if the
 * engine sends none.
 */
function readTime(line: string): string {
  const digits = /"timeNano":(\d{10,19})\b/.exec(line)?.[1] ?? `${Date.now()}000000`;
  return toLogTimestamp(`${digits.slice(0, -9)}.${digits.slice(-9)}`);
}

/**
 * Starts and restarts of an engine's containers, as its events report them. An engine that is not
 * watched reports none.
 */
export interface Starts {
  record(event: EngineEvent): void;
  /**
   * Whether it was seen to restart and to start, last, between these times: an engine that is
   * itself restarted forgets its events. Docker sends `restart` after `start`, Podman before.
   */
  hasRestarted(fullId: string, since: Date, until: Date): boolean;
  /**
   * Returns a notifier that is notified at each start of this container, until the signal aborts.
   */
  wait(fullId: string, signal: AbortSignal): Notifier;
}

export function createStarts(): Starts {
  // Limited by size: `max` would allocate its memory at once, for each engine.
  /** Times of the last events of each container, unix milliseconds by the engine's clock. */
  const seen = new LRUCache<string, { restart?: number; start?: number }>({ maxSize: 5000, sizeCalculation: () => 1 });
  /** With the id of the container that each waits for. */
  const waiters = new Map<Notifier, string>();
  return {
    record({ action, fullId, time }) {
      if (action !== "restart" && action !== "start") return;
      seen.set(fullId, { ...seen.get(fullId), [action]: Date.parse(time) });
      if (action === "restart") return;
      for (const [notifier, waited] of waiters) if (waited === fullId) notifier.notify();
    },
    hasRestarted(fullId, since, until) {
      const { restart = 0, start = 0 } = seen.get(fullId) ?? {};
      return Math.min(restart, start) >= since.getTime() && Math.max(restart, start) <= until.getTime();
    },
    wait(fullId, signal) {
      const notifier = createNotifier();
      if (signal.aborted) return notifier;
      waiters.set(notifier, fullId);
      signal.addEventListener("abort", () => waiters.delete(notifier), { once: true });
      return notifier;
    },
  };
}
