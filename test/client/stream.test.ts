import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { afterEach, expect, it } from "vitest";
import { createClient, FollowContainers, FollowLogs, type OpsError } from "../../src/client/client.ts";
import { freePort } from "../../script/services/process.ts";
import { sendJson, startAnswering } from "../support/answering.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const stack: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of stack.splice(0)) await one[Symbol.asyncDispose]();
});

async function answerWith(...args: Parameters<typeof startAnswering>) {
  const server = await startAnswering(...args);
  stack.push(server);
  return server;
}

async function serve(...args: Parameters<typeof startGateway>) {
  const gateway = await startGateway(...args);
  stack.push(gateway);
  return gateway;
}

const next = (value: unknown) => `event: next\ndata: ${JSON.stringify({ data: { value } })}\n\n`;
const complete = "event: complete\ndata:\n\n";

function open(response: ServerResponse): ServerResponse {
  response.writeHead(200, { "content-type": "text/event-stream" }).write(":\n\n");
  return response;
}

/** All messages, and what the stream ended with: null is its end. */
async function readAll(messages: AsyncIterable<unknown>) {
  const read: unknown[] = [];
  try {
    for await (const message of messages) read.push(message);
  } catch (error) {
    return { read, error: error as OpsError };
  }
  return { read, error: null };
}

it("messages arrive as they are sent", async () => {
  const memory = createMemorySources({ containers: [sampleContainer({ name: "web-1" })] });
  const { url } = await serve(memory.sources);
  const messages = createClient({ url, token }).subscribe(FollowContainers, { env: "STAGING" });
  const first = await messages.next();
  expect(first.value.containers).toMatchObject({ snapshot: true, changed: [{ name: "web-1" }], ended: null });
  memory.setContainers([sampleContainer({ name: "web-1", status: "exited" })]);
  const second = await messages.next();
  expect(second.value.containers).toMatchObject({ snapshot: false, changed: [{ name: "web-1", status: "exited" }] });
  await messages.return?.();
});

it("an abort ends the wait for a message and frees the stream", async () => {
  const { url } = await serve(createMemorySources().sources, { limits: { streamsPerToken: 1 } });
  const client = createClient({ url, token });
  const stop = new AbortController();
  const messages = client.subscribe(FollowContainers, {}, { signal: stop.signal });
  await messages.next();
  const waiting = messages.next();
  const refused = await readAll(client.subscribe(FollowContainers));
  expect([refused.error?.code, refused.error?.status, refused.error?.retryAfterSeconds]).toEqual([
    "rate_limited",
    429,
    5,
  ]);
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect
    .poll(async () => {
      const again = client.subscribe(FollowContainers);
      const { value } = await again.next().catch(() => ({ value: null }));
      await again.return?.();
      return value?.containers.snapshot;
    })
    .toBe(true);
});

it("leaving the loop frees the stream", async () => {
  const server = await answerWith((response) => open(response).write(next(1)));
  for await (const message of createClient({ url: server.url, token }).subscribe("subscription { value }")) {
    expect(message).toEqual({ value: 1 });
    break;
  }
  await expect.poll(() => server.connections()).toBe(0);
});

it("a wrong token, and an unknown container, are refused with their code", async () => {
  const { url } = await serve(createMemorySources().sources);
  const wrong = await readAll(createClient({ url, token: "wrong" }).subscribe(FollowLogs, { role: "web" }));
  expect([wrong.error?.code, wrong.error?.status]).toEqual(["unauthorized", 401]);
  const unknown = await readAll(createClient({ url, token }).subscribe(FollowLogs, { names: ["gone"] }));
  expect([unknown.error?.code, unknown.error?.path]).toEqual(["container_not_found", "logs"]);
});

it("the end of the server is the end of the messages", async () => {
  const { url, received } = await answerWith((response) => open(response).end(next(1) + next(2) + complete));
  expect(await readAll(createClient({ url, token }).subscribe("subscription { value }", { a: 1 }))).toEqual({
    read: [{ value: 1 }, { value: 2 }],
    error: null,
  });
  expect(received.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
    { query: "subscription { value }", variables: { a: 1 } },
  ]);
});

