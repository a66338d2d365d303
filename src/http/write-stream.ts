import type { ServerResponse } from "node:http";
import type { Exchange } from "./exchange.ts";
import { apiHeaders } from "./security-headers.ts";
import type { EdgeReply, EdgeStream } from "./surface.ts";

/**
 * Sends an answer that comes in parts, no faster than it is read, with a sign of life where nothing was sent for `heartbeatMs`. Resolves with the
 * number of bytes when it has ended or the client is gone; then the parts have been returned. Rejects with what the parts throw.
 */
export async function writeStream(
  { res, requestId }: Exchange,
  { status, headers = {} }: EdgeReply,
  { chunks, heartbeat, signal }: EdgeStream,
  heartbeatMs: number,
): Promise<number> {
  const list = [...apiHeaders, "X-Request-Id", requestId, "X-Accel-Buffering", "no"];
  for (const name in headers) list.push(name, headers[name] as string);
  res.writeHead(status, list);
  res.flushHeaders();
  let bytes = 0;
  let quiet = true;
  const beat = setInterval(() => {
    if (quiet && heartbeat && !res.writableNeedDrain) res.write(heartbeat);
    quiet = true;
  }, heartbeatMs / 2);
  try {
    for await (const chunk of chunks) {
      if (res.closed) break;
      quiet = false;
      bytes += Buffer.byteLength(chunk);
      if (!res.write(chunk)) await drained(res, signal);
    }
  } finally {
    clearInterval(beat);
    res.end();
  }
  return bytes;
}

/** Until there is room, or there is no more waiting for it. */
function drained(res: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off("drain", done).off("close", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    if (res.closed || signal.aborted) return resolve();
    res.on("drain", done).on("close", done);
    signal.addEventListener("abort", done);
  });
}
