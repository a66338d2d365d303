import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RequestLog extends AsyncDisposable {
  readonly socketPath: string;
  /** Request lines seen so far that contain `part`. */
  count(part: string): number;
}

/** A pipe before a real engine's socket that logs requests, to prove which ones were not sent. */
export async function startRequestLog(target: string): Promise<RequestLog> {
  const folder = mkdtempSync(join(tmpdir(), "ops-log-"));
  const socketPath = join(folder, "docker.sock");
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect(target);
    client.on("data", (chunk: Buffer) => lines.push(...(chunk.toString("latin1").match(/^(?:GET|POST) \S+/gm) ?? [])));
    client.pipe(engine);
    engine.pipe(client);
    for (const socket of [client, engine]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        engine.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    count: (part) => lines.filter((line) => line.includes(part)).length,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
