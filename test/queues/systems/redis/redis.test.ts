import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorReadLimit } from "../../../../src/queues/errors.ts";
import { failureGroupsLimit } from "../../../../src/queues/queue.ts";
import { toServer, toTask, toWorker } from "../../../../src/queues/systems/redis/asynq.ts";
import { beginningOf, eventShare, lookBack } from "../../../../src/queues/systems/redis/bullmq/beginning.ts";
import {
  countWorkers,
  cover,
  type Coverage,
  covers,
  fullCoverage,
  type Rows,
} from "../../../../src/queues/systems/redis/bullmq/bullmq.ts";
import { countEvents, noEvents, noMetrics, toEvents, watchMetrics } from "../../../../src/queues/systems/redis/bullmq/events.ts";
import {
  checkReturned,
  countRetries,
  findReturned,
  noRetries,
  readRetries,
} from "../../../../src/queues/systems/redis/bullmq/retries.ts";
import type { Look } from "../../../../src/queues/systems/redis/bullmq/snapshot.ts";
import type { RedisConnection } from "../../../../src/queues/systems/redis/connection.ts";
import { readProtobuf } from "../../../../src/queues/systems/redis/protobuf.ts";
import { groupRedisFailures } from "../../../../src/queues/systems/redis/redis.ts";
import { quantilesOf, toCount, toFields, toNumber, toScored, toTexts } from "../../../../src/queues/systems/redis/replies.ts";
import { shareOf } from "../../../../src/queues/systems/redis/system.ts";
import { encodeTask, field } from "../../../support/redis.ts";

describe("asynq's messages", () => {
  it("reads back what was written", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(text, fc.nat(1_000_000), fc.nat(4_000_000_000), (error, retried, lastFailedAt) => {
        const task = toTask(encodeTask({ id: "x", queue: "q", error, retried, lastFailedAt }));
        expect(task).toStrictEqual({ error, retried, lastFailedAt: lastFailedAt === 0 ? null : lastFailedAt * 1000 });
      }),
    );
  });

  it("takes any bytes in time, and never fails", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        for (const read of [toTask, toServer, toWorker]) read(buffer);
      }),
    );
    const cut = encodeTask({ id: "x", queue: "q", error: "boom" }).subarray(0, -4);
    // A number whose last byte is missing.
    expect(readProtobuf(Buffer.from([0x08, 0x80]))).toBeNull();
    expect(readProtobuf(Buffer.from([0x08, 0x80, 0x01]))).toEqual(new Map([[1, [128n]]]));
    expect([toTask(cut), toTask(Buffer.from("no message")), readProtobuf(Buffer.alloc(100, 0xff))]).toStrictEqual([
      null,
      null,
      null,
    ]);
    expect(toTask(Buffer.alloc(0))).toStrictEqual({ error: "", retried: 0, lastFailedAt: null });
  });

  it("passes over what it does not know, and over wrong types", () => {
    const message = Buffer.concat([
      field(15, Buffer.from("header")),
      Buffer.from([0x85, 0x01, 1, 2, 3, 4]),
      field(7, 9),
      field(6, "text"),
    ]);
    expect(toTask(message)).toStrictEqual({ error: "", retried: 0, lastFailedAt: null });
    const negative = Buffer.concat([Buffer.from([6 << 3]), Buffer.alloc(9, 0xff), Buffer.from([1])]);
    expect(toTask(negative)?.retried).toBe(0);
  });

  it("reads what a worker is at", () => {
    const started = field(8, Buffer.concat([field(1, 1_800_000_000), field(2, 5)]));
    const texts = ["web-1", "7", "server", "task-1", "mail:send", "payload", "default"];
    const fields = [1, 2, 3, 4, 5, 6, 7].map((number, index) => field(number, texts[index] ?? ""));
    expect(toWorker(Buffer.concat([...fields, started]))).toStrictEqual({
      host: "web-1",
      taskId: "task-1",
      type: "mail:send",
      queue: "default",
      startedAt: 1_800_000_000_000,
    });
    const none = { host: "", taskId: "", type: "", queue: "", startedAt: null };
    expect(toWorker(Buffer.alloc(0))).toStrictEqual(none);
    expect(toWorker(field(8, field(2, 5)))).toStrictEqual(none);
    expect(toWorker(field(8, "no message"))).toStrictEqual(none);
    expect([toWorker(Buffer.from("x")), toServer(Buffer.from("x"))]).toStrictEqual([null, null]);
  });

  it("the last value of a field counts; fixed numbers are passed over", () => {
    const fixed = [Buffer.from([(1 << 3) | 1, ...Buffer.alloc(8, 0xff)]), Buffer.from([(2 << 3) | 5, 0xff, 0xff, 0xff, 0xff])];
    const message = Buffer.concat([...fixed, field(7, "first"), field(6, 3), field(7, "last"), field(6, 4), field(11, 1)]);
    expect(toTask(message)).toStrictEqual({ error: "last", retried: 4, lastFailedAt: 1000 });
    expect(readProtobuf(message)).toEqual(
      new Map<number, unknown[]>([
        [1, [Buffer.alloc(8, 0xff)]],
        [2, [Buffer.alloc(4, 0xff)]],
        [7, [Buffer.from("first"), Buffer.from("last")]],
        [6, [3n, 4n]],
        [11, [1n]],
      ]),
    );
  });

  it.each([
    ["a group, which is not used any more", [(1 << 3) | 3]],
    ["an unknown type", [(1 << 3) | 7]],
    ["a text that is cut", [(1 << 3) | 2, 2, 65]],
    ["a text without its length", [(1 << 3) | 2]],
    ["8 bytes of which one is missing", [(1 << 3) | 1, 1, 2, 3, 4, 5, 6, 7]],
    ["4 bytes of which one is missing", [(1 << 3) | 5, 1, 2, 3]],
    ["a number of 11 bytes", [1 << 3, ...Buffer.alloc(10, 0x80), 1]],
  ])("is none with %s", (_what, bytes) => expect(readProtobuf(Buffer.from(bytes))).toBeNull());

  it("has numbers of 64 bits", () => {
    const ones = Buffer.alloc(9, 0xff);
    expect(readProtobuf(Buffer.from([1 << 3, ...ones, 1]))).toEqual(new Map([[1, [2n ** 64n - 1n]]]));
    expect(readProtobuf(Buffer.from([1 << 3, ...Buffer.alloc(9, 0x80), 0x7f]))).toEqual(new Map([[1, [2n ** 63n]]]));
    expect(readProtobuf(Buffer.from([0xa0, 0x06, 0xac, 0x02]))).toEqual(new Map([[100, [300n]]]));
  });

  it("reads the queues and the state of a server", () => {
    const entry = (name: string) => field(5, Buffer.concat([field(1, name), field(2, 3)]));
    expect(toServer(Buffer.concat([entry("a"), entry("b"), field(7, "active")]))).toStrictEqual({
      isActive: true,
      queues: ["a", "b"],
    });
    expect(toServer(field(7, "stopped"))).toStrictEqual({ isActive: false, queues: [] });
  });
});

