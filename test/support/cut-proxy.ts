import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";

/** A way to PostgreSQL that can be cut. */
export interface CutProxy {
  readonly url: string;
  /** Ends all connections, and lets none through. */
  cut(): void;
  /** Answers nobody: connections stay open, new ones are accepted. */
  hush(): void;
  mend(): void;
  /**
   * Ends all connections; new ones go to this server, as where an address moves with the primary.
   */
  moveTo(serverUrl: string): void;
  /**
   * Cuts the next connection that commits, once: before the server gets it, or after it has it and
   * before the answer.
   */
  cutAtCommit(when: "before" | "after", then?: () => void): void;
  close(): Promise<void>;
}

export async function startCutProxy(serverUrl: string): Promise<CutProxy> {
  let target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let isCut = false;
  let isHushed = false;
  let atCommit: "before" | "after" | null = null;
  let afterCut = () => {};
  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    if (isHushed) {
      sockets.add(client);
      client.on("error", () => {}).on("close", () => sockets.delete(client));
      return;
    }
    const upstream = connect(Number(target.port), target.hostname);
    let isMuted = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", end).on("close", () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on("data", (chunk) => {
      if (atCommit && chunk.includes("commit\0")) {
        const when = atCommit;
        atCommit = null;
        if (when === "before") end();
        isMuted = true;
      }
      if (!upstream.destroyed) upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      if (isHushed) return;
      if (isMuted) {
        end();
        afterCut();
      } else client.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const url = new URL(serverUrl);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut() {
      isCut = true;
      cut();
    },
    hush: () => void (isHushed = true),
    mend() {
      if (isHushed) cut();
      isCut = false;
      isHushed = false;
    },
    moveTo(next) {
      target = new URL(next);
      cut();
    },
    cutAtCommit: (when, then = () => {}) => void ([atCommit, afterCut] = [when, then]),
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
