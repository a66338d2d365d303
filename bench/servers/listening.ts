import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A server of this process, at a free port or at the path of a socket. */
export async function listen(answer: RequestListener, socketPath?: string) {
  const server = createServer(answer);
  if (socketPath === undefined) server.listen(0, "127.0.0.1");
  else server.listen(socketPath);
  await once(server, "listening");
  return { url: toUrl(server), [Symbol.dispose]: () => close(server) };
}

function toUrl(server: Server): string {
  const address = server.address() as AddressInfo | string;
  return typeof address === "string" ? `unix://${address}` : `http://127.0.0.1:${address.port}`;
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}
