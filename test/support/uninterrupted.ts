import { fork } from "node:child_process";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
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

/** What one request cost: the most CPU time in one piece of the event loop, and by how much the heap grew. */
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
  const [ports] = (await once(server, "message")) as [{ port: number; fleetPort: number }];
  const ask = async <Answer>(message: string): Promise<Answer> => {
    const answer = once(server, "message");
    server.send(message);
    return ((await answer) as [Answer])[0];
  };
  return {
    introspectOnly: tokens.of("introspect"),
    /** CPU time of a fixed piece of work, ms: the fastest of some. */
    probe: async (): Promise<number> => {
      let fastest = Number.POSITIVE_INFINITY;
      for (let attempt = 0; attempt < 10; attempt += 1) fastest = Math.min(fastest, await ask<number>("probe"));
      return fastest;
    },
    /** `isExact`: without the garbage of requests before it, whose collection takes longer than most requests. */
    measure: async (sent: Sent, isExact = false): Promise<Cost> => {
      await ask(isExact ? "begin without garbage" : "begin");
      const answer = await send(sent.to === "fleet" ? ports.fleetPort : ports.port, sent);
      return { ...answer, ...(await ask<{ cpuMs: number; bytes: number }>("end")) };
    },
    [Symbol.dispose]: () => {
      server.disconnect();
      tokens[Symbol.dispose]();
    },
  };
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
