import { createServer } from "node:net";
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { probe, watchPieces } from "../../test/support/pieces.ts";

/**
 * Loaded into the gateway (`--import`): says over a socket what its event loop was held by since
 * the last question, in CPU time. Another question than "end" begins anew.
 */
const path = process.env["BENCH_PIECES_SOCKET"];
if (isMainThread && path !== undefined) {
  const pieces = watchPieces();
  let before = process.cpuUsage();
  createServer((socket) => {
    socket.once("data", (question) => {
      if (String(question) === "probe") {
        socket.end(JSON.stringify(probe()));
        return;
      }
      const { user, system } = process.cpuUsage(before);
      socket.end(JSON.stringify({ ...pieces.end(), allMs: (user + system) / 1000 }));
      before = process.cpuUsage();
      pieces.begin();
    });
  })
    .listen(path)
    .unref();
}
