import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { createEventBroadcaster, createEventEnricher } from "../../../../src/containers/docker/engine/event-feed.ts";
import type { EngineEvent } from "../../../../src/containers/docker/engine/events.ts";
import { createInventory } from "../../../../src/containers/docker/engine/inventory.ts";
import type { ContainerEvent, EventBatch } from "../../../../src/containers/events.ts";
import type { RawContainer } from "../../../../src/containers/container.ts";
import { app, facts, rulesOf } from "../../../support/docker-facts.ts";
import { fullId } from "../../../support/docker-fake.ts";

const realClock = performance;
beforeEach(() => void vi.useFakeTimers({ now: Date.parse("2026-01-13T10:00:00Z") }));
afterEach(() => void vi.useRealTimers());

const [web, old, plain, fresh] = ["a", "b", "c", "d"].map(fullId) as [string, string, string, string];
const time = "2026-01-13T09:40:00.000000001Z";
const labels = { service: "wallet-core", role: "web" };

/** As the engine sends it, of a container by its id. */
const toEvent = (action: string, id: string, change: Partial<EngineEvent> = {}): EngineEvent => ({
  action,
  detail: "",
  fullId: id,
  time,
  attributes: {},
  ...change,
});

/**
 * A reader of the events of one engine, which runs `web`, keeps its old release, and has a stopped
 * container of nobody.
 */
function setUp() {
  const inventory = createInventory({ env: "staging", rules: rulesOf("wallet-core"), hostNames: [] }, () => {});
  const learn = (change: RawContainer) => inventory.learn(change, inventory.begin());
  learn(app("wallet-core", "web", "v2", { fullId: web, name: "web-2" }));
  learn(app("wallet-core", "web", "v1", { fullId: old, name: "web-1", state: "exited" }));
  learn(facts({ fullId: plain, name: "plain", state: "exited" }));
  const board = createEventBroadcaster();
  const enricher = createEventEnricher("web-1", inventory, board);
  const reading = board.read(() => true, new AbortController().signal);
  /** What came since it was asked last. */
  const take = async (): Promise<EventBatch> => {
    board.onGap("end");
    return (await reading.next()).value as EventBatch;
  };
  const texts = async () => (await take()).events.map(({ action, container }) => `${action} ${container.name}`);
  return {
    inventory,
    learn,
    enricher,
    take,
    texts,
    emit: (...parameters: Parameters<typeof toEvent>) => enricher.onEvent(toEvent(...parameters)),
  };
}

const brief = ({ action, exitCode, signal, health, previousName, container }: ContainerEvent) => ({
  action,
  exitCode,
  signal,
  health,
  previousName,
  name: container.name,
});
const nothing = { exitCode: null, signal: null, health: null, previousName: null, name: "web-2" };

describe("an event", () => {
  it.each<[string, Partial<EngineEvent>, object]>([
    ["die", { attributes: { exitCode: "137", signal: "9", oldName: "/x" } }, { exitCode: 137 }],
    ["die", { attributes: { exitCode: "0" } }, { exitCode: 0 }],
    ["die", { attributes: { exitCode: "-1" } }, {}],
    ["die", { attributes: { exitCode: "1x" } }, {}],
    ["die", { attributes: { exitCode: "x1" } }, {}],
    ["die", { attributes: { exitCode: "999999999" } }, { exitCode: 999_999_999 }],
    ["die", { attributes: { exitCode: "1000000000" } }, {}],
    ["die", {}, {}],
    ["kill", { attributes: { exitCode: "137", signal: "15" } }, { signal: 15 }],
    ["kill", { attributes: { signal: "SIGTERM" } }, {}],
    ["stop", { detail: "healthy", attributes: { exitCode: "1", signal: "15", oldName: "/x" } }, {}],
    ["health_status", { detail: "healthy" }, { health: "healthy" }],
    ["health_status", { detail: "unhealthy" }, { health: "unhealthy" }],
    ["health_status", { detail: "starting" }, { health: "starting" }],
    ["health_status", { detail: "odd" }, { health: "none" }],
    ["rename", { attributes: { oldName: "/web-2", name: "web-3" } }, { previousName: "web-2", name: "web-3" }],
    ["rename", { attributes: { oldName: "bad\nname", name: "//x" } }, {}],
    ["rename", { attributes: { oldName: "_x", name: "-x" } }, {}],
    ["rename", { attributes: { oldName: "x y", name: "x/" } }, {}],
    ["rename", { attributes: { oldName: "9", name: "/A_.-z" } }, { previousName: "9", name: "A_.-z" }],
    ["rename", {}, {}],
  ])("%s of %j has its own fields and no others", async (action, change, expected) => {
    const { emit, take } = setUp();
    emit(action, web, change);
    const [event] = (await take()).events;
    expect(event && brief(event)).toEqual({ ...nothing, action, ...expected });
    expect(event?.time).toBe(time);
  });

  it("has the row of its container, unless the name differs", async () => {
    const { emit, take, inventory } = setUp();
    const row = inventory.snapshot(false).known(web)?.row;
    emit("die", web, { attributes: { name: "web-2" } });
    emit("rename", web, { attributes: { name: "other" } });
    const { events } = await take();
    expect(events[0]?.container).toBe(row);
    expect(events[1]?.container).toEqual({ ...row, name: "other" });
  });
});