describe("replies", () => {
  it("are nothing where they are something else", () => {
    for (const odd of [null, undefined, new Error("WRONGTYPE"), {}, Number.NaN, true]) {
      expect([toCount(odd), toNumber(odd), toTexts(odd), toScored(odd), toFields(odd)]).toStrictEqual([0, null, [], [], []]);
    }
    expect([toNumber("12"), toNumber("-1"), toNumber("1e9"), toNumber(""), toNumber("9".repeat(40))]).toStrictEqual([
      12,
      -1,
      null,
      null,
      null,
    ]);
    expect(toScored(["a", "1", "b", "inf", "c", "nan", "d"])).toStrictEqual([{ id: "a", score: 1 }]);
  });
});

describe("counts and texts of replies", () => {
  it.each([
    [7, 7],
    [0, 0],
    [-1, 0],
    ["7", 0],
  ])("the count of %j is %i", (reply, count) => expect(toCount(reply)).toBe(count));

  it.each([
    ["0", 0],
    ["-12", -12],
    ["1".repeat(19), Number("1".repeat(19))],
    ["1".repeat(20), null],
    ["12 ", null],
    [" 12", null],
    ["-", null],
    ["+1", null],
    ["1.5", null],
    [12, null],
  ])("the number of %j is %j", (reply, number) => expect(toNumber(reply)).toBe(number));

  it("are in their order, without what is none", () => {
    expect(toTexts(["a", 1, null, "", "b"])).toStrictEqual(["a", "", "b"]);
    expect(toFields(["a", 1, null, ""])).toStrictEqual(["a", null, null, ""]);
    expect(toScored(["a", "1.5", "b", "-2"])).toStrictEqual([
      { id: "a", score: 1.5 },
      { id: "b", score: -2 },
    ]);
    expect(toScored(["a"])).toStrictEqual([]);
  });
});

describe("shareOf", () => {
  it.each([
    [0, 500, 500],
    [1, 500, 500],
    [1, 50_000, 20_000],
    [2, 50_000, 10_000],
    [100, 1000, 200],
    [100, 100, 100],
    [1500, 500, 13],
    [2000, 500, 10],
    [5000, 500, 10],
  ])("of %i queues, each of %i at most, is %i rows", (queues, most, rows) => expect(shareOf(queues, most)).toBe(rows));
});

