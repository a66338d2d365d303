import { createServer, connect, type Socket } from "node:net";
import { join } from "node:path";

export interface DockerProxy {
  readonly socketPath: string;
  /** Number of open connections whose last request line contains this. */
  open(part: string): number;
  /** How many requests so far had this in their first line. */
  asked(part: string): number;
  /** Breaks those, as a proxy that times out would. */
  cut(part: string): void;
  /** Bytes that came from the engine so far. */
  bytes(): number;
  close(): Promise<void>;
}

/**
 * A byte pipe before a real engine's socket that counts requests and connections, and can break
 * them. Backpressure passes through.
 */
export async function startDockerProxy(target: string, folder: string): Promise<DockerProxy> {
  const socketPath = join(folder, `count-${process.pid}-${Date.now() % 100_000}.sock`);
  const sockets = new Map<Socket, string>();
  const lines: string[] = [];
  let bytes = 0;
  const server = createServer((client) => {
    const engine = connect(target);
    sockets.set(client, "");
    client.on("data", (chunk: Buffer) => {
      const line = /^(?:GET|POST) \S+/.exec(chunk.toString("latin1"))?.[0];
      if (!line) return;
      lines.push(line);
      sockets.set(client, line);
    });
    engine.on("data", (chunk: Buffer) => (bytes += chunk.length));
    client.pipe(engine);
    engine.pipe(client);
    const end = () => {
      sockets.delete(client);
      client.destroy();
      engine.destroy();
    };
    for (const socket of [client, engine]) socket.on("close", end).on("error", end);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const matching = (part: string) => [...sockets].filter(([, line]) => line.includes(part)).map(([socket]) => socket);
  return {
    socketPath,
    open: (part) => matching(part).length,
    asked: (part) => lines.filter((line) => line.includes(part)).length,
    cut: (part) => matching(part).forEach((socket) => socket.destroy()),
    bytes: () => bytes,
    async close() {
      for (const socket of sockets.keys()) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
