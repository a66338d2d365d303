import { expect, it } from "vitest";
import { parseAnswer, parseMatrix } from "../../src/prometheus/answer.ts";
import { finish } from "../support/steps.ts";

const range = { from: 0, step: 60, steps: 1 };
const toBody = (resultType: string, result: readonly object[], more: object = {}) =>
  JSON.stringify({ status: "success", data: { resultType, result }, ...more });

/** The longest text that JSON.parse gets. */
function findLongestParse(run: () => unknown): number {
  const original = JSON.parse;
  let longest = 0;
  try {
    JSON.parse = (text: string) => {
      longest = Math.max(longest, text.length);
      return original(text);
    };
    run();
  } finally {
    JSON.parse = original;
  }
  return longest;
}

it("a long vector and a long matrix are parsed in pieces", () => {
  const labels = Array.from({ length: 5000 }, (_, index) => ({ m: "up", instance: `host-${index}:9100` }));
  const vector = toBody(
    "vector",
    labels.map((metric) => ({ metric, value: [60, "1"] })),
  );
  const matrix = toBody(
    "matrix",
    labels.map((metric) => ({ metric, values: [[60, "1"]] })),
  );
  const read = { vector: 0, matrix: 0 };
  expect(findLongestParse(() => (read.vector = finish(parseAnswer(200, vector)).samples.length))).toBeLessThan(17_000);
  expect(findLongestParse(() => (read.matrix = finish(parseMatrix(200, matrix, range)).series.length))).toBeLessThan(
    17_000,
  );
  expect(read).toEqual({ vector: 5000, matrix: 5000 });
});

it("the first remarks are read, and none that is no text", () => {
  const many = (name: string) => Array.from({ length: 20_000 }, (_, index) => `${name} ${index}`);
  const answer = (more: object) => finish(parseAnswer(200, toBody("vector", [], more))).warnings;
  expect(answer({ warnings: many("a"), infos: many("b") })).toEqual(many("a").slice(0, 10));
  expect(answer({ warnings: ["a", 7], infos: ["b"] })).toEqual(["a", "b"]);
  expect(answer({ warnings: "a", infos: null })).toEqual([]);
});
