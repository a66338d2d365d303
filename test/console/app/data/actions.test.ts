import { describe, expect, it } from "vitest";
import { joinOutcomes } from "../../../../src/console/app/data/actions.ts";

const entry = (seq: number, intent: number | null = null) => ({ seq, intent });

describe("joinOutcomes", () => {
  it("makes one row of an intent and its newest outcome", () => {
    expect(joinOutcomes([entry(4, 1), entry(3, 1), entry(2), entry(1)])).toEqual([
      { seq: 2, entry: entry(2) },
      { seq: 1, entry: entry(4, 1) },
    ]);
  });

  it("shows an outcome whose intent is on an older page", () => {
    expect(joinOutcomes([entry(9, 5), entry(8)])).toEqual([
      { seq: 8, entry: entry(8) },
      { seq: 5, entry: entry(9, 5) },
    ]);
  });
});
