import type { ServerResponse } from "node:http";
import type { Logger } from "../lib/logger.ts";
import { SwapList } from "../lib/budget/swap-list.ts";
import type { Exchange } from "./exchange.ts";
import type { EdgeLimits } from "./limits.ts";

interface Unfinished {
  /**
   * Follows an answer until the kernel has all of it or its connection closes, and counts its
   * waiting bytes. Call it again to recount.
   */
  add(exchange: Exchange): void;
  /** The followed answers: being computed, or waiting for their readers. */
  responses(): readonly ServerResponse[];
  /** Starts to check them at least once a second; returns a function that stops. */
  watch(): () => void;
}

interface UnfinishedOptions extends Pick<EdgeLimits, "answerMs" | "pageMs" | "unsentBytes"> {
  /** Number of requests that wait for a place of public pages. */
  readonly pagesWanted: () => number;
}

/**
 * Limits what slow readers hold. Closes the connection of a finite answer when its reader has not
 * received all of it within `answerMs`. When more than `unsentBytes` wait in total, the caller with
 * the most bytes loses its longest waiting answer, until the rest fits. Each request that waits for
 * a public page disconnects one reader of such a page that had `pageMs`. Calls `onEnd` once per
 * answer.
 */
export function createUnfinished(
  { answerMs, pageMs, unsentBytes, pagesWanted }: UnfinishedOptions,
  logger: Logger,
  onEnd: (exchange: Exchange) => void,
): Unfinished {
  const followed = new SwapList<Exchange>();
  let total = 0;

  const remove = (exchange: Exchange) => {
    if (!followed.delete(exchange)) return;
    total -= exchange.unsentBytes;
    exchange.unsentBytes = 0;
    onEnd(exchange);
  };

  const measure = (exchange: Exchange) => {
    const waiting = exchange.res.writableLength;
    // All readers of a public file share one Buffer.
    const bytes = exchange.isPublic ? 0 : waiting;
    total += bytes - exchange.unsentBytes;
    exchange.unsentBytes = bytes;
    exchange.waitsSince = waiting === 0 ? null : (exchange.waitsSince ?? performance.now());
  };

  const cut = (exchange: Exchange, reason: "answer_deadline" | "page_wanted" | "unsent_bytes") => {
    const { requestId, maybePrincipal: principal, ip, req, res } = exchange;
    const who = principal ? { subject: principal.subject, kid: principal.kid } : { ip };
    logger.warn(
      { request_id: requestId, ...who, reason, unsent_bytes: res.writableLength },
      "slow reader: connection closed",
    );
    // A reset also frees what the kernel holds for this reader.
    req.socket.resetAndDestroy();
    remove(exchange);
  };

  const makeRoom = () => {
    if (total <= unsentBytes) return;
    const slowest = findSlowest([...followed]);
    if (!slowest) return;
    cut(slowest, "unsent_bytes");
    makeRoom();
  };

  const sweep = () => {
    const now = performance.now();
    let wanted = pagesWanted();
    const waits = ({ waitsSince }: Exchange, ms: number) => waitsSince !== null && now - waitsSince >= ms;
    for (const exchange of [...followed].toSorted((one, other) => one.startedAt - other.startedAt)) {
      if (!followed.has(exchange)) continue;
      measure(exchange);
      // An answer pipelined behind another one emits no "close" with its connection.
      if (exchange.req.socket.destroyed) remove(exchange);
      else if (waits(exchange, answerMs) && !exchange.isStream) cut(exchange, "answer_deadline");
      else if (wanted > 0 && exchange.isPublic && waits(exchange, pageMs)) {
        wanted -= 1;
        cut(exchange, "page_wanted");
      }
    }
    makeRoom();
  };

  return {
    add(exchange) {
      if (!followed.has(exchange)) {
        followed.add(exchange);
        exchange.res.once("close", () => remove(exchange));
      }
      measure(exchange);
      makeRoom();
    },
    responses: () => [...followed].map(({ res }) => res),
    watch() {
      const timer = setInterval(sweep, Math.min(1000, answerMs / 10)).unref();
      return () => clearInterval(timer);
    },
  };
}

/** The longest waiting answer of the caller with the most waiting bytes. */
function findSlowest(followed: readonly Exchange[]): Exchange | null {
  const waiting = followed.filter(({ unsentBytes }) => unsentBytes > 0);
  const byCaller = new Map<string, number>();
  for (const { caller, unsentBytes } of waiting) byCaller.set(caller, (byCaller.get(caller) ?? 0) + unsentBytes);
  const most = Math.max(...byCaller.values());
  const [slowest] = waiting
    .filter(({ caller }) => byCaller.get(caller) === most)
    .toSorted((a, b) => (a.waitsSince ?? 0) - (b.waitsSince ?? 0) || a.startedAt - b.startedAt);
  return slowest ?? null;
}
