import { pause } from "../lib/abort.ts";
import type { AuditEntry, AuditLog } from "./audit.ts";

/** What came of an action, for the record. */
export type AuditOutcome = Pick<AuditEntry, "outcome" | "detail" | "code"> & Partial<Pick<AuditEntry, "dockerStatus">>;

/** How an action's end is recorded. */
interface OutcomeRules<T> {
  readonly toOutcome: (result: T) => AuditOutcome;
  readonly toFailure: (error: unknown) => AuditOutcome;
  /** Called once the outcome is recorded, or under way. */
  readonly onRecorded?: (outcome: AuditOutcome, intent: number) => void;
}

/** What belongs to no caller: actions that go on when theirs has left, and outcomes on their way into the record. */
export interface Outcomes {
  /** Waited for by `settled`. */
  readonly track: <T>(promise: Promise<T>) => Promise<T>;
  /** An outcome that cannot be recorded does not undo what happened: it is tried again until the gateway stops. */
  readonly record: (entry: AuditEntry) => Promise<void>;
  /** Writes the intent, acts, and writes the outcome. Rejects as `act` does, and with audit_unavailable when the intent cannot be written: then nothing is done. */
  readonly recorded: <T>(entry: AuditEntry, act: () => Promise<T>, rules: OutcomeRules<T>) => Promise<T>;
  /** Resolves when nothing is under way any more. */
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

/** Runs it once for all; after a failure whoever comes next tries again. */
export function onceDone(run: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () =>
    (done ??= run().catch((error: unknown) => {
      done = null;
      throw error;
    }));
}
