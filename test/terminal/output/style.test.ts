import { expect, it } from "vitest";
import { type ColourWhen, createPaint, toOneLine } from "../../../src/terminal/output/style.ts";
import { acting, hostile, tamed } from "../../support/terminal.ts";

it.each<[ColourWhen, boolean, Record<string, string>, boolean]>([
  ["auto", true, {}, true],
  ["auto", false, {}, false],
  ["auto", true, { NO_COLOR: "1" }, false],
  ["auto", true, { NO_COLOR: "" }, true],
  ["auto", true, { TERM: "dumb" }, false],
  ["always", false, { NO_COLOR: "1" }, true],
  ["never", true, {}, false],
])("colours %s, on a terminal: %s, with %j: %s", (when, isTTY, env, isColoured) => {
  const paint = createPaint(when, { isTTY }, env);
  expect(paint("bad", "down")).toBe(isColoured ? "\u001b[31mdown\u001b[39m" : "down");
  expect([paint("plain", "x"), paint("bad", "")]).toEqual(["x", ""]);
});

it("a text of others is one line without anything that acts", () => {
  expect(toOneLine(hostile)).toBe(tamed);
  const all = Array.from({ length: 0x3000 }, (_, code) => String.fromCodePoint(code)).join("");
  expect(toOneLine(all)).not.toMatch(acting);
  expect(toOneLine("zażółć 日本 – ok")).toBe("zażółć 日本 – ok");
});
