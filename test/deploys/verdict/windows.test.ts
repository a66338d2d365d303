import { describe, expect, it } from "vitest";
import { lastsUntil, toWindows } from "../../../src/deploys/verdict/windows.ts";
import { sampleRecord } from "../../support/deploys.ts";

const at = (second: number) => new Date((100_000 + second) * 1000).toISOString();
/** It began at 100,000 s and ended 30 s later. */
const deploy = sampleRecord({ deployedAt: at(30), durationSeconds: 30 });
const other = (end: number, durationSeconds: number | null = null, tag = "v1") =>
  sampleRecord({ tag, version: tag, deployedAt: at(end), durationSeconds });
const secondsOf = (now: number, wanted: number, ...others: ReturnType<typeof other>[]) =>
  toWindows(deploy, [deploy, ...others], 100_000 + now, wanted)?.seconds ?? null;

describe("the windows of a deploy", () => {
  it.each([
    ["as long as was asked for", () => secondsOf(9999, 600), 600],
    ["a minute at least", () => secondsOf(9999, 60), 60],
    ["less than a minute", () => secondsOf(9999, 59), null],
    ["until now", () => secondsOf(630, 3600), 600],
    ["until now, in whole seconds", () => secondsOf(630.9, 3600), 600],
    ["a minute ago", () => secondsOf(90, 3600), 60],
    ["less than a minute ago", () => secondsOf(89.9, 3600), null],
    ["since the end of the one before", () => secondsOf(9999, 3600, other(-100, 5000)), 100],
    ["since the end of the last one before", () => secondsOf(9999, 3600, other(-100), other(-200)), 100],
    ["since the one before, which ended as it began", () => secondsOf(9999, 3600, other(0)), null],
    ["not since one that ended while it lasted", () => secondsOf(9999, 3600, other(1)), 3600],
    ["to the beginning of the next one", () => secondsOf(9999, 3600, other(250, 20)), 200],
    ["to the beginning of the first of the next ones", () => secondsOf(9999, 3600, other(250), other(230)), 200],
    ["not to one that began as it ended", () => secondsOf(9999, 3600, other(30)), 3600],
    ["to one that began a second later", () => secondsOf(9999, 3600, other(31)), null],
  ])("last %s", (_, toSeconds, expected) => {
    expect(toSeconds()).toBe(expected);
  });

  it.each([
    ["half an hour", 100, 60, [], 1800],
    ["as long as was asked for, if longer", 9999, 3600, [], 3600],
    ["until the release before was deployed", 100, 60, [other(-700, 50), other(-900)], 700],
    ["not until an earlier deploy of the same release", 100, 60, [other(-200, null, deploy.tag), other(-900)], 700],
  ])("reach back %s", (_, now, wanted, others, reach) => {
    expect(toWindows(deploy, [deploy, ...others], 100_000 + now, wanted)?.reach).toBe(reach);
  });

  it("begin before the first deploy of the same release in a row", () => {
    const again = (end: number, duration: number | null = null) => other(end, duration, deploy.tag);
    const windowsOf = (...others: ReturnType<typeof other>[]) => toWindows(deploy, [deploy, ...others], 200_000, 3600);
    expect(windowsOf(again(-500, 20), again(-2000, 40), other(-9000))?.before).toEqual({ from: 94_360, to: 97_960 });
    // Until the release before began, and not before another one that came between.
    expect(windowsOf(again(-500, 20), other(-600))?.before).toEqual({ from: 99_400, to: 99_480 });
    expect(windowsOf(other(-500), again(-600), other(-9000))?.before).toEqual({ from: 99_500, to: 100_000 });
    // The windows stay as long as each other, and the second one begins after this deploy.
    expect(windowsOf(again(-500, 20), other(-9000))?.after).toEqual({ from: 100_030, to: 103_630 });
    // One deployed again later ends them, as every deploy does.
    expect(windowsOf(again(400, 30))?.seconds).toBe(340);
  });

  it.each(["latest", "main"])("begin before a deploy of the moving tag %s: it may be another release", (tag) => {
    const moving = { ...deploy, tag, version: tag };
    expect(toWindows(moving, [moving, other(-500, null, tag)], 200_000, 3600)?.before.from).toBe(99_500);
    const named = (version: string, end: number) => ({ ...other(end, null, tag), version });
    const own = { ...named("abc", 30), durationSeconds: 30 };
    expect(toWindows(own, [own, named("abc", -500)], 200_000, 3600)?.before.to).toBe(99_500);
    expect(toWindows(own, [own, named("abd", -500)], 200_000, 3600)?.before.to).toBe(100_000);
  });

  it("are equal, before its beginning and after its end, in whole seconds", () => {
    const odd = sampleRecord({ deployedAt: at(30.5), durationSeconds: 30 });
    expect(toWindows(odd, [odd], 200_000, 600)).toEqual({
      seconds: 600,
      before: { from: 99_400, to: 100_000 },
      after: { from: 100_031, to: 100_631 },
      reach: 1800,
    });
    // Nothing was before 1970.
    const first = sampleRecord({ deployedAt: new Date(100_000).toISOString(), durationSeconds: null });
    expect(toWindows(first, [], 10_000, 3600)?.seconds).toBe(100);
  });

  it.each([
    [630, true],
    [630.9, true],
    [631, false],
    [0, true],
  ])("last until %s s: %s", (now, isUntilNow) => {
    const before = { from: 99_400, to: 100_000 };
    const windows = { seconds: 600, before, after: { from: 100_030, to: 100_630 }, reach: 1800 };
    expect(lastsUntil(windows, 100_000 + now)).toBe(isUntilNow);
  });
});
