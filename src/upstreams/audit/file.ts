import type { AuditLog } from "../../domain/audit.ts";
import { OpsError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { createAppendFile } from "./append-file.ts";
import { toAuditLine } from "./line.ts";

interface AuditFileOptions {
  readonly path: string;
  readonly logger: Logger;
}

/** Total deadline of a write, milliseconds, waiting for its turn included. */
const deadlineMs = 5_000;

/**
 * The audit record as JSON lines, in the order of the calls. `write` resolves when the line is on disk, and rejects with
 * audit_unavailable whatever went wrong: the caller then does not act. After a rejection the line may be there all the same (a hung
 * disk that came back): an intent without an outcome says no more than that.
 */
export function createAuditFile({ path, logger }: AuditFileOptions): AuditLog & { close(): Promise<void> } {
  const file = createAppendFile(path);
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;

  const inTurn = (task: () => Promise<void>): Promise<void> => {
    const turn = last.then(task);
    last = turn.catch(() => {});
    return turn;
  };

  return {
    write: async (entry) => {
      const line = toAuditLine(entry, new Date());
      const deadline = AbortSignal.timeout(deadlineMs);
      try {
        if (closed) throw new Error("closed");
        const turn = inTurn(async () => {
          deadline.throwIfAborted();
          await file.append(line);
        });
        await withDeadline(turn, deadline);
      } catch (error) {
        logger.error({ upstream: "audit", path, cause: String(error) }, "The audit record cannot be written");
        throw new OpsError("audit_unavailable", "The audit record cannot be written", {
          cause: error,
          upstream: "audit",
        });
      }
    },
    close: async () => {
      closed = true;
      await inTurn(() => file.close());
    },
  };
}

function withDeadline(promise: Promise<void>, deadline: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(deadline.reason as Error);
    deadline.addEventListener("abort", abort, { once: true });
    void promise.then(resolve, reject).finally(() => deadline.removeEventListener("abort", abort));
  });
}
