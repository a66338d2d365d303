import { createHash } from "node:crypto";
import { toProblem } from "../lib/errors.ts";
import { createChangeLog, type Logger } from "../lib/logger.ts";

interface SharingOptions {
  readonly logger: Logger;
  /** For the log. */
  readonly upstream: string;
  /** What is shared, in the plural, for the log. */
  readonly what: string;
}

/**
 * An exchange with the shared database that never rejects: it keeps the reason of the last failure,
 * and logs it once.
 */
export function createSharing(exchange: () => Promise<void>, { logger, upstream, what }: SharingOptions) {
  let error: ReturnType<typeof toProblem> | null = null;
  const change = createChangeLog();
  return {
    /** Why the last exchange failed; null if it succeeded. */
    error: () => error,
    sync: async (): Promise<void> => {
      try {
        await exchange();
        error = null;
        change("", () => logger.info({ upstream }, `${what} are shared again`));
      } catch (failure) {
        error = toProblem(failure);
        const { message: cause } = error;
        change(cause, () => logger.warn({ upstream, cause }, `${what} cannot be shared`));
      }
    },
  };
}

/** The key of a row, from what is the same for it in every gateway. */
export function toSharedKey(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}
