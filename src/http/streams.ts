import type { ServerResponse } from "node:http";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Principal } from "../auth/principal.ts";
import type { StreamEnd, StreamLease } from "../auth/stream-lease.ts";
import { createThrottle } from "../auth/throttle.ts";
import { OpsError } from "../lib/errors.ts";
import { formatCount } from "../facts/format.ts";
import { watchPaths } from "./connections/paths.ts";
import type { Exchange } from "./exchange.ts";
import type { EdgeLimits } from "./limits.ts";

export interface Streams {
  /**
   * Releases the exchange's place among requests, and takes a place here until its answer is
   * closed. Throws rate_limited.
   */
  open(exchange: Exchange): StreamLease;
  /** Ends all streams; each sends the reason. */
  endAll(reason: StreamEnd): void;
}

/** Time to send the reason before the connection is closed, ms. */
const goodbyeMs = 1000;

type StreamLimits = Pick<
  EdgeLimits,
  | "streamsPerToken"
  | "streams"
  | "lostPathMs"
  | "streamMs"
  | "recheckMs"
  | "stalledReaderMs"
  | "streamBurst"
  | "streamsPerSecond"
>;

const anybody: (principal: Principal) => boolean = () => true;

/**
 * The endless answers: limits their number, rechecks the rights of their callers, and disconnects
 * stalled readers.
 */
export function createStreams(authenticator: Pick<Authenticator, "authenticate">, limits: StreamLimits): Streams {
  const open = new Set<(reason: StreamEnd) => void>();
  const byToken = new Map<string, number>();
  const opened = createThrottle({ burst: limits.streamBurst, perSecond: limits.streamsPerSecond });
  const paths = watchPaths(limits);
  let closing: StreamEnd | null = null;

  const enter = ({ caller: key }: Exchange): (() => void) => {
    const count = byToken.get(key) ?? 0;
    if (count >= limits.streamsPerToken) throw tooMany(`This token already has ${formatCount(count, "open stream")}`);
    if (open.size >= limits.streams)
      throw tooMany(`This gateway already has ${formatCount(open.size, "open stream")}, its limit`);
    const waitS = opened.hit(key);
    if (waitS > 0) throw tooMany("This token opens streams too often", waitS);
    byToken.set(key, count + 1);
    return () => {
      const left = (byToken.get(key) ?? 1) - 1;
      if (left > 0) byToken.set(key, left);
      else byToken.delete(key);
    };
  };

  return {
    open(exchange) {
      const { res } = exchange;
      const leave = enter(exchange);
      exchange.release();
      const abort = new AbortController();
      let isAllowed = anybody;
      const end = (reason: StreamEnd) => {
        if (abort.signal.aborted) return;
        exchange.logged = { ...exchange.logged, code: reason };
        abort.abort(reason);
        if (reason !== "client_gone") setTimeout(() => res.destroy(), goodbyeMs).unref();
      };
      const check = async () => {
        const principal = await authenticator.authenticate(exchange.headers.authorization, exchange.req.rawHeaders);
        if (!principal) end("unauthorized");
        else if (!isAllowed(principal)) end("forbidden");
      };
      // When keys cannot be fetched (auth_unavailable), streams that were allowed go on.
      const rechecking = setInterval(() => void check().catch(() => {}), limits.recheckMs);
      const unwatch = watchProgress(res, limits.stalledReaderMs, () => end("slow_consumer"));
      const unwatchPath = paths.watch(exchange.req.socket, () => {
        end("client_gone");
        res.destroy();
      });
      const expiring = setTimeout(() => end("expired"), limits.streamMs).unref();
      open.add(end);
      res.once("close", () => {
        clearInterval(rechecking);
        clearTimeout(expiring);
        unwatch();
        unwatchPath();
        open.delete(end);
        leave();
        if (!res.writableFinished && !abort.signal.aborted) abort.abort("client_gone" satisfies StreamEnd);
      });
      if (closing) end(closing);
      if (exchange.isAborted) res.emit("close");
      return { signal: abort.signal, recheck: (ask) => void (isAllowed = ask) };
    },
    endAll(reason) {
      closing = reason;
      for (const end of open) end(reason);
    },
  };
}

function tooMany(message: string, waitS = 5): OpsError {
  return new OpsError("rate_limited", message, { headers: { "Retry-After": String(waitS) } });
}

/**
 * Calls `onStalled` once, when data waits for the reader and none of it was sent for `afterMs`.
 * Returns a function that ends the watch.
 */
export function watchProgress(res: ServerResponse, afterMs: number, onStalled: () => void): () => void {
  let sent = -1;
  let since = performance.now();
  const timer = setInterval(() => {
    const { socket } = res;
    if (!socket) return;
    // Bytes really sent: `bytesWritten` also counts those that still wait.
    const now = socket.bytesWritten - socket.writableLength;
    if (socket.writableLength === 0 || now !== sent) {
      sent = now;
      since = performance.now();
    } else if (performance.now() - since >= afterMs) {
      clearInterval(timer);
      onStalled();
    }
  }, afterMs / 10);
  return () => clearInterval(timer);
}
