import { describe, expect, it } from "vitest";
import {
  compareQueues,
  formatQueueNumber,
  hasSampledNumbers,
  isQueueInTrouble,
  summarizeQueues,
} from "../../src/facts/queue.ts";

function order(...queues: readonly (readonly [name: string, state: string, oldestAgeSeconds: number | null])[]) {
  const rows = queues.map(([name, state, oldestAgeSeconds]) => ({
    name,
    state,
    oldestAgeSeconds,
    source: "main",
  }));
  return rows.toSorted(compareQueues).map(({ name }) => name);
}

describe("compareQueues", () => {
  it("orders healthy queues by name, whatever their ages and states", () => {
    expect(order(["c", "OK", 9], ["a", "IDLE", null], ["b", "OK", 40])).toEqual(["a", "b", "c"]);
    expect(order(["c", "IDLE", null], ["a", "OK", 3], ["b", "IDLE", 0])).toEqual(["a", "b", "c"]);
  });

  it("puts the worse state first", () => {
    const queues = [
      ["a", "OK", 0],
      ["b", "PAUSED", 0],
      ["bb", "UNKNOWN", 0],
      ["c", "BACKLOG", 0],
      ["d", "FAILING", 0],
      ["e", "NO_WORKERS", 0],
      ["f", "STALLED", 0],
    ] as const;
    expect(order(...queues)).toEqual(["f", "e", "d", "c", "bb", "b", "a"]);
  });

  it("puts much older queues first within a state, similar ones by name", () => {
    expect(order(["a", "BACKLOG", 600], ["b", "BACKLOG", 7200])).toEqual(["b", "a"]);
    expect(order(["a", "BACKLOG", 600], ["b", "BACKLOG", 640])).toEqual(["a", "b"]);
  });
});

it("puts the state of a newer gateway after the known ones", () => {
  const names = ["IDLE", "NEW", "STALLED"].map((state) => ({ name: state, source: "s", state, oldestAgeSeconds: 0 }));
  expect(names.toSorted(compareQueues).map(({ name }) => name)).toEqual(["STALLED", "IDLE", "NEW"]);
});

it("is in trouble in either case of its state", () => {
  expect(["stalled", "STALLED", "paused", "OK"].map(isQueueInTrouble)).toEqual([true, true, false, false]);
});

describe("summarizeQueues", () => {
  it("counts what needs attention, whether it is bad or only slow", () => {
    const states = ["OK", "STALLED", "BACKLOG", "UNKNOWN", "PAUSED"];
    expect(summarizeQueues(states.map((state) => ({ state })))).toBe("5 queues, 3 in trouble");
  });

  it("says nothing of trouble where there is none", () => {
    expect(summarizeQueues([{ state: "IDLE" }])).toBe("1 queue");
    expect(summarizeQueues([])).toBe("0 queues");
  });
});

describe("hasSampledNumbers", () => {
  it("is true when a number that is known is written with a tilde", () => {
    expect(hasSampledNumbers({ exact: false, depth: 3 })).toBe(true);
    expect(formatQueueNumber("depth", { exact: false, depth: 3 })).toBe("~3");
  });

  it("is false for exact rows and for numbers that are unknown", () => {
    expect(hasSampledNumbers({ exact: true, depth: 3 })).toBe(false);
    expect(hasSampledNumbers({ exact: false, depth: null, active: 2 })).toBe(false);
  });
});
