import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "../lib/logger.ts";

/** The part of node:http's parser that hands over one request. Returning 2 stops the parser; node:http itself does that for an upgrade. */
interface RequestParser {
  onIncoming: (req: IncomingMessage, keepAlive: boolean) => number;
}

const stop = 2;

/**
 * Closes a connection when more than `max` of its requests wait for an earlier answer (HTTP pipelining). node:http parses everything it has read before anything
 * else runs: 2,500 small requests of 4 kB of memory each, per connection. Closing the connection does not stop that; only stopping the parser through this property
 * does. Browsers and proxies do not pipeline.
 */
export function limitPipelining(server: Server, max: number, logger: Logger): void {
  const waiting = new WeakMap<Socket, number>();

  server.on("connection", (socket: Socket & { readonly parser?: RequestParser }) => {
    const { parser } = socket;
    if (!parser) return;
    const { onIncoming } = parser;
    parser.onIncoming = (req, keepAlive) => {
      if ((waiting.get(socket) ?? 0) < max) return onIncoming(req, keepAlive);
      logger.info({ ip: socket.remoteAddress }, "too many requests wait on one connection: connection closed");
      socket.destroy();
      return stop;
    };
  });

  const count = ({ socket }: IncomingMessage, res: ServerResponse) => {
    // The response that may be written now has the socket; the others wait.
    if (res.socket !== null) return;
    waiting.set(socket, (waiting.get(socket) ?? 0) + 1);
    res.once("close", () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
  };
  server.on("request", count).on("checkContinue", count).on("checkExpectation", count);
}
