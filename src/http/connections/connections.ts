import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Principal, toHolder } from "../../auth/principal.ts";
import type { Logger } from "../../lib/logger.ts";
import { toNetwork, toSite } from "../../lib/network.ts";
import type { FindPeer, Peer } from "../client-address.ts";
import type { Exchange } from "../exchange.ts";
import type { EdgeLimits } from "../limits.ts";
import { endSoon, endUnread, limitChunks } from "./bodies.ts";
import { Member, type Phase, Share } from "./shares.ts";

/**
 * The callback of node:http's parser that hands over one request. Returning 2 stops the parser;
 * node:http itself does that for an upgrade.
 */
interface RequestParser {
  onIncoming: (req: IncomingMessage, keepAlive: boolean) => number;
}

const stop = 2;

/**
 * How long strangers still count as many after their number drops, ms. Otherwise those that are
 * kept would go on sending at full speed, and new connections would wait.
 */
const crowdedMs = 5000;

/** Requests of one connection in one turn of the event loop, answered or not. */
const perTurn = 32;

class Connection extends Member {
  /** Requests without a complete answer. */
  unanswered = 0;
  /** Whether the last answer ends it. */
  isOver = false;
  /** Requests in this turn of the event loop. */
  arrived = 0;
  turn = 0;
  /** The share it counts for: the holder of an accepted token, else the address of a client. */
  holder: string | null = null;
  client: string | null;
  readonly socket: Socket;
  readonly peer: Peer;

  constructor(socket: Socket, peer: Peer) {
    super();
    this.socket = socket;
    this.peer = peer;
    this.client = peer.address;
  }

  /**
   * An idle client still receives the end of its last answer; a reset frees what the kernel holds
   * for a busy one.
   */
  override close(): void {
    if (this.phase === "busy") this.socket.resetAndDestroy();
    else this.socket.destroy();
  }
}

export interface Connections {
  /**
   * Counts the connection of this request for the holder of its token, or for its client. Call it
   * as soon as the token is accepted or refused.
   */
  charge(exchange: Pick<Exchange, "req" | "ip" | "maybePrincipal">): void;
  /**
   * Whether this answer ends its connection: it has no accepted token, and is `rate_limited` or one
   * of many connections of strangers (`strangersKept`). No further request on it is read then.
   */
  endsAfter(exchange: Pick<Exchange, "req" | "maybePrincipal">, code: string | undefined): boolean;
}

interface ConnectionsOptions extends Pick<
  EdgeLimits,
  "maxConnections" | "strangerConnections" | "strangersKept" | "waitingConnections" | "pipelined"
> {
  readonly findPeer: FindPeer;
  readonly logger: Logger;
}

/** What has a limit: all connections, or the new and idle ones, which wait for a request. */
type Limited = "open" | "waiting";

/** Strangers keep one in so many connections when holders of tokens and proxies want all. */
const reservedPart = 10;

/**
 * Limits connections: their total (`maxConnections`), those of strangers (`strangerConnections`),
 * and the idle ones (no request being answered), because each may hold `maxHeaderSize` of a header
 * that never ends (`waitingConnections`). A new connection is never the one to close: it lives long
 * enough to send its request. Beyond a limit, the client that has most loses one:
 *
 * - Strangers lose one first, while they have more than a tenth. Their connections are counted by
 *   network (/24; /64, and the /48 that it belongs to), those that wait for a public page too.
 * - A connection that had an accepted token counts for the holder of that token, and no longer for
 *   its network.
 * - One of a trusted proxy counts for the client of its last request, and for the proxy before the
 *   first: a proxy is no network.
 *
 * So clients without a token, however many, lock out neither health checks nor clients with a
 * token. Each step takes constant time.
 *
 * While there are more than `strangersKept`, and for 5 s after, a stranger's connection ends with
 * its first answer; one that is `rate_limited` always does.
 *
 * A connection is closed when more than `pipelined` of its requests wait behind an unfinished
 * answer (HTTP pipelining). node:http parses everything it has read before anything else runs:
 * 2,500 small requests of 4 kB of memory each, per connection. Closing the connection does not stop
 * that; only stopping the parser through its property does. Browsers and proxies do not pipeline.
 * Between requests with a body the parser lets answers end, so that none waits: the connection is
 * closed beyond 32 in one turn of the event loop too.
 */
