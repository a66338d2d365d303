import { expect, test } from "vitest";
import { toMarks } from "../../../../../src/console/app/parts/logs/marks.ts";
import { formatClock } from "../../../../../src/facts/format.ts";

const [began, ended] = ["2026-11-27T09:41:08.250Z", "2026-11-27T09:41:10Z"];
const clock = (at: string) => formatClock(at);

test("An attempt has a line where it began and one where it ended", () => {
  expect(toMarks(began, ended, "attempt 2")).toEqual([
    { at: began, text: `attempt 2 began, ${clock(began)}.250` },
    { at: "2026-11-27T09:41:10.999999999Z", text: `attempt 2 ended, ${clock(ended)}` },
  ]);
});

test("An attempt whose start is unknown has no line where it began", () => {
  expect(toMarks(ended, ended, "attempt 1").map(({ text }) => text)).toEqual([`attempt 1 ended, ${clock(ended)}`]);
});

test("An attempt that has not ended has no line for its end", () => {
  expect(toMarks(began, null, "attempt 1").map(({ text }) => text)).toEqual([`attempt 1 began, ${clock(began)}.250`]);
});

test("An end with a fraction of a second is drawn at it", () => {
  expect(toMarks(ended, "2026-11-27T09:41:12.5Z", null)[1]?.at).toBe("2026-11-27T09:41:12.5Z");
});

test("A moment without a name is a line with its time", () => {
  expect(toMarks(began, null, null)).toEqual([{ at: began, text: `${clock(began)}.250` }]);
});
