import type { LimitFunction } from "p-limit";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createInventory } from "../../../../src/containers/docker/engine/inventory.ts";
import { createRefresher } from "../../../../src/containers/docker/engine/sync.ts";
import { createFairLimit } from "../../../../src/lib/budget/fair-limit.ts";
import { OpsError } from "../../../../src/lib/errors.ts";
import { app, rulesOf } from "../../../support/docker-facts.ts";
import { fullId } from "../../../support/docker-fake.ts";
import { useFakeSleep } from "../../../support/fake-sleep.ts";

let useRealTimers = () => {};
beforeEach(() => void (useRealTimers = useFakeSleep()));
afterEach(() => useRealTimers());
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

const [a, b] = [fullId("a"), fullId("b")];
const toFacts = (id: string) => app("wallet-core", "web", "v1", { fullId: id, name: `web-${id[0]}`, restarts: 1 });
const toListed = (id: string) => ({
  raw: { ...toFacts(id), restarts: null, startedAt: null, variables: null },
  recent: false,
});

/**
 * An engine whose list has these; and in `log` what it is asked, in order: "list", "inspect a",
 * "settle a" ...
 */
function setUp(...listed: readonly string[]) {
  const log: string[] = [];
  const inventory = createInventory({ env: null, rules: rulesOf("wallet-core"), hostNames: [] }, () => {});
  const state = {
    listed: [...listed],
    /** What an inspection does before it answers. */
    inspect: async (_id: string): Promise<unknown> => null,
    list: async (): Promise<unknown> => null,
  };
  const limited = (name: string) =>
    (async (run: () => Promise<unknown>) => {
      log.push(name);
      return run();
    }) as unknown as LimitFunction;
  const onLost = vi.fn<(error: OpsError) => void>();
  const refresher = createRefresher({
    name: "web-1",
    inventory,
    limit: { ...createFairLimit(1), run: async (_, work) => limited("limit")(() => work((wait) => wait())) },
    fullLimit: limited("full"),
    onSettled: (id) => void log.push(`settle ${id[0]}`),
    onLost,
    async list() {
      log.push("list");
      await state.list();
      return state.listed.map(toListed);
    },
    async inspect(id) {
      const at = inventory.begin();
      log.push(`inspect ${id[0]}`);
      await state.inspect(id);
      inventory.learn(toFacts(id), at);
    },
  });
  return {
    state,
    log,
    inventory,
    onLost,
    refresher,
    emit: (action: string, id = a) => refresher.onEvent({ action, fullId: id, detail: "", time: "", attributes: {} }),
    /** What was logged since this was called last. */
    take: () => log.splice(0),
    row: (id: string) => inventory.snapshot(false).known(id)?.row ?? null,
  };
}
const hang = () => new Promise<never>(() => {});

/** Without the limits. */
const asked = (log: readonly string[]) => log.filter((line) => !["limit", "full"].includes(line));

describe("a first synchronisation", () => {
  it("lists, then inspects all, within both limits", async () => {
    const { refresher, take, row } = setUp(a, b);
    await refresher.syncAll(1000);
    const log = take();
    expect(asked(log)).toEqual(["list", "inspect a", "inspect b", "settle a", "settle b"]);
    expect(["limit", "full"].map((name) => log.filter((line) => line === name).length)).toEqual([2, 2]);
    expect(row(a)?.restarts).toBe(1);
    expect(vi.getTimerCount()).toBe(1);
  });

  it("waits for inspections as long as it may, and continues with them", async () => {
    const { refresher, state, row } = setUp(a, b);
    state.inspect = (id) => (id === a ? new Promise((resolve) => setTimeout(resolve, 3000)) : Promise.resolve(null));
    let ended: number | null = null;
    const begin = performance.now();
    void refresher.syncAll(1000).then(() => (ended = performance.now() - begin));
    await pass(2000);
    expect(ended).toBe(1000);
    expect([row(a)?.restarts, row(b)?.restarts]).toEqual([null, 1]);
    await pass(1000);
    expect(row(a)?.restarts).toBe(1);
  });

  it("fails as the list does", async () => {
    const { refresher, state, take } = setUp(a);
    state.list = () => Promise.reject(new RangeError("no list"));
    await expect(refresher.syncAll(1000)).rejects.toThrow(new RangeError("no list"));
    expect(take()).toEqual(["list"]);
  });
});

