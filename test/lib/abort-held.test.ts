import { once } from "node:events";
import { request } from "node:http";
import { setImmediate as immediate, setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createStopwatch, type Deadline, DeadlineError, withDeadline } from "../../src/lib/abort.ts";

/**
 * Answers after so many milliseconds as the path says, in a thread of its own: it goes on while
 * this one is held.
 */
const server = `
  const { createServer } = require("node:http");
  const answer = ({ url }, response) => setTimeout(() => response.end("answer"), Number(url.slice(1)));
  const server = createServer(answer).listen(0, "127.0.0.1", () => {
    require("node:worker_threads").parentPort.postMessage(server.address().port);
  });
`;
let worker: Worker;
let port: number;
beforeAll(async () => {
  worker = new Worker(server, { eval: true });
  [port] = (await once(worker, "message")) as [number];
});
afterAll(() => worker.terminate());

/** Holds the event loop. */
function hold(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Asks, and calls `meanwhile` once the question was sent. */
async function ask(answerMs: number, signal: AbortSignal, meanwhile: () => void): Promise<string> {
  const asked = request({ host: "127.0.0.1", port, path: `/${answerMs}`, agent: false, signal });
  asked.on("error", () => {});
  const answer = once(asked, "response", { signal });
  asked.end();
  const [socket] = (await once(asked, "socket", { signal })) as [NodeJS.EventEmitter & { connecting: boolean }];
  if (socket.connecting) await once(socket, "connect", { signal });
  await sleep(5);
  // Timers are next, and only then sockets.
  await immediate();
  meanwhile();
  const [response] = (await answer) as [NodeJS.ReadableStream];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return text;
}

const deadlines: readonly (readonly [what: string, toDeadline: () => number | Deadline])[] = [
  ["of the process", () => 150],
  ["that may stand still", () => ({ ms: 150, clock: createStopwatch() })],
];

describe.each(deadlines)("a deadline on a clock %s", (_, toDeadline) => {
  it("takes an answer that came while the event loop was held", async () => {
    const run = (signal: AbortSignal) => ask(40, signal, () => hold(500));
    await expect(withDeadline(toDeadline(), run)).resolves.toBe("answer");
  });

  it("waits as long again for one that could not be asked for in time", async () => {
    const run = async (signal: AbortSignal) => {
      hold(400);
      return ask(30, signal, () => {});
    };
    await expect(withDeadline(toDeadline(), run)).resolves.toBe("answer");
  });

  it("ends all the same when no answer comes", async () => {
    const begin = performance.now();
    const run = (signal: AbortSignal) => ask(60_000, signal, () => hold(300));
    await expect(withDeadline(toDeadline(), run)).rejects.toBeInstanceOf(DeadlineError);
    expect(performance.now() - begin).toBeLessThan(30_000);
  });
});
