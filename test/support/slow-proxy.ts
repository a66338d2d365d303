import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";

/** A proxy before PostgreSQL that delays its answers, as of a remote or loaded server. */
export interface SlowProxy extends AsyncDisposable {
  readonly url: string;
  /** The most connections that were open at once. */
  mostConnections(): number;
}

/** `delayMs`: of each answer. */
export async function startSlowProxy(url: string, delayMs: number): Promise<SlowProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let [open, most] = [0, 0];
  const server = createServer((client) => {
    most = Math.max(most, (open += 1));
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => sockets.delete(socket));
    }
    client.once("close", () => {
      open -= 1;
      upstream.destroy();
    });
    upstream.once("close", () => client.destroy());
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes) => setTimeout(() => client.write(bytes), delayMs));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxied = new URL(url);
  [proxied.hostname, proxied.port] = ["127.0.0.1", String(port)];
  return {
    url: proxied.href,
    mostConnections: () => most,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
