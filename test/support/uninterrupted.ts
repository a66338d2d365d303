import { fork } from "node:child_process";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { createTokens } from "./tokens.ts";

/** One request to the gateway or the fleet. */
export interface Sent {
  readonly to: "gateway" | "fleet";
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * What one request cost: the most CPU time in one piece of the event loop, and by how much the heap
 * grew.
 */
export interface Cost {
  readonly cpuMs: number;
  readonly bytes: number;
  readonly status: number;
  readonly text: string;
}

const token = "token-of-the-uninterrupted-test";
/** What the image gives the process, and a way to begin without garbage. */
const execArgv = ["--expose-gc", "--disable-proto=throw", "--max-old-space-size=192", "--max-semi-space-size=8"];

export async function startMeasured() {
  const tokens = createTokens({ introspect: { scopes: ["ops:introspect"] } });
  const server = fork(join(import.meta.dirname, "uninterrupted-server.ts"), [token, tokens.file], {
    execArgv,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  /**
   * By the number of their question: the answer to one that was given up is not that to the next.
   */
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  server.on("message", ({ number, answer }: { readonly number: number; readonly answer: unknown }) => {
    waiting.get(number)?.resolve(answer);
    waiting.delete(number);
  });
  server.on("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`The measured process ended with ${code}`));
  });
  const receive = <Answer>(number: number): Promise<Answer> => {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(number, answer);
    return answer.promise as Promise<Answer>;
  };
  const ports = await receive<{ port: number; fleetPort: number }>(0);
  let questions = 0;
  const ask = <Answer>(question: string): Promise<Answer> => {
    const number = (questions += 1);
    const answer = receive<Answer>(number);
    server.send({ number, question });
    return answer;
  };
  return {
    introspectOnly: tokens.of("introspect"),
    /** CPU time of a fixed piece of work, ms: the fastest of some. */
    probe: async (): Promise<number> => {
      let fastest = Number.POSITIVE_INFINITY;
      for (let attempt = 0; attempt < 10; attempt += 1) fastest = Math.min(fastest, await ask<number>("probe"));
      return fastest;
    },
    /**
     * `isExact`: without the garbage of requests before it, whose collection takes longer than most
     * requests.
     */
    measure: async (sent: Sent, isExact = false): Promise<Cost> => {
      await ask(isExact ? "begin without garbage" : "begin");
      const answer = await send(sent.to === "fleet" ? ports.fleetPort : ports.port, sent);
      return { ...answer, ...(await ask<{ cpuMs: number; bytes: number }>("end")) };
    },
    /** The cost of requests that come together, while the statistics of containers hang. */
    measureHanging: async (all: readonly Sent[]): Promise<readonly Cost[]> => {
      await ask("hang");
      await ask("begin without garbage");
      const answers = await Promise.all(
        all.map((sent) => send(sent.to === "fleet" ? ports.fleetPort : ports.port, sent)),
      );
      const cost = await ask<{ cpuMs: number; bytes: number }>("end");
      await ask("hang no more");
      return answers.map((answer) => ({ ...answer, ...cost }));
    },
    /**
     * The cost of bodies in chunks of one byte that many connections send at once, and the longest
     * wait of a health check meanwhile, ms.
     */
    measureChunks: async ({
      to,
      path,
      connections,
      chunks,
    }: Chunked): Promise<{ cpuMs: number; bytes: number; waitMs: number }> => {
      const port = to === "fleet" ? ports.fleetPort : ports.port;
      await ask("begin without garbage");
      let waitMs = 0;
      const over = new AbortController();
      const checks = (async () => {
        while (!over.signal.aborted) {
          const begin = performance.now();
          await send(port, { to, method: "GET", path: "/healthz" });
          waitMs = Math.max(waitMs, performance.now() - begin);
        }
      })();
      await Promise.all(Array.from({ length: connections }, () => sendChunks(port, path, chunks)));
      over.abort();
      await checks;
      return { ...(await ask<{ cpuMs: number; bytes: number }>("end")), waitMs };
    },
    [Symbol.dispose]: () => {
      server.disconnect();
      tokens[Symbol.dispose]();
    },
  };
}

/** Bodies in chunks of one byte. */
export interface Chunked {
  readonly to: Sent["to"];
  readonly path: string;
  readonly connections: number;
  /** Of each body. */
  readonly chunks: number;
}

/** Resolves when the server has answered, or closed the connection. */
function sendChunks(port: number, path: string, chunks: number): Promise<void> {
  return new Promise((resolve) => {
    const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const socket = connect(port, "127.0.0.1", () => socket.end(`${head}${"1\r\n \r\n".repeat(chunks)}0\r\n\r\n`));
    socket.on("error", () => undefined).on("close", () => resolve());
    socket.resume();
  });
}

export type Measured = Awaited<ReturnType<typeof startMeasured>>;

/** Without an answer's end: the first part of an endless one is enough. */
function send(port: number, { method, path, headers, body }: Sent): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const own = { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers };
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const options = { port, method, path, headers: { ...own, ...length }, host: "127.0.0.1", agent: false };
    const request = httpRequest(options, (response) => {
      let text = "";
      const end = () => {
        resolve({ status: response.statusCode ?? 0, text });
        request.destroy();
      };
      const isEndless = response.headers["content-type"] === "text/event-stream";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        if (text.length < 2000) text += chunk;
        if (isEndless && text.length > 8) end();
      });
      response.on("end", end);
    });
    request.on("error", reject).end(body);
  });
}
