import type { AuditEntry, RestartMark } from "../../audit/audit.ts";
import { mostStopSeconds } from "../../audit/ledger.ts";
import { pause } from "../../lib/abort.ts";
import type { Container, ContainerRef } from "../container.ts";
import type { ContainerSource, RestartPlace } from "../source.ts";

interface SettleOptions {
  readonly timeoutMs: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/**
 * Short, because a restarted engine forgets its events: an event that was not read before is lost.
 */
const settlePollMs = 250;
/** The same for a request that may still arrive. It blocks no other restart. */
const arrivalPollMs = 1000;

interface Settled {
  readonly outcome: "ok" | "failed" | "unknown";
  readonly detail: string;
  /**
   * How long to check whether the request still arrives, ms; 0 if it cannot. Only that of an
   * `unknown` restart can.
   */
  readonly mayArriveMs: number;
}

interface FollowOptions extends SettleOptions {
  /** How long after its mark the engine may be at the restart. */
  readonly busyMs: number;
  /**
   * Whether the engine did not answer when it was last asked: it may have got the restart only
   * since. @default false
   */
  readonly wasSilent?: boolean;
}

/**
 * How long after its mark a restart may end, beyond the time that its container has to stop, ms. A
 * later restart is somebody else's.
 */
const lateMs = 120_000;
/** Intents of older versions have the time of another clock, which may be wrong by so much, ms. */
const looseMs = 300_000;
/**
 * How long an action whose engine no gateway knows stays open, ms: an engine that is added later
 * has forgotten its events by then.
 */
const lostMs = 86_400_000;

const underWay = "its request was lost, or is still on its way to the engine";

/** Whether a restart of this time is given up where no gateway knows its engine. */
export function isLost(at: string): boolean {
  return Date.now() - Date.parse(at) > lostMs;
}

/** Where a restart was asked, as its intent says. */
export function toPlace({ mark, containerId }: Pick<AuditEntry, "mark" | "containerId">): RestartPlace {
  return { engineId: mark?.engineId ?? null, fullId: containerId };
}

/**
 * When the restart may have happened, by the engine's clock; for an intent without a mark by the
 * clock that wrote it (`at`).
 */
function toPeriod(mark: RestartMark | null, at: string): { readonly since: Date; readonly until: Date } {
  if (mark === null) {
    const since = Date.parse(at);
    return { since: new Date(since), until: new Date(since + mostStopSeconds * 1000 + lateMs + looseMs) };
  }
  const markedAt = Date.parse(mark.at);
  // The events of the start before are a moment later than it, and the mark may be cut to whole
  // seconds.
  const since = Math.max(markedAt, mark.startedAt === null ? 0 : Date.parse(mark.startedAt) + 100);
  return { since: new Date(since), until: new Date(markedAt + mark.stopSeconds * 1000 + lateMs) };
}

/**
 * Finds the outcome of a restart whose answer was lost, at the engine that it was asked of,
 * whatever its name is here: `ok` as soon as the engine's events show it. If they do not as long as
 * the engine may be at it, the container's state decides: `failed` where it has not started since.
 * One that something else started meanwhile (the engine itself came back) stays `unknown`. So does
 * one that was not asked through the socket that this gateway asks through: over a network its
 * request may be under way for long after its gateway has died, so that it never counts as failed.
 * Null when nothing could be learned, also where no engine of this gateway is the one.
 *
 * @param at when its intent was written
 */
export async function settleRestart(
  entry: Pick<AuditEntry, "mark" | "containerId">,
  at: string,
  source: Pick<ContainerSource, "locate" | "markRestart" | "restartedSince">,
  { timeoutMs, busyMs, wasSilent = false, signal }: FollowOptions,
): Promise<Settled | null> {
  const { mark = null, containerId: fullId } = entry;
  const { since, until } = toPeriod(mark, at);
  const end = performance.now() + timeoutMs;
  let engine: string | null = null;
  let isSilent = wasSilent;
  /**
   * Until when an engine that answers may still be working on it. By its own clock from the mark
   * on, however many gateways followed it before; from its first answer on where it was silent.
   */
  let busyUntil: number | null = null;
  const isOver = () => performance.now() >= Math.min(end, busyUntil ?? Number.POSITIVE_INFINITY);
  do {
    try {
      engine ??= await source.locate(toPlace(entry));
      if (engine === null)
        return isLost(at)
          ? { outcome: "unknown", detail: "settled: no gateway knows its engine", mayArriveMs: 0 }
          : null;
      // Before the events: they have all that happened until then.
      busyUntil ??=
        performance.now() + (isSilent ? busyMs : await readBusyMs(source, { engine, fullId }, mark, at, busyMs));
      if (await source.restartedSince({ engine, fullId }, since, until))
        return { outcome: "ok", detail: "settled: the engine restarted it", mayArriveMs: 0 };
    } catch {
      busyUntil = null;
      isSilent = true;
    }
    if (!isOver() && !(await pause(settlePollMs, signal))) return null;
  } while (!isOver());
  if (engine === null) return null;
  try {
    const { container, mark: now } = await source.markRestart({ engine, fullId });
    const { status, startedAt } = container;
    const hasStarted =
      mark === null
        ? status === "running" && startedAt !== null && Date.parse(startedAt) > since.getTime() - looseMs
        : now.startedAt !== mark.startedAt;
    const hasArrived = mark !== null && mark.socket !== null && mark.socket === now.socket;
    // A clock that was set back gives it no more time than it had.
    const leftMs = Math.min(until.getTime() - since.getTime(), until.getTime() - Date.parse(now.at));
    const mayArriveMs = hasArrived ? 0 : Math.max(0, leftMs);
    if (hasStarted)
      return { outcome: "unknown", detail: `settled: now ${status}, started at ${startedAt}`, mayArriveMs };
    if (hasArrived) return { outcome: "failed", detail: `settled: now ${status}`, mayArriveMs };
    return { outcome: "unknown", detail: `settled: now ${status}, not restarted; ${underWay}`, mayArriveMs };
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== "container_not_found") return null;
    const outcome = mark !== null && busyUntil !== null ? "failed" : "unknown";
    return { outcome, detail: "settled: the container is gone", mayArriveMs: 0 };
  }
}

