import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createClient, FollowContainerLog, FollowLogs } from "../../src/client/client.ts";
import { type FollowOptions, toBatch } from "../../src/containers/logs/log.ts";
import { sampleContainer } from "../support/containers.ts";
import { type ServerEvent, readEvents } from "../support/events.ts";
import { startGateway, token } from "../support/gateway.ts";
import { sampleLine } from "../support/logs.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const container = sampleContainer({ name: "web-1" });
const memory = createMemorySources({ containers: [container] });
let wanted: FollowOptions | null = null;
/** A log that has 7 lines more than are sent at once. */
memory.sources.containers.follow = async (_, options, signal) => {
  wanted = options;
  const cut = { dropped: 7, cut: "counted", notice: "truncated" } as const;
  return (async function* () {
    yield toBatch({ lines: [sampleLine("newest")], ...(options.whole && cut) });
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  })();
};
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(memory.sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => void (wanted = null));

const since = "2026-01-13T09:00:00.000000000Z";
const all = { tail: 20_000, whole: true, since };

async function readRest(query: string, headers = {}): Promise<ServerEvent[]> {
  const address = `${gateway.url}/api/v1/admin/ops/containers/web-1/logs?follow=true${query}`;
  const response = await fetch(address, { headers: { authorization: `Bearer ${token}`, ...headers } });
  const events: ServerEvent[] = [];
  // The notice comes behind the lines, and the stream goes on.
  for await (const event of readEvents(response))
    if (events.push(event) && (event.event === "notice" || (event.event === "lines" && events.length === 1))) break;
  return events;
}

async function readClient(document: typeof FollowContainerLog | typeof FollowLogs, more: object) {
  const client = createClient({ url: gateway.url, token });
  const names = document === FollowLogs ? { names: ["web-1"] } : { name: "web-1" };
  const messages = client.subscribe(document as typeof FollowLogs, { ...names, ...more });
  const seen = [];
  for await (const message of messages as AsyncIterable<any>) {
    const batch = message.logs ?? message.containerLogs;
    seen.push(batch);
    if (batch.lines.length > 0) break;
  }
  return {
    dropped: seen.reduce((sum, { dropped }) => sum + dropped, 0),
    notices: seen
      .flatMap(({ notice, notices = [{ notice }] }) => notices.map((one: { notice: string }) => one.notice))
      .filter(Boolean),
  };
}

it("REST: a stream since a time has all lines, or says what it lacks", async () => {
  const events = await readRest(`&since=${since}`);
  expect(wanted).toEqual(all);
  expect(events.map(({ event, data }) => [event, data.lines ?? data.notice ?? data.length])).toEqual([
    ["dropped", 7],
    ["lines", 1],
    ["notice", "truncated"],
  ]);
});

it.each(["", "&tail=0", "&tail=9", "&since=1h"])(
  "REST: with %j, a stream that resumes has all lines since",
  async (query) => {
    await readRest(query, { "last-event-id": since });
    expect(wanted).toEqual({ ...all, since: since.replace("000Z", "001Z") });
  },
);

it.each([
  ["&tail=9", { tail: 9 }],
  [`&tail=9&since=${since}`, { tail: 9, since }],
  ["", { tail: 200 }],
  ["&tail=", { tail: 200 }],
])("REST: the stream of %j has the newest lines", async (query, expected) => {
  await readRest(query);
  expect(wanted).toEqual(expected);
});

it.each([
  ["FollowContainerLog", FollowContainerLog],
  ["FollowLogs", FollowLogs],
])("%s: since a time it has all lines, or says what it lacks", async (_, document) => {
  for (const more of [{ since }, { since, tail: null }]) {
    const { dropped, notices } = await readClient(document, more);
    expect(wanted).toEqual(all);
    expect([dropped, notices]).toEqual([7, ["TRUNCATED"]]);
  }
});

it.each([
  ["FollowContainerLog", FollowContainerLog],
  ["FollowLogs", FollowLogs],
])("%s: with tail, or without since, it has the newest lines", async (_, document) => {
  for (const [more, expected] of [
    [{}, { tail: 200 }],
    [{ tail: 9 }, { tail: 9 }],
    [
      { since, tail: 9 },
      { tail: 9, since },
    ],
  ] as const) {
    expect(await readClient(document, more)).toEqual({ dropped: 0, notices: [] });
    expect(wanted).toEqual(expected);
  }
});