describe("BullMQ's events", () => {
  const entry = (id: string, event: string) => [id, ["event", event, "jobId", "7"]];
  const read = (...entries: unknown[]) => toEvents(entries);

  it("counts each once, from the second read on", () => {
    const first = countEvents(noEvents, read(entry("5-0", "completed")), "1-0");
    expect(first).toStrictEqual({ lastId: "5-0", completed: 0, failed: 0, gaps: 0 });
    const second = countEvents(first, read(entry("5-1", "completed"), entry("9-0", "failed"), entry("9-1", "active")), "1-0");
    expect(second).toStrictEqual({ lastId: "9-1", completed: 1, failed: 1, gaps: 0 });
    expect(countEvents(second, [], "1-0")).toStrictEqual(second);
    // The stream was cut beyond what was read.
    expect(countEvents(second, read(entry("30-0", "completed")), "20-0")).toMatchObject({ gaps: 1 });
  });

  it("begins with an empty stream, and misses nothing then", () => {
    const empty = countEvents(noEvents, [], null);
    expect(countEvents(empty, read(entry("3-0", "completed")), "3-0")).toStrictEqual({
      lastId: "3-0",
      completed: 1,
      failed: 0,
      gaps: 0,
    });
  });

  it("passes over what is no entry", () => {
    expect(toEvents(["x", [1, []], ["5", ["event", "a"]], ["a-1", []], ["5-1", "fields"], ["5-2", ["odd"]]])).toStrictEqual([
      ["5-2", { at: 5, event: "", jobId: "", prev: "" }],
    ]);
  });

  it.each([
    ["5-0", "5-0", 0],
    ["5-1", "5-0", 1],
    ["5-0", "5-1", 0],
    ["5-10", "5-9", 1],
    ["10-0", "9-5", 1],
    ["9-5", "10-0", 0],
    ["4-9", "5-0", 0],
    ["3-0", "0-0", 0],
    [null, "5-0", 0],
  ])("with %s as the oldest entry after %s has missed some %i times", (oldest, lastId, gaps) => {
    const counter = { lastId, completed: 1, failed: 2, gaps: 0 };
    expect(countEvents(counter, [], oldest)).toStrictEqual({ ...counter, gaps });
  });

  it("reads the fields of an entry by their names", () => {
    const id = `${"1".repeat(16)}-12`;
    expect(read([id, ["prev", "event", "event", "failed", "jobId", 7]])).toStrictEqual([
      [id, { at: 1_111_111_111_111_111, event: "failed", jobId: "7", prev: "event" }],
    ]);
    for (const odd of [`1${id}`, ` ${id}`, `${id} `, "12", "-1", 12]) expect(read([odd, []])).toStrictEqual([]);
    expect([toEvents(null), toEvents("x"), toEvents([["5-1"]])]).toStrictEqual([[], [], []]);
  });

  it("a counter that misses twenty events was left behind", () => {
    const on = watchMetrics(noMetrics, 10, 100);
    expect(on).toStrictEqual({ isOn: true, count: 10, events: 100 });
    expect(watchMetrics(on, 10, 119)).toStrictEqual(on);
    const off = { ...on, isOn: false };
    expect(watchMetrics(on, 10, 120)).toStrictEqual(off);
    expect(watchMetrics(off, 10, 105)).toStrictEqual(off);
    expect(watchMetrics(off, 0, 130)).toStrictEqual({ isOn: true, count: 0, events: 130 });
  });

  it("knows a counter that was left behind", () => {
    const on = watchMetrics(noMetrics, 10, 0);
    expect(on.isOn).toBe(true);
    expect(watchMetrics(on, 10, 5).isOn).toBe(true);
    const off = watchMetrics(on, 10, 25);
    expect(off.isOn).toBe(false);
    expect(watchMetrics(off, 11, 26).isOn).toBe(true);
    expect(watchMetrics(on, null, 5)).toStrictEqual(noMetrics);
  });
});

