import { expect, it } from "vitest";
import { orUnknown, toTone, toWord } from "../../src/terminal/words.ts";

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
