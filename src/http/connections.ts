import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "../lib/logger.ts";
import { toNetwork } from "../lib/network.ts";
import type { EdgeLimits } from "./limits.ts";

/** The part of node:http's parser that hands over one request. Returning 2 stops the parser; node:http itself does that for an upgrade. */
interface RequestParser {
  onIncoming: (req: IncomingMessage, keepAlive: boolean) => number;
}

const stop = 2;

interface Connection {
  readonly socket: Socket;
  readonly network: Network;
  /** Requests without a complete answer. */
  unanswered: number;
  /** Place in the order in which connections became idle; null while it is not idle. */
  idleSince: number | null;
}

/** The connections of the peers of one network. */
interface Network {
  readonly name: string;
  readonly connections: Set<Connection>;
  idle: number;
}

/**
 * Limits connections. One beyond `maxConnections` is closed on arrival. Idle connections (no request being answered) have their own limit, because each may hold
 * `maxHeaderSize` of a header that never ends: beyond `waitingConnections`, the network with most idle ones loses its longest waiting one. So a client that holds
 * many, which needs no token, locks no other network out.
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
  const networks = new Map<string, Network>();
  const connections = new WeakMap<Socket, Connection>();
  let [open, idle, turn] = [0, 0, 0];

  // Each request ends and begins a wait, so that this changes numbers alone: adding to and deleting from a collection would cost more than the rest.
  const setBusy = (connection: Connection) => {
    if (connection.idleSince === null) return;
    connection.idleSince = null;
    connection.network.idle -= 1;
    idle -= 1;
  };
  const setIdle = (connection: Connection) => {
    if (connection.idleSince !== null || connection.socket.destroyed) return;
    connection.idleSince = turn += 1;
    connection.network.idle += 1;
    idle += 1;
    if (idle > waitingConnections) closeOldest();
  };
  const closeOldest = () => {
    let most: Network | null = null;
    for (const network of networks.values()) if (network.idle > (most?.idle ?? 0)) most = network;
    let oldest: Connection | null = null;
    for (const connection of most?.connections ?? []) {
      const { idleSince } = connection;
      if (idleSince !== null && idleSince < (oldest?.idleSince ?? Infinity)) oldest = connection;
    }
    if (!oldest) return;
    setBusy(oldest);
    oldest.socket.destroy();
  };

  const limitParser = (socket: Socket & { readonly parser?: RequestParser }, connection: Connection) => {
    const { parser } = socket;
    if (!parser) return;
    const { onIncoming } = parser;
    parser.onIncoming = (req, keepAlive) => {
      if (connection.unanswered <= pipelined) return onIncoming(req, keepAlive);
      logger.info({ ip: socket.remoteAddress }, "too many requests wait on one connection: connection closed");
      socket.destroy();
      return stop;
    };
  };

  const enter = (socket: Socket): Connection => {
    const name = toNetwork(socket.remoteAddress ?? "");
    const network = networks.get(name) ?? { name, connections: new Set(), idle: 0 };
    networks.set(name, network);
    const connection: Connection = { socket, network, unanswered: 0, idleSince: null };
    network.connections.add(connection);
    connections.set(socket, connection);
    return connection;
  };
  const leave = (connection: Connection) => {
    setBusy(connection);
    const { network } = connection;
    network.connections.delete(connection);
    if (network.connections.size === 0) networks.delete(network.name);
  };

  server.on("connection", (socket: Socket) => {
    const connection = enter(socket);
    limitParser(socket, connection);
    open += 1;
    socket.once("close", () => {
      open -= 1;
      leave(connection);
    });
    if (open > maxConnections) socket.destroy();
    else setIdle(connection);
  });
  const begin = ({ socket }: IncomingMessage, res: ServerResponse) => {
    const connection = connections.get(socket);
    if (!connection) return;
    connection.unanswered += 1;
    setBusy(connection);
    res.once("close", () => {
      connection.unanswered -= 1;
      if (connection.unanswered === 0) setIdle(connection);
    });
  };
  server.on("request", begin).on("checkContinue", begin).on("checkExpectation", begin);
}