describe("coverage", () => {
  const row = (id: string, score: number) => ({ id, score });
  const rows = (oldest: Rows["oldest"], more: Partial<Rows> = {}) => ({ oldest, isMissing: false, isWhole: true, ...more });

  it("is full until a row is gone", () => {
    const first = cover(fullCoverage, rows(row("a", 100)), 1000);
    expect(covers(first, 1e9, 1000)).toBe(true);
    expect(covers(cover(first, rows(row("a", 100)), 1001), 1e9, 1001)).toBe(true);
    // An older one came: none is gone.
    expect(covers(cover(first, rows(row("b", 50)), 1001), 1e9, 1001)).toBe(true);
    const later = cover(first, rows(row("c", 400)), 1001);
    expect([covers(later, 600, 1001), covers(later, 700, 1001)]).toStrictEqual([true, false]);
    expect(covers(cover(first, rows(null), 1001), 1, 1001)).toBe(false);
  });

  it.each<[string, Coverage, Rows, Coverage["since"]]>([
    ["the first look, without a row", fullCoverage, rows(null), -Infinity],
    ["the first look that knows all", fullCoverage, rows(row("a", 400)), -Infinity],
    ["the first look that does not", fullCoverage, rows(row("a", 400), { isWhole: false }), 400],
    ["the same oldest row", { oldest: row("a", 400), since: 7 }, rows(row("a", 500)), 7],
    ["another one of the same time", { oldest: row("a", 400), since: 7 }, rows(row("b", 400)), 7],
    ["a later one", { oldest: row("a", 400), since: 7 }, rows(row("b", 401)), 401],
    ["none any more", { oldest: row("a", 400), since: 7 }, rows(null), 1000],
    ["a row that is missing", { oldest: row("a", 400), since: 7 }, rows(row("b", 401), { isMissing: true }), 1000],
    ["less than was known to be gone", { oldest: row("a", 400), since: 900 }, rows(row("b", 401)), 900],
  ])("after %s", (_what, before, found, since) => {
    expect(cover(before, found, 1000)).toStrictEqual({ oldest: found.oldest, since });
  });

  it("begins with the look that missed a row, and not earlier with a later look", () => {
    const missing = cover(fullCoverage, rows(null, { isMissing: true }), 1000);
    expect([covers(missing, 500, 1500), covers(missing, 501, 1500)]).toStrictEqual([true, false]);
    const seen = cover(missing, rows(row("a", 200)), 1100);
    expect(covers(cover(seen, rows(row("b", 300)), 1500), 501, 1500)).toBe(false);
  });

  it("begins with the first row that is seen, where events do not tell what ended before it", () => {
    const unknown = cover(fullCoverage, rows(row("a", 400), { isWhole: false }), 1000);
    expect([covers(unknown, 600, 1000), covers(unknown, 601, 1000)]).toStrictEqual([true, false]);
    // Without any row none went by age or number; and who saw the oldest one knows what went.
    expect(covers(cover(fullCoverage, rows(null, { isWhole: false }), 1000), 1e9, 1000)).toBe(true);
    const known = cover(fullCoverage, rows(row("a", 400)), 1000);
    expect(covers(cover(known, rows(row("a", 400), { isWhole: false }), 1001), 1e9, 1001)).toBe(true);
  });
});

