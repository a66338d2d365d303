import { OpsError } from "../../../errors.ts";
import { abortable, createFlight } from "../../../domain/abortable.ts";
import type { RedisConnection } from "./redis-connection.ts";

/** Queues come rarely: they are looked for once in this time, milliseconds. */
const againMs = 60_000;
/** A look takes at most so long, and the first question waits for it at most so long. */
const lookMs = 20_000;
const waitMs = 1500;

/**
 * Finds BullMQ's queues by their `meta` keys: Redis has no list of them, so all keys are gone through (SCAN, a thousand at a time), once a minute while somebody asks, and
 * nobody waits for that but the first. With very many keys the first answers have those that were found until then; what a whole look does not find is gone.
 */
export function createBullmqDiscovery(
  connection: RedisConnection,
  prefix: string,
): (signal: AbortSignal) => Promise<Iterable<string>> {
  let found = new Set<string>();
  const pattern = `${prefix.replaceAll(/[\\*?[\]^-]/g, String.raw`\$&`)}:*:meta`;
  let askAgainAt = 0;
  let isFirst = true;
  const look = createFlight(async (signal) => {
    const seen = new Set<string>();
    for (let cursor = "0", isDone = false; !isDone; isDone = cursor === "0") {
      const [answer] = await connection.ask(
        [{ commands: [["scan", cursor, "MATCH", pattern, "COUNT", 1000]], parse: ([reply]) => toScan(reply) }],
        signal,
      );
      for (const key of answer?.keys ?? []) seen.add(key.slice(prefix.length + 1, -":meta".length));
      found = new Set([...found, ...seen]);
      cursor = answer?.cursor ?? "0";
    }
    found = seen;
    isFirst = false;
  });
  return async (signal) => {
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

/** That it takes longer is no error. */
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
