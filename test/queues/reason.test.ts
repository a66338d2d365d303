import { describe, expect, it } from "vitest";
import { toQueueReason } from "../../src/queues/reason.ts";

const calm = {
  state: "OK",
  depth: 3,
  active: 0,
  exact: true,
  oldestAgeSeconds: 2,
  failuresLastHour: 0,
  drainSeconds: 3,
  windowSeconds: null,
} as const;

describe("toQueueReason", () => {
  it.each([
    ["no job waits", { depth: 0, oldestAgeSeconds: null }],
    ["3 jobs wait; the oldest for 2 s", {}],
    ["1 job waits; the oldest for 2 s", { depth: 1 }],
    ["3 jobs wait", { oldestAgeSeconds: null }],
    ["~3 jobs wait; the oldest for 2 s", { exact: false }],
    ["no job waits or runs, none succeeded in 5 min", { state: "IDLE", depth: 0 }],
    [
      "41 jobs wait, none ended in 5 min; the oldest for 12 min",
      { state: "STALLED", depth: 41, oldestAgeSeconds: 720 },
    ],
    [
      "41 jobs wait, 2 run, none ended in 5 min; the oldest for 12 min",
      { state: "STALLED", depth: 41, oldestAgeSeconds: 720, active: 2 },
    ],
    ["3 jobs wait, 1 runs, none ended in 5 min; the oldest for 2 s", { state: "STALLED", active: 1 }],
    ["1,200 jobs wait, no worker takes them; the oldest for 2 s", { state: "NO_WORKERS", depth: 1200 }],
    ["1 job waits, no worker takes it", { state: "NO_WORKERS", depth: 1, oldestAgeSeconds: null }],
    ["no job is taken, none waits", { state: "PAUSED", depth: 0 }],
    ["no job is taken, 3 jobs wait; the oldest for 2 s", { state: "PAUSED" }],
    ["23 failed in 1 h, and how many succeeded is unknown", { state: "UNKNOWN", failuresLastHour: 23 }],
    ["23 failed in 1 h, half or more of what ended in 5 min", { state: "FAILING", failuresLastHour: 23 }],
    [
      "~6 failed in 10 min, half or more of what ended in 5 min",
      { state: "FAILING", failuresLastHour: 6, windowSeconds: 600, exact: false },
    ],
    [
      "6 failed in 1 h, half or more of what ended in 5 min",
      { state: "FAILING", failuresLastHour: 6, windowSeconds: 9000 },
    ],
  ] as const)("says %j", (words, figures) => {
    expect(toQueueReason({ ...calm, ...figures })).toBe(words);
  });

  it("a backlog names the limits that are passed, and only those", () => {
    const waits = "the oldest waits 2 min, over 60 s";
    const drains = "3 jobs need 20 min, over 10 min";
    expect(toQueueReason({ ...calm, state: "BACKLOG", oldestAgeSeconds: 120 })).toBe(waits);
    expect(toQueueReason({ ...calm, state: "BACKLOG", drainSeconds: 1200 })).toBe(drains);
    expect(toQueueReason({ ...calm, state: "BACKLOG", oldestAgeSeconds: 120, drainSeconds: 1200 })).toBe(
      `${waits}; ${drains}`,
    );
    expect(toQueueReason({ ...calm, state: "BACKLOG", oldestAgeSeconds: 60, drainSeconds: 600 })).toBe("");
  });

  it("a state that is unknown here has no reason", () => {
    expect(toQueueReason({ ...calm, state: "ASLEEP" })).toBe("");
  });
});