describe("how a window began", () => {
  const now = 10_000_000;
  const ago = (seconds: number) => now - seconds * 1000;
  const event = (seconds: number, name: string, jobId = "7") => [`${ago(seconds)}-0`, ["event", name, "jobId", jobId]];
  const none = { completed: null, failed: null };
  const look = { oldest: none, events: [], oldestEvent: `${ago(9000)}-0`, isTrimmed: true } as unknown as Look;
  const first = { isFirst: true, isJoined: false, limit: 3, now };
  const back = (some: Partial<Look>, moment: Partial<typeof first>, ...replies: unknown[]) =>
    lookBack("bull:q:", { ...look, ...some }, { ...first, ...moment }).parse(replies);

  it("reads few events where the oldest row is from before the window, and as many as it may where none is", () => {
    const oldest = { completed: { id: "a", score: ago(301) }, failed: { id: "b", score: ago(3599) } };
    expect(lookBack("bull:q:", { ...look, oldest }, { ...first, limit: 5000 }).commands).toStrictEqual([
      ["xrange", "bull:q:events", ago(299), "+", "COUNT", 50],
      ["xrange", "bull:q:events", ago(3599), "+", "COUNT", 5000],
    ]);
    expect(lookBack("bull:q:", look, { ...first, isFirst: false }).commands).toStrictEqual([]);
  });

  it.each([
    [300, 299, 5000, 5000],
    [299.999, 3599.999, 5000, 5000],
    [300.001, 3600, 50, 50],
  ])("oldest rows that are %d and %d s old: reads %i and %i events", (done, dead, most, other) => {
    const oldest = { completed: { id: "a", score: ago(done) }, failed: { id: "b", score: ago(dead) } };
    const { commands } = lookBack("bull:q:", { ...look, oldest }, { ...first, limit: 5000 });
    expect(commands.map((command) => command.at(-1))).toStrictEqual([done === 300 ? 50 : most, other]);
  });

  it("takes events from its first moment on, and is whole if they reach it", () => {
    const begin = now - 299_000;
    const at = (time: number, jobId: string) => [`${time}-0`, ["event", "completed", "jobId", jobId]];
    const { completed } = back({}, {}, [at(begin - 1, "early"), at(begin, "first")], []);
    expect(completed.events.map(({ jobId }) => jobId)).toStrictEqual(["first"]);
    expect(back({ oldestEvent: `${begin}-0` }, {}, [], []).completed.isWhole).toBe(true);
    expect(back({ oldestEvent: `${begin + 1}-0` }, {}, [], []).completed.isWhole).toBe(false);
    expect([beginningOf("completed", now), beginningOf("failed", now)]).toStrictEqual([begin, now - 3_599_000]);
    expect([eventShare(1), eventShare(2), eventShare(100), eventShare(100_000)]).toStrictEqual([10_000, 5000, 100, 10]);
  });

  it("is open where all events that one read takes are of other kinds", () => {
    const events = toEvents(Array.from({ length: 10_000 }, () => event(20, "active")));
    const later = { isFirst: false, isJoined: true };
    expect(back({ events }, later).completed).toStrictEqual({ events: [], isWhole: false });
    expect(back({ events: events.slice(1) }, later).completed).toStrictEqual({ events: [], isWhole: true });
  });

  it("is told by the first of the events, or where all were read and none is of the kind", () => {
    const two = [event(200, "active"), event(199, "completed", "8")];
    const { completed, failed } = back({}, {}, two, [event(3000, "active"), event(2999, "active"), event(2998, "active")]);
    expect(completed).toStrictEqual({ events: [{ at: ago(199), event: "completed", jobId: "8", prev: "" }], isWhole: true });
    expect(failed).toStrictEqual({ events: [], isWhole: false });
    expect(back({}, {}, two, [event(3000, "active")]).failed.isWhole).toBe(true);
  });

  it("is not told by a stream that was cut within it", () => {
    const cut = { oldestEvent: `${ago(200)}-0` };
    expect(back(cut, {}, [event(200, "completed")], []).completed.isWhole).toBe(false);
    expect(back({ ...cut, isTrimmed: false }, {}, [event(200, "completed")], []).completed.isWhole).toBe(true);
    expect(back({ oldestEvent: null }, {}, [], []).completed.isWhole).toBe(false);
  });

  it("is told to a later look by what it read since the one before", () => {
    const events = toEvents([event(400, "completed", "old"), event(20, "completed", "8"), event(10, "failed", "9")]);
    const later = { isFirst: false, isJoined: true };
    const cut = { oldestEvent: `${ago(200)}-0`, events };
    expect(back(cut, later)).toStrictEqual({
      completed: { events: [{ at: ago(20), event: "completed", jobId: "8", prev: "" }], isWhole: true },
      failed: { events: [{ at: ago(10), event: "failed", jobId: "9", prev: "" }], isWhole: true },
    });
    expect(back(cut, { ...later, isJoined: false }).completed.isWhole).toBe(false);
  });
});

describe("jobs that a worker gave back", () => {
  const event = (jobId: string, name: string, prev = "") => ({ at: 1000, event: name, jobId, prev });
  const find = (...events: ReturnType<typeof event>[]) => {
    const { running, returned } = findReturned(new Set(["old"]), events);
    return { running: [...running], returned: returned.map(({ jobId }) => jobId) };
  };

  it("are those that wait again after they ran, but not when they lost their worker, were just added, or failed for good before", () => {
    expect(find(event("old", "delayed"))).toStrictEqual({ running: [], returned: ["old"] });
    expect(find(event("a", "active"), event("a", "delayed"), event("a", "waiting", "delayed"))).toStrictEqual({
      running: ["old"],
      returned: ["a"],
    });
    expect(find(event("a", "waiting", "active"), event("b", "stalled")).returned).toStrictEqual(["a"]);
    expect(find(event("a", "active"), event("a", "waiting", "active"), event("a", "stalled")).returned).toStrictEqual([]);
    expect(find(event("a", "added"), event("a", "delayed")).returned).toStrictEqual([]);
    expect(find(event("a", "active"), event("a", "failed", "active"), event("a", "waiting", "failed")).returned).toStrictEqual(
      [],
    );
    expect(find(event("a", "active"), event("a", "waiting", "failed")).returned).toStrictEqual(["a"]);
    expect(find(event("a", "active"), event("a", "waiting-children", "active"), event("a", "delayed")).returned).toStrictEqual(
      [],
    );
  });

  it.each([
    ["failed once, and waits", ["1", "1", null, "500"], 1, 1, true],
    ["failed once, and runs again", ["1", "2", null, "1000"], 1, 1, true],
    ["was put back once, beside its failures", ["1", "2", null, "500"], 1, 1, false],
    ["never failed", ["0", "1", null, "500"], 0, 0, true],
    ["is of BullMQ 4, and lost its worker", [null, null, "1", "500"], 1, 0, true],
    ["is of an older BullMQ 5, which counts no starts", ["1", null, null, "500"], 1, 1, true],
    ["is gone", [null, null, null, null], 0, 1, false],
  ])("a job that %s", (_what, row, hasReason, count, isSure) => {
    const returned = [event("a", "waiting", "active")];
    const { failed, isSure: known } = checkReturned("bull:q:", { running: new Set(), returned }, 5).parse([row, hasReason]);
    expect([failed.length, known]).toStrictEqual([count, isSure]);
  });

  it("count as failed, and not for sure, where there are more than are looked at", () => {
    const returned = ["a", "b", "b"].map((id) => event(id, "delayed"));
    const question = checkReturned("bull:q:", { running: new Set(), returned }, 1);
    expect(question.commands.map(([name, key]) => [name, key])).toStrictEqual([
      ["hmget", "bull:q:a"],
      ["hexists", "bull:q:a"],
    ]);
    expect(question.parse([["1", "1", null, "500"], 1])).toStrictEqual({ failed: returned, isSure: false });
  });
});

