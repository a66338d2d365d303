import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AuditOutcome, OpenIntent } from "../../src/audit/audit.ts";
import type { Decision, Ledger, NotBegun, OpenAction } from "../../src/audit/ledger.ts";
import { type ActionRunner, createActionRunner, type OpenSince } from "../../src/audit/runner.ts";
import { onceDone } from "../../src/lib/cache.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { sampleEntry } from "../support/audit.ts";

const entry = sampleEntry();
const full = Object.assign(new Error("full"), { code: "audit_unavailable" });
const asked = { limits: { cooldownMs: null, parallel: null, budget: null }, toEntry: () => entry };
const rules = {
  toOutcome: (result: string) => ({ outcome: "ok" as const, detail: result, code: null, dockerStatus: 204 }),
  toFailure: (error: unknown) => ({ outcome: "failed" as const, detail: (error as Error).message, code: "internal" }),
};

const opened: ActionRunner[] = [];
afterEach(async () => void (await Promise.all(opened.splice(0).map((runner) => runner.close()))));

interface Given {
  /** Writes of outcomes that fail, by their place from 1 on. */
  readonly failing?: readonly number[];
  readonly isHeld?: boolean;
  readonly begin?: Decision;
  readonly open?: readonly OpenIntent[];
  /** What `find` answers, one after the other. */
  readonly found?: NotBegun[];
  readonly settle?: (action: OpenAction, since: OpenSince) => Promise<void>;
}

function setUp({ failing = [], isHeld = true, begin, open = [], found = [], settle }: Given = {}) {
  const action = { kind: "begun", seq: 41, entry, isHeld: () => isHeld } as const;
  const written: [object, AuditOutcome][] = [];
  const adopted: unknown[] = [];
  let writes = 0;
  const ledger = {
    begin: async () => begin ?? action,
    find: async () => found.shift() ?? null,
    async end(ended: object, outcome: AuditOutcome) {
      writes += 1;
      if (failing.includes(writes)) throw full;
      written.push([ended, outcome]);
    },
    async adopt(...given: unknown[]) {
      adopted.push(given);
      return open;
    },
  } as unknown as Ledger;
  const runner = createActionRunner({
    ledger,
    family: "restart",
    noun: "restart",
    unknownCode: "restart_unknown",
    toStopped: () => new OpsError("overloaded", "stopping"),
    ...(settle && { settle }),
  });
  opened.push(runner);
  return { action, written, adopted, countWrites: () => writes, runner };
}

describe("an action", () => {
  it("has its outcome recorded with the time it took", async () => {
    const { action, written, runner } = setUp();
    const heard: unknown[] = [];
    const onRecorded = (...given: readonly unknown[]) => void heard.push(...given, written.length);
    const act = async (...given: readonly unknown[]) => {
      expect(given[0]).toBe(action);
      return "running";
    };
    expect(await runner.run(asked, { ...rules, act, onRecorded })).toEqual({ kind: "done", result: "running" });
    const outcome = { outcome: "ok", detail: "running", code: null, dockerStatus: 204 };
    expect(written).toEqual([[action, { ...outcome, durationMs: expect.any(Number) }]]);
    expect(heard).toEqual([outcome, 1]);
    const [[, { durationMs }]] = written as unknown as [[unknown, { durationMs: number }]];
    expect(Number.isInteger(durationMs)).toBe(true);
    expect(durationMs).toBeLessThan(1000);
  });

  it("that may be another gateway's is not done", async () => {
    const { action, runner, written } = setUp({ isHeld: false });
    const act = vi.fn<() => Promise<string>>();
    await expect(runner.run(asked, { ...rules, act })).rejects.toMatchObject({ code: "overloaded" });
    expect(act).not.toHaveBeenCalled();
    const detail = expect.stringContaining("paused");
    const durationMs = expect.any(Number);
    expect(written).toEqual([[action, { outcome: "failed", detail, code: "internal", durationMs }]]);
  });

  it("may find out right before it acts that it is another gateway's", async () => {
    const { runner } = setUp();
    const act = async (_: unknown, check: () => void) => {
      check();
      return "running";
    };
    expect(await runner.run(asked, { ...rules, act })).toMatchObject({ result: "running" });
  });

  it("is recorded as failed and rejects with the same error", async () => {
    const { action, written, runner } = setUp();
    const error = new Error("no");
    await expect(runner.run(asked, { ...rules, act: () => Promise.reject(error) })).rejects.toBe(error);
    const durationMs = expect.any(Number);
    expect(written).toEqual([[action, { outcome: "failed", detail: "no", code: "internal", durationMs }]]);
  });

  it("succeeds when its outcome cannot be written; stop ends the retries", async () => {
    const { written, runner, countWrites } = setUp({ failing: [1] });
    const heard: unknown[] = [];
    const onRecorded = ({ outcome }: AuditOutcome) => void heard.push(outcome);
    const act = async () => "running";
    expect(await runner.run(asked, { ...rules, act, onRecorded })).toMatchObject({ result: "running" });
    expect([written, heard]).toEqual([[], ["ok"]]);
    await runner.close();
    expect(countWrites()).toBe(1);
  });

  it.each<Decision>([
    { kind: "refused", refusal: { reason: "busy", retryAfterSeconds: 5 } },
    { kind: "earlier", seq: 7, entry, outcome: null },
  ])("that may not begin is not done: $kind", async (begin) => {
    const { runner, written } = setUp({ begin });
    const act = vi.fn<() => Promise<string>>();
    expect(await runner.run(asked, { ...rules, act })).toBe(begin);
    expect([act.mock.calls, written]).toEqual([[], []]);
  });

  it("does not begin once the gateway stops", async () => {
    const { runner } = setUp();
    await runner.close();
    await expect(runner.run(asked, { ...rules, act: async () => "running" })).rejects.toThrow("stopping");
  });

  it("whose outcome is unknown is settled, and close waits for that", async () => {
    const end = Promise.withResolvers<void>();
    const settle = vi.fn<NonNullable<Given["settle"]>>(() => end.promise);
    const { action, runner } = setUp({ settle });
    const toFailure = () => ({ outcome: "unknown" as const, detail: "lost", code: "restart_unknown" });
    const act = () => Promise.reject(full);
    await expect(runner.run(asked, { ...rules, act, toFailure })).rejects.toBe(full);
    const [[settled, since] = []] = settle.mock.calls;
    expect(settled).toBe(action);
    expect(since).toMatchObject({ wasGivenUp: true, at: expect.stringMatching(/^20/) });
    expect(since?.toDurationMs()).toBeLessThan(1000);
    let isClosed = false;
    const closed = runner.close().then(() => (isClosed = true));
    await new Promise(setImmediate);
    expect(isClosed).toBe(false);
    end.resolve();
    await closed;
  });
});