describe("an event", () => {
  it.each(["start", "die"])("of a %s makes the times of the last inspection unknown", async (action) => {
    const { refresher, inventory, emit } = setUp(a);
    await refresher.syncAll(1000);
    const doubt = vi.spyOn(inventory, "doubtTimes");
    emit("kill");
    expect(doubt).not.toHaveBeenCalled();
    emit(action);
    expect(doubt.mock.calls).toEqual([[a]]);
  });
});

describe("a synchronisation", () => {
  it("inspects what changed alone, within the limit of its engine", async () => {
    const { refresher, state, take, row } = setUp(a);
    await refresher.syncAll(1000);
    take();
    await refresher.sync();
    expect(take()).toEqual(["list"]);
    state.listed = [b];
    await refresher.sync();
    expect(take()).toEqual(["list", "limit", "inspect b", "settle b"]);
    expect([row(a), row(b)?.restarts]).toEqual([null, 1]);
  });

  it("shares its list, and inspects nothing twice at a time", async () => {
    const { refresher, state, take } = setUp(a);
    let answer = () => {};
    state.inspect = () => new Promise((resolve) => (answer = () => resolve(null)));
    const both = Promise.all([refresher.sync(), refresher.sync()]);
    await pass(0);
    expect(asked(take())).toEqual(["list", "inspect a"]);
    answer();
    await both;
    expect(asked(take())).toEqual(["settle a"]);
    await refresher.sync();
    expect(take()).toEqual(["list"]);
  });
});

describe("an inspection that fails", () => {
  const failing = async (code: "docker_unavailable" | "docker_timeout" | "docker_error" | "container_not_found") => {
    const kit = setUp(a);
    await kit.refresher.syncAll(1000);
    kit.take();
    kit.state.inspect = () => Promise.reject(new OpsError(code, "x"));
    return kit;
  };

  it("is no failure of its engine when the container is gone", async () => {
    const { emit, take, onLost } = await failing("container_not_found");
    emit("update");
    await pass(150);
    expect(asked(take())).toEqual(["inspect a", "settle a"]);
    expect(onLost).not.toHaveBeenCalled();
  });

  it("is a failure of its engine when the engine is gone", async () => {
    const { emit, take, onLost } = await failing("docker_unavailable");
    emit("update");
    await pass(150);
    expect(asked(take())).toEqual(["inspect a", "settle a"]);
    expect(onLost.mock.calls.map(([{ code }]) => code)).toEqual(["docker_unavailable"]);
  });

  it.each(["docker_timeout", "docker_error"] as const)("with %s leaves the listed fields", async (code) => {
    const { emit, take, onLost, row } = await failing(code);
    expect(row(a)?.restarts).toBe(1);
    emit("update");
    await pass(150);
    expect(asked(take())).toEqual(["inspect a", "list", "settle a"]);
    expect([row(a)?.startedAt, row(a)?.restarts, onLost.mock.calls.length]).toEqual([null, 1, 0]);
  });

  it.each(["kill", "stop", "restart"])("after a %s by hand leaves no count of restarts", async (action) => {
    const { emit, row, refresher } = await failing("docker_timeout");
    emit(action);
    emit("start");
    await pass(150);
    expect(row(a)?.restarts).toBeNull();
    refresher.close();
  });

  it("after the engine was lost leaves no count of restarts", async () => {
    const { row, refresher } = await failing("docker_timeout");
    await refresher.syncAll(1000);
    expect(row(a)?.restarts).toBeNull();
  });

  it("with a list that fails too is a failure of its engine", async () => {
    const { emit, take, onLost, state, row } = await failing("docker_timeout");
    const lost = new OpsError("docker_timeout", "no list");
    state.list = () => Promise.reject(lost);
    emit("update");
    await pass(150);
    expect(asked(take())).toEqual(["inspect a", "list", "settle a"]);
    expect(onLost.mock.calls).toEqual([[lost]]);
    expect(row(a)?.restarts).toBe(1);
  });

  it("may be tried again at the next event", async () => {
    const { emit, take, state, row } = await failing("docker_timeout");
    emit("update");
    await pass(150);
    take();
    state.inspect = () => Promise.resolve(null);
    emit("update");
    await pass(150);
    expect(asked(take())).toEqual(["inspect a", "settle a"]);
    expect(row(a)?.restarts).toBe(1);
  });
});

