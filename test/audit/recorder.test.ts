import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AuditOutcome } from "../../src/audit/audit.ts";
import { createOutcomes } from "../../src/audit/recorder.ts";
import { onceDone } from "../../src/lib/cache.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { sampleEntry } from "../support/audit.ts";

const entry = sampleEntry();
const full = Object.assign(new Error("full"), { code: "audit_unavailable" });
const rules = {
  toOutcome: (result: string) => ({ outcome: "ok" as const, detail: result, code: null, dockerStatus: 204 }),
  toFailure: (error: unknown) => ({ outcome: "failed" as const, detail: (error as Error).message, code: "internal" }),
};

let closing: AbortController;
beforeEach(() => void (closing = new AbortController()));
afterEach(() => closing.abort());

let isHeld = true;
const action = { kind: "begun", seq: 41, entry, isHeld: () => isHeld } as const;

/** A ledger whose writes fail, each by its place. */
function setUp(...failing: readonly number[]) {
  const written: unknown[] = [];
  let writes = 0;
  const end = async (ended: object, outcome: AuditOutcome) => {
    writes += 1;
    if (failing.includes(writes)) throw full;
    written.push([ended, outcome]);
  };
  return { written, countWrites: () => writes, outcomes: createOutcomes({ end }, closing.signal) };
}

describe("an action", () => {
  it("has its outcome recorded with the time it took", async () => {
    const { written, outcomes } = setUp();
    const heard: unknown[] = [];
    const onRecorded = (...given: readonly unknown[]) => void heard.push(...given, written.length);
    expect(await outcomes.run(action, async () => "running", { ...rules, onRecorded })).toBe("running");
    const outcome = { outcome: "ok", detail: "running", code: null, dockerStatus: 204 };
    expect(written).toEqual([[action, { ...outcome, durationMs: expect.any(Number) }]]);
    expect(heard).toEqual([outcome, 1]);
    const [[, { durationMs }]] = written as [[unknown, { durationMs: number }]];
    expect(Number.isInteger(durationMs)).toBe(true);
    expect(durationMs).toBeLessThan(1000);
  });

  it("that may be another gateway's is not done", async () => {
    const { outcomes, written } = setUp();
    isHeld = false;
    let acts = 0;
    const act = async () => String((acts += 1));
    await expect(outcomes.run(action, act, rules)).rejects.toMatchObject({ code: "overloaded" });
    isHeld = true;
    expect([acts, written]).toEqual([
      0,
      [
        [
          action,
          {
            outcome: "failed",
            detail: expect.stringContaining("paused"),
            code: "internal",
            durationMs: expect.any(Number),
          },
        ],
      ],
    ]);
  });

  it("is recorded as failed and rejects with the same error", async () => {
    const { written, outcomes } = setUp();
    const error = new Error("no");
    await expect(outcomes.run(action, () => Promise.reject(error), rules)).rejects.toBe(error);
    expect(written).toEqual([
      [action, { outcome: "failed", detail: "no", code: "internal", durationMs: expect.any(Number) }],
    ]);
  });

  it("succeeds when its outcome cannot be written; stop ends the retries", async () => {
    const { written, outcomes, countWrites } = setUp(1);
    const heard: unknown[] = [];
    const onRecorded = ({ outcome }: AuditOutcome) => void heard.push(outcome);
    expect(await outcomes.run(action, async () => "running", { ...rules, onRecorded })).toBe("running");
    expect([written, heard]).toEqual([[], ["ok"]]);
    let isSettled = false;
    const settled = outcomes.settled().then(() => (isSettled = true));
    await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    closing.abort();
    await settled;
    expect(countWrites()).toBe(1);
  });
});

describe("a tracked promise", () => {
  it("is awaited with those that began meanwhile, also when it fails", async () => {
    const { outcomes } = setUp();
    const [one, two] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    expect(outcomes.track(one.promise)).toBe(one.promise);
    let isSettled = false;
    const settled = outcomes.settled().then(() => (isSettled = true));
    const second = outcomes.track(two.promise).catch(String);
    one.resolve("done");
    await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    two.reject(new Error("lost"));
    expect(await second).toBe("Error: lost");
    await settled;
    await outcomes.settled();
  });
});

describe("callers of a gateway that stops", () => {
  const unknown = new OpsError("restart_unknown", "it goes on");
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("have an answer within 8 s, then an error; the work goes on", async () => {
    const { outcomes } = setUp();
    const [quick, slow] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const answers = [quick, slow].map(({ promise }) => outcomes.answer(promise).catch((error: unknown) => error));
    outcomes.drain(unknown);
    await vi.advanceTimersByTimeAsync(7999);
    expect(outcomes.hurry.aborted).toBe(false);
    quick.resolve("done");
    expect(await answers[0]).toBe("done");
    await vi.advanceTimersByTimeAsync(1);
    expect(outcomes.hurry.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(await answers[1]).toBe(unknown);
    let isSettled = false;
    const settled = outcomes.settled().then(() => (isSettled = true));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(isSettled).toBe(false);
    slow.resolve("late");
    await settled;
  });

  it("who come later are answered at once", async () => {
    const { outcomes } = setUp();
    outcomes.drain(unknown);
    await vi.advanceTimersByTimeAsync(8500);
    await expect(outcomes.answer(new Promise(() => {}))).rejects.toBe(unknown);
  });

  it("are not waited for once the gateway closes", () => {
    const { outcomes } = setUp();
    closing.abort();
    expect(outcomes.hurry.aborted).toBe(true);
  });
});

describe("a function that runs once", () => {
  it("runs once for all callers", async () => {
    let runs = 0;
    const once = onceDone(async () => void (runs += 1));
    await Promise.all([once(), once()]);
    await once();
    expect(runs).toBe(1);
  });

  it("rejects for all callers and runs again for the next", async () => {
    let runs = 0;
    const once = onceDone(async () => {
      runs += 1;
      if (runs === 1) throw full;
    });
    expect(await Promise.allSettled([once(), once()])).toEqual([
      { status: "rejected", reason: full },
      { status: "rejected", reason: full },
    ]);
    expect(runs).toBe(1);
    await once();
    await once();
    expect(runs).toBe(2);
  });
});