describe("retries that are known", () => {
  const now = 10_000_000;
  const recent = [
    { at: now - 5000, count: 1 },
    { at: now - 4999, count: 10 },
    { at: now, count: 100 },
    { at: now + 1, count: 1000 },
  ];

  it("are counted in a window that ends now", () => {
    expect(countRetries({ ...noRetries, recent }, 5000, now)).toBe(110);
    expect(countRetries({ ...noRetries, recent }, 5001, now)).toBe(111);
    expect(countRetries(noRetries, 5000, now)).toBe(0);
  });

  const event = (at: number, jobId: string, name: string, prev = "") => ({ at, event: name, jobId, prev });
  const entry = (at: number, jobId: string, name: string, prev = "") => [
    `${at}-0`,
    ["event", name, "jobId", jobId, ...(prev === "" ? [] : ["prev", prev])],
  ];
  /** A connection that has these replies to one question after the other, and remembers the commands. */
  const createConnection = (...replies: unknown[][]) => {
    const commands: unknown[] = [];
    const connection: RedisConnection = {
      ask: async (questions) =>
        questions.map((question) => {
          commands.push(...question.commands);
          return question.parse(question.commands.length === 0 ? [] : (replies.shift() ?? []));
        }),
      close: async () => {},
    };
    return { connection, commands };
  };
  const { signal } = new AbortController();
  const limits = { events: 3, jobs: 2 };
  const failedOnce = [["1", "1", null, "500"], 1];
  const subject = {
    key: "bull:q:",
    look: { events: [], oldestEvent: `${now - 3_600_000}-5`, isTrimmed: true } as unknown as Look,
    before: noRetries,
    firstId: null,
    isJoined: true,
  };

  it("the first look has the retries of an hour, and who still runs", async () => {
    const { connection, commands } = createConnection(
      [[entry(now - 900, "a", "delayed", "active"), entry(now - 800, "b", "active")]],
      failedOnce,
    );
    const first = { ...subject, firstId: "77-1", isJoined: false };
    expect(await readRetries(connection, [first], limits, now, signal)).toEqual([
      { running: new Set(["b"]), recent: [{ at: now - 900, count: 1 }], total: 1, since: -Infinity },
    ]);
    expect(commands).toEqual([
      ["xrange", "bull:q:events", now - 3_600_000, "77-1", "COUNT", 3],
      ["hmget", "bull:q:a", "atm", "ats", "attemptsMade", "processedOn"],
      ["hexists", "bull:q:a", "failedReason"],
    ]);
  });

  it("are added to those of before, of which none is older than an hour", async () => {
    const events = [
      event(now - 1900, "a", "delayed", "active"),
      event(now - 1100, "a", "waiting", "active"),
      event(now - 900, "a", "delayed", "active"),
      event(now - 100, "run", "completed"),
    ].map((one) => ["1-0", one]);
    const { connection, commands } = createConnection(failedOnce);
    const old = [
      { at: now - 3_600_000, count: 5 },
      { at: now - 3_599_999, count: 6 },
    ];
    const before = { running: new Set(["run", "on"]), recent: old, total: 11, since: 5 };
    const look = { ...subject.look, events } as unknown as Look;
    expect(await readRetries(connection, [{ ...subject, look, before }], limits, now, signal)).toEqual([
      {
        running: new Set(["on"]),
        recent: [old[1], { at: now - 1100, count: 2 }, { at: now - 900, count: 1 }],
        total: 14,
        since: 5,
      },
    ]);
    expect(commands).toHaveLength(2);
  });

  it.each<[string, object, unknown[][], boolean]>([
    ["events that reach back an hour", { isJoined: false }, [[]], true],
    ["events that follow those of before", { look: { ...subject.look, oldestEvent: null } }, [[]], true],
    [
      "a stream that was never cut",
      { isJoined: false, look: { ...subject.look, oldestEvent: null, isTrimmed: false } },
      [[]],
      true,
    ],
    ["a stream without an entry", { isJoined: false, look: { ...subject.look, oldestEvent: null } }, [[]], false],
    [
      "a stream that was cut later",
      { isJoined: false, look: { ...subject.look, oldestEvent: `${now - 3_599_999}-0` } },
      [[]],
      false,
    ],
    ["as many events as are read", {}, [[1, 2, 3].map((n) => entry(n, "x", "added"))], false],
    ["fewer events than are read", {}, [[1, 2].map((n) => entry(n, "x", "added"))], true],
  ])("are known since the first look by %s, or only from now on", async (_what, more, replies, isWhole) => {
    const { connection } = createConnection(replies);
    const first = { ...subject, firstId: "77-1", before: { ...noRetries, running: new Set(["old"]) }, ...more };
    const [known] = await readRetries(connection, [first], limits, now, signal);
    expect(known).toMatchObject({ since: isWhole ? -Infinity : now, running: new Set(isWhole ? ["old"] : []) });
  });

  it("are counted though it is not sure of each, and known only from then on", async () => {
    const look = { ...subject.look, events: [["1-0", event(now - 900, "a", "delayed", "active")]] } as unknown as Look;
    const { connection } = createConnection([["1", "2", null, "500"], 1]);
    const [known] = await readRetries(connection, [{ ...subject, look }], limits, now, signal);
    expect(known).toMatchObject({ total: 1, since: now });
  });
});

