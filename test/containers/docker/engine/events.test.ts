import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { problemThresholds } from "../../../../src/problems/rules.ts";
import {
  type EngineEvent,
  eventsQuery,
  readEvents,
  toFirstEventsQuery,
} from "../../../../src/containers/docker/engine/events.ts";
import { fullId } from "../../../support/docker-fake.ts";

afterEach(() => void vi.useRealTimers());

const id = fullId("a");
const time = "2026-01-13T09:40:00.000000001Z";
const timeNano = `"timeNano":1768297200000000001`;
const line = (fields: string, tail = timeNano) => `{${[fields, tail].filter((part) => part !== "").join(",")}}\n`;
const start = line(`"Action":"start","Actor":{"ID":"${id}"}`);

async function read(...chunks: readonly (string | Buffer)[]): Promise<EngineEvent[]> {
  const events: EngineEvent[] = [];
  const bytes = chunks.map((chunk) => Buffer.from(chunk as string));
  await readEvents(Readable.from(bytes, { objectMode: false }) as IncomingMessage, (event) => events.push(event));
  return events;
}

describe("an event", () => {
  it.each<[string, string, Partial<EngineEvent>]>([
    ["a plain one", `"Action":"start","Actor":{"ID":"${id}"}`, { action: "start" }],
    [
      "Docker's health",
      `"Action":"health_status: healthy","Actor":{"ID":"${id}"}`,
      { action: "health_status", detail: "healthy" },
    ],
    [
      "Podman's health",
      `"Action":"health_status","HealthStatus":"unhealthy","Actor":{"ID":"${id}"}`,
      { action: "health_status", detail: "unhealthy" },
    ],
    [
      "health of no text",
      `"Action":"health_status","HealthStatus":7,"Actor":{"ID":"${id}"}`,
      { action: "health_status" },
    ],
    ["Podman's word", `"Action":"remove","Actor":{"ID":"${id}"}`, { action: "destroy" }],
    ["an exec", `"Action":"exec_start: sh -c: x","Actor":{"ID":"${id}"}`, { action: "exec_start", detail: "sh -c: x" }],
    ["a detail of two lines", `"Action":"x: a\\nb","Actor":{"ID":"${id}"}`, { action: "x", detail: "a\nb" }],
    ["a word and nothing", `"Action":"x: ","Actor":{"ID":"${id}"}`, { action: "x" }],
    ["no word", `"Action":"","Actor":{"ID":"${id}"}`, { action: "" }],
    ["the id of old engines", `"Action":"start","id":"${id}"`, { action: "start" }],
    ["both ids", `"Action":"start","id":"${fullId("b")}","Actor":{"ID":"${id}"}`, { action: "start" }],
    ["no attributes", `"Action":"start","Actor":{"ID":"${id}","Attributes":null}`, { action: "start" }],
    [
      "attributes of several kinds",
      `"Action":"die","Actor":{"ID":"${id}","Attributes":{"exitCode":"137","name":"web","n":7,"none":null}}`,
      { action: "die", attributes: { exitCode: "137", name: "web" } },
    ],
  ])("is read: %s", async (_, fields, expected) => {
    expect(await read(line(fields))).toEqual([
      { action: "", detail: "", fullId: id, time, attributes: {}, ...expected },
    ]);
  });

  it.each([
    ["no JSON", "nonsense\n"],
    ["null", "null\n"],
    ["without an action", line(`"Actor":{"ID":"${id}"}`)],
    ["without an id", line(`"Action":"start"`)],
    ["with a number for an id", line(`"Action":"start","id":7`)],
    ["with a short id", line(`"Action":"start","id":"${id.slice(1)}"`)],
    ["with a long id", line(`"Action":"start","id":"${id}a"`)],
    ["with something before its id", line(`"Action":"start","id":"x${id}"`)],
    ["with an action of another kind", line(`"Action":7,"id":"${id}"`)],
  ])("is invalid and hides no other: %s", async (_, text) => {
    expect(await read(text, start)).toHaveLength(1);
  });

  it.each([
    ["1768297200000000001", time],
    ["1234567890", "1970-01-01T00:00:01.234567890Z"],
    ["253402300799999999999", null],
    ["123456789", null],
    ["1768297200000000001x", null],
  ])("of the time %s is at %s; a missing time is now", async (nano, expected) => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-05-01T10:00:00.123Z") });
    const text = nano.endsWith("x") ? `"x":"\\"timeNano\\":${nano}"` : `"timeNano":${nano}`;
    const [event] = await read(line(`"Action":"start","id":"${id}"`, text));
    expect(event?.time).toBe(expected ?? "2026-05-01T10:00:00.123000000Z");
  });
});

