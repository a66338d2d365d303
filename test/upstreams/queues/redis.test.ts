import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failureGroupsLimit } from "../../../src/domain/queue.ts";
import { toServer, toTask, toWorker } from "../../../src/upstreams/queues/kinds/redis-asynq-messages.ts";
import { lookBack } from "../../../src/upstreams/queues/kinds/redis-bullmq-beginning.ts";
import { type Rows, cover, covers, fullCoverage } from "../../../src/upstreams/queues/kinds/redis-bullmq-coverage.ts";
import {
  countEvents,
  noEvents,
  noMetrics,
  toEvents,
  watchMetrics,
} from "../../../src/upstreams/queues/kinds/redis-bullmq-events.ts";
import type { Look } from "../../../src/upstreams/queues/kinds/redis-bullmq-look.ts";
import { checkReturned, findReturned } from "../../../src/upstreams/queues/kinds/redis-bullmq-retries.ts";
import { countWorkers } from "../../../src/upstreams/queues/kinds/redis-bullmq-workers.ts";
import { groupRedisFailures } from "../../../src/upstreams/queues/kinds/redis-groups.ts";
import { readProtobuf } from "../../../src/upstreams/queues/kinds/redis-protobuf.ts";
import { quantilesOf } from "../../../src/upstreams/queues/kinds/redis-quantiles.ts";
import { toCount, toFields, toNumber, toScored, toTexts } from "../../../src/upstreams/queues/kinds/redis-replies.ts";
import { encodeTask, field } from "../../support/redis.ts";

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
  });
});
