import { expect, it } from "vitest";
import { anyOf, matches } from "../../../src/queues/postgres/sql.ts";

it.each([
  [["web-1"], String.raw`(?:web\-1)`],
  [["a.b", "c_d", "é"], String.raw`(?:a\.b|c\_d|é)`],
  [["^$.*+?()[]{}|\\ '"], String.raw`(?:\^\$\.\*\+\?\(\)\[\]\{\}\|\\\ \')`],
  [["aZ09"], "(?:aZ09)"],
])("a pattern for exactly %j is %s", (texts, pattern) => {
  expect(anyOf(texts)).toBe(pattern);
  const own = new RegExp(`^${pattern}$`);
  expect(texts.filter((text) => !own.test(text))).toEqual([]);
});

it("a column matches as a whole", () => {
  expect(matches("worker", "a")).toBe("worker ~ '^a$'");
});
