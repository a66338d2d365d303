import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RestartMark } from "../../../src/audit/audit.ts";
import type { Container } from "../../../src/containers/container.ts";
import { createAnswerMemory, PastFailure } from "../../../src/containers/restart/idempotency.ts";
import { settleRestart } from "../../../src/containers/restart/outcome.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { sampleContainer, sampleMark } from "../../support/containers.ts";
import { useFakeSleep } from "../../support/fake-sleep.ts";

describe("an answer", () => {
  function setUp({ max = 3 } = {}) {
    const clock = { ms: 0 };
    const memory = createAnswerMemory<string>({ ttlMs: 1000, max, now: () => clock.ms });
    let runs = 0;
    const ask = (key: string, { request = "r", keeps = true, fails = false } = {}) =>
      memory.once(key, request, async (keep) => {
        const run = `${key}${++runs}`;
        if (keeps) keep();
        if (fails) throw new RangeError(run);
        return run;
      });
    return { clock, memory, ask };
  }

  it("is the same for a key until its time is up", async () => {
    const { clock, ask } = setUp();
    expect(await ask("a")).toBe("a1");
    clock.ms = 999;
    expect(await ask("a")).toBe("a1");
    clock.ms = 1000;
    expect(await ask("a")).toBe("a2");
    clock.ms = 1999;
    expect(await ask("a")).toBe("a2");
  });

  it("of another request under the same key is refused meanwhile", async () => {
    const { clock, ask } = setUp();
    await ask("a");
    expect(() => ask("a", { request: "other" })).toThrow(
      expect.objectContaining({
        code: "idempotency_key_reused",
        message: "This Idempotency-Key was used for another restart",
        retryAfterSeconds: null,
      }),
    );
    clock.ms = 1000;
    expect(await ask("a", { request: "other" })).toBe("a2");
  });

  it("that is a failure is repeated if something was begun", async () => {
    const { ask } = setUp();
    await expect(ask("a", { fails: true })).rejects.toThrow("a1");
    await expect(ask("a")).rejects.toThrow("a1");
    await expect(ask("b", { fails: true, keeps: false })).rejects.toThrow("b2");
    expect(await ask("b")).toBe("b3");
    expect(await ask("c", { keeps: false })).toBe("c4");
    expect(await ask("c")).toBe("c4");
  });

  it("that fails late does not forget a newer one", async () => {
    const { memory } = setUp();
    const late = Promise.withResolvers<string>();
    const first = memory.once("a", "r", () => late.promise);
    memory.forget("a");
    expect(await memory.once("a", "r", async () => "newer")).toBe("newer");
    late.reject(new RangeError("late"));
    await expect(first).rejects.toThrow("late");
    expect(await memory.once("a", "r", async () => "again")).toBe("newer");
  });

  it("is forgotten when there are too many, the oldest first", async () => {
    const { ask, memory } = setUp();
    for (const key of ["a", "b", "c"]) await ask(key);
    memory.forget("a");
    // The oldest one is the newest now.
    await ask("a");
    await ask("d");
    expect([await ask("a"), await ask("c"), await ask("d"), await ask("b")]).toEqual(["a4", "c3", "d5", "b6"]);
  });

  it("is remembered for a day, of the last thousand keys", async () => {
    const clock = { ms: 0 };
    const memory = createAnswerMemory<number>({ now: () => clock.ms });
    for (let key = 0; key <= 1000; key++) await memory.once(String(key), "r", async () => key);
    const ask = (key: number) => memory.once(String(key), "r", async () => -1);
    clock.ms = 86_399_999;
    expect([await ask(1), await ask(1000), await ask(0)]).toEqual([1, 1000, -1]);
    clock.ms = 86_400_000;
    expect(await ask(1000)).toBe(-1);
  });
});

describe("the record of a restart", () => {
  it.each([
    [{ outcome: "failed", code: "docker_timeout", detail: "docker_timeout: too late" }, "docker_timeout", "too late"],
    [{ outcome: "failed", code: null, detail: "settled: now exited" }, "docker_error", "settled: now exited"],
    [{ outcome: "unknown", code: null, detail: null }, "restart_unknown", "its outcome is unknown"],
  ] as const)("of %j is an error of %s", (entry, code, text) => {
    const error = new PastFailure(entry);
    expect([error.name, error.code, error.message]).toEqual([
      "PastFailure",
      code,
      `From the audit record, for this Idempotency-Key: ${text}`,
    ]);
  });
});