/**
 * Waits until the request of a restart that was settled as `unknown` has arrived after all.
 * Resolves to false once it is not to be expected any more, or when the wait is over.
 */
export async function waitForArrival(
  entry: Pick<AuditEntry, "mark" | "containerId">,
  at: string,
  source: Pick<ContainerSource, "locate" | "restartedSince">,
  { timeoutMs, signal }: SettleOptions,
): Promise<boolean> {
  const { since, until } = toPeriod(entry.mark ?? null, at);
  const end = performance.now() + timeoutMs;
  let engine: string | null = null;
  while (performance.now() < end && (await pause(arrivalPollMs, signal))) {
    try {
      engine ??= await source.locate(toPlace(entry));
      if (engine === null) return false;
      if (await source.restartedSince({ engine, fullId: entry.containerId }, since, until)) return true;
    } catch {
      // The next check asks the engine again.
    }
  }
  return false;
}

/**
 * How much longer the engine may be at a restart, ms: nothing where its container is gone. Rejects
 * while it does not answer.
 */
async function readBusyMs(
  source: Pick<ContainerSource, "markRestart">,
  ref: ContainerRef,
  mark: RestartMark | null,
  at: string,
  busyMs: number,
): Promise<number> {
  const now = await source.markRestart(ref).catch((error: unknown) => {
    if ((error as { code?: string }).code !== "container_not_found") throw error;
    return null;
  });
  if (now === null) return 0;
  const asked = mark === null ? Date.parse(at) + looseMs : Date.parse(mark.at);
  // A clock that was set back gives it no more time than it had.
  return Math.min(busyMs, asked + busyMs - Date.parse(now.mark.at));
}

/** A container after its restart. */
export interface HealthOutcome {
  readonly container: Container;
  /**
   * True when healthy or, without a health check, still running after a while; false when not; null
   * when nobody waited for it, or the gateway stopped before it was known.
   */
  readonly healthy: boolean | null;
}

interface WaitOptions extends SettleOptions {
  /** How long a container without a health check must run. */
  readonly stableMs: number;
}

const healthPollMs = 500;

/**
 * Inspects the container until its health check has a verdict, it stops, or the time or the wait is
 * over; returns the last inspection. Never rejects: failed inspections are retried.
 */
export async function waitForHealth(
  restarted: Container,
  source: Pick<ContainerSource, "inspectNow">,
  { timeoutMs, stableMs, signal }: WaitOptions,
): Promise<HealthOutcome> {
  const startMs = performance.now();
  let last = restarted;
  for (;;) {
    const verdict = toVerdict(last, restarted, performance.now() - startMs >= stableMs);
    if (verdict !== null) return { container: last, healthy: verdict };
    const leftMs = timeoutMs - (performance.now() - startMs);
    if (leftMs <= 0) return { container: last, healthy: false };
    if (!(await pause(Math.min(healthPollMs, leftMs), signal))) return { container: last, healthy: null };
    last = await source.inspectNow(restarted).then(
      ({ container }) => container,
      () => last,
    );
  }
}

function toVerdict({ status, health, startedAt }: Container, restarted: Container, stable: boolean): boolean | null {
  // Started again since: it crashed, and its restart policy started it.
  if (status !== "running" || startedAt !== restarted.startedAt) return false;
  if (health === "starting") return null;
  if (health === "none") return stable ? true : null;
  return health === "healthy";
}
