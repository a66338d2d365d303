import { describe, expect, it, vi } from "vitest";
import type { LogBatch } from "../../src/containers/logs/log.ts";
import type { Follow } from "../../src/graphql/execute.ts";
import { followLog } from "../../src/rest/follow.ts";
import { createCaller } from "../support/caller.ts";
import { sampleLine } from "../support/logs.ts";

const line = (second: number, message: string) =>
  sampleLine(message, { timestamp: `2026-01-13T09:46:0${second}.000000001Z` });
const batch = (more: Partial<LogBatch>): LogBatch =>
  ({ lines: [], dropped: 0, notice: null, ended: null, ...more }) as LogBatch;
const document = {} as never;
const caller = createCaller();

/** A followed log of these batches, and what was asked of its source. */
async function open(batches: readonly LogBatch[], more: Partial<Parameters<typeof followLog>[2]> = {}) {
  const follow = vi.fn<Follow>(async () =>
    (async function* () {
      yield* batches;
    })(),
  );
  const options = { document, variables: { name: "a" }, isPlain: false, lastEventId: undefined, ...more };
  const { type, heartbeat, chunks } = await followLog(follow, caller, options);
  const parts: string[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return { type, heartbeat, parts, follow };
}

const batches = [
  batch({ lines: [line(1, "one"), line(2, 'two "ü"')] }),
  batch({}),
  batch({ lines: [line(3, "three")], dropped: 7, notice: "stopped", ended: "expired" }),
  batch({ dropped: 1 }),
  batch({ notice: "resumed" }),
  batch({ ended: "shutdown" }),
];

describe("a followed log", () => {
  it("is server-sent events with the time of the last line as id", async () => {
    const { type, heartbeat, parts } = await open(batches);
    expect([type, heartbeat]).toEqual(["text/event-stream; charset=utf-8", ": still here\n\n"]);
    const lines = (...list: object[]) => `event: lines\ndata: ${JSON.stringify(list)}\n\n`;
    expect(parts).toEqual([
      "retry: 1000\n\n",
      `id: 2026-01-13T09:46:02.000000001Z\n${lines(line(1, "one"), line(2, 'two "ü"'))}`,
      "",
      'event: dropped\ndata: {"lines":7}\n\n' +
        `id: 2026-01-13T09:46:03.000000001Z\n${lines(line(3, "three"))}` +
        'event: notice\ndata: {"notice":"stopped"}\n\n' +
        'event: end\ndata: {"reason":"expired"}\n\n',
      'event: dropped\ndata: {"lines":1}\n\n',
      'event: notice\ndata: {"notice":"resumed"}\n\n',
      'event: end\ndata: {"reason":"shutdown"}\n\n',
    ]);
  });

  it("is text for Accept text/plain, with notices in brackets", async () => {
    const { type, heartbeat, parts } = await open(batches, { isPlain: true });
    expect([type, heartbeat]).toEqual(["text/plain; charset=utf-8", undefined]);
    expect(parts).toEqual([
      'one\ntwo "ü"\n',
      "",
      "[7 lines dropped: this client reads too slowly]\nthree\n[stopped]\n[end: expired]\n",
      "[1 line dropped: this client reads too slowly]\n",
      "[resumed]\n",
      "[end: shutdown]\n",
    ]);
  });

  it("whose oldest lines were left out says how many, and why", async () => {
    const some = [
      batch({ lines: [line(1, "one")], dropped: 1200, cut: "counted", notice: "truncated" }),
      batch({ dropped: 1, cut: "at_least", notice: "truncated" }),
    ];
    const { parts } = await open(some, { isPlain: true });
    expect(parts).toEqual([
      "[1,200 older lines left out: more than is sent at once]\none\n",
      "[at least 1 older line left out: more than is sent at once]\n",
    ]);
    const events = (await open(some)).parts[1];
    expect(events?.split("\n\n").map((event) => event.replaceAll(/^id.*\n|\n.*/g, ""))).toEqual([
      "event: dropped",
      "event: lines",
      "event: notice",
      "",
    ]);
    expect(events).toContain('data: {"lines":1200}');
    expect(events).toContain('data: {"notice":"truncated"}');
  });

  it("encodes lines once for all their readers", async () => {
    const [one] = batches;
    const stringify = vi.spyOn(JSON, "stringify");
    const { lines } = one as LogBatch;
    const shared = batch({ lines: [...lines] });
    const [first, second] = [await open([shared]), await open([shared])];
    expect(second.parts).toEqual(first.parts);
    expect(stringify.mock.calls.filter(([value]) => value === shared.lines)).toHaveLength(1);
    stringify.mockRestore();
  });

  it.each([
    [{ until: "1h" }, "until cannot be combined with follow=true"],
    [{ download: true }, "download cannot be combined with follow=true"],
  ])("is refused with %j", async (variables, message) => {
    await expect(open([], { variables })).rejects.toMatchObject({ code: "invalid_request", message });
  });

  it.each([
    [undefined, {}],
    ["", {}],
    ["2026-01-13T09:46:00.000000001Z", { since: "1768297560.000000002", tail: null }],
    ["2024-02-29T23:59:59.999999999Z", { since: "1709251200.000000000", tail: null }],
    ["1970-01-01T00:00:00.000000000Z", { since: "0.000000001", tail: null }],
    ["2026-01-13T09:46:00.120000000Z", { since: "1768297560.120000001", tail: null }],
  ])("resumed from %j asks for what came after it", async (lastEventId, resume) => {
    const { follow } = await open([], { variables: { name: "a", download: false, tail: 9 }, lastEventId });
    expect(follow.mock.calls).toEqual([[document, { name: "a", download: false, tail: 9, ...resume }, caller]]);
  });

  it.each([
    "x",
    "2026-01-13T09:46:00Z",
    "2026-01-13T09:46:00.1Z",
    "2026-01-13T09:46:00.0000000001Z",
    "2026-01-13T09:46:00.000000001",
    " 2026-01-13T09:46:00.000000001Z",
    "2026-01-13T09:46:00.000000001Z ",
    "2026-02-30T00:00:00.000000000Z",
    "2026-01-13T24:00:00.000000000Z",
    "1969-12-31T23:59:59.999999999Z",
  ])("cannot resume from %j", async (lastEventId) => {
    await expect(open([], { lastEventId })).rejects.toMatchObject({
      code: "invalid_request",
      message: "Last-Event-ID must be the id of an event of this stream",
    });
  });
});
