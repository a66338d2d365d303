import type { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";

/** The code of the error for a body in too many chunks. */
export const tooManyChunks = "TOO_MANY_CHUNKS";

/** A body may have this many chunks of any size, and beyond them one for so many bytes. */
const anyChunks = 256;
const bytesPerChunk = 64;

/** Where a parser of node:http has what it calls for each chunk of a body. */
const onBody = 3;
type BodyParser = Record<typeof onBody, unknown>;

/** Time to receive the answer for a client that still sends a body that nobody reads, ms. */
const graceMs = 500;

/** Of a body that is read to its end even if nobody wants it. */
const shortBytes = 65_536;

/** Whether its body may have no end: it is chunked, or longer than any that is wanted. */
const isLong = ({ headers }: IncomingMessage) =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > shortBytes;

/** Whether a long part of its body has not arrived. */
export const isUnread = (req: IncomingMessage): boolean => isLong(req) && !req.complete;

/**
 * Calls `refuse` once for a body in too many small chunks: each takes about 250 bytes as long as
 * nobody reads it, which node:http counts as one, and two microseconds. The rest is neither kept
 * nor received: what came with it, up to 11,000 chunks, is only parsed.
 */
export function limitChunks(req: IncomingMessage, refuse: (error: Error) => void): void {
  if (req.headers["transfer-encoding"] === undefined) return;
  const push = req.push.bind(req);
  let [chunks, bytes, isRefused] = [0, 0, false];
  req.push = (chunk: Buffer | null) => {
    if (isRefused) return false;
    chunks += 1;
    bytes += chunk?.length ?? 0;
    if (chunk === null || bytes >= (chunks - anyChunks) * bytesPerChunk) return push(chunk);
    isRefused = true;
    ignoreBody(req.socket);
    refuse(Object.assign(new Error("too many small chunks"), { code: tooManyChunks }));
    return false;
  };
}

/**
 * Until what has arrived is parsed. Parsers are used again for other connections, later than that.
 */
function ignoreBody({ parser }: Socket & { readonly parser?: BodyParser | null }): void {
  if (typeof parser?.[onBody] !== "function") return;
  const own = parser[onBody];
  parser[onBody] = undefined;
  setImmediate(() => (parser[onBody] = own));
}

/** Ends the connection now, and closes it when the client has had time to read what was sent. */
export function endSoon(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), graceMs);
  socket.once("close", () => clearTimeout(timer));
}

/**
 * Ends the connection of an answered request whose long body goes on. node:http receives a short
 * body to its end.
 */
export function endUnread(req: IncomingMessage, res: ServerResponse): void {
  const { socket } = req;
  // node:http calls it after the last answer: closed with bytes to receive, a connection is reset,
  // and the answer lost.
  socket.destroySoon = () => (req.complete ? Socket.prototype.destroySoon.call(socket) : endSoon(socket));
  if (!isLong(req)) return;
  res.once("close", () => {
    if (!req.complete && !socket.destroyed && !socket.writableEnded) endSoon(socket);
  });
}
