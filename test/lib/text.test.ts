import { expect, it } from "vitest";
import { formatFirst, formatList, withoutControls } from "../../src/lib/text.ts";

it("names have the verb of their number", () => {
  expect(formatList(["web-1"], "runs", "run")).toBe("web-1 runs");
  expect(formatList(["web-1", "web-2"], "runs", "run")).toBe("web-1, web-2 run");
});

it.each<[string[], string]>([
  [[], ""],
  [["a"], "a"],
  [["a", "b"], "a, b"],
  [["a", "b", "c"], "a, b and 1 more"],
])("the first two of %j are %j", (names, text) => {
  expect(formatFirst(names, 2)).toBe(text);
});

it("a text without controls has its lines, and nothing a terminal obeys", () => {
  expect(withoutControls("a\u001b[31mb\u202ec\u0085d\u0007\r\ne\u2028f")).toBe("a[31mbcd\nef");
});
