import { expect, test } from "vitest";
import { fillWithLast } from "../../../../src/console/app/data/last-values.ts";

interface Data {
  readonly queues: readonly string[] | null;
  readonly sources: readonly string[] | null;
}

const before: Data = { queues: ["mail"], sources: ["river"] };
const fail = (code: string, path: string | null) => ({ code, message: "away", path });

test("a field that cannot be read for now keeps its last value", () => {
  const answer = { data: { queues: null, sources: [] }, failures: [fail("postgres_unavailable", "queues")] };
  expect(fillWithLast(before, answer)).toEqual({ data: { queues: ["mail"], sources: [] }, hasOld: true });
});

test("an answer without data leaves the last one while it may come soon", () => {
  expect(fillWithLast(before, { data: null, failures: [fail("rate_limited", null)] })).toEqual({
    data: before,
    hasOld: true,
  });
});

test.each(["forbidden", "container_not_found"])("a field that is %s is not filled", (code) => {
  const data: Data = { queues: null, sources: [] };
  expect(fillWithLast(before, { data, failures: [fail(code, "queues")] })).toEqual({ data, hasOld: false });
  expect(fillWithLast(before, { data: null, failures: [fail(code, null)] })).toEqual({
    data: undefined,
    hasOld: false,
  });
});

test("a field that is null without a failure is null", () => {
  const data: Data = { queues: null, sources: [] };
  expect(fillWithLast(before, { data, failures: [] })).toEqual({ data, hasOld: false });
});

test("a field that was never known stays unknown", () => {
  const data: Data = { queues: null, sources: [] };
  const failures = [fail("postgres_unavailable", "queues")];
  expect(fillWithLast(undefined, { data, failures })).toEqual({ data, hasOld: false });
  expect(fillWithLast({ queues: null, sources: [] }, { data, failures })).toEqual({ data, hasOld: false });
});
