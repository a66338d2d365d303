import { describe, expect, it } from "vitest";
import { toHistoryRange } from "../../src/graphql/history-args.ts";

describe("toHistoryRange", () => {
  const nowMs = 1_767_225_600_000;
  it("takes times as logs do, and chooses a step of about 240 points", () => {
    expect(toHistoryRange({ from: "1h" }, nowMs)).toEqual({ from: nowMs / 1000 - 3600, step: 15, steps: 240 });
    expect(toHistoryRange({ from: "2025-12-31T00:00:00Z", to: "2025-12-31T01:00:00Z", step: 60 }, nowMs)).toMatchObject({
      steps: 60,
    });
    expect(toHistoryRange({ from: "10m", to: "2030-01-01T00:00:00Z", step: 60 }, nowMs)).toMatchObject({ steps: 10 });
  });
  it.each([
    [{ from: "yesterday" }, "from must be a time"],
    [{ from: "1h", to: "soon" }, "to must be a time"],
    [{ from: "0s" }, "from must be before to"],
    [{ from: "1h", to: "2h" }, "from must be before to"],
    [{ from: "1h", step: 0 }, "step must be from 1 to 86400"],
    [{ from: "1m", step: 3600 }, "at least one step"],
    [{ from: "2d", step: 1 }, "172800 points, at most 11000"],
  ])("refuses %j: %s", (args, message) => {
    expect(() => toHistoryRange(args, nowMs)).toThrow(message);
  });
});