describe("events that callers may not see", () => {
  it.each([
    ["create", true],
    ["start", true],
    ["restart", true],
    ["unpause", true],
    ["die", false],
    ["stop", false],
    ["update", false],
    ["destroy", false],
  ])("the event %s is shown: %s", async (action, isShown) => {
    const { emit, texts } = setUp();
    emit(action, old);
    expect(await texts()).toEqual(isShown ? [`${action} web-1`] : []);
  });

  it("of a container that begins to run is shown as running", async () => {
    const { emit, take, inventory } = setUp();
    emit("start", plain);
    const { events } = await take();
    expect(events.map(({ container }) => container)).toEqual([
      { ...inventory.snapshot(false).known(plain)?.row, status: "running" },
    ]);
  });

  it("of a created container is shown unchanged", async () => {
    const { emit, take, inventory } = setUp();
    emit("create", old);
    expect((await take()).events[0]?.container).toBe(inventory.snapshot(false).known(old)?.row);
  });

  it("of a run by exec is never shown", async () => {
    const { emit, texts, learn } = setUp();
    const name = "wallet-core-exec-2-a1b2c3";
    learn(facts({ fullId: fresh, name, labels: { service: "wallet-core" } }));
    for (const action of ["start", "unpause", "die", "destroy"]) emit(action, fresh, { attributes: { name } });
    expect(await texts()).toEqual([]);
  });

  it("of a shown container are shown for ten more seconds after each", async () => {
    // The memory of what was shown holds the clock that was there when it was loaded.
    let now = realClock.now();
    const clock = vi.spyOn(realClock, "now").mockImplementation(() => now);
    onTestFinished(() => clock.mockRestore());
    const pass = (ms: number) => {
      now += ms;
      vi.advanceTimersByTime(ms);
    };
    const { emit, texts, learn } = setUp();
    emit("die", web);
    // A new release takes its place.
    learn(app("wallet-core", "web", "v2", { fullId: web, name: "web-2", state: "exited" }));
    learn(app("wallet-core", "web", "v3", { fullId: fresh, name: "web-3" }));
    pass(9900);
    emit("update", web);
    pass(9900);
    emit("stop", web);
    pass(10_100);
    emit("destroy", web);
    expect(await texts()).toEqual(["die web-2", "update web-2", "stop web-2"]);
  });
});

describe("events of an unknown container", () => {
  const attributes = { name: "job-1", image: "x:2", ...labels };

  it("wait until it is inspected, and so do all others behind them", async () => {
    const { emit, texts, enricher, learn } = setUp();
    emit("create", fresh, { attributes });
    emit("start", fresh, { attributes });
    emit("die", web);
    expect(await texts()).toEqual([]);
    enricher.settle(plain);
    expect(await texts()).toEqual([]);
    learn(app("wallet-core", "job", "v2", { fullId: fresh, name: "job-2" }));
    enricher.settle(fresh);
    // The names are those of the events.
    expect(await texts()).toEqual(["create job-1", "start job-1", "die web-2"]);
    emit("stop", web);
    expect(await texts()).toEqual(["stop web-2"]);
  });

  it("of two containers wait each for its own inspection", async () => {
    const { emit, texts, enricher } = setUp();
    const other = fullId("e");
    emit("start", fresh, { attributes });
    emit("start", other, { attributes: { ...attributes, name: "job-2" } });
    emit("die", web);
    enricher.settle(other);
    expect(await texts()).toEqual([]);
    enricher.settle(fresh);
    expect(await texts()).toEqual(["start job-1", "start job-2", "die web-2"]);
  });

  it("have all that is known without an inspection", async () => {
    const { emit, take, enricher } = setUp();
    emit("start", fresh, { attributes });
    enricher.settle(fresh);
    expect((await take()).events.map(({ container }) => container)).toEqual([
      {
        engine: "web-1",
        fullId: fresh,
        id: "dddddddddddd",
        name: "job-1",
        kind: "core",
        role: "web",
        service: "wallet-core",
        destination: null,
        env: null,
        inferredEnv: null,
        isInspected: false,
        labelledEnv: null,
        status: "running",
        health: "none",
        probe: null,
        version: "2",
        floating: false,
        replaced: false,
        commitSha: "",
        restarts: null,
        host: "job-1",
        createdAt: "2026-01-13T09:40:00Z",
        startedAt: null,
        finishedAt: null,
        image: "x:2",
        ports: [],
        hostNames: [],
        observedAt: "2026-01-13T10:00:00Z",
        stale: false,
      },
    ]);
  });

  it("without a name have the start of the id", async () => {
    const { emit, take, enricher } = setUp();
    emit("start", fresh, { attributes: labels });
    enricher.settle(fresh);
    expect((await take()).events.map(({ container }) => [container.name, container.image])).toEqual([
      ["dddddddddddd", ""],
    ]);
  });

  it("that end it wait for nothing, because no inspection follows", async () => {
    const { emit, texts } = setUp();
    emit("destroy", fresh, { attributes });
    expect(await texts()).toEqual(["destroy job-1"]);
    emit("die", web);
    expect(await texts()).toEqual(["die web-2"]);
  });

  it("that end it wait behind its earlier ones", async () => {
    const { emit, texts, enricher } = setUp();
    emit("start", fresh, { attributes });
    emit("destroy", fresh, { attributes });
    expect(await texts()).toEqual([]);
    enricher.settle(fresh);
    expect(await texts()).toEqual(["start job-1", "destroy job-1"]);
  });

  it("are at most 1000 waiting", async () => {
    const { emit, texts, enricher, take } = setUp();
    for (let count = 0; count < 1000; count++) emit(count < 2 ? "start" : "die", fresh, { attributes });
    expect(await texts()).toEqual([]);
    emit("stop", fresh, { attributes });
    expect(await texts()).toEqual(["start job-1"]);
    emit("stop", web);
    expect(await texts()).toEqual(["start job-1"]);
    enricher.settle(fresh);
    expect((await take()).events.map(({ action }) => action)).toEqual(Array(250).fill("die"));
    for (let count = 0; count < 2; count++) await take();
    expect((await texts()).slice(-3)).toEqual(["die job-1", "stop job-1", "stop web-2"]);
  });
});

