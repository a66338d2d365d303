import type { Server } from "node:http";
import { Server as NetServer } from "node:net";
import type { Unfinished } from "./unfinished.ts";

/** Kept-alive connections live so much longer, ms: a request that is on the wire already is answered, `/readyz` by its 503. */
const lingerMs = 200;

/**
 * Ends a server, and the others that give it their connections, without cutting an answer short: stops accepting, lets the answers in `unfinished` go out (with
 * `Connection: close`), closes idle connections after a moment, and after `graceMs` closes whatever is left. Resolves when all is closed.
 */
export async function drainServers(
  [server, ...others]: readonly [Server, ...NetServer[]],
  unfinished: Pick<Unfinished, "responses">,
  graceMs: number,
): Promise<void> {
  if (!server.listening) return;
  const startedAt = performance.now();
  for (const res of unfinished.responses()) res.shouldKeepAlive = false;
  const closeIdle = () => {
    const passedMs = performance.now() - startedAt;
    if (passedMs >= graceMs) server.closeAllConnections();
    // node:http calls a connection idle once its answer is written, even if a slow reader has not received it.
    else if (passedMs >= lingerMs && !isAnyOnItsWay(unfinished)) server.closeIdleConnections();
  };
  const timer = setInterval(closeIdle, 20);
  await Promise.all([server, ...others].map(stopAccepting));
  clearInterval(timer);
}

/** Resolves when its connections are closed. http.Server's own close would close "idle" ones at once; the one below it only stops accepting. */
function stopAccepting(server: NetServer): Promise<void> {
  return new Promise((resolve) => NetServer.prototype.close.call(server, () => resolve()));
}

function isAnyOnItsWay(unfinished: Pick<Unfinished, "responses">): boolean {
  for (const res of unfinished.responses()) if (res.writableEnded && !res.writableFinished) return true;
  return false;
}
