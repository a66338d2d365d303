import { expect, it } from "vitest";
import { toMeasured, uniteReadings } from "../../../src/upstreams/queues/sql/measures.ts";

const reading = {
  measures: ["processed", "wait_p50"] as const,
  sql: "select 'a' as queue, 1 as processed, 2 as wait_p50",
  absent: "null",
};

it("tells of queues without a row what a reading says they have: of its counts only, 0 unless it says otherwise", () => {
  expect(uniteReadings([reading])).toMatch(/union all\nselect null::text, 'processed', \(null\)::text$/);
  expect(uniteReadings([{ ...reading, absent: "case when true then 0 end" }]).match(/select null/g)).toHaveLength(1);
  const { absent: _, ...silent } = reading;
  expect(uniteReadings([silent])).not.toContain("null::text");
});

it("gives that to the queues that no row of the reading names, whatever the order of the rows", () => {
  const dead = { measures: ["dead"] as const, sql: "" };
  const rows = [
    { queue: "a", measure: "processed", n: "3" },
    { queue: "b", measure: "dead", n: "1" },
    { queue: null, measure: "processed", n: null },
  ];
  const { nothing, measured } = toMeasured(rows, [reading, dead]);
  expect(nothing).toEqual({ processed: null, wait_p50: null, dead: 0 });
  expect(Object.fromEntries(measured)).toEqual({
    a: { processed: 3, wait_p50: null, dead: 0 },
    b: { processed: null, wait_p50: null, dead: 1 },
  });
  expect(toMeasured([{ queue: null, measure: "processed", n: "0" }], [reading]).nothing).toEqual({
    processed: 0,
    wait_p50: null,
  });
});