describe("a job that came back", () => {
  const event = (name: string, prev = "active", at = 1000) => ({ at, event: name, jobId: "a", prev });
  const check = (row: unknown[], hasReason: number, items = [event("waiting")], running: string[] = []) => {
    const { failed, isSure } = checkReturned("bull:q:", { running: new Set(running), returned: items }, 5).parse([
      row,
      hasReason,
    ]);
    return [failed.length, isSure];
  };
  it.each<[string, unknown[], number, ReturnType<typeof event>[], string[], number, boolean]>([
    [
      "of BullMQ 4 was delayed, or said that it failed",
      [null, null, "3", null],
      1,
      [event("delayed"), event("waiting", "failed"), event("waiting")],
      [],
      2,
      true,
    ],
    ["runs again by its events", ["1", "2", null, null], 1, [event("waiting")], ["a"], 1, true],
    ["runs again since just then", ["1", "2", null, "1000"], 1, [event("waiting", "active", 5), event("waiting")], [], 2, true],
    ["ran until just before", ["1", "2", null, "999"], 1, [event("waiting", "active", 5), event("waiting")], [], 2, false],
    ["started twice more than it ended", ["1", "3", null, "1000"], 1, [event("waiting")], [], 1, false],
    ["has no reason, and counts attempts as BullMQ 4", [null, null, "1", null], 0, [event("delayed")], [], 0, true],
    ["has no attempts at all", [null, "1", null, "1000"], 1, [event("waiting")], [], 1, false],
  ])("that %s", (_what, row, hasReason, items, running, count, isSure) => {
    expect(check(row, hasReason, items, running)).toEqual([count, isSure]);
  });
});

describe("countWorkers", () => {
  it("counts connections by their names, as bytes of the queue's name", () => {
    const name = (queue: string) => Buffer.from(queue).toString("base64");
    const list = [
      `bull:${name("a b")}`,
      `bull:${name("a b")}:w:host-1`,
      `bull:${name("é")}`,
      `bull:${name("é")}:qe`,
      "",
      "bull:",
      "other",
    ];
    const workers = countWorkers(list.map((one, id) => `id=${id} addr=1 name=${one} age=1 flags=N`).join("\n"), "bull");
    expect([workers("a b"), workers("é"), workers("none")]).toStrictEqual([2, 1, 0]);
    expect(countWorkers(new Error("NOPERM"), "bull")("a b")).toBeNull();
    const named = (...names: string[]) => countWorkers(names.map((one) => `id=1 name=${one} age=1`).join("\n"), "bull")("a b");
    expect(named(`bull:${name("a b")}`, `bull:${name("a b")}`, `bull:${name("a b")}:w:`)).toBe(3);
    expect(named(`bull:${name("a b")}=x`, `bull:!${name("a b")}`, `bulls:${name("a b")}`, `x:bull:${name("a b")}`)).toBe(0);
    // Padded by none, one or two signs.
    const queues = ["abc", "ab", "a"];
    const padded = countWorkers(queues.map((queue) => `a name=bull:${name(queue)} b`).join("\n"), "bull");
    expect(queues.map((queue) => padded(queue))).toStrictEqual([1, 1, 1]);
  });
});

