import { abortable, pause } from "../lib/abort.ts";
import type { AuditEntry, AuditOutcome } from "./audit.ts";
import { OpsError } from "../lib/errors.ts";
import type { BegunAction, Ledger, OpenAction } from "./ledger.ts";

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

/** How to record the end of an action. */
interface OutcomeRules<T> {
  readonly toOutcome: (result: T) => AuditOutcome;
  readonly toFailure: (error: unknown) => AuditOutcome;
  /** Called once the outcome is recorded, or its retries have started. */
  readonly onRecorded?: (outcome: AuditOutcome) => void;
}

/** Work that outlives its caller: actions that go on after the caller left, and outcomes not yet recorded. */
interface Outcomes {
  /** Makes `settled` wait for it. */
  readonly track: <T>(promise: Promise<T>) => Promise<T>;
  /** As `track`, for a caller: after `drain` it rejects in time for its answer. The work goes on. */
  readonly answer: <T>(promise: Promise<T>) => Promise<T>;
  /**
   * The gateway stops: `hurry` aborts after 8 s, and callers that still wait then get this error
   * half a second later.
   */
  readonly drain: (unknown: OpsError) => void;
  /** Ends what only waits, and what does one thing after another, while callers still get an answer. */
  readonly hurry: AbortSignal;
  /** A failed write does not undo the action: it is retried until the gateway stops. */
  readonly record: (action: OpenAction, outcome: AuditOutcome, durationMs: number | null) => Promise<void>;
  /**
   * Acts for an intent that is recorded, and records the outcome. Rejects as `act` does. `check`, for right before what cannot be undone, throws overloaded when the action
   * may be another gateway's by now.
   */
  readonly run: <T>(action: BegunAction, act: (check: () => void) => Promise<T>, rules: OutcomeRules<T>) => Promise<T>;
  /** Resolves when no work is left. */
  readonly settled: () => Promise<void>;
}

export function createOutcomes(ledger: Pick<Ledger, "end">, closing: AbortSignal): Outcomes {
  const running = new Set<Promise<unknown>>();
  const [hurry, dismissed] = [new AbortController(), new AbortController()];
  closing.addEventListener("abort", () => hurry.abort(), { once: true });
  const track = <T>(promise: Promise<T>): Promise<T> => {
    running.add(promise);
    void promise.catch(() => {}).finally(() => running.delete(promise));
    return promise;
  };
  const record: Outcomes["record"] = async (action, outcome, durationMs) => {
    const write = () => ledger.end(action, { ...outcome, durationMs });
    const retry = async (): Promise<void> => {
      if (await pause(2000, closing)) await write().catch(retry);
    };
    await write().catch(() => void track(retry()));
  };
  return {
    track,
    answer: (promise) => abortable(track(promise), dismissed.signal),
    drain(unknown) {
      setTimeout(() => hurry.abort(), hurryMs).unref();
      setTimeout(() => dismissed.abort(unknown), dismissMs).unref();
    },
    hurry: hurry.signal,
    record,
    async run(action, act, { toOutcome, toFailure, onRecorded }) {
      const startMs = performance.now();
      const check = () => {
        if (!action.isHeld()) throw new OpsError("overloaded", "The gateway was paused for too long: nothing was done");
      };
      const finish = async (outcome: AuditOutcome): Promise<void> => {
        await record(action, outcome, Math.round(performance.now() - startMs));
        onRecorded?.(outcome);
      };
      try {
        check();
        const result = await act(check);
        await finish(toOutcome(result));
        return result;
      } catch (error) {
        await finish(toFailure(error));
        throw error;
      }
    },
    async settled() {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}