describe("events from before the stream began", () => {
  /** A feed that has no list yet, and what its observer and its reader get. */
  function setUpPast() {
    const inventory = createInventory({ env: null, rules: rulesOf("wallet-core"), hostNames: [] }, () => {});
    const recorded: string[] = [];
    const onEvent = ({ action, health, container }: ContainerEvent) =>
      void recorded.push(`${action} ${container.name} ${container.env} ${health ?? ""}/${container.health}`);
    const board = createEventBroadcaster({ onWatched: () => {}, onGap: () => {}, onEvent });
    const reading = board.read(() => true, new AbortController().signal);
    const enricher = createEventEnricher("web-1", inventory, board);
    const learn = () => {
      const staging = { ...labels, destination: "staging" };
      inventory.learn(
        app("wallet-core", "web", "v2", { fullId: web, name: "web-2", labels: staging }),
        inventory.begin(),
      );
      const exited = { fullId: old, name: "web-1", labels: staging, state: "exited" };
      inventory.learn(app("wallet-core", "web", "v1", exited), inventory.begin());
    };
    const read = async () => {
      board.onGap("end");
      return ((await reading.next()).value as EventBatch).events.map(({ action }) => action);
    };
    return { enricher, recorded, learn, read };
  }

  it("wait for the first list, and no reader gets them", async () => {
    const { enricher, recorded, learn, read } = setUpPast();
    enricher.hold();
    enricher.onPast(toEvent("die", web));
    enricher.onPast(toEvent("health_status", old, { detail: "unhealthy" }));
    enricher.onPast(toEvent("die", fresh, { attributes: { name: "gone", ...labels } }));
    enricher.onEvent(toEvent("oom", web));
    expect(recorded).toEqual([]);
    learn();
    enricher.settle(web);
    expect(recorded).toEqual([]);
    enricher.release();
    // In their order, with what the list says; not of a container that is gone.
    expect(recorded).toEqual([
      "die web-2 staging /none",
      "health_status web-1 staging unhealthy/unhealthy",
      "oom web-2 staging /none",
    ]);
    expect(await read()).toEqual(["oom"]);
  });

  it("come once, though the first attempt failed", () => {
    const { enricher, recorded, learn } = setUpPast();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      enricher.hold();
      enricher.onPast(toEvent("die", web));
    }
    learn();
    enricher.release();
    expect(recorded).toHaveLength(1);
  });

  it("are at most 1000 waiting, without the labels of their containers", () => {
    const { enricher, recorded, learn } = setUpPast();
    enricher.hold();
    for (let count = 0; count < 1500; count += 1) enricher.onPast(toEvent("die", web));
    learn();
    enricher.release();
    expect(recorded).toHaveLength(1000);
  });
});

it("a stream that begins again says so, the first one does not", async () => {
  const { enricher, take } = setUp();
  enricher.begin();
  expect((await take()).interrupted).toEqual(["end"]);
  enricher.begin();
  expect((await take()).interrupted).toEqual(["web-1", "end"]);
});
