import { expect, it } from "vitest";
import { orUnknown, toAge, toTone, toWord } from "../../src/terminal/words.ts";

it("an age is from a time to now, and never negative", () => {
  const now = Date.parse("2026-01-13T10:00:00Z");
  const ages = ["2026-01-13T09:58:00Z", "2026-01-13T10:00:09Z", null, undefined].map((time) => toAge(time, now));
  expect(ages).toEqual(["2 min", "0 s", "–", "–"]);
});

it("what is unknown is a dash, and zero is zero", () => {
  expect([null, undefined, "", 0, "x"].map(orUnknown)).toEqual(["–", "–", "–", "0", "x"]);
});

it("a state is in words and has a tone", () => {
  expect([toWord("NO_WORKERS"), toWord(null)]).toEqual(["no workers", "–"]);
  expect([toTone("STALLED"), toTone("running"), toTone("toString"), toTone(null)]).toEqual([
    "bad",
    "ok",
    "plain",
    "plain",
  ]);
});
