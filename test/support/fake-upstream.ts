import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

interface FakeUpstream extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** Connections that are open now. */
  connections(): number;
}

type Answer = (response: ServerResponse, request: SeenRequest) => void;

/**
 * An HTTP server with programmable misbehaviour: only for what no real service can be made to do.
 */
export async function startFakeUpstream(answer: Answer): Promise<FakeUpstream> {
  const seen: SeenRequest[] = [];
  const sockets = new Set<object>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
      seen.push(one);
      answer(response, one);
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    connections: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends a byte every 20 ms for ever, so that only a total deadline ends the call. */
export function drip(response: ServerResponse, byte = " "): void {
  response.writeHead(200, { "content-type": "application/json" });
  const timer = setInterval(() => response.write(byte), 20);
  response.on("close", () => clearInterval(timer));
}
