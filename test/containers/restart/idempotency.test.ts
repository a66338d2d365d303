import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { createAnswerMemory, PastFailure } from "../../../src/containers/restart/idempotency.ts";
import { settleRestart } from "../../../src/containers/restart/outcome.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { sampleContainer } from "../../support/containers.ts";
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
  beforeEach(() => void (useRealTimers = useFakeSleep()));
  afterEach(() => useRealTimers());
  const since = new Date("2026-01-13T10:00:00Z");

  /** What is found within 700 ms, and how often the engine was asked. */
  async function settle(
    seen: (look: number) => boolean | Error,
    found: Partial<Container> | Error = {},
    abort = new AbortController(),
  ) {
    let looks = 0;
    const asked: unknown[] = [];
    const begin = performance.now();
    const source = {
      restartedSince: async (...parameters: unknown[]) => {
        asked.push(parameters);
        const answer = seen(++looks);
        if (answer instanceof Error) throw answer;
        return answer;
      },
      inspectNow: async () => {
        if (found instanceof Error) throw found;
        return { container: sampleContainer(found), protectedBy: null };
      },
    };
    const ref = { engine: "one", fullId: "a" };
    const settling = settleRestart(ref, since, source, { timeoutMs: 700, signal: abort.signal });
    let ms: number | null = null;
    void settling.then(() => (ms = performance.now() - begin));
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked).toEqual(Array.from({ length: looks }, () => [ref, since]));
    return { result: await settling, looks, ms };
  }

  it("is ok once the engine reports it", async () => {
    const result = { outcome: "ok", detail: "settled: the engine restarted it" };
    expect(await settle(() => true)).toEqual({ result, looks: 1, ms: 0 });
    expect(await settle((look) => (look < 3 ? new Error("x") : true))).toEqual({ result, looks: 3, ms: 500 });
  });

  it.each<[Partial<Container> | Error, object | null]>([
    [{ status: "exited" }, { outcome: "failed", detail: "settled: now exited" }],
    [
      { status: "running", startedAt: "2026-01-13T10:00:00Z" },
      { outcome: "failed", detail: "settled: now running" },
    ],
    [
      { status: "running", startedAt: null },
      { outcome: "failed", detail: "settled: now running" },
    ],
    [
      { status: "running", startedAt: "2026-01-13T10:00:01Z" },
      { outcome: "unknown", detail: "settled: now running, started at 2026-01-13T10:00:01Z" },
    ],
    [
      { status: "exited", startedAt: "2026-01-13T10:00:01Z" },
      { outcome: "failed", detail: "settled: now exited" },
    ],
    [new OpsError("container_not_found", "x"), { outcome: "failed", detail: "settled: the container is gone" }],
    [new OpsError("docker_timeout", "x"), null],
  ])("that the engine does not report has its container's outcome: %o", async (found, result) => {
    expect(await settle(() => false, found)).toEqual({ result, looks: 3, ms: 750 });
  });

  it("is not followed up when the gateway stops", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    expect(await settle(() => false, {}, abort)).toEqual({ result: null, looks: 1, ms: 100 });
  });
});
