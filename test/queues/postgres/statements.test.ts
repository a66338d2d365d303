import { expect, it } from "vitest";
import {
  addUp,
  type Measure,
  toMeasured,
  toNumber,
  toZeroRow,
  uniteReadings,
} from "../../../src/queues/postgres/statements.ts";

const reading = {
  measures: ["processed", "wait_p50"] as const,
  sql: "select 'a' as queue, 1 as processed, 2 as wait_p50",
  absent: "null",
};

it("readings count queues without a row where they are not 0", () => {
  expect(uniteReadings([reading])).toMatch(/union all\nselect null::text, 'processed', \(null\)::text$/);
  expect(uniteReadings([{ ...reading, absent: "case when true then 0 end" }]).match(/select null/g)).toHaveLength(1);
  const { absent: _, ...silent } = reading;
  expect(uniteReadings([silent])).not.toContain("null::text");
});

it("readings count queues without a row in any order of the rows", () => {
  const dead = { measures: ["dead"] as const, sql: "" };
  const rows = [
    { queue: "a", measure: "processed", n: "3" },
    { queue: "b", measure: "dead", n: "1" },
    { queue: null, measure: "processed", n: null },
  ];
  const { zeroRow, measured } = toMeasured(rows, [reading, dead]);
  expect(zeroRow).toEqual({ processed: null, wait_p50: null, dead: 0 });
  expect(Object.fromEntries(measured)).toEqual({
    a: { processed: 3, wait_p50: null, dead: 0 },
    b: { processed: null, wait_p50: null, dead: 1 },
  });
  expect(toMeasured([{ queue: null, measure: "processed", n: "0" }], [reading]).zeroRow).toEqual({
    processed: 0,
    wait_p50: null,
  });
});

it.each([
  ["12.5", 12.5],
  ["0", 0],
  ["-3", -3],
  ["-Infinity", null],
  ["NaN", null],
  [null, null],
  [undefined, null],
])("the number of %j is %j", (text, number) => expect(toNumber(text)).toBe(number));

it.each<[Measure, number | null, number | null, number | null]>([
  ["depth", 2, 3, 5],
  ["depth", 2, null, 2],
  ["depth", null, 3, 3],
  ["depth", null, null, null],
  ["oldest_age", 2, 3, 3],
  ["oldest_age", 3, 2, 3],
  ["oldest_age", null, 2, 2],
])("the %s of %j and %j is %j", (measure, a, b, whole) => expect(addUp(measure, a, b)).toBe(whole));

it("a queue without a row has 0 of each count, and no other number", () => {
  const counts = [
    "depth",
    "processed",
    "failures",
    "failures_recent",
    "active",
    "deferred",
    "retrying",
    "dead",
  ] as const;
  const others = [
    "oldest_age",
    "oldest_run",
    "wait_p50",
    "wait_p95",
    "run_p50",
    "run_p95",
    "paused",
    "workers",
  ] as const;
  const totals = ["processed_total", "failures_total"] as const;
  const readings = [counts, [...others, ...totals]].map((measures) => ({ measures, sql: "" }));
  expect(toZeroRow(readings)).toEqual({
    ...Object.fromEntries(counts.map((measure) => [measure, 0])),
    ...Object.fromEntries([...others, ...totals].map((measure) => [measure, null])),
  });
  expect(toZeroRow([])).toEqual({});
});

it("a row without a queue is ignored, and queues do not share numbers", () => {
  const rows = [
    { measure: "dead", n: "9" },
    { queue: "", measure: "dead", n: "1" },
    { queue: "a", measure: "dead", n: "-Infinity" },
  ];
  const { zeroRow, measured } = toMeasured(rows, [{ measures: ["dead", "active"], sql: "" }]);
  expect(zeroRow).toEqual({ dead: 0, active: 0 });
  expect(Object.fromEntries(measured)).toEqual({ "": { dead: 1, active: 0 }, a: { dead: null, active: 0 } });
});