describe("a restart whose answer was lost", () => {
  let useRealTimers = () => {};
  beforeEach(() => {
    useRealTimers = useFakeSleep();
    vi.setSystemTime("2026-01-13T10:05:00Z");
  });
  afterEach(() => useRealTimers());
  const at = "2026-01-13T10:00:00Z";
  const mark = sampleMark({ at: "2026-01-13T10:00:00.250Z" });
  const gone = new OpsError("container_not_found", "x");

  interface Found {
    /** Null: of an older version. */
    readonly mark?: RestartMark | null;
    readonly seen?: (look: number) => boolean | Error;
    readonly now?: Partial<Container> | Error;
    readonly startedAt?: string | null;
    readonly located?: string | null | Error;
    readonly timeoutMs?: number;
    readonly busyMs?: number;
    readonly at?: string;
  }

  /** What is found, how often the engine was asked for its events, and how long that took. */
  async function settle(found: Found = {}, abort = new AbortController()) {
    let looks = 0;
    const asked: unknown[] = [];
    const begin = performance.now();
    const give = <T>(value: T | Error): T => {
      if (value instanceof Error) throw value;
      return value;
    };
    const own = found.mark === undefined ? mark : found.mark;
    const source = {
      locate: async (place: unknown) => {
        expect(place).toEqual({ engineId: own?.engineId ?? null, fullId: "a" });
        return give(found.located === undefined ? "here" : found.located);
      },
      restartedSince: async (...parameters: unknown[]) => {
        asked.push(parameters);
        return give((found.seen ?? (() => false))(++looks));
      },
      markRestart: async () => ({
        container: sampleContainer(looks === 0 ? {} : give(found.now ?? {})),
        protectedBy: null,
        mark: sampleMark({ startedAt: found.startedAt === undefined ? mark.startedAt : found.startedAt }),
      }),
    };
    const settling = settleRestart({ containerId: "a", mark: own }, found.at ?? at, source, {
      timeoutMs: found.timeoutMs ?? 700,
      busyMs: found.busyMs ?? 700,
      signal: abort.signal,
    });
    let ms: number | null = null;
    void settling.then(() => (ms = performance.now() - begin));
    await vi.advanceTimersByTimeAsync(5000);
    return { result: await settling, looks, ms, asked: asked[0] };
  }
  const outcomeOf = async (found: Found) => (await settle(found)).result;

  it("is ok once the engine reports it", async () => {
    const result = { outcome: "ok", detail: "settled: the engine restarted it" };
    expect(await settle({ seen: () => true })).toMatchObject({ result, looks: 1, ms: 0 });
    expect(await settle({ seen: (look) => (look < 3 ? new Error("x") : true) })).toMatchObject({
      result,
      looks: 3,
      ms: 500,
    });
  });

  it("is looked for at its engine, in its time, by its clock", async () => {
    const ref = { engine: "here", fullId: "a" };
    const { asked } = await settle();
    expect(asked).toEqual([ref, new Date("2026-01-13T10:00:00.250Z"), new Date("2026-01-13T10:02:10.250Z")]);
    // The mark of an engine that says whole seconds is older than the start before.
    const cut = sampleMark({ at: "2026-01-13T10:00:00.000Z", startedAt: "2026-01-13T10:00:00.4Z" });
    expect((await settle({ mark: cut })).asked).toMatchObject([
      ref,
      new Date("2026-01-13T10:00:00.500Z"),
      expect.any(Date),
    ]);
    expect((await settle({ mark: null })).asked).toEqual([ref, new Date(at), new Date("2026-01-13T10:08:00Z")]);
  });

  it.each<[Found, object | null]>([
    [{ now: { status: "exited" } }, { outcome: "failed", detail: "settled: now exited" }],
    [{ now: { status: "running" } }, { outcome: "failed", detail: "settled: now running" }],
    [
      { startedAt: null, mark: sampleMark({ startedAt: null }) },
      { outcome: "failed", detail: "settled: now running" },
    ],
    [
      // In the same second.
      { startedAt: "2026-01-13T09:40:10.1Z" },
      { outcome: "unknown", detail: "settled: now running, started at 2026-01-13T09:40:10Z" },
    ],
    [
      { now: { status: "exited" }, startedAt: "2026-01-13T10:00:01Z" },
      { outcome: "unknown", detail: "settled: now exited, started at 2026-01-13T09:40:10Z" },
    ],
    [{ now: gone }, { outcome: "failed", detail: "settled: the container is gone" }],
    [
      { now: gone, seen: () => new Error("x") },
      { outcome: "unknown", detail: "settled: the container is gone" },
    ],
    [{ now: new OpsError("docker_timeout", "x") }, null],
  ])("that the engine does not report has its container's outcome: %o", async (found, result) => {
    expect(await settle(found)).toMatchObject({ result, looks: 3, ms: 750 });
  });

  it("has no outcome where no engine is its own, for a day", async () => {
    expect(await settle({ located: null })).toMatchObject({ result: null, looks: 0, ms: 0 });
    expect(await outcomeOf({ located: null, at: "2026-01-12T10:06:00Z" })).toBeNull();
    const lost = { outcome: "unknown", detail: "settled: no gateway knows its engine", mayArriveMs: 0 };
    expect(await outcomeOf({ located: null, at: "2026-01-12T10:04:59Z" })).toEqual(lost);
    expect(await outcomeOf({ located: new Error("silent"), at: "2026-01-12T10:04:59Z" })).toBeNull();
  });

  it("of an older version never counts as failed", async () => {
    const old = (startedAt: string | null, status = "running") => outcomeOf({ mark: null, now: { status, startedAt } });
    const [lost, started] = [/, not restarted; its request was lost, or is still/, /, started at /].map((detail) => ({
      outcome: "unknown",
      detail: expect.stringMatching(detail),
    }));
    expect(await old("2026-01-13T09:56:00Z")).toMatchObject(started ?? {});
    expect(await old("2026-01-13T09:54:00Z")).toMatchObject(lost ?? {});
    expect(await old(null)).toMatchObject(lost ?? {});
    expect(await old("2026-01-13T10:00:01Z", "exited")).toMatchObject(lost ?? {});
    expect(await outcomeOf({ mark: null, now: gone })).toMatchObject({ outcome: "unknown" });
  });

  it("is decided once the engine has answered for as long as it may be busy", async () => {
    const times = { timeoutMs: 4000, busyMs: 700 };
    expect(await settle(times)).toMatchObject({ result: { outcome: "failed" }, ms: 750 });
    // While it does not answer, what it was asked may still be to come.
    const paused = { ...times, seen: (look: number) => (look > 1 && look < 8 ? new Error("x") : false) };
    expect(await settle(paused)).toMatchObject({ result: { outcome: "failed" }, ms: 1750 + 750 });
  });

  it("is not followed up when the gateway stops", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    expect(await settle({}, abort)).toMatchObject({ result: null, looks: 1, ms: 100 });
  });
});