it("a message of nothing but errors is an error, one with data is not", async () => {
  const errors = [{ message: "lost", path: ["value"], extensions: { code: "docker_unavailable" } }];
  const messages = [
    { data: { value: 1, other: null }, errors },
    { data: { value: null } },
    { data: { value: null }, errors },
  ];
  const { url } = await answerWith((response) =>
    open(response).end(
      messages.map((message) => `event: next\ndata: ${JSON.stringify(message)}\n\n`).join("") + complete,
    ),
  );
  const { read, error } = await readAll(createClient({ url, token }).subscribe("subscription { value other }"));
  expect(read).toEqual([{ value: 1, other: null }, { value: null }]);
  expect([error?.code, error?.message, error?.path]).toEqual(["docker_unavailable", "lost", "value"]);
});

it.each([
  ["ends without its last word", (response: ServerResponse) => response.end(next(1)), "ended early"],
  ["breaks", (response: ServerResponse) => response.write(next(1), () => response.destroy()), "broke"],
])("a stream that %s is an error", async (_, end, message) => {
  const server = await answerWith((response) => end(open(response)));
  const messages = createClient({ url: server.url, token }).subscribe("subscription { value }");
  expect((await messages.next()).value).toEqual({ value: 1 });
  // A slow reader: the connection has ended while it did not wait for a message.
  await expect.poll(() => server.connections()).toBeLessThanOrEqual(1);
  const { error } = await readAll(messages);
  expect([error?.code, error?.message]).toEqual(["unreachable", expect.stringContaining(message)]);
});

it.each([
  ["of no JSON", `event: next\ndata: secret\n\n`, "Invalid stream data"],
  ["of another kind", `event: other\ndata: {}\n\n`, "Not an event of a subscription"],
  ["without a kind", `data: {}\n\n`, "Not an event of a subscription"],
])("a message %s is an error that does not quote it", async (_, text, reason) => {
  const { url } = await answerWith((response) => open(response).write(text));
  const { error } = await readAll(createClient({ url, token }).subscribe("subscription { value }"));
  expect([error?.code, error?.message]).toEqual(["unreachable", `The stream of ${url}/graphql broke (${reason})`]);
});

it("a stream that ends within a message is an error", async () => {
  const { url } = await answerWith((response) => open(response).end(`event: next\ndata: {"da`));
  const { read, error } = await readAll(createClient({ url, token }).subscribe("subscription { value }"));
  expect([read, error?.code, error?.message]).toEqual([[], "unreachable", `The stream of ${url}/graphql ended early`]);
});

it("a gateway that does not open a stream in time is a timeout", async () => {
  const { url } = await answerWith(() => {});
  const { error } = await readAll(createClient({ url, token, timeoutMs: 50 }).subscribe("subscription { value }"));
  expect([error?.code, error?.message]).toEqual(["timeout", "The gateway did not open the stream within 0.05 s"]);
});

it("a refusal that does not end in time is a timeout", async () => {
  const { url } = await answerWith((response) => void response.writeHead(503).write("{"));
  const { error } = await readAll(createClient({ url, token, timeoutMs: 500 }).subscribe("subscription { value }"));
  expect([error?.code, error?.message]).toEqual(["timeout", "The gateway did not open the stream within 0.5 s"]);
});

it("an open stream may be silent for longer", async () => {
  const { url } = await answerWith((response) => {
    open(response);
    setTimeout(() => response.end(next(1) + complete), 1500);
  });
  const { read, error } = await readAll(
    createClient({ url, token, timeoutMs: 1000 }).subscribe("subscription { value }"),
  );
  expect([read, error]).toEqual([[{ value: 1 }], null]);
});

