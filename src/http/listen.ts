import { createServer, type AddressInfo, type ListenOptions, type Server } from "node:net";
import process from "node:process";

/**
 * libuv accepts one connection for each listening socket in a turn of the event loop. With one socket and turns of 10 ms that is 100 a second: clients that connect
 * faster, which takes no token, fill the kernel's line of 511, and nobody else gets in. Several sockets share a port only on Linux (SO_REUSEPORT).
 */
const socketCount = process.platform === "linux" ? 8 : 1;

const listen = (server: Server, options: ListenOptions) =>
  new Promise<AddressInfo>((resolve, reject) => {
    server.once("error", reject).listen(options, () => {
      server.off("error", reject);
      resolve(server.address() as AddressInfo);
    });
  });

const close = (server: Server) => new Promise<void>((resolve) => void server.close(() => resolve()));

/**
 * Listens on several sockets of one port (0 takes a free one), and returns its address and the servers of the other sockets: their connections are given to
 * `server`, but each is closed by itself. Rejects with the system's error, EADDRINUSE for example; nothing listens then.
 */
export async function listenOnSockets(
  server: Server,
  host: string,
  port: number,
): Promise<{ readonly address: AddressInfo; readonly others: readonly Server[] }> {
  if (socketCount === 1) return { address: await listen(server, { host, port }), others: [] };
  if (port !== 0) {
    // A shared port would also be shared with another process of this user, in silence.
    const probe = createServer();
    await listen(probe, { host, port });
    await close(probe);
  }
  const address = await listen(server, { host, port, reusePort: true });
  // As node:http makes its own.
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
