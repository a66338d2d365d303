import { expect, test } from "vitest";
import { createHighlighter } from "../../../../../src/console/app/parts/logs/highlight.ts";

const find = (text: string, line: string, { isRegex = false, matchCase = false } = {}) =>
  createHighlighter({ text, isRegex, matchCase })?.(line);

test("A searched text is found as it is, whatever its characters", () => {
  expect(find("a.b", "aXb A.B a.b")).toEqual([
    [4, 7],
    [8, 11],
  ]);
  expect(find("(x)[1]", "f(x)[1]")).toEqual([[1, 7]]);
  expect(find("Error", "error Error", { matchCase: true })).toEqual([[6, 11]]);
});

test("A regular expression is found, and empty matches are not", () => {
  expect(find(String.raw`\d+ms`, "12ms 7 ms", { isRegex: true })).toEqual([[0, 4]]);
  expect(find("x*", "axxb", { isRegex: true })).toEqual([[1, 3]]);
});

test("A pattern that the browser cannot run safely highlights nothing", () => {
  expect(createHighlighter({ text: "(a+)+$", isRegex: true, matchCase: false })).toBeNull();
  expect(createHighlighter({ text: "[", isRegex: true, matchCase: false })).toBeNull();
  expect(createHighlighter({ text: "", isRegex: false, matchCase: false })).toBeNull();
});

test("A line has at most 50 matches, in its first 1,000 characters", () => {
  expect(find("a", "a".repeat(5000))).toHaveLength(50);
  expect(find("end", `${"x".repeat(998)}end`)).toEqual([]);
});