it("a stream without heartbeats is unreachable, one with them stays", async () => {
  const { url } = await answerWith((response) => {
    open(response).write(next(1));
    if (response.req.headers["x-agent"] !== "beating") return;
    const beat = setInterval(() => response.write(":\n\n"), 50);
    setTimeout(() => response.end(next(2) + complete), 1500);
    response.once("close", () => clearInterval(beat));
  });
  const follow = (agent: string) =>
    readAll(createClient({ url, token, agent, silenceMs: 500 }).subscribe("subscription { value }"));
  const { read, error } = await follow("silent");
  expect([read, error?.code, error?.message]).toEqual([
    [{ value: 1 }],
    "unreachable",
    expect.stringMatching(/^Nothing came from .* for 0.5 s$/),
  ]);
  expect(await follow("beating")).toEqual({ read: [{ value: 1 }, { value: 2 }], error: null });
});

it("an answer that is no stream is none of a gateway", async () => {
  const { url } = await answerWith((response) =>
    response.writeHead(200, { "content-type": "text/html" }).end("<h1>hello</h1>"),
  );
  const { error } = await readAll(createClient({ url, token }).subscribe("subscription { value }"));
  expect([error?.code, error?.message]).toEqual([
    "not_a_gateway",
    `${url}/graphql answered 200, but not as a gateway does`,
  ]);
});

it("a refusal as JSON has its code", async () => {
  const body = { error: { code: "overloaded", message: "Too many" } };
  const { url } = await answerWith((response) => sendJson(response, body, 503, { "retry-after": "2" }));
  const { error } = await readAll(createClient({ url, token }).subscribe("subscription { value }"));
  expect([error?.code, error?.message, error?.retryAfterSeconds]).toEqual(["overloaded", "Too many", 2]);
});

it("a dead address is unreachable, with the reason", async () => {
  const port = await freePort();
  const { error } = await readAll(
    createClient({ url: `http://127.0.0.1:${port}`, token }).subscribe("subscription { value }"),
  );
  expect([error?.code, error?.message]).toEqual([
    "unreachable",
    `http://127.0.0.1:${port}/graphql cannot be reached (connect ECONNREFUSED 127.0.0.1:${port})`,
  ]);
});

it("an aborted signal opens nothing", async () => {
  const { url, received } = await answerWith((response) => open(response));
  const signal = AbortSignal.abort(new Error("enough"));
  const { error } = await readAll(createClient({ url, token }).subscribe("subscription { value }", {}, { signal }));
  expect([error?.message, received.length]).toEqual(["enough", 0]);
});

it("messages wait at the server while they are not taken", async () => {
  const [count, text] = [600, "x".repeat(100_000)];
  let written = 0;
  const server = await answerWith(async (response) => {
    open(response);
    for (; written < count; written += 1) {
      if (!response.write(`:\n\n${next({ written, text })}`)) await once(response, "drain");
    }
    response.end(complete);
  });
  const messages = createClient({ url: server.url, token }).subscribe(FollowContainers) as AsyncIterableIterator<any>;
  expect((await messages.next()).value.value.written).toBe(0);
  let before = -1;
  // The kernel holds some megabytes.
  await expect.poll(() => before === (before = written), { interval: 200 }).toBe(true);
  expect(written).toBeLessThan(count / 2);
  const { read, error } = await readAll(messages);
  expect(error).toBeNull();
  expect(read.map((message: any) => message.value.written)).toEqual(Array.from({ length: count - 1 }, (_, n) => n + 1));
});

it("messages in pieces of any size are whole", async () => {
  const all = Array.from({ length: 12 }, (_, n) => next(`${n} \u00e4`));
  const bytes = Buffer.from(`${all.slice(0, 6).join("")}:\n\n${all.slice(6).join("")}${complete}`);
  for (const size of [1, 7, 64, bytes.length]) {
    const server = await answerWith(async (response) => {
      open(response);
      for (let at = 0; at < bytes.length; at += size) {
        response.write(bytes.subarray(at, at + size));
        if (size < 64 || at % 128 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    const { read, error } = await readAll(createClient({ url: server.url, token }).subscribe(FollowContainers));
    expect([size, error, read]).toEqual([size, null, all.map((_, n) => ({ value: `${n} \u00e4` }))]);
  }
});
