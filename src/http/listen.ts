import { createServer, type AddressInfo, type ListenOptions, type Server } from "node:net";

/**
 * libuv accepts one connection per listening socket and turn of the event loop. With one socket and
 * turns of 10 ms that is 100 a second: clients that connect faster, which needs no token, fill the
 * kernel's queue of 511 and lock everyone out. Several sockets share a port only on Linux
 * (SO_REUSEPORT).
 */
const socketCount = 8;
/**
 * What systems without SO_REUSEPORT report: macOS and Windows, old kernels, some sandboxes. Then
 * one socket listens.
 */
const cannotShare = new Set(["ENOTSUP", "ENOPROTOOPT", "EINVAL"]);

const listen = (server: Server, options: ListenOptions) =>
  new Promise<AddressInfo>((resolve, reject) => {
    server.once("error", reject).listen(options, () => {
      server.off("error", reject);
      resolve(server.address() as AddressInfo);
    });
  });

const close = (server: Server) => new Promise<void>((resolve) => void server.close(() => resolve()));

/** The address that a server listens on, as a URL. */
export function toUrl({ address, port, family }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

/**
 * Listens on several sockets of one port (0 takes a free one). Returns the address and the servers
 * of the other sockets: `server` gets their connections, but each must be closed itself. Rejects
 * with the system's error, for example EADDRINUSE; then nothing listens.
 */
export async function listenOnSockets(
  server: Server,
  host: string,
  port: number,
): Promise<{ readonly address: AddressInfo; readonly others: readonly Server[] }> {
  if (port !== 0) {
    // With a shared port, another process of this user could listen too, unnoticed.
    const probe = createServer();
    await listen(probe, { host, port });
    await close(probe);
  }
  const address = await listen(server, { host, port, reusePort: true }).catch((error: NodeJS.ErrnoException) => {
    if (!cannotShare.has(error.code ?? "")) throw error;
    return null;
  });
  if (!address) return { address: await listen(server, { host, port }), others: [] };
  // The options that node:http uses.
  const others = Array.from({ length: socketCount - 1 }, () =>
    createServer({ allowHalfOpen: true, noDelay: true }, (socket) => server.emit("connection", socket)),
  );
  try {
    await Promise.all(others.map((other) => listen(other, { host, port: address.port, reusePort: true })));
  } catch (error) {
    await Promise.all([server, ...others].map(close));
    throw error;
  }
  return { address, others };
}
