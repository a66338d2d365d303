import { describe, expect, it } from "vitest";
import { whyNotChanged } from "../../../../../src/console/app/parts/queues/reason.ts";

describe("whyNotChanged", () => {
  it.each(["FAILED", "RETRYING", "CANCELLED"] as const)("allows to retry a job that is %s", (state) => {
    expect(whyNotChanged("retry", state, "river")).toBeNull();
  });

  it.each(["AVAILABLE", "SCHEDULED", "RETRYING", "BLOCKED", "RUNNING"] as const)(
    "allows to discard a job that is %s",
    (state) => {
      expect(whyNotChanged("discard", state, "river")).toBeNull();
    },
  );

  it.each([
    ["retry", "AVAILABLE", "The job is available: there is nothing to retry"],
    ["retry", "SCHEDULED", "The job is scheduled: there is nothing to retry"],
    ["retry", "RUNNING", "The job is running: there is nothing to retry"],
    ["retry", "BLOCKED", "The job is blocked: there is nothing to retry"],
    ["retry", "COMPLETED", "The job is completed: there is nothing to retry"],
    ["discard", "COMPLETED", "The job is completed: there is nothing to discard"],
    ["discard", "CANCELLED", "The job is cancelled: there is nothing to discard"],
    ["discard", "FAILED", "The job has failed for good and will not be tried again: there is nothing to discard"],
  ] as const)("refuses to %s a job that is %s", (action, state, why) => {
    expect(whyNotChanged(action, state, "river")).toBe(why);
  });

  it("allows to discard a failed job of a table alone", () => {
    expect(whyNotChanged("discard", "FAILED", "table")).toBeNull();
    expect(whyNotChanged("discard", "FAILED", undefined)).not.toBeNull();
    expect(whyNotChanged("discard", "CANCELLED", "table")).not.toBeNull();
  });

  it.each([null, undefined])("leaves a state that is %s to the gateway", (state) => {
    expect([whyNotChanged("retry", state, "river"), whyNotChanged("discard", state, "table")]).toEqual([null, null]);
  });
});