describe("open actions of earlier processes", () => {
  const intent = { ...entry, seq: 3, at: "2026-01-13T09:46:00Z" } as OpenIntent["intent"];
  const open = [
    { intent, hasOutcome: false, wasGivenUp: false },
    { intent: { ...intent, seq: 5 }, hasOutcome: true, wasGivenUp: true },
  ];

  it("are unknown, and settled, before anything begins", async () => {
    const settle = vi.fn<NonNullable<Given["settle"]>>(async () => {});
    const { runner, written, adopted } = setUp({ open, settle });
    await Promise.all([runner.recover(), runner.run(asked, { ...rules, act: async () => "running" })]);
    const died = { outcome: "unknown", detail: "the gateway died during the restart", code: "restart_unknown" };
    expect(written[0]).toEqual([
      { seq: 3, entry: intent },
      { ...died, durationMs: null },
    ]);
    expect(written).toHaveLength(2);
    expect(
      settle.mock.calls.map(([{ seq }, since]) => [seq, since.at, since.wasGivenUp, since.toDurationMs()]),
    ).toEqual([
      [3, intent.at, false, null],
      [5, intent.at, true, null],
    ]);
    expect(adopted).toEqual([["restart", undefined]]);
  });

  it("are taken over from gateways that died, as the caller accepts them", async () => {
    const { runner, adopted } = setUp();
    const accepts = async () => true;
    await runner.adopt(accepts);
    expect(adopted).toEqual([["restart", accepts]]);
  });
});

describe("an action of another gateway", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const earlier = { kind: "earlier", seq: 7, entry, outcome: null } as const;
  const over = { ...earlier, outcome: { outcome: "ok", code: null, detail: "running" } } as const;

  it("is waited for until it has an outcome", async () => {
    const { runner } = setUp({ found: [earlier, over] });
    const answer = runner.awaitOutcome(earlier);
    await vi.advanceTimersByTimeAsync(500);
    expect(await answer).toBe(over);
  });

  it("is not waited for once this gateway stops, nor where it has one", async () => {
    const { runner } = setUp();
    const answer = runner.awaitOutcome(earlier);
    await runner.close();
    expect(await answer).toBe(earlier);
    expect(await runner.awaitOutcome(over)).toBe(over);
  });
});

describe("a tracked promise", () => {
  it("is awaited with those that began meanwhile, also when it fails", async () => {
    const { runner } = setUp();
    const [one, two] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    expect(runner.track(one.promise)).toBe(one.promise);
    let isSettled = false;
    const settled = runner.close().then(() => (isSettled = true));
    const second = runner.track(two.promise).catch(String);
    one.resolve("done");
    await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    two.reject(new Error("lost"));
    expect(await second).toBe("Error: lost");
    await settled;
    await runner.close();
  });
});

describe("callers of a gateway that stops", () => {
  const unknown = {
    code: "restart_unknown",
    message: "The gateway stops. The restart goes on, and the audit record will have its outcome",
  };
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("have an answer within 8 s, then an error; the work goes on", async () => {
    const { runner } = setUp();
    const [quick, slow] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const answers = [quick, slow].map(({ promise }) => runner.answer(promise).catch((error: unknown) => error));
    runner.drain();
    await vi.advanceTimersByTimeAsync(7999);
    expect(runner.hurry.aborted).toBe(false);
    quick.resolve("done");
    expect(await answers[0]).toBe("done");
    await vi.advanceTimersByTimeAsync(1);
    expect(runner.hurry.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(await answers[1]).toMatchObject(unknown);
    let isSettled = false;
    const settled = runner.close().then(() => (isSettled = true));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(isSettled).toBe(false);
    slow.resolve("late");
    await settled;
  });

  it("who come later are answered at once", async () => {
    const { runner } = setUp();
    runner.drain();
    await vi.advanceTimersByTimeAsync(8500);
    const late = Promise.withResolvers<void>();
    await expect(runner.answer(late.promise)).rejects.toMatchObject(unknown);
    late.resolve();
  });

  it("are not waited for once the gateway closes", () => {
    const { runner } = setUp();
    void runner.close();
    expect(runner.hurry.aborted).toBe(true);
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
