import { expect, it } from "vitest";
import { toVerdictLabel, toVerdictMeaning, toWindowTone, windowNumberNames } from "../../src/facts/deploy.ts";

it("a verdict that never comes differs from a pending one", () => {
  const pending = { outcome: "NOT_ENOUGH_DATA", unjudgeable: null } as const;
  expect([toVerdictLabel(pending), toVerdictMeaning(pending)]).toEqual([
    "not enough data",
    "Nothing is known to be worse, but there is not enough data.",
  ]);
  for (const unjudgeable of ["OTHER_SERVICE", "FAILED"] as const) {
    const never = { outcome: "NOT_ENOUGH_DATA", unjudgeable } as const;
    expect([toVerdictLabel(never), toVerdictMeaning(never)]).toEqual([
      "never judged",
      "This gateway never judges it: waiting does not help.",
    ]);
  }
});

it("a number after a deploy is bad only if the verdict rests on it", () => {
  const toBad = (...worse: readonly string[]) =>
    windowNumberNames.filter((name) => toWindowTone(name, worse) === "bad").join(" ");
  expect(toBad()).toBe("");
  expect(toBad("FAILURES")).toBe("failed failureRatio");
  expect(toBad("WAITING_TIME", "RUNNING_TIME")).toBe("waitP95Seconds runP95Seconds");
  expect(toBad("STOPPED")).toBe("succeeded depth oldestAgeSeconds");
  expect(toBad("A_NEWER_GATEWAYS")).toBe("");
});
