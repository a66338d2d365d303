import { expect, it } from "vitest";
import { explainSilentEngine, toEngineState } from "../../src/facts/engine.ts";
import { toSeverityTone } from "../../src/facts/problem.ts";
import { problemRules } from "../../src/problems/rules.ts";

it("a silent engine is as bad as the problem about it", () => {
  expect(toEngineState(false).tone).toBe(toSeverityTone(problemRules.engine_unreachable.severity));
  expect(toEngineState(true)).toStrictEqual({ tone: "ok", word: "answers" });
});

it("the sentence about a silent engine has its effect and its cause", () => {
  expect(explainSilentEngine("web-2", "no answer in 5 s", "so its lines are missing")).toBe(
    "engine web-2 does not answer, so its lines are missing: no answer in 5 s",
  );
  expect(explainSilentEngine(null, undefined)).toBe("an engine does not answer: no reason is known");
});
