import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AuditEntry } from "../../src/audit/audit.ts";
import { createOutcomes } from "../../src/audit/recorder.ts";
import { onceDone } from "../../src/lib/cache.ts";
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

/** A record whose writes fail, each by its place. */
function setUp(...failing: readonly number[]) {
  const written: AuditEntry[] = [];
  let writes = 0;
  const write = async (one: AuditEntry) => {
    writes += 1;
    if (failing.includes(writes)) throw full;
    return 40 + written.push(one);
  };
  return { written, countWrites: () => writes, outcomes: createOutcomes({ write }, closing.signal) };
}

describe("a recorded action", () => {
  it("has an intent, then an outcome with the intent's number", async () => {
    const { written, outcomes } = setUp();
    const heard: unknown[] = [];
    const act = async () => {
      expect(written).toEqual([entry]);
      return "running";
    };
    const onRecorded = (...given: readonly unknown[]) => void heard.push(...given, written.length);
    expect(await outcomes.recorded(entry, act, { ...rules, onRecorded })).toBe("running");
    expect(written).toEqual([
      entry,
      { ...entry, outcome: "ok", detail: "running", code: null, dockerStatus: 204, intent: 41, durationMs: expect.any(Number) },
    ]);
    expect(heard).toEqual([{ outcome: "ok", detail: "running", code: null, dockerStatus: 204 }, 41, 2]);
    const { durationMs } = written[1] as AuditEntry;
    expect(Number.isInteger(durationMs)).toBe(true);
    expect(durationMs).toBeLessThan(1000);
  });

  it("is recorded as failed and rejects with the same error", async () => {
    const { written, outcomes } = setUp();
    const error = new Error("no");
    await expect(outcomes.recorded(entry, () => Promise.reject(error), rules)).rejects.toBe(error);
    expect(written).toEqual([
      entry,
      { ...entry, outcome: "failed", detail: "no", code: "internal", intent: 41, durationMs: expect.any(Number) },
    ]);
  });

  it("does not run when its intent cannot be written", async () => {
    const { written, outcomes } = setUp(1);
    let acts = 0;
    const act = async () => String((acts += 1));
    await expect(outcomes.recorded(entry, act, rules)).rejects.toBe(full);
    expect([acts, written]).toEqual([0, []]);
  });

  it("succeeds when its outcome cannot be written; stop ends the retries", async () => {
    const { written, outcomes, countWrites } = setUp(2);
    const heard: number[] = [];
    const onRecorded = (_: unknown, intent: number) => void heard.push(intent);
    expect(await outcomes.recorded(entry, async () => "running", { ...rules, onRecorded })).toBe("running");
    expect([written, heard]).toEqual([[entry], [41]]);
    let isSettled = false;
    const settled = outcomes.settled().then(() => (isSettled = true));
    await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    closing.abort();
    await settled;
    expect(countWrites()).toBe(2);
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
