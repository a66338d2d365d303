import { expect, it } from "vitest";
import { toSeverityTone } from "../../src/facts/problem.ts";
import { describeSourceEffect, isSourceDown, toSourceTone } from "../../src/facts/source.ts";
import { problemRules } from "../../src/problems/rules.ts";

const toError = (code: string) => ({ code, message: "no" });
const up = { numbersOk: true, error: null };
const down = { numbersOk: false, error: toError("postgres_unavailable") };
const partly = { numbersOk: true, error: toError("postgres_unavailable") };
const unsupported = { numbersOk: null, error: toError("queue_unsupported") };

it("a source that cannot be read is as bad as the problem about it", () => {
  expect(toSourceTone(down)).toBe(toSeverityTone(problemRules.queue_source_down.severity));
  expect([up, partly, unsupported].map(toSourceTone)).toStrictEqual(["ok", "warn", "neutral"]);
});

it("a source is down if its numbers may come back by themselves", () => {
  expect([up, partly, unsupported, down].map(isSourceDown)).toStrictEqual([false, false, false, true]);
  expect(isSourceDown({ numbersOk: false, error: toError("forbidden") })).toBe(false);
});

it("an error's effect names what is unknown, and the retries", () => {
  expect([up, partly, unsupported, down].map((source) => describeSourceEffect(source))).toStrictEqual([
    "",
    "Its numbers are shown; its errors are unknown.",
    "Its queues show their last known state or are missing from this list.",
    "Its queues show their last known state or are missing from this list. Retrying ...",
  ]);
  expect(describeSourceEffect(partly, true)).toBe("Their numbers are shown; their errors are unknown.");
});
