import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/**
 * A PostgreSQL server that refuses every login with this SQLSTATE and message. Source: "Message
 * Formats", ErrorResponse.
 */
export async function startRefusingPostgres(code: string, message: string) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      const fields = [`SFATAL`, `VFATAL`, `C${code}`, `M${message}`].map((field) => `${field}\0`).join("");
      const body = Buffer.from(`${fields}\0`);
      const head = Buffer.alloc(5);
      head.write("E");
      head.writeInt32BE(body.length + 4, 1);
      socket.end(Buffer.concat([head, body]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}
