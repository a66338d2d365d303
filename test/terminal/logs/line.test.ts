import { expect, it } from "vitest";
import { toLineText } from "../../../src/terminal/logs/line.ts";

it("a plain line stays as it is, with its tabs", () => {
  expect(toLineText("\ta = {b}\t~")).toBe("\ta = {b}\t~");
  expect(toLineText("Zürich 東京 🚀")).toBe("Zürich 東京 🚀");
});

it.each([
  ["\u001b[31mred\u001b[0m", "red"],
  ["\u001b]0;title\u0007text", "text"],
  ["a\rb\u0000c\u007fd", "abcd"],
  ["one\u0085two\u2028three", "onetwothree"],
  ["turn \u202eback", "turn back"],
  ["\u009b31mred", "red"],
  ["cut \u001b", "cut "],
])("what moves a cursor or turns text is left out of %j", (message, shown) => {
  expect(toLineText(message)).toBe(shown);
});
