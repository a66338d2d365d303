import { repeat } from "../lib/abort.ts";
import { OpsError } from "../lib/errors.ts";
import { createChangeLog, type Logger } from "../lib/logger.ts";
import type { Ledger } from "./ledger.ts";

export interface RecordWatch {
  /** The same ledger; an action that it cannot record says so at once. */
  readonly ledger: Ledger;
  /**
   * Whether an action could be recorded within the last 5 s, and none failed since. False until the
   * first try.
   */
  canRecord(): boolean;
  /** Tries it from now on, again and again. */
  start(): void;
  stop(): Promise<void>;
}

interface WatchOptions {
  /** Between two tries, ms. @default 2000 */
  readonly everyMs?: number;
  /**
   * How long the result of a try counts, ms. After that, while the next try hangs, the state is
   * unknown. @default 5000
   */
  readonly freshMs?: number;
}

/**
 * Tries again and again whether an action can be recorded, for `/readyz`, which must not ask
 * anything itself. Logs each change.
 */
export function watchRecord(
  ledger: Ledger,
  logger: Logger,
  { everyMs = 2000, freshMs = 5000 }: WatchOptions = {},
): RecordWatch {
  let triedAt = Number.NEGATIVE_INFINITY;
  const onChange = createChangeLog();
  const fail = (error: unknown) => {
    triedAt = Number.NEGATIVE_INFINITY;
    onChange("unwritable", () =>
      logger.warn({ upstream: "audit", reason: toReason(error) }, "not ready for actions: no record"),
    );
  };
  const tryWriting = async () => {
    try {
      await ledger.tryWriting();
      triedAt = performance.now();
      onChange("", () => logger.info({ upstream: "audit" }, "ready for actions again"));
    } catch (error) {
      fail(error);
    }
  };
  const watched = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof OpsError && error.code === "audit_unavailable") fail(error);
      throw error;
    }
  };
  let stop: (() => Promise<void>) | null = null;
  return {
    ledger: {
      ...ledger,
      begin: (asked) => watched(ledger.begin(asked)),
      end: (action, outcome) => watched(ledger.end(action, outcome)),
    },
    canRecord: () => performance.now() - triedAt < freshMs,
    start() {
      stop = repeat(everyMs, tryWriting);
    },
    stop: async () => stop?.(),
  };
}

function toReason(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
