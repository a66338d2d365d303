import type { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";

/** The code of the error for a body in too many chunks. */
export const tooManyChunks = "TOO_MANY_CHUNKS";

/** A body may have this many chunks of any size, and one more for each so many bytes. */
const anyChunks = 256;
const bytesPerChunk = 64;

/** Index at which a node:http parser keeps its callback for each chunk of a body. */
const onBody = 3;
type BodyParser = Record<typeof onBody, unknown>;

/** Time to receive the answer for a client that still sends an unread body, ms. */
const graceMs = 500;

/** A body up to this size is read to its end even if nobody wants it. */
const shortBytes = 65_536;

/** Whether its body may be endless: it is chunked, or longer than `shortBytes`. */
const isLong = ({ headers }: IncomingMessage) =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > shortBytes;

/** Whether a long part of its body has not arrived. */
export const isUnread = (req: IncomingMessage): boolean => isLong(req) && !req.complete;

/**
 * Calls `refuse` once for a body in too many small chunks. Each chunk takes about 250 bytes until
 * somebody reads it (node:http counts it as one), and two microseconds. The rest is neither kept
 * nor received: what arrived with it, up to 11,000 chunks, is only parsed.
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
 * Ignores the body until what has arrived is parsed. Other connections reuse the parser only later.
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
 * Ends the connection of an answered request whose long body continues. node:http receives a short
 * body to its end.
 */
export function endUnread(req: IncomingMessage, res: ServerResponse): void {
  const { socket } = req;
  // node:http calls this after the last answer. Closing a connection with bytes still to receive
  // resets it, and the answer is lost.
  socket.destroySoon = () => (req.complete ? Socket.prototype.destroySoon.call(socket) : endSoon(socket));
  if (!isLong(req)) return;
  res.once("close", () => {
    if (!req.complete && !socket.destroyed && !socket.writableEnded) endSoon(socket);
  });
}
