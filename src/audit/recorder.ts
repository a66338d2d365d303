import { pause } from "../lib/abort.ts";
import type { AuditEntry, AuditLog } from "./audit.ts";

/** The outcome of an action, for the record. */
export type AuditOutcome = Pick<AuditEntry, "outcome" | "detail" | "code"> & Partial<Pick<AuditEntry, "dockerStatus">>;

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

/** How to record the end of an action. */
interface OutcomeRules<T> {
  readonly toOutcome: (result: T) => AuditOutcome;
  readonly toFailure: (error: unknown) => AuditOutcome;
  /** Called once the outcome is recorded, or its retries have started. */
  readonly onRecorded?: (outcome: AuditOutcome, intent: number) => void;
}

/** Work that outlives its caller: actions that go on after the caller left, and outcomes not yet recorded. */
interface Outcomes {
  /** Makes `settled` wait for it. */
  readonly track: <T>(promise: Promise<T>) => Promise<T>;
  /** A failed write does not undo the action: it is retried until the gateway stops. */
  readonly record: (entry: AuditEntry) => Promise<void>;
  /** Writes the intent, acts, and writes the outcome. Rejects as `act` does. When the intent cannot be written, rejects with audit_unavailable and does not act. */
  readonly recorded: <T>(entry: AuditEntry, act: () => Promise<T>, rules: OutcomeRules<T>) => Promise<T>;
  /** Resolves when no work is left. */
  readonly settled: () => Promise<void>;
}

export function createOutcomes(audit: Pick<AuditLog, "write">, closing: AbortSignal): Outcomes {
  const running = new Set<Promise<unknown>>();
  const track = <T>(promise: Promise<T>): Promise<T> => {
    running.add(promise);
    void promise.catch(() => {}).finally(() => running.delete(promise));
    return promise;
  };
  const record = async (entry: AuditEntry): Promise<void> => {
    const retry = async (): Promise<void> => {
      if (await pause(2000, closing)) await audit.write(entry).catch(retry);
    };
    await audit.write(entry).catch(() => void track(retry()));
  };
  return {
    track,
    record,
    async recorded(entry, act, { toOutcome, toFailure, onRecorded }) {
      const startMs = performance.now();
      const intent = await audit.write(entry);
      const finish = async (outcome: AuditOutcome): Promise<void> => {
        await record({ ...entry, ...outcome, intent, durationMs: Math.round(performance.now() - startMs) });
        onRecorded?.(outcome, intent);
      };
      try {
        const result = await act();
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
