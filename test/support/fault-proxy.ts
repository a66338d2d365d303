import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as send } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A proxy before a real engine with the faults of a bad network, a bad proxy or a stuck container. */
export interface FaultProxy extends AsyncDisposable {
  readonly socketPath: string;
  /** "GET /v1.45/containers/json?all=1", in order. */
  readonly requests: string[];
  /** Ends all connections and refuses new ones until `heal`. */
  cut(): void;
  /** Never answers requests whose path contains this, until `heal`. */
  hang(part: string): void;
  heal(): void;
}

export async function startFaultProxy(engineSocket: string): Promise<FaultProxy> {
  const folder = mkdtempSync(join(tmpdir(), "ops-fault-"));
  const socketPath = join(folder, "docker.sock");
  const requests: string[] = [];
  let isCut = false;
  let hanging: string | null = null;
  const server = createServer((request, response) => {
    const { method, url = "", headers } = request;
    requests.push(`${method} ${url}`);
    if (hanging !== null && url.includes(hanging)) return;
    const onward = send({ socketPath: engineSocket, method, path: url, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.once("error", () => response.destroy());
    });
    onward.once("error", () => response.destroy());
    response.once("close", () => onward.destroy());
    request.pipe(onward);
  });
  server.on("connection", (socket) => isCut && socket.destroy());
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    requests,
    cut() {
      isCut = true;
      server.closeAllConnections();
    },
    hang: (part) => void (hanging = part),
    heal() {
      isCut = false;
      hanging = null;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
