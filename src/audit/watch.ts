import { repeat } from "../lib/abort.ts";
import { createChangeLog, type Logger } from "../lib/logger.ts";
import type { Ledger } from "./ledger.ts";

export interface RecordWatch {
  /** Whether an action could be recorded when last looked. False until then. */
  canRecord(): boolean;
  stop(): Promise<void>;
}

/** Asked about nobody's action on no container: only whether the record can be written matters. */
const [nobody, noLimits] = [
  { action: "restart", containerId: "", kid: "", subject: "", issuer: null },
  { cooldownMs: null, parallel: null, budget: null },
] as const;

/**
 * Looks again and again whether the record can be written, for `/readyz`, which must not ask
 * anything itself. Writes nothing; logs each change.
 */
export function watchRecord(ledger: Pick<Ledger, "check">, logger: Logger, everyMs = 2000): RecordWatch {
  let canRecord = false;
  const onChange = createChangeLog();
  const stop = repeat(everyMs, async () => {
    const error = await ledger.check(nobody, noLimits).then(
      () => null,
      (reason: unknown) => reason,
    );
    canRecord = error === null;
    if (canRecord) onChange("", () => logger.info({ upstream: "audit" }, "ready for actions again"));
    else
      onChange("unwritable", () =>
        logger.warn({ upstream: "audit", reason: toReason(error) }, "not ready for actions: no record"),
      );
  });
  return { canRecord: () => canRecord, stop };
}

function toReason(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
