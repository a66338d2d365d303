import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { findClosedUrl, startFleet, startStub } from "../support/fleet.ts";
import { graphqlHeaders, token } from "../support/gateway.ts";

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

const event = (data: object) => `event: next\ndata: ${JSON.stringify({ data })}\n\n`;
const end = "event: complete\ndata:\n\n";
const subscription =
  "subscription ($region: String!) { containers(region: $region) { changed { id name region } ended } }";

/** The messages of a subscription until it ends. */
async function read(url: string, region: string): Promise<any[]> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { ...graphqlHeaders, accept: "text/event-stream", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: subscription, variables: { region } }),
  });
  const events = (await response.text()).split("\n\n").filter((text) => text.startsWith("event: next"));
  return events.map((text) => JSON.parse(text.replace(/^event: next\ndata: /, "")));
}

async function start(chunks: readonly string[]) {
  const region = stack.use(
    await startStub((response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const chunk of chunks) response.write(chunk);
      response.end();
    }),
  );
  const other = stack.use(await startStub((response) => void response.writeHead(500).end()));
  const fleet = stack.use(await startFleet({ eu: region.url, us: other.url, gone: await findClosedUrl() }));
  return { region, other, fleet };
}

describe("a subscription", () => {
  it("has the messages of its region, with the fleet's ids", async () => {
    const row = { id: "abc", name: "web" };
    const containers = (changed: object[]) => ({ containers: { changed, ended: null } });
    const { region, other, fleet } = await start([":\n\n", event(containers([row])), event(containers([])), end]);
    expect(await read(fleet.url, "eu")).toEqual([
      { data: containers([{ id: "eu.abc", name: "web", region: "eu" }]) },
      { data: containers([]) },
    ]);
    expect(region.received.map(({ headers, body }) => [headers.authorization, headers.accept, body])).toEqual([
      [
        `Bearer ${token}`,
        "text/event-stream",
        { query: "subscription{containers{changed{id name}ended}}", variables: {} },
      ],
    ]);
    expect(other.received).toEqual([]);
  });

  it.each([
    [
      "us",
      { message: "us answered 500, but not as a gateway does", extensions: { code: "not_a_gateway", region: "us" } },
    ],
    ["gone", { message: "gone cannot be reached", extensions: { code: "unreachable", region: "gone" } }],
    ["mars", { extensions: { code: "invalid_request" } }],
  ])("of a region that refuses it ends with the reason: %s", async (name, error) => {
    const { fleet } = await start([]);
    expect(await read(fleet.url, name)).toMatchObject([
      { data: { containers: null }, errors: [{ path: ["containers"], ...error }] },
    ]);
  });

  it("that its region redirects says no address, and is logged", async () => {
    const lines: string[] = [];
    const logger = pino({ base: null }, { write: (line: string) => void lines.push(line) });
    const away = stack.use(
      await startStub(
        (response) => void response.writeHead(307, { location: "http://inside.example:8443/login" }).end(),
      ),
    );
    const fleet = stack.use(await startFleet({ eu: away.url }, { logger }));
    const error = { message: "eu sends elsewhere", extensions: { code: "not_a_gateway", status: 502, region: "eu" } };
    expect(await read(fleet.url, "eu")).toMatchObject([{ errors: [error] }]);
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ msg: "region failed", region: "eu" }),
    );
  });

  it("that its region does not open ends in time", async () => {
    const slow = stack.use(await startStub(() => {}));
    const fleet = stack.use(await startFleet({ eu: slow.url }, { timeoutMs: 300 }));
    expect(await read(fleet.url, "eu")).toMatchObject([
      { data: { containers: null }, errors: [{ extensions: { code: "timeout", status: 504, region: "eu" } }] },
    ]);
  });

  it("with a message of more objects than a gateway sends ends", async () => {
    const changed = `[${Array(213_000).fill("{}").join()}]`;
    const { fleet } = await start([`event: next\ndata: {"data":{"containers":{"changed":${changed}}}}\n\n`]);
    const [message] = await read(fleet.url, "eu");
    expect(message.errors).toMatchObject([
      { message: "eu sends a message with more than 212500 objects", extensions: { code: "not_a_gateway" } },
    ]);
  });

  it("that its region breaks off ends with an error", async () => {
    const { fleet } = await start([event({ containers: { changed: [], ended: null } })]);
    const messages = await read(fleet.url, "eu");
    expect(messages.map(({ errors }) => errors?.[0].extensions.code)).toEqual([undefined, "unreachable"]);
  });

  it.each([
    ["a body", "application/json", "{", "eu answered 200, but not as a gateway does"],
    ["a line", "text/event-stream", ":", "eu sends a message without an end"],
    ["an event", "text/event-stream", ":\n\ndata: ", "eu sends a message without an end"],
    ["lines of an event", "text/event-stream", "data: x\n".repeat(1000), "eu sends a message without an end"],
  ])("ends when its region sends %s without an end", async (_title, type, begin, message) => {
    let [left, sent] = [false, 0];
    const endless = stack.use(
      await startStub((response) => {
        response.writeHead(200, { "content-type": type });
        response.once("close", () => (left = true));
        const chunk = begin.length > 100 ? begin : "x".repeat(65_536);
        const write = () => {
          while (!response.destroyed && sent < 40_000_000 && response.write(chunk)) sent += chunk.length;
        };
        response.on("drain", write).write(begin);
        write();
      }),
    );
    const fleet = stack.use(await startFleet({ eu: endless.url }, { timeoutMs: 4000 }));
    const error = { message, extensions: { code: "not_a_gateway", region: "eu" } };
    expect(await read(fleet.url, "eu")).toMatchObject([{ data: { containers: null }, errors: [error] }]);
    await expect.poll(() => left).toBe(true);
    expect(sent).toBeLessThan(20_000_000);
  });

  it("leaves its region when the client leaves", async () => {
    let left = 0;
    const open = stack.use(
      await startStub((response) => {
        response.once("close", () => (left += 1));
        response.writeHead(200, { "content-type": "text/event-stream" }).write(":\n\n");
      }),
    );
    const fleet = stack.use(await startFleet({ eu: open.url }));
    const leave = new AbortController();
    await fetch(`${fleet.url}/graphql`, {
      method: "POST",
      headers: { ...graphqlHeaders, accept: "text/event-stream", authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: subscription, variables: { region: "eu" } }),
      signal: leave.signal,
    });
    await expect.poll(() => open.received.length).toBe(1);
    expect(left).toBe(0);
    leave.abort();
    await expect.poll(() => left).toBe(1);
  });

  it("ends with its reason when the fleet stops", async () => {
    const open = stack.use(
      await startStub(
        (response) => void response.writeHead(200, { "content-type": "text/event-stream" }).write(":\n\n"),
      ),
    );
    const fleet = await startFleet({ eu: open.url });
    const messages = read(fleet.url, "eu");
    await expect.poll(() => open.received.length).toBe(1);
    await fleet[Symbol.asyncDispose]();
    expect((await messages).map(({ errors }) => errors[0].extensions.code)).toEqual(["shutdown"]);
  });
});
