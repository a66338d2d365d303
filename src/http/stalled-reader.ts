import type { ServerResponse } from "node:http";

/** Calls `onStalled` once, when something waits for the reader and nothing of it left for `afterMs`. Answers the end of the watch. */
export function watchProgress(res: ServerResponse, afterMs: number, onStalled: () => void): () => void {
  let sent = -1;
  let since = performance.now();
  const timer = setInterval(() => {
    const { socket } = res;
    if (!socket) return;
    // What has been written completely; `bytesWritten` alone counts what still waits.
    const now = socket.bytesWritten - socket.writableLength;
    if (socket.writableLength === 0 || now !== sent) {
      sent = now;
      since = performance.now();
    } else if (performance.now() - since >= afterMs) {
      clearInterval(timer);
      onStalled();
    }
  }, afterMs / 10);
  return () => clearInterval(timer);
}
