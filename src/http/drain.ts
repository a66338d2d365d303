import type { Server } from "node:http";
import { Server as NetServer } from "node:net";
import type { Unfinished } from "./unfinished.ts";

/** Kept-alive connections live so much longer, ms: a request that is on the wire already is answered, `/readyz` by its 503. */
const lingerMs = 200;

/**
 * Ends a server without cutting an answer short: stops accepting, lets the answers in `unfinished` go out (with
 * `Connection: close`), closes idle connections after a moment, and after `graceMs` closes whatever is left. Resolves when all is closed.
 */
export function drainServer(server: Server, unfinished: Pick<Unfinished, "responses">, graceMs: number): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const startedAt = performance.now();
    for (const res of unfinished.responses()) res.shouldKeepAlive = false;
    const closeIdle = () => {
      const passedMs = performance.now() - startedAt;
      if (passedMs >= graceMs) server.closeAllConnections();
      // node:http calls a connection idle once its answer is written, even if a slow reader has not received it.
      else if (passedMs >= lingerMs && !isAnyOnItsWay(unfinished)) server.closeIdleConnections();
    };
    const timer = setInterval(closeIdle, 20);
    // http.Server's own close would close those "idle" connections at once; the one below it only stops accepting.
    NetServer.prototype.close.call(server, () => {
      clearInterval(timer);
      resolve();
    });
  });
}

function isAnyOnItsWay(unfinished: Pick<Unfinished, "responses">): boolean {
  for (const res of unfinished.responses()) if (res.writableEnded && !res.writableFinished) return true;
  return false;
}
