import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
  request as send,
} from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A proxy before a real engine with the faults of a bad network, a bad proxy or a stuck container.
 */
export interface FaultProxy extends AsyncDisposable {
  readonly socketPath: string;
  /** The same proxy over a network: `tcp://127.0.0.1:PORT`. */
  readonly tcpUrl: string;
  /** "GET /v1.45/containers/json?all=1", in order. */
  readonly requests: string[];
  /** Ends all connections and refuses new ones until `heal`. */
  cut(): void;
  /** Never answers requests whose path contains this, until `heal`. */
  hang(part: string): void;
  /**
   * Keeps requests whose path contains this, until `deliver`: also when their senders are gone by
   * then.
   */
  hold(part: string): void;
  /** How many requests are kept. */
  held(): number;
  /** Sends what was kept on to the engine, and resolves once that has answered. */
  deliver(): Promise<void>;
  heal(): void;
}

export async function startFaultProxy(engineSocket: string): Promise<FaultProxy> {
  const folder = mkdtempSync(join(tmpdir(), "ops-fault-"));
  const socketPath = join(folder, "docker.sock");
  const requests: string[] = [];
  let isCut = false;
  let hanging: string | null = null;
  let holding: string | null = null;
  const kept: RequestOptions[] = [];
  const onRequest: RequestListener = (request, response) => {
    const { method, url = "", headers } = request;
    requests.push(`${method} ${url}`);
    if (hanging !== null && url.includes(hanging)) return;
    const call = { socketPath: engineSocket, method, path: url, headers, agent: false };
    if (holding !== null && url.includes(holding)) {
      kept.push(call);
      return;
    }
    const onward = send(call, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.once("error", () => response.destroy());
    });
    onward.once("error", () => response.destroy());
    response.once("close", () => onward.destroy());
    request.pipe(onward);
  };
  const servers = [createServer(onRequest), createServer(onRequest)] as const;
  for (const server of servers) server.on("connection", (socket) => isCut && socket.destroy());
  await new Promise<void>((resolve) => servers[0].listen(socketPath, resolve));
  await new Promise<void>((resolve) => servers[1].listen(0, "127.0.0.1", resolve));
  return {
    socketPath,
    tcpUrl: `tcp://127.0.0.1:${(servers[1].address() as AddressInfo).port}`,
    requests,
    cut() {
      isCut = true;
      for (const server of servers) server.closeAllConnections();
    },
    hang: (part) => void (hanging = part),
    hold: (part) => void (holding = part),
    held: () => kept.length,
    async deliver() {
      holding = null;
      const answers = kept.splice(0).map((call) => once(send(call).end(), "response"));
      for (const [answer] of await Promise.all(answers)) (answer as IncomingMessage).resume();
    },
    heal() {
      isCut = false;
      hanging = null;
      holding = null;
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
