import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AuditEntry } from "../../../src/audit/audit.ts";
import type { Container } from "../../../src/containers/container.ts";
import {
  createIdempotencyStore,
  describeRequest,
  PastFailure,
  toAnswerKey,
} from "../../../src/containers/restart/idempotency.ts";
import { createRestartLimits } from "../../../src/containers/restart/limits.ts";
import { settleRestart } from "../../../src/containers/restart/outcome.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { sampleContainer } from "../../support/containers.ts";
import { useFakeSleep } from "../../support/fake-sleep.ts";

describe("an answer", () => {
  function setUp({ max = 3 } = {}) {
    const clock = { ms: 0 };
    const store = createIdempotencyStore<string>({ ttlMs: 1000, max, now: () => clock.ms });
    let runs = 0;
    const ask = (key: string, { request = "r", keeps = true, fails = false } = {}) =>
      store.once(key, request, async (keep) => {
        const run = `${key}${++runs}`;
        if (keeps) keep();
        if (fails) throw new RangeError(run);
        return run;
      });
    return { clock, store, ask };
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
    const { store } = setUp();
    const late = Promise.withResolvers<string>();
    const first = store.once("a", "r", () => late.promise);
    store.restore("a", "r", async () => "restored", 0);
    late.reject(new RangeError("late"));
    await expect(first).rejects.toThrow("late");
    expect(await store.once("a", "r", async () => "again")).toBe("restored");
  });

  it("is forgotten when there are too many, the oldest first", async () => {
    const { ask, store } = setUp();
    for (const key of ["a", "b", "c"]) await ask(key);
    // The oldest one is the newest now.
    store.restore("a", "r", async () => "restored", 0);
    await ask("d");
    expect([await ask("a"), await ask("c"), await ask("d"), await ask("b")]).toEqual(["restored", "c3", "d4", "b5"]);
  });

  it("that is restored has the rest of its time", async () => {
    const { clock, store, ask } = setUp();
    store.restore("a", "r", async () => "restored", 400);
    clock.ms = 599;
    expect(await ask("a")).toBe("restored");
    clock.ms = 600;
    expect(await ask("a")).toBe("a1");
  });

  it("is remembered for a day, of the last thousand keys", async () => {
    const clock = { ms: 0 };
    const store = createIdempotencyStore<number>({ now: () => clock.ms });
    for (let key = 0; key <= 1000; key++) store.restore(String(key), "r", async () => key, 0);
    const ask = (key: number) => store.once(String(key), "r", async () => -1);
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

  it("has the key of its holder, and its request", () => {
    const entry = { kid: "k", subject: "s", keyHash: "h", containerId: "c", args: { wait_ms: 5, role: "web" }, reason: "r" };
    const asked = (change: object) => ({ ...entry, ...change }) as unknown as AuditEntry;
    expect([toAnswerKey(asked({})), toAnswerKey(asked({ keyHash: null }))]).toEqual(["k s h", null]);
    expect(describeRequest(asked({}))).toBe('["c",5,"r"]');
    expect(describeRequest(asked({ args: {}, reason: null }))).toBe('["c",null,null]');
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

describe("limits of restarts", () => {
  it("name what they refuse, and until when", () => {
    const clock = { ms: 5000 };
    const limits = createRestartLimits({ cooldownMs: 1500, budgetPerHour: 2, parallel: 1, now: () => clock.ms });
    const refusal = (id: string, holder = "k") => {
      const refused = limits.check(id, holder);
      return refused && [refused.name, refused.code, refused.message, refused.retryAfterSeconds];
    };
    const first = limits.enter("a", "k");
    expect(refusal("a")).toEqual(["RestartRefused", "restart_in_progress", "This container is being restarted already", null]);
    expect(refusal("b")).toEqual(["RestartRefused", "restart_busy", "1 container is being restarted already", 5]);
    first.leave(true);
    expect(refusal("a")).toEqual([
      "RestartRefused",
      "restart_cooldown",
      "This container was just restarted; try again in 2 s",
      2,
    ]);
    clock.ms += 1499;
    expect(refusal("a")?.at(-1)).toBe(1);
    clock.ms += 1;
    expect(refusal("a")).toBeNull();
    const second = limits.enter("a", "k");
    second.leave(false);
    expect(refusal("a", "other")).toBeNull();
    expect(refusal("a")).toEqual([
      "RestartRefused",
      "restart_budget",
      "This token has used its budget of 2 restarts an hour",
      3599,
    ]);
    clock.ms = 5000 + 3_599_999;
    expect(refusal("a")?.at(-1)).toBe(1);
    clock.ms = 5000 + 3_600_000;
    expect(refusal("a")).toBeNull();
    // The second one still counts.
    limits.enter("a", "k").cancel();
    limits.enter("a", "k", true).cancel();
    expect(refusal("a")).toBeNull();
    const held = limits.hold("b");
    expect(refusal("b")?.[1]).toBe("restart_in_progress");
    held.leave(true);
    expect(refusal("b")?.[1]).toBe("restart_cooldown");
  });
});
