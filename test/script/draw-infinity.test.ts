import { expect, it } from "vitest";
import { type Field, toWide } from "../../script/grafana/draw/infinity.ts";

const fields = (...rows: readonly (readonly [time: number | null, queue: string, value: number])[]): Field[] => [
  { name: "time", type: "time", values: rows.map(([time]) => time) },
  { name: "queue", type: "string", values: rows.map(([, queue]) => queue) },
  { name: "value", type: "number", values: rows.map(([, , value]) => value) },
];

it("a long series becomes one field for each combination of its labels", () => {
  expect(toWide(fields([1, "a", 10], [1, "b", 20], [2, "b", 21]))).toEqual([
    { name: "time", type: "time", values: [1, 2] },
    { name: "value", type: "number", labels: { queue: "a" }, values: [10, null] },
    { name: "value", type: "number", labels: { queue: "b" }, values: [20, 21] },
  ]);
});

it.each([
  ["do not ascend", fields([2, "a", 1], [1, "a", 2])],
  ["are missing", fields([null, "a", 1])],
])("a series whose times %s is an error, as in Infinity", (_name, long) => {
  expect(() => toWide(long)).toThrow("the times of a long series must ascend");
});

it("an empty series stays as it is", () => {
  expect(toWide(fields())).toEqual(fields());
});
