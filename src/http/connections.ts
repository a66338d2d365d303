import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { toNetwork } from "../auth/throttle.ts";
import type { Logger } from "../lib/logger.ts";
import type { EdgeLimits } from "./limits.ts";

/** The part of node:http's parser that hands over one request. Returning 2 stops the parser; node:http itself does that for an upgrade. */
interface RequestParser {
  onIncoming: (req: IncomingMessage, keepAlive: boolean) => number;
}

const stop = 2;

/**
 * Limits connections. One beyond `maxConnections` is closed on arrival. Idle connections (no request being answered) have their own limit, because each may hold
 * `maxHeaderSize` of a header that never ends: beyond `waitingConnections`, the address with most idle ones loses its longest waiting one. So a client that holds
 * many, which needs no token, locks no other address out.
 *
 * A connection is closed when more than `pipelined` of its requests wait behind an unfinished answer (HTTP pipelining). node:http parses everything it has read
 * before anything else runs: 2,500 small requests of 4 kB of memory each, per connection. Closing the connection does not stop that; only stopping the parser
 * through its property does. Browsers and proxies do not pipeline.
 */
export function limitConnections(
  server: Server,
  { maxConnections, waitingConnections, pipelined }: Pick<EdgeLimits, "maxConnections" | "waitingConnections" | "pipelined">,
  logger: Logger,
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

  const limitParser = (socket: Socket & { readonly parser?: RequestParser }) => {
    const { parser } = socket;
    if (!parser) return;
    const { onIncoming } = parser;
    parser.onIncoming = (req, keepAlive) => {
      if ((unanswered.get(socket) ?? 0) <= pipelined) return onIncoming(req, keepAlive);
      logger.info({ ip: socket.remoteAddress }, "too many requests wait on one connection: connection closed");
      socket.destroy();
      return stop;
    };
  };

  server.on("connection", (socket: Socket) => {
    limitParser(socket);
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
