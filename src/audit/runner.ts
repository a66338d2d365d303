import { abortable, pause } from "../lib/abort.ts";
import { onceDone } from "../lib/cache.ts";
import { type ErrorCode, OpsError } from "../lib/errors.ts";
import type { AuditEntry, AuditOutcome, OpenIntent } from "./audit.ts";
import type { ActionFamily, AskedAction, Ledger, NotBegun, OpenAction } from "./ledger.ts";

/** The fields that any of our errors may have. */
export interface CodedError {
  readonly code?: string;
  readonly message: string;
  readonly upstreamStatus?: number;
}

/** A failed action on a container; `judge` says what its error means. */
export function toFailedOutcome(
  error: unknown,
  judge: (code: string, dockerStatus: number | null) => AuditEntry["outcome"],
): AuditOutcome {
  const { code = "internal", message, upstreamStatus: dockerStatus = null } = error as CodedError;
  return { outcome: judge(code, dockerStatus), detail: `${code}: ${message}`, code, dockerStatus };
}

/**
 * How long callers of a stopping gateway wait, ms: their answers must leave before the edge closes
 * the connections (`drainMs`).
 */
const [hurryMs, dismissMs] = [8000, 8500];

/** How often the outcome of another gateway's action is asked for, ms. */
const outcomePollMs = 250;

/** What one action does, and how its end is recorded. */
interface ActionRules<T> {
  /**
   * Does what the intent says. `check`, for right before what cannot be undone, throws overloaded
   * when the action may be another gateway's by now.
   */
  readonly act: (action: OpenAction, check: () => void) => Promise<T>;
  readonly toOutcome: (result: T) => AuditOutcome;
  readonly toFailure: (error: unknown) => AuditOutcome;
  /** Called once the outcome is recorded, or its retries have started. */
  readonly onRecorded?: (outcome: AuditOutcome) => void;
}

/**
 * An action that was done, or why it was not begun: it was refused, or done before under its key.
 */
type Done<T> = NotBegun | { readonly kind: "done"; readonly result: T };

/** What is known of an action whose outcome is unknown. */
export interface OpenSince {
  /** When its intent was written. */
  readonly at: string;
  /** Whether it took longer than it should, and may take longer still. */
  readonly wasGivenUp: boolean;
  /** How long it took until now, ms; null where another process began it. */
  readonly toDurationMs: () => number | null;
}

interface RunnerOptions {
  readonly ledger: Ledger;
  readonly family: ActionFamily;
  /** The noun for one action in a message. */
  readonly noun: string;
  /** The code of an outcome that nobody knows. */
  readonly unknownCode: Extract<ErrorCode, "restart_unknown" | "job_unknown"> | null;
  /** Why none begins while the gateway stops. */
  readonly toStopped: () => Error;
  /**
   * Finds the outcome of an action that is unknown, records it, and releases the action. Absent
   * where nothing more can be learned.
   */
  readonly settle?: (action: OpenAction, since: OpenSince) => Promise<void>;
}

/**
 * Runs the actions of one family, each between two entries of the audit record: the intent before
 * (no record, no action) and the outcome after. An action continues when its caller leaves, and one
 * whose outcome is unknown is settled later, also by another process.
 */
export interface ActionRunner {
  /** Makes `close` wait for it. */
  readonly track: <T>(promise: Promise<T>) => Promise<T>;
  /**
   * As `track`, for a caller: after `drain` it rejects in time for its answer. The work goes on.
   */
  readonly answer: <T>(promise: Promise<T>) => Promise<T>;
  /**
   * Ends what only waits, and what does one thing after another, while callers still get an answer.
   */
  readonly hurry: AbortSignal;
  /** Aborts when the gateway stops. */
  readonly closing: AbortSignal;
  /** A failed write does not undo the action: it is retried until the gateway stops. */
  readonly record: (action: OpenAction, outcome: AuditOutcome, durationMs: number | null) => Promise<void>;
  /** Begins an action, does it, and records its outcome. Rejects as `act` and `Ledger.begin` do. */
  readonly run: <T>(asked: AskedAction, rules: ActionRules<T>) => Promise<Done<T>>;
  /**
   * An earlier action with its outcome, for which it waits where another gateway is still at it.
   * Without one where this gateway stops first.
   */
  readonly awaitOutcome: (decision: NotBegun) => Promise<NotBegun>;
  /**
   * Takes over the open actions of earlier processes, and settles them. Runs once; `run` waits for
   * it, and retries it if it failed. Rejects with audit_unavailable.
   */
  readonly recover: () => Promise<void>;
  /**
   * Takes over what other gateways left open since then; `accepts` as in `Ledger.adopt`. Rejects
   * with audit_unavailable.
   */
  readonly adopt: (accepts?: (open: OpenIntent) => Promise<boolean>) => Promise<void>;
  /**
   * The gateway stops: `hurry` aborts after 8 s, and callers that still wait half a second later
   * learn that their action goes on.
   */
  readonly drain: () => void;
  /** Waits for running actions and their outcomes. */
  readonly close: () => Promise<void>;
}