describe("the stream", () => {
  it("may be cut anywhere, also within a character", async () => {
    const whole = Buffer.from(start.replace('"start"', '"start: é"') + start);
    for (let cut = 1; cut < whole.length; cut++) {
      const events = await read(whole.subarray(0, cut), whole.subarray(cut));
      expect(events.map(({ detail }) => detail)).toEqual(["é", ""]);
    }
  });

  it("may have empty lines, and an end without a newline is no event", async () => {
    expect(await read("\n \n", start, "\r\n", start.trim())).toHaveLength(1);
    expect(await read()).toEqual([]);
  });

  it("ends at a line of more than 1 MiB", async () => {
    const most = " ".repeat(1 << 20);
    expect(await read(most, `\n${start}`)).toHaveLength(1);
    await expect(read(`${most} `)).rejects.toThrow(
      expect.objectContaining({ name: "AnswerError", message: "unexpected response to GET /events" }),
    );
  });

  it("is read with its own attributes and these labels, of however many", async () => {
    const many = Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`k${index}`, "1"]));
    const Attributes = { ...many, image: "x:1", name: "web", role: "worker", note: "x" };
    const event = { ...many, Action: "start", Actor: { ...many, ID: id, Attributes } };
    const stream = Readable.from([Buffer.from(`${JSON.stringify(event)}\n`)], { objectMode: false });
    const all: EngineEvent[] = [];
    await readEvents(stream as IncomingMessage, (one) => void all.push(one), new Set(["role"]));
    const attributes = { image: "x:1", name: "web", role: "worker" };
    expect(all).toMatchObject([{ action: "start", fullId: id, attributes }]);
    expect(Object.keys(all[0]?.attributes ?? {})).toHaveLength(3);
  });

  it("lets others go first between many", async () => {
    const lines = start.repeat(3000);
    let [rounds, ended] = [0, false];
    const countRounds = () => {
      rounds += 1;
      if (!ended) setImmediate(countRounds);
    };
    setImmediate(countRounds);
    const stream = Readable.from([Buffer.from(lines)], { objectMode: false });
    let count = 0;
    await readEvents(stream as IncomingMessage, () => {
      const end = performance.now() + 0.05;
      while (performance.now() < end);
      count += 1;
    });
    ended = true;
    // 150 ms of work in slices of 4 ms.
    expect([count, rounds > 15]).toEqual([3000, true]);
  });

  it("rejects when it breaks", async () => {
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from(start);
        throw new RangeError("broken");
      })(),
      { objectMode: false },
    );
    const onEvent = vi.fn<(event: EngineEvent) => void>();
    await expect(readEvents(broken as IncomingMessage, onEvent)).rejects.toThrow(RangeError);
    expect(onEvent).toHaveBeenCalledOnce();
  });
});

it("the engine is asked for events of containers and their actions alone", () => {
  expect(JSON.parse(eventsQuery.filters)).toEqual({
    type: ["container"],
    event: [
      "create",
      "start",
      "kill",
      "die",
      "stop",
      "restart",
      "pause",
      "unpause",
      "destroy",
      "rename",
      "oom",
      "update",
      "health_status",
      "remove",
    ],
  });
});

it("the first subscription begins before the window of restart loops", () => {
  const query = toFirstEventsQuery(1_768_298_400_999);
  expect(query).toEqual({ ...eventsQuery, since: 1_768_298_400 - problemThresholds.loopSeconds });
});
