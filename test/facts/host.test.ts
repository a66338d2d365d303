import { describe, expect, it } from "vitest";
import {
  compareHosts,
  diskFullRatio,
  isDiskFull,
  isHot,
  toDiskTone,
  toHostState,
  toUsageTone,
} from "../../src/facts/host.ts";

const up = { status: "UP", alert: false, diskUtil: 0.5 };
const full = { ...up, diskUtil: 0.96 };
const hot = { ...up, alert: true };
const down = { status: "DOWN", alert: true, diskUtil: null };

describe("a host", () => {
  it.each([
    ["down", "bad", down],
    ["down", "bad", { ...down, status: "down" }],
    ["hot", "warn", hot],
    ["hot", "warn", { ...hot, diskUtil: 0.99 }],
    ["disk full", "warn", full],
    ["up", "ok", up],
    ["up", "ok", { ...up, diskUtil: null }],
    ["up", "ok", { status: "ok", alert: false }],
  ])("is %s, which is %s", (word, tone, host) => {
    expect(toHostState(host)).toEqual({ word, tone });
  });

  it("comes before all in a better state", () => {
    expect([up, full, hot, down].toSorted(compareHosts)).toEqual([down, hot, full, up]);
  });

  it("keeps its place among those in its state", () => {
    const [a, b] = [
      { ...full, diskUtil: 0.91 },
      { ...full, diskUtil: 0.99 },
    ];
    expect([a, b].toSorted(compareHosts)).toEqual([a, b]);
  });
});

describe("a share of a host", () => {
  it("is hot from its threshold on, never when either is unknown", () => {
    const cases = [
      [0.85, 0.85],
      [0.849, 0.85],
      [null, 0],
      [1, null],
      [1, undefined],
    ] as const;
    expect(cases.map(([value, threshold]) => isHot(value, threshold))).toEqual([true, false, false, false, false]);
    expect(cases.map(([value, threshold]) => toUsageTone(value, threshold))).toEqual([
      "warn",
      "ok",
      "neutral",
      "ok",
      "ok",
    ]);
  });

  it("of its disk is full above the limit, not at it", () => {
    const values = [diskFullRatio, diskFullRatio + 0.001, null];
    expect(values.map(isDiskFull)).toEqual([false, true, false]);
    expect(values.map(toDiskTone)).toEqual(["ok", "warn", "neutral"]);
  });
});