export function limitConnections(server: Server, options: ConnectionsOptions): Connections {
  const { maxConnections, strangerConnections, strangersKept, waitingConnections, pipelined } = options;
  const { findPeer, logger } = options;
  const connections = new WeakMap<Socket, Connection>();
  const strangers = new Share("strangers");
  const proxies = new Share("proxies");
  const holders = new Share("holders");
  const groups = [strangers, proxies, holders] as const;
  const report = createReport(logger);
  const countInTurn = createTurns();

  const findNetwork = (address: string): Share => {
    const network = toNetwork(address);
    const site = toSite(network);
    return site === network ? strangers.part(network) : strangers.part(site).part(network);
  };
  let crowdedAt = -Infinity;
  const isCrowded = () => {
    const now = performance.now();
    if (strangers.open > strangersKept) crowdedAt = now;
    return now - crowdedAt < crowdedMs;
  };
  const place = (connection: Connection, share: Share) => {
    if (connection.share === share) return;
    connection.share?.remove(connection);
    share.add(connection);
  };
  const closeOneOf = (group: Share, limited: Limited) => {
    const victim = findVictim(group, limited);
    if (!victim) return;
    report(victim.share?.name ?? "", limited);
    victim.share?.remove(victim);
    victim.close();
  };
  const closeBeyond = (limited: Limited, limit: number) => {
    const [unknown, proxied, known] = groups.map((group) => sizeOf(group, limited)) as [number, number, number];
    if (unknown + proxied + known <= limit) return;
    const reserve = Math.ceil(limit / reservedPart);
    closeOneOf(unknown > reserve ? strangers : proxied > known ? proxies : holders, limited);
  };
  const placeWithin = (connection: Connection, share: Share) => {
    place(connection, share);
    if (strangers.open > strangerConnections) closeOneOf(strangers, "open");
  };
  const setPhase = (connection: Connection, phase: Phase) => {
    if (!connection.share || connection.phase === phase) return;
    connection.share.setPhase(connection, phase);
    if (phase === "idle") closeBeyond("waiting", waitingConnections);
  };

  const limitParser = (socket: Socket & { readonly parser?: RequestParser }, connection: Connection) => {
    const { parser } = socket;
    if (!parser) return;
    const { onIncoming } = parser;
    parser.onIncoming = (req, keepAlive) => {
      if (connection.isOver) return stop;
      if (connection.unanswered <= pipelined && countInTurn(connection) <= perTurn) {
        limitChunks(req, (error) => {
          server.emit("clientError", error, socket);
          endSoon(socket);
        });
        return onIncoming(req, keepAlive);
      }
      logger.info({ ip: socket.remoteAddress }, "too many requests wait on one connection: connection closed");
      socket.destroy();
      return stop;
    };
  };

  server.on("connection", (socket: Socket) => {
    const peer = findPeer(socket.remoteAddress);
    const connection = new Connection(socket, peer);
    connections.set(socket, connection);
    limitParser(socket, connection);
    placeWithin(connection, peer.isProxy ? proxies.part(peer.address ?? "") : findNetwork(peer.address ?? ""));
    socket.once("close", () => connection.share?.remove(connection));
    closeBeyond("open", maxConnections);
    closeBeyond("waiting", waitingConnections);
  });
  const begin = (req: IncomingMessage, res: ServerResponse) => {
    const { socket } = req;
    endUnread(req, res);
    const connection = connections.get(socket);
    if (!connection) return;
    connection.unanswered += 1;
    if (connection.phase !== "busy") setPhase(connection, "pending");
    res.once("close", () => {
      connection.unanswered -= 1;
      if (connection.unanswered === 0 && !socket.destroyed) setPhase(connection, "idle");
    });
  };
  server.on("request", begin).on("checkContinue", begin).on("checkExpectation", begin);

  const findClientShare = (connection: Connection, ip: string, principal: Principal | undefined): Share | null => {
    const { peer, share } = connection;
    const holder = principal ? toHolder(principal) : null;
    // A proxy's connection may serve another client with each request, any other one serves its
    // peer.
    if (!peer.isProxy && (holder === null || connection.holder !== null)) return share;
    if (connection.holder === holder && (holder !== null || connection.client === ip)) return share;
    connection.holder = holder;
    connection.client = ip;
    if (holder !== null) return holders.part(holder);
    return ip === peer.address ? proxies.part(ip) : findNetwork(ip);
  };

  return {
    charge({ req, ip = "", maybePrincipal }) {
      const connection = connections.get(req.socket);
      if (!connection?.share) return;
      const share = findClientShare(connection, ip, maybePrincipal);
      if (share) placeWithin(connection, share);
      setPhase(connection, "busy");
    },
    endsAfter({ req, maybePrincipal }, code) {
      const connection = connections.get(req.socket);
      if (!connection || maybePrincipal !== undefined) return false;
      return (connection.isOver ||= code === "rate_limited" || (connection.holder === null && isCrowded()));
    },
  };
}

/** The phase from which a limit takes a connection of a group. */
function findVictim(group: Share, limited: Limited): Member | null {
  // New ones may send their first request, unless they are too many themselves.
  const counted = group.new * 2 > sizeOf(group, limited) ? "new" : limited === "open" ? "open" : "idle";
  return group.largest(counted)?.leastUseful(counted) ?? null;
}

const sizeOf = ({ open, new: fresh, idle }: Share, limited: Limited) => (limited === "open" ? open : fresh + idle);

/** Counts the requests of a connection in this turn of the event loop. */
function createTurns(): (connection: Connection) => number {
  let turn = 1;
  let isWaiting = false;
  const next = () => {
    turn += 1;
    isWaiting = false;
  };
  return (connection) => {
    if (!isWaiting) setImmediate(next);
    isWaiting = true;
    if (connection.turn !== turn) connection.arrived = 0;
    connection.turn = turn;
    connection.arrived += 1;
    return connection.arrived;
  };
}

/**
 * Logs who loses connections: at most once a minute, with the number closed since the last line.
 */
function createReport(logger: Logger): (share: string, limited: Limited) => void {
  let closed = 0;
  let saidAt = -Infinity;
  return (share, limited) => {
    closed += 1;
    if (performance.now() - saidAt < 60_000) return;
    logger.warn({ from: share, limit: limited, closed }, "too many connections: closed one of the largest share");
    saidAt = performance.now();
    closed = 0;
  };
}
