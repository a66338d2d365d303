import { describe, expect, it } from "vitest";
import { createIdempotencyStore } from "../../../src/containers/restart/idempotency.ts";
import { createRestartLimits } from "../../../src/containers/restart/limits.ts";

function scene(options = {}) {
  const clock = { ms: 1000 };
  const limits = createRestartLimits({ cooldownMs: 60_000, budgetPerHour: 3, now: () => clock.ms, ...options });
  const code = (id: string, kid = "k", free = false) => {
    try {
      limits.enter(id, kid, free).leave(true);
      return null;
    } catch (error) {
      const { code: refusal, retryAfterSeconds } = error as { code: string; retryAfterSeconds: number | null };
      return [refusal, retryAfterSeconds];
    }
  };
  return { clock, limits, code };
}

describe("createRestartLimits", () => {
  it("allow one restart of a container at a time, and two in all", () => {
    const { limits, code } = scene();
    const first = limits.enter("a", "k");
    expect(code("a")).toEqual(["restart_in_progress", null]);
    limits.enter("b", "k");
    expect(code("c", "other")).toEqual(["restart_busy", 5]);
    expect(limits.check("c", "other")).toMatchObject({
      code: "restart_busy",
      message: "2 containers are being restarted already",
    });
    first.leave(false);
    expect(limits.check("c", "other")).toBeNull();
  });

  it("have a cooldown from the end of the restart, with its remaining time", () => {
    const { clock, code, limits } = scene();
    const place = limits.enter("a", "k");
    clock.ms += 30_000;
    place.leave(true);
    clock.ms += 20_500;
    expect(code("a")).toEqual(["restart_cooldown", 40]);
    expect(code("b")).toBeNull();
    clock.ms += 39_500;
    expect(code("a")).toBeNull();
  });

  it("give each token its budget of any hour", () => {
    const { clock, code } = scene();
    for (const id of ["a", "b", "c"]) {
      expect(code(id)).toBeNull();
      clock.ms += 60_000;
    }
    expect(code("d")).toEqual(["restart_budget", 3420]);
    expect(code("d", "other")).toBeNull();
    expect(code("e", "k", true)).toBeNull();
    clock.ms += 3_420_000;
    expect(code("f")).toBeNull();
    expect(code("g")).toEqual(["restart_budget", 60]);
  });

  it("can hold a container without a budget", () => {
    const { clock, limits, code } = scene();
    const held = limits.hold("a");
    expect(code("a")).toEqual(["restart_in_progress", null]);
    held.leave(true);
    expect(code("a")).toEqual(["restart_cooldown", 60]);
    clock.ms += 60_000;
    for (const id of ["a", "b", "c"]) expect(code(id)).toBeNull();
  });

  it("take back what did not happen", () => {
    const { code, limits } = scene({ budgetPerHour: 1 });
    limits.enter("a", "k").cancel();
    expect(code("a")).toBeNull();
    expect(code("b")).toMatchObject(["restart_budget", 3600]);
  });
});

describe("createIdempotencyStore", () => {
  it("forgets after its time, and the oldest beyond its number", async () => {
    const clock = { ms: 0 };
    const store = createIdempotencyStore<number>({ ttlMs: 100, max: 2, now: () => clock.ms });
    let runs = 0;
    const ask = (key: string) =>
      store.once(key, "r", async (keep) => {
        keep();
        return ++runs;
      });
    expect([await ask("a"), await ask("b"), await ask("a")]).toEqual([1, 2, 1]);
    expect([await ask("c"), await ask("a"), await ask("c")]).toEqual([3, 4, 3]);
    clock.ms = 100;
    expect(await ask("c")).toBe(5);
  });
});
