import { Agent, request } from "node:http";
import { connect } from "node:net";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { type Attack, attacks } from "../budget-attacks.ts";

/**
 * Hostile clients of the budget bench, in a process of their own: each sends one attack after the
 * other. In addition, connections are held that read nothing. Reports the answers when it is asked
 * to end.
 */
const [port, token, clients, only] = [process.argv[2], process.argv[3], Number(process.argv[4]), process.argv[5]];
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
const names = Object.keys(attacks).filter((name) => !only || only.split(",").includes(name));
const answers: Record<string, number> = {};
let most = 0;

function send({ path, body, stallMs, leaveMs }: Attack): Promise<string> {
  return new Promise((resolve) => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/graphql-response+json",
    };
    const asked = request(
      { host: "127.0.0.1", port, path, agent, headers, method: body === undefined ? "GET" : "POST" },
      (response) => {
        let bytes = 0;
        let start = "";
        if (stallMs) {
          response.pause();
          setTimeout(() => response.resume(), stallMs);
        }
        response.on("data", (chunk: Buffer) => {
          if (start.length < 300) start += chunk.toString("latin1", 0, 300);
          bytes += chunk.length;
        });
        response.on("close", () => {
          if (!leaveMs) most = Math.max(most, bytes);
          const code = /"code":"(\w+)"/.exec(start)?.[1] ?? "";
          resolve(`${response.statusCode} ${code}`.trim());
        });
      },
    );
    asked.on("error", (error: NodeJS.ErrnoException) => resolve(leaveMs ? "left" : (error.code ?? error.message)));
    if (leaveMs) setTimeout(() => asked.destroy(), leaveMs);
    asked.end(body);
  });
}

async function run(): Promise<void> {
  for (;;) {
    const name = names[Math.floor(Math.random() * names.length)] as string;
    const answer = await send((attacks[name] as () => Attack)());
    const key = `${name}: ${answer}`;
    answers[key] = (answers[key] ?? 0) + 1;
    // Does not retry in a loop when the process is gone.
    if (answer.startsWith("E")) await sleep(100);
  }
}

const get = (path: string, header: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n${header}`;
/**
 * Requests of connections that read nothing, with their numbers: endless headers, pages without a
 * token, and long logs.
 */
const held: readonly (readonly [count: number, text: string])[] = [
  [500, get("/healthz", `X: ${"a".repeat(15_500)}`)],
  [15, get("/graphql/console/graphiql.js", "\r\n")],
  [
    10,
    get(
      "/api/v1/admin/ops/containers/wallet-core-worker-staging-2/logs?tail=5000",
      `Authorization: Bearer ${token}\r\n\r\n`,
    ),
  ],
];

/** Holds one such connection open, and reopens it when it is closed or 14 s old. */
function hold(text: string): void {
  // From another address than the clients that must be served.
  const to = { port: Number(port), host: "127.0.0.1", localAddress: "127.0.0.2" };
  const socket = connect(to, () => socket.write(text));
  socket.pause();
  socket.on("error", () => {});
  const timer = setTimeout(() => socket.destroy(), 14_000);
  socket.once("close", () => {
    clearTimeout(timer);
    setTimeout(() => hold(text), 200);
  });
}

for (let client = 0; client < clients; client += 1) void run();
if (!only) for (const [count, text] of held) for (let connection = 0; connection < count; connection += 1) hold(text);
process.on("message", () => process.send?.({ answers, most }, () => process.exit()));
process.once("disconnect", () => process.exit());