describe("an event", () => {
  it.each([
    ["start", ["inspect a", "settle a"]],
    ["kill", []],
    ["destroy", []],
    ["stop", ["inspect a", "settle a"]],
    ["die", ["inspect a", "settle a", "inspect a", "settle a"]],
  ])("%s is inspected if it changes something", async (action, later) => {
    const { emit, take, refresher, row } = setUp(a);
    await refresher.syncAll(1000);
    take();
    emit(action);
    expect(take()).toEqual([]);
    expect(row(a) === null).toBe(action === "destroy");
    await pass(10_000);
    expect(asked(take())).toEqual(later);
  });

  it("is inspected together with others within 150 ms", async () => {
    const { emit, take } = setUp();
    emit("start");
    await pass(149);
    emit("update", b);
    emit("update");
    expect(asked(take())).not.toContain("inspect a");
    await pass(1);
    expect(asked(take())).toEqual(["inspect a", "inspect b", "settle a", "settle b"]);
    emit("update");
    await pass(149);
    expect(asked(take())).toEqual([]);
    await pass(1);
    expect(asked(take())).toEqual(["inspect a", "settle a"]);
  });

  it("during an inspection causes one more after it", async () => {
    const { emit, take, state } = setUp();
    state.inspect = () => new Promise((resolve) => setTimeout(resolve, 400));
    emit("start");
    await pass(150);
    expect(asked(take())).toEqual(["inspect a"]);
    emit("update");
    await pass(399);
    expect(asked(take())).toEqual([]);
    await pass(1);
    expect(asked(take())).toEqual(["settle a"]);
    await pass(150);
    expect(asked(take())).toEqual(["inspect a"]);
    await pass(1000);
    expect(asked(take())).toEqual(["settle a"]);
  });

  it("die is inspected again a second after the last one", async () => {
    const { emit, take } = setUp();
    emit("die");
    await pass(700);
    take();
    emit("die");
    emit("die", b);
    await pass(150);
    expect(asked(take()).filter((line) => line.startsWith("inspect"))).toEqual(["inspect a", "inspect b"]);
    await pass(999);
    expect(asked(take())).toEqual([]);
    await pass(1);
    expect(asked(take())).toEqual(["inspect a", "inspect b", "settle a", "settle b"]);
    await pass(10_000);
    expect(take()).toEqual([]);
  });

  it("is not inspected once the engine is closed", async () => {
    const { emit, take, refresher } = setUp();
    emit("die");
    await pass(150);
    emit("die", b);
    take();
    refresher.close();
    await pass(10_000);
    expect(take()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("an inspection that hangs delays no other", async () => {
  const { emit, take, state } = setUp();
  state.inspect = (id) => (id === a ? hang() : Promise.resolve(null));
  emit("start");
  await pass(150);
  emit("start", b);
  take();
  await pass(150);
  expect(asked(take())).toEqual(["inspect b", "settle b"]);
});