describe("groupRedisFailures", () => {
  const failure = { queue: "q", id: "1", error: "boom", worker: null, attempts: 1, at: 1_000_000 };

  it("gives every queue its newest groups, and cleans what it shows", () => {
    const many = Array.from({ length: failureGroupsLimit + 100 }, (_, n) => ({
      ...failure,
      error: `error ${n}`,
      at: 2_000_000 - n,
    }));
    const groups = groupRedisFailures([...many, { ...failure, queue: "quiet", at: 5000 }], "redis");
    expect(groups).toHaveLength(failureGroupsLimit);
    expect(groups.at(-1)).toMatchObject({ queue: "quiet", error: "boom", count: 1 });
    const secret = groupRedisFailures([{ ...failure, error: " \n\x1b[31mpassword=hunter2secret" }], "redis");
    expect(secret[0]?.error).not.toContain("hunter2secret");
    expect(secret[0]?.error).not.toContain("\x1b");
  });

  it("a group has its first and last failure; the newest group is first", () => {
    const at = Date.parse("2026-01-01T00:00:00Z");
    const many = [3, 1, 6, 2, 5, 4].map((n) => ({ ...failure, id: `j${n}`, at: at + n * 1000, attempts: n }));
    const later = { ...failure, id: "k", queue: "p", error: " \t\r\n late", worker: "w", attempts: null, at: at + 60_999 };
    expect(groupRedisFailures([...many, later], "redis")).toStrictEqual([
      {
        queue: "p",
        source: "redis",
        error: "late",
        worker: "w",
        count: 1,
        attempts: null,
        firstAt: "2026-01-01T00:01:00Z",
        lastAt: "2026-01-01T00:01:00Z",
        jobIds: ["k"],
      },
      {
        queue: "q",
        source: "redis",
        error: "boom",
        worker: null,
        count: 6,
        attempts: 6,
        firstAt: "2026-01-01T00:00:01Z",
        lastAt: "2026-01-01T00:00:06Z",
        jobIds: ["j6", "j5", "j4", "j3", "j2"],
      },
    ]);
    expect(groupRedisFailures([], "redis")).toStrictEqual([]);
    // Of the same second, the newer one first.
    const close = ["a", "b", "c"].map((error, n) => ({ ...failure, error, at: at + n }));
    expect(groupRedisFailures(close, "redis").map(({ error }) => error)).toStrictEqual(["c", "b", "a"]);
    expect(groupRedisFailures(close.toReversed(), "redis").map(({ error }) => error)).toStrictEqual(["c", "b", "a"]);
  });

  it("failures are grouped by queue, worker and the text that is read", () => {
    const long = "x".repeat(errorReadLimit);
    const count = (...more: object[]) =>
      groupRedisFailures(
        more.map((one) => ({ ...failure, ...one })),
        "redis",
      ).length;
    expect(count({ error: `${long}a` }, { error: `${long}b` }, { error: `\n ${long}` })).toBe(1);
    expect(count({ error: `${long.slice(1)}a` }, { error: `${long.slice(1)}b` })).toBe(2);
    expect(count({ error: "a b" }, { error: "ab" }, { error: "a b " })).toBe(3);
    expect(count({}, { queue: "p" }, { worker: "w" })).toBe(3);
  });

  it("keeps workers apart, and the most attempts", () => {
    const groups = groupRedisFailures(
      [failure, { ...failure, id: "2", attempts: 4, at: 3_000_000 }, { ...failure, worker: "w", attempts: null }],
      "redis",
    );
    expect(groups.map(({ worker, count, attempts, jobIds }) => [worker, count, attempts, jobIds])).toStrictEqual([
      [null, 2, 4, ["2", "1"]],
      ["w", 1, null, ["1"]],
    ]);
  });
});

describe("quantilesOf", () => {
  it("is as percentile_cont", () => {
    expect(quantilesOf([])).toStrictEqual([null, null]);
    expect(quantilesOf([4])).toStrictEqual([4, 4]);
    expect(quantilesOf([3, 1, 2, 4])[0]).toBe(2.5);
    expect(quantilesOf([0, 100])[1]).toBeCloseTo(95);
    expect(quantilesOf([30, 10, 20])).toStrictEqual([20, 29]);
    expect(quantilesOf([100, 9, 50])[0]).toBe(50);
  });
});
