import { describe, expect, it } from "vitest";
import {
  countEvents,
  noEvents,
  noMetrics,
  toEvents,
  watchMetrics,
} from "../../../../../src/queues/systems/redis/bullmq/events.ts";

describe("BullMQ's events", () => {
  const entry = (id: string, event: string) => [id, ["event", event, "jobId", "7"]];
  const read = (...entries: unknown[]) => toEvents(entries);

  it("count once each, from the second read on", () => {
    const first = countEvents(noEvents, read(entry("5-0", "completed")), "1-0");
    expect(first).toStrictEqual({ lastId: "5-0", completed: 0, failed: 0, gaps: 0 });
    const second = countEvents(
      first,
      read(entry("5-1", "completed"), entry("9-0", "failed"), entry("9-1", "active")),
      "1-0",
    );
    expect(second).toStrictEqual({ lastId: "9-1", completed: 1, failed: 1, gaps: 0 });
    expect(countEvents(second, [], "1-0")).toStrictEqual(second);
    // The stream was cut beyond what was read.
    expect(countEvents(second, read(entry("30-0", "completed")), "20-0")).toMatchObject({ gaps: 1 });
  });

  it("begin with an empty stream, and miss nothing then", () => {
    const empty = countEvents(noEvents, [], null);
    expect(countEvents(empty, read(entry("3-0", "completed")), "3-0")).toStrictEqual({
      lastId: "3-0",
      completed: 1,
      failed: 0,
      gaps: 0,
    });
  });

  it("ignore malformed entries", () => {
    expect(
      toEvents(["x", [1, []], ["5", ["event", "a"]], ["a-1", []], ["5-1", "fields"], ["5-2", ["odd"]]]),
    ).toStrictEqual([["5-2", { at: 5, event: "", jobId: "", prev: "" }]]);
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
  ])("with %s as the oldest entry after %s miss some %i times", (oldest, lastId, gaps) => {
    const counter = { lastId, completed: 1, failed: 2, gaps: 0 };
    expect(countEvents(counter, [], oldest)).toStrictEqual({ ...counter, gaps });
  });

  it("have fields by their names", () => {
    const id = `${"1".repeat(16)}-12`;
    expect(read([id, ["prev", "event", "event", "failed", "jobId", 7]])).toStrictEqual([
      [id, { at: 1_111_111_111_111_111, event: "failed", jobId: "7", prev: "event" }],
    ]);
    for (const odd of [`1${id}`, ` ${id}`, `${id} `, "12", "-1", 12]) expect(read([odd, []])).toStrictEqual([]);
    expect([toEvents(null), toEvents("x"), toEvents([["5-1"]])]).toStrictEqual([[], [], []]);
  });

  it.each([[["event"]], [["event", undefined]], [["event", null]]])(
    "reads a field without a value as empty: %j",
    (fields) => {
      expect(read(["5-1", fields])).toStrictEqual([["5-1", { at: 5, event: "", jobId: "", prev: "" }]]);
    },
  );

  it("show an abandoned counter after twenty missed events", () => {
    const on = watchMetrics(noMetrics, 10, 100);
    expect(on).toStrictEqual({ isOn: true, count: 10, events: 100 });
    expect(watchMetrics(on, 10, 119)).toStrictEqual(on);
    const off = { ...on, isOn: false };
    expect(watchMetrics(on, 10, 120)).toStrictEqual(off);
    expect(watchMetrics(off, 10, 105)).toStrictEqual(off);
    expect(watchMetrics(off, 0, 130)).toStrictEqual({ isOn: true, count: 0, events: 130 });
  });

  it("show an abandoned counter", () => {
    const on = watchMetrics(noMetrics, 10, 0);
    expect(on.isOn).toBe(true);
    expect(watchMetrics(on, 10, 5).isOn).toBe(true);
    const off = watchMetrics(on, 10, 25);
    expect(off.isOn).toBe(false);
    expect(watchMetrics(off, 11, 26).isOn).toBe(true);
    expect(watchMetrics(on, null, 5)).toStrictEqual(noMetrics);
  });
});
