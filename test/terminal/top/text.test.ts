import { describe, expect, it } from "vitest";
import { toBar, toEnds, toSparkline, wrap } from "../../../src/terminal/top/text.ts";

const paint = (_tone: unknown, text: string) => text;

describe("text of top", () => {
  it.each([
    [[], 4, 1, "    "],
    [[0, 1, 2, 3, 4, 5, 6, 8], 8, 1, "▁▂▃▄▅▆▇█"],
    [[9, 0, 8], 2, 1, "▁█"],
    [[0, null, 1], 4, 1, " ▁ █"],
    [[1, 5], 2, 10, "▁▅"],
    [[-1], 1, 1, "▁"],
  ])("the sparkline of %j in %i, at least %i, is '%s'", (values, width, least, text) => {
    expect(toSparkline(values, width, least)).toBe(text);
  });

  it.each([
    [0, "░░░░"],
    [0.5, "██░░"],
    [0.53, "██▏░"],
    [1, "████"],
    [7, "████"],
    [-1, "░░░░"],
    [null, "    "],
  ])("the bar of %s is %s", (value, text) => {
    expect(toBar(value, 4)).toBe(text);
  });

  it("lines wrap at blanks, and inside long and wide words", () => {
    expect(wrap("a few words", 5)).toEqual(["a few", "words"]);
    expect(wrap("abcdefgh ij", 4)).toEqual(["abcd", "efgh", "ij"]);
    expect(wrap("支付队列", 5)).toEqual(["支付", "队列"]);
    expect(wrap("", 5)).toEqual([""]);
  });

  it("the right end stays where both do not fit", () => {
    expect(toEnds([["plain", "left"]], [["plain", "right"]], 12, paint)).toBe("left   right");
    expect(toEnds([["plain", "left side"]], [["plain", "right"]], 12, paint)).toBe("left … right");
    expect(toEnds([["plain", "left"]], [["plain", "right"]], 4, paint)).toBe("rig…");
  });
});
