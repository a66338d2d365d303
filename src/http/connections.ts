import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { toNetwork } from "../auth/throttle.ts";
import type { EdgeLimits } from "./limits.ts";

/**
 * Limits connections. One beyond `maxConnections` is closed on arrival. Idle connections (no request being answered) have their own limit, because each may hold
 * `maxHeaderSize` of a header that never ends: beyond `waitingConnections`, the address with most idle ones loses its longest waiting one. So a client that holds
 * many, which needs no token, locks no other address out.
 */
export function limitConnections(
  server: Server,
  { maxConnections, waitingConnections }: Pick<EdgeLimits, "maxConnections" | "waitingConnections">,
): void {
  /** Idle connections by the peer's network, each in the order in which they became idle. */
  const waiting = new Map<string, Set<Socket>>();
  const networks = new WeakMap<Socket, string>();
  const unanswered = new WeakMap<Socket, number>();
  let size = 0;
  let open = 0;

  const remove = (socket: Socket) => {
    const network = networks.get(socket) ?? "";
    const own = waiting.get(network);
    if (!own?.delete(socket)) return;
    size -= 1;
    if (own.size === 0) waiting.delete(network);
  };
  const add = (socket: Socket) => {
    const network = networks.get(socket) ?? "";
    const own = waiting.get(network) ?? new Set();
    waiting.set(network, own.add(socket));
    size += 1;
    if (size > waitingConnections) closeOldest();
  };
  const closeOldest = () => {
    let most: ReadonlySet<Socket> = new Set();
    for (const own of waiting.values()) if (own.size > most.size) most = own;
    const [oldest] = most;
    if (!oldest) return;
    remove(oldest);
    oldest.destroy();
  };

  server.on("connection", (socket: Socket) => {
    open += 1;
    networks.set(socket, toNetwork(socket.remoteAddress ?? ""));
    socket.once("close", () => {
      open -= 1;
      remove(socket);
    });
    if (open > maxConnections) socket.destroy();
    else add(socket);
  });
  const begin = ({ socket }: IncomingMessage, res: ServerResponse) => {
    unanswered.set(socket, (unanswered.get(socket) ?? 0) + 1);
    remove(socket);
    res.once("close", () => {
      const left = (unanswered.get(socket) ?? 1) - 1;
      unanswered.set(socket, left);
      if (left === 0 && !socket.destroyed) add(socket);
    });
  };
  server.on("request", begin).on("checkContinue", begin).on("checkExpectation", begin);
}