export function createActionRunner({
  ledger,
  family,
  noun,
  unknownCode,
  toStopped,
  settle,
}: RunnerOptions): ActionRunner {
  const running = new Set<Promise<unknown>>();
  const [closing, hurry, dismissed] = [new AbortController(), new AbortController(), new AbortController()];
  const track = <T>(promise: Promise<T>): Promise<T> => {
    running.add(promise);
    void promise.catch(() => {}).finally(() => running.delete(promise));
    return promise;
  };
  const record: ActionRunner["record"] = async (action, outcome, durationMs) => {
    const write = () => ledger.end(action, { ...outcome, durationMs });
    const retry = async (): Promise<void> => {
      if (await pause(2000, closing.signal)) await write().catch(retry);
    };
    await write().catch(() => void track(retry()));
  };
  const settleLater = (action: OpenAction, since: OpenSince) => void (settle && track(settle(action, since)));
  const died = { outcome: "unknown", detail: `the gateway died during the ${noun}`, code: unknownCode } as const;
  const adopt: ActionRunner["adopt"] = async (accepts) => {
    for (const { intent, hasOutcome, wasGivenUp } of await ledger.adopt(family, accepts)) {
      const action = { seq: intent.seq, entry: intent };
      if (!hasOutcome) await record(action, died, null);
      settleLater(action, { at: intent.at, wasGivenUp, toDurationMs: () => null });
    }
  };
  const recover = onceDone(() => adopt());
  return {
    track,
    answer: (promise) => abortable(track(promise), dismissed.signal),
    hurry: hurry.signal,
    closing: closing.signal,
    record,
    async run(asked, { act, toOutcome, toFailure, onRecorded }) {
      await recover();
      if (closing.signal.aborted) throw toStopped();
      const at = new Date().toISOString();
      const action = await ledger.begin(asked);
      if (action.kind !== "begun") return action;
      const startMs = performance.now();
      const toDurationMs = () => Math.round(performance.now() - startMs);
      const check = () => {
        if (!action.isHeld()) throw new OpsError("overloaded", "The gateway was paused for too long: nothing was done");
      };
      const finish = async (outcome: AuditOutcome): Promise<void> => {
        await record(action, outcome, toDurationMs());
        if (outcome.outcome === "unknown") settleLater(action, { at, wasGivenUp: true, toDurationMs });
        onRecorded?.(outcome);
      };
      try {
        check();
        const result = await act(action, check);
        await finish(toOutcome(result));
        return { kind: "done", result };
      } catch (error) {
        await finish(toFailure(error));
        throw error;
      }
    },
    async awaitOutcome(decision) {
      let last = decision;
      while (last.kind === "earlier" && last.outcome === null && (await pause(outcomePollMs, closing.signal)))
        last = (await ledger.find(last.entry)) ?? last;
      return last;
    },
    recover,
    adopt,
    drain() {
      const message = `The gateway stops. The ${noun} goes on, and the audit record will have its outcome`;
      const unknown = new OpsError(unknownCode ?? "overloaded", message);
      setTimeout(() => hurry.abort(), hurryMs).unref();
      setTimeout(() => dismissed.abort(unknown), dismissMs).unref();
    },
    async close() {
      closing.abort();
      hurry.abort();
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}
