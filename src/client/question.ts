import { OpsError } from "./error.ts";
import { toUnreachable } from "./refusals.ts";

/**
 * Time for an answer of the gateway, from the first byte to the last, ms: it gives its slowest
 * reads 25 s.
 */
export const answerMs = 30_000;

const mutationFactor = 6;

/** Time for the answer to a document: a change may wait until a restarted container is healthy. */
export function toLimitMs(text: string, queryMs = answerMs): number {
  return changesThings(text) ? queryMs * mutationFactor : queryMs;
}

/**
 * Whether a document has a mutation, also behind fragments and comments. In doubt the answer is
 * yes, because a document with a mutation is sent only once.
 */
export function changesThings(text: string): boolean {
  const bare = text.replace(/"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|#[^\n\r]*/g, "");
  return /(?:^|\})[\s,\ufeff]*mutation\b/.test(bare);
}

interface SendOptions {
  readonly endpoint: string;
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends one question, and waits for its answer.
 *
 * @throws OpsError that `send` throws, `timeout` or `unreachable`; the signal's reason when that
 * aborts
 */
export async function sendWithin<T>(
  { endpoint, limitMs, signal }: SendOptions,
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const timeout = AbortSignal.timeout(limitMs);
  try {
    return await send(signal ? AbortSignal.any([signal, timeout]) : timeout);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof OpsError) throw error;
    if (timeout.aborted)
      throw new OpsError("timeout", `The gateway did not answer within ${limitMs / 1000} s`, { cause: error });
    if (error instanceof TypeError || (error as { code?: unknown }).code !== undefined)
      throw toUnreachable(`${endpoint} cannot be reached`, error);
    throw new OpsError("not_a_gateway", `${endpoint} did not answer as a gateway does`, { cause: error });
  }
}
