import { describe, expect, it } from "vitest";
import {
  errorText,
  inLastMinutes,
  timeColumn,
  toFrom,
  toJsonPath,
} from "../../../../src/queues/systems/table/columns.ts";
import { runnerMapping } from "../../../support/queue-mappings.ts";

const runAt = (type: string, more: object = {}) =>
  timeColumn({ ...runnerMapping, ...more, types: new Map([["run_at", type]]) }, "run_at");

describe("timeColumn", () => {
  it("leaves what PostgreSQL compares with a time as it is", () => {
    for (const type of ["timestamp with time zone", "text"])
      expect(inLastMinutes(runAt(type, { time_zone: "Europe/Berlin", epoch: "seconds" }), 5)).toBe(
        `job."run_at" >= now() - interval '5 minutes' and job."run_at" <= now()`,
      );
    expect(runAt("timestamp without time zone").atMost("now()")).toBe("now()");
  });

  it("compares what is stored in a named zone", () => {
    const column = runAt("timestamp without time zone", { time_zone: "Europe/Berlin" });
    expect(inLastMinutes(column, 5)).toBe(
      `job."run_at" >= timezone('Europe/Berlin', now() - interval '5 minutes') and job."run_at" <= timezone('Europe/Berlin', now())`,
    );
    expect(column.toTime("x")).toBe("timezone('Europe/Berlin', (x)::timestamp)");
  });

  it.each([
    ["integer", "seconds", "ceil(extract(epoch from t) * 1)::bigint", "floor(extract(epoch from t) * 1)::bigint"],
    [
      "bigint",
      "milliseconds",
      "ceil(extract(epoch from t) * 1000)::bigint",
      "floor(extract(epoch from t) * 1000)::bigint",
    ],
    [
      "numeric",
      "microseconds",
      "(extract(epoch from t) * 1000000)::numeric",
      "(extract(epoch from t) * 1000000)::numeric",
    ],
  ])("writes bounds of type %s in %s", (type, epoch, from, to) => {
    const column = runAt(type, { epoch });
    expect([column.atLeast("t"), column.atMost("t"), column.isTime]).toEqual([from, to, `job."run_at" > 0`]);
  });
});

it.each([
  ["message", 'lax $[last]."message"[last]'],
  ["0.message", 'lax $[0]."message"[last]'],
  ["-1", "lax $[last]"],
  ["attempts.-2.error", 'lax $[last]."attempts"[last - 1]."error"[last]'],
  [`it's "x"\\`, String.raw`lax $[last]."it's \"x\"\\"[last]`],
])("the path %s is %s", (path, expected) => expect(toJsonPath(path)).toBe(expected));

it("an error is read as the type of its column needs", () => {
  const errorOf = (type: string) =>
    errorText({ ...runnerMapping, error: { column: "log", path: "0" }, types: new Map([["log", type]]) });
  expect(errorOf("jsonb")).toBe(`(jsonb_path_query_first(job."log", 'lax $[0]') #>> '{}')`);
  expect(errorOf("json")).toContain(`(job."log"::jsonb, `);
  expect(errorOf("jsonb[]")).toContain(`(to_jsonb(job."log"), `);
});

it("a condition is in parentheses of its own, in the table's place", () => {
  expect(toFrom({ ...runnerMapping, where: "a = 1 or b" })).toBe(
    `(select job.* from "public"."runner_jobs" as job where (\na = 1 or b\n)) as job`,
  );
  expect(toFrom({ ...runnerMapping, where: "a" }, { withPlace: true })).toContain("select job.*, job.ctid from");
  expect(toFrom(runnerMapping, { withPlace: true })).toBe(`"public"."runner_jobs" as job`);
});
