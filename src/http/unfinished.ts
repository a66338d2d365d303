import type { ServerResponse } from "node:http";
import type { Logger } from "../lib/logger.ts";
import type { Exchange } from "./exchange.ts";
import type { EdgeLimits } from "./limits.ts";

export interface Unfinished {
  /** Follows an answer until the kernel has all of it or its connection closes, and counts its waiting bytes. Call it again to count anew. */
  add(exchange: Exchange): void;
  /** The followed answers: being computed, or waiting for their readers. */
  responses(): Iterable<ServerResponse>;
  /** Starts to check them at least once a second; returns a function that stops. */
  watch(): () => void;
}

interface Entry {
  readonly exchange: Exchange;
  /** Bytes that wait in this process for the reader, as last seen. 0 for a public file: all its readers share one Buffer. */
  bytes: number;
  /** Start of the wait, ms of `performance.now()`; null while nothing waits. */
  waitsSince: number | null;
}

interface UnfinishedOptions extends Pick<EdgeLimits, "answerMs" | "pageMs" | "unsentBytes"> {
  /** Number of requests that wait for a place of public pages. */
  readonly pagesWanted: () => number;
}

/**
 * Limits what slow readers hold. The connection of a finite answer is closed when its reader has not received all of it within `answerMs`. When more than
 * `unsentBytes` wait in total, the caller with the most bytes loses its longest waiting answer, until the rest fits. Each request that waits for a public page
 * disconnects one reader of such a page that had `pageMs`. `onEnd` is called once per answer.
 */
export function createUnfinished(
  { answerMs, pageMs, unsentBytes, pagesWanted }: UnfinishedOptions,
  logger: Logger,
  onEnd: (exchange: Exchange) => void,
): Unfinished {
  const entries = new Map<ServerResponse, Entry>();
  let total = 0;

  const remove = (res: ServerResponse) => {
    const entry = entries.get(res);
    if (!entry) return;
    entries.delete(res);
    total -= entry.bytes;
    onEnd(entry.exchange);
  };

  const measure = (entry: Entry) => {
    const { res, isPublic } = entry.exchange;
    const waiting = res.writableLength;
    const bytes = isPublic ? 0 : waiting;
    total += bytes - entry.bytes;
    entry.bytes = bytes;
    entry.waitsSince = waiting === 0 ? null : (entry.waitsSince ?? performance.now());
  };

  const cut = ({ exchange }: Entry, reason: "answer_deadline" | "page_wanted" | "unsent_bytes") => {
    const { requestId, maybePrincipal: principal, ip, req, res } = exchange;
    const who = principal ? { subject: principal.subject, kid: principal.kid } : { ip };
    logger.warn({ request_id: requestId, ...who, reason, unsent_bytes: res.writableLength }, "slow reader: connection closed");
    // A reset also frees what the kernel holds for this reader.
    req.socket.resetAndDestroy();
    remove(res);
  };

  const makeRoom = () => {
    if (total <= unsentBytes) return;
    const slowest = findSlowest(entries.values());
    if (!slowest) return;
    cut(slowest, "unsent_bytes");
    makeRoom();
  };

  const sweep = () => {
    const now = performance.now();
    let wanted = pagesWanted();
    const waits = ({ waitsSince }: Entry, ms: number) => waitsSince !== null && now - waitsSince >= ms;
    // In order of their start.
    for (const [res, entry] of entries) {
      measure(entry);
      // An answer pipelined behind another one emits no "close" with its connection.
      if (entry.exchange.req.socket.destroyed) remove(res);
      else if (waits(entry, answerMs) && !entry.exchange.isStream) cut(entry, "answer_deadline");
      else if (wanted > 0 && entry.exchange.isPublic && waits(entry, pageMs)) {
        wanted -= 1;
        cut(entry, "page_wanted");
      }
    }
    makeRoom();
  };

  return {
    add(exchange) {
      const { res } = exchange;
      let entry = entries.get(res);
      if (!entry) {
        entry = { exchange, bytes: 0, waitsSince: null };
        entries.set(res, entry);
        res.once("close", () => remove(res));
      }
      measure(entry);
      makeRoom();
    },
    responses: () => entries.keys(),
    watch() {
      const timer = setInterval(sweep, Math.min(1000, answerMs / 10)).unref();
      return () => clearInterval(timer);
    },
  };
}

/** The longest waiting answer of the caller with the most waiting bytes. */
function findSlowest(entries: Iterable<Entry>): Entry | null {
  const waiting = [...entries].filter(({ bytes }) => bytes > 0);
  const byCaller = new Map<string, number>();
  for (const { exchange, bytes } of waiting) byCaller.set(exchange.caller, (byCaller.get(exchange.caller) ?? 0) + bytes);
  const most = Math.max(...byCaller.values());
  const [slowest] = waiting
    .filter(({ exchange }) => byCaller.get(exchange.caller) === most)
    .toSorted((a, b) => (a.waitsSince ?? 0) - (b.waitsSince ?? 0));
  return slowest ?? null;
}
