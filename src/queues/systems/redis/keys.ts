import { abortable } from "../../../lib/abort.ts";
import { createSingleFlight } from "../../../lib/cache.ts";
import { OpsError } from "../../../lib/errors.ts";
import { knownQueuesLimit } from "../../metrics.ts";
import type { RedisConnection } from "./connection.ts";

/** Longest time of a search, and longest wait of the first caller for it, milliseconds. */
const lookMs = 20_000;
const waitMs = 1500;

/** The keys that were found, up to a limit for each pattern. */
export interface FoundKeys {
  readonly keys: ReadonlySet<string>;
  /** How many more there are; a key that Redis returned twice counts twice. */
  readonly surplus: number;
}

/**
 * Finds keys by patterns of Redis, whose literal parts are escaped (`escapePattern`). Redis has no
 * index of keys, so it scans all of them (SCAN, a thousand at a time), and again `againMs`
 * milliseconds after the last search, as long as there are callers. Only the first callers wait for
 * it. With very many keys, the first results hold the keys found so far. Drops keys that a whole
 * search did not find. Retains at most `most` of each pattern. Rejects as the connection does.
 */
export function createKeySearch(
  connection: RedisConnection,
  patterns: readonly string[],
  againMs: number,
  most = knownQueuesLimit,
) {
  /** Grows during a search. */
  let found = { keys: new Set<string>(), surplus: 0 };
  let askAgainAt = 0;
  let isFirst = true;
  const look = createSingleFlight(async (signal) => {
    const seen = patterns.map(() => new Set<string>());
    let surplus = 0;
    const add = (key: string, own: Set<string> | undefined) => {
      if (!own || own.has(key)) return;
      if (own.size >= most) {
        surplus += 1;
        return;
      }
      own.add(key);
      if (found.keys.size < most * patterns.length) found.keys.add(key);
    };
    for (let cursor = "0", isDone = false; !isDone; isDone = cursor === "0") {
      // Each pattern takes the same step, because the cursor does not depend on the pattern.
      const step = patterns.map((pattern) => ["scan", cursor, "MATCH", pattern, "COUNT", 1000] as const);
      const [answers = []] = await connection.ask(
        [{ commands: step, parse: (replies) => replies.map(toScan) }],
        signal,
      );
      for (const [index, { keys }] of answers.entries()) for (const key of keys) add(key, seen[index]);
      if (isFirst) found.surplus = Math.max(found.surplus, surplus);
      cursor = answers[0]?.cursor ?? "0";
    }
    found = { keys: new Set(seen.flatMap((own) => [...own])), surplus };
    isFirst = false;
  });
  return async (signal: AbortSignal): Promise<FoundKeys> => {
    if (performance.now() < askAgainAt) return found;
    askAgainAt = performance.now() + againMs;
    const looking = look(AbortSignal.timeout(lookMs)).catch((error: unknown) => {
      askAgainAt = 0;
      throw error;
    });
    looking.catch(() => {});
    if (isFirst) await abortable(looking, AbortSignal.any([signal, AbortSignal.timeout(waitMs)])).catch(rethrowRefusal);
    return found;
  };
}

/** Escapes a text for use in a pattern of Redis. */
export function escapePattern(text: string): string {
  return text.replaceAll(/[\\*?[\]^-]/g, String.raw`\$&`);
}

/** Ignores a timeout, but not a refusal. */
function rethrowRefusal(error: unknown): void {
  if (error instanceof OpsError) throw error;
}

function toScan(reply: unknown): { cursor: string; keys: string[] } {
  const [cursor, keys] = Array.isArray(reply) ? (reply as unknown[]) : [];
  return {
    cursor: typeof cursor === "string" ? cursor : "0",
    keys: Array.isArray(keys) ? keys.filter((key) => typeof key === "string") : [],
  };
}
