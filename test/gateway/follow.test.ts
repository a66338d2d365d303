import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleContainer } from "../support/containers.ts";
import { type ServerEvent, readEvents } from "../support/events.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTokens } from "../support/tokens.ts";

const tokens = createTokens({
  logs: { scopes: ["ops:read", "ops:logs"] },
  revoked: { scopes: ["ops:read", "ops:logs"] },
  reader: { scopes: ["ops:read"] },
  moved: { scopes: ["ops:read", "ops:logs"] },
  deaf: { scopes: ["ops:read", "ops:logs"] },
  elsewhere: { scopes: ["ops:read", "ops:logs"], environments: ["production"] },
});
type Holder = Parameters<typeof tokens.of>[0];
const container = sampleContainer();
const memory = createMemorySources({ containers: [container] });
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(memory.sources, { tokensFile: tokens.file, limits: { recheckMs: 100 } });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

const authorization = (holder: Holder) => ({ authorization: `Bearer ${tokens.of(holder)}` });
const rest = (holder: Holder, query = "follow=true", headers = {}) =>
  fetch(`${gateway.url}/api/v1/admin/ops/containers/${container.name}/logs?${query}`, {
    headers: { ...authorization(holder), ...headers },
  });
const subscription = `subscription ($name: String!) { containerLogs(name: $name, tail: 5) { lines { message level } dropped notice ended } }`;
const graphql = (holder: Holder, query = subscription) =>
  fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { ...authorization(holder), "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query, variables: { name: container.name } }),
  });
async function firstOf(response: Response, count = 1): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of readEvents(response)) if (events.push(event) >= count) break;
  return events;
}

test("REST: server-sent events carry a batch each, with an id to resume", async () => {
  const response = await rest("logs");
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const [event] = await firstOf(response);
  const line = {
    timestamp: "2026-01-13T09:46:00.000000001Z",
    stream: "stdout",
    level: null,
    message: `from ${container.fullId}`,
  };
  expect(event).toEqual({ event: "lines", id: line.timestamp, data: [line, line] });
});

test.each([
  "2026-02-30T00:00:00.000000000Z",
  "2026-13-01T00:00:00.000000000Z",
  "2026-01-01T24:61:00.000000000Z",
  "0000-00-00T00:00:00.000000000Z",
  "1969-12-31T23:59:59.999999999Z",
  "2026-01-13T09:46:00Z",
  "17",
])("REST: the Last-Event-ID %s is 400 and named", async (id) => {
  const response = await rest("logs", "follow=true", { "last-event-id": id });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: { code: "invalid_request", message: expect.stringContaining("Last-Event-ID") },
  });
});

test("REST: an empty Last-Event-ID and one of ours resume", async () => {
  for (const id of ["", "2024-02-29T23:59:59.999999999Z"]) {
    const response = await rest("logs", "follow=true", { "last-event-id": id });
    expect([id, response.status]).toEqual([id, 200]);
    await response.body?.cancel();
  }
});

test("REST: Accept text/plain gets plain lines", async () => {
  const response = await rest("logs", "follow=true", { accept: "text/plain" });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe(`from ${container.fullId}\n`.repeat(2));
  await reader.cancel();
});

test("GraphQL: a subscription over server-sent events gets the same", async () => {
  const [event] = await firstOf(await graphql("logs"));
  const line = { message: `from ${container.fullId}`, level: null };
  expect(event).toMatchObject({
    event: "next",
    data: { data: { containerLogs: { lines: [line, line], dropped: 0, notice: null, ended: null } } },
  });
});

test("a log opens with ops:logs and its environment only", async () => {
  const before = memory.calls["follow"];
  expect((await rest("reader")).status).toBe(403);
  expect((await rest("elsewhere")).status).toBe(404);
  for (const [holder, code] of [
    ["reader", "forbidden"],
    ["elsewhere", "container_not_found"],
  ] as const) {
    expect(await (await graphql(holder)).text()).toContain(`"code":"${code}"`);
  }
  expect(memory.calls["follow"]).toBe(before);
});

test.each([
  "follow=true&until=1h",
  "follow=true&download=true",
  "follow=true&search_regex=(",
  "follow=true&since=yesterday",
])("the request %s is a 400", async (query) => {
  expect((await rest("logs", query)).status).toBe(400);
});

test("HEAD opens nothing", async () => {
  const path = `${gateway.url}/api/v1/admin/ops/containers/${container.name}/logs?follow=true`;
  expect((await fetch(path, { method: "HEAD", headers: authorization("logs") })).status).toBe(400);
});

test("a token has five streams on all surfaces; the sixth is a 429", async () => {
  const open = await Promise.all([rest("logs"), rest("logs"), rest("logs"), graphql("logs"), graphql("logs")]);
  const readers = await Promise.all(
    open.map(async (response) => {
      const events = readEvents(response);
      await events.next();
      return events;
    }),
  );
  expect((await rest("logs")).status).toBe(429);
  expect(await (await graphql("logs")).text()).toContain('"code":"rate_limited"');
  await Promise.all(readers.map((events) => events.return(undefined)));
  await expect
    .poll(async () => {
      const again = await rest("logs");
      await again.body?.cancel();
      return again.status;
    })
    .toBe(200);
});

async function all(response: Response): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of readEvents(response)) events.push(event);
  return events;
}

/**
 * Opens a stream on each door, changes the tokens meanwhile, and reads both to their end: why they
 * ended.
 */
async function endOf(holder: Holder, change: () => void): Promise<unknown[]> {
  const [overRest, overGraphql] = await Promise.all([rest(holder), graphql(holder)]);
  change();
  const { event, data } = (await all(overRest)).at(-1) ?? {};
  const last = (await all(overGraphql)).findLast((one) => one.event === "next");
  return [event, data.reason, last?.data.data.containerLogs.ended];
}

test("a revoked token's streams end with the reason on both surfaces", async () => {
  expect(await endOf("revoked", () => tokens.revoke("revoked"))).toEqual(["end", "unauthorized", "unauthorized"]);
});

test("a token that loses the container's environment loses its streams", async () => {
  expect(await endOf("moved", () => tokens.change("moved", { environments: ["production"] }))).toEqual([
    "end",
    "forbidden",
    "forbidden",
  ]);
  expect((await rest("moved")).status).toBe(404);
});

test("a token that loses only ops:logs loses its streams", async () => {
  expect(await endOf("deaf", () => tokens.change("deaf", { scopes: ["ops:read"] }))).toEqual([
    "end",
    "forbidden",
    "forbidden",
  ]);
  expect((await rest("deaf")).status).toBe(403);
});
