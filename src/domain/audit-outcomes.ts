import type { AuditEntry, AuditLog } from "./audit.ts";
import { pause } from "./restart-settle.ts";

/** What belongs to no caller: actions that go on when theirs has left, and outcomes on their way into the record. */
export interface Outcomes {
  /** Waited for by `settled`. */
  readonly track: <T>(promise: Promise<T>) => Promise<T>;
  /** An outcome that cannot be recorded does not undo what happened: it is tried again until the gateway stops. */
  readonly record: (entry: AuditEntry) => Promise<void>;
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
  return {
    track,
    async record(entry) {
      const retry = async (): Promise<void> => {
        if (await pause(2000, closing)) await audit.write(entry).catch(retry);
      };
      await audit.write(entry).catch(() => void track(retry()));
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
