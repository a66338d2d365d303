import { describe, expect, it, vi } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import {
  createInspect,
  type Engine,
  type EngineView,
  findEngine,
} from "../../../src/containers/docker/engine/engine.ts";
import type { Snapshot } from "../../../src/containers/docker/engine/inventory.ts";
import { createLister } from "../../../src/containers/docker/source.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { fullId, inspected } from "../../support/docker-fake.ts";

const row = (kind: string, name: string, engine: string) => ({ kind, name, engine }) as Container;
const snapshot = (...visible: readonly Container[]) =>
  ({
    visible,
    listRetired: () => [row("core", "old", visible[0]?.engine ?? "")],
    listRunning: () => [...visible, row("other", "hidden", visible[0]?.engine ?? "")],
  }) as unknown as Snapshot;

/** An engine that gives these views, one after the other; the last one for ever. */
function engineOf(name: string, ...snapshots: readonly (Snapshot | null)[]) {
  let index = 0;
  const view = (): EngineView => {
    const found = snapshots[Math.min(index++, snapshots.length - 1)] ?? null;
    return { status: { name } as EngineView["status"], snapshot: found };
  };
  const signals: AbortSignal[] = [];
  const engine = {
    view: (signal: AbortSignal) => (signals.push(signal), index % 2 === 0 ? view() : Promise.resolve(view())),
    viewCached: () => (snapshots.length === 0 ? null : view()),
  } as unknown as Engine;
  return { engine, signals };
}
const { signal } = new AbortController();
const names = (containers: readonly Container[]) =>
  containers.map(({ kind, name, engine }) => `${kind} ${name} ${engine}`);

describe("the containers of all engines", () => {
  const first = snapshot(
    row("other", "a", "one"),
    row("core", "z", "one"),
    row("accessory", "b", "one"),
    row("core", "b", "one"),
  );
  const second = snapshot(row("core", "b", "another"), row("accessory", "a", "two"), row("other", "a", "two"));

  it("are sorted by kind, name and engine", async () => {
    for (const order of [
      [first, second],
      [second, first],
    ] as const) {
      const engines = order.map((each, index) => engineOf(`engine-${index}`, each));
      const { containers, engines: statuses } = await createLister(engines.map(({ engine }) => engine)).list(signal);
      expect(names(containers)).toEqual([
        "core b another",
        "core b one",
        "core z one",
        "accessory a two",
        "accessory b one",
        "other a one",
        "other a two",
      ]);
      expect(statuses).toEqual([{ name: "engine-0" }, { name: "engine-1" }]);
      expect(engines.map(({ signals }) => signals)).toEqual([[signal], [signal]]);
    }
  });

  it("are the same list until one engine has another", async () => {
    const engines = [
      engineOf("one", first, first, first, null),
      engineOf("two", second, second, snapshot(), snapshot()),
    ];
    const lister = createLister(engines.map(({ engine }) => engine));
    const { containers } = await lister.list(signal);
    expect((await lister.list(signal)).containers).toBe(containers);
    const without = (await lister.list(signal)).containers;
    expect(names(without)).toEqual(["core b one", "core z one", "accessory b one", "other a one"]);
    expect((await lister.list(signal)).containers).toEqual([]);
  });

  it("are those of the engines that answer", async () => {
    const engines = [engineOf("one", null), engineOf("two", second)];
    const lister = createLister(engines.map(({ engine }) => engine));
    expect(names(await lister.listRetired(signal))).toEqual(["core old another"]);
    const live = await lister.listRunning(signal);
    expect(names(live.containers)).toEqual([
      "core b another",
      "accessory a two",
      "other a two",
      "other hidden another",
    ]);
    expect(live.engines).toEqual([{ name: "one" }, { name: "two" }]);
    expect(names((await lister.list(signal)).containers)).toHaveLength(3);
  });

  it("are known at once if no engine must be awaited", () => {
    const known = engineOf("one", first).engine;
    expect(names(createLister([known]).listCached()?.containers ?? [])).toHaveLength(4);
    expect(createLister([known, engineOf("two").engine]).listCached()).toBeNull();
    expect(createLister([]).listCached()).toEqual({ containers: [], engines: [] });
  });
});

it("a reference to an unknown engine is to a removed container", () => {
  const { engine } = engineOf("one", null);
  const engines = new Map([["one", engine]]);
  expect(findEngine(engines, { engine: "one", fullId: fullId("a") })).toBe(engine);
  expect(() => findEngine(engines, { engine: "two", fullId: fullId("a") })).toThrow(
    expect.objectContaining({ code: "container_not_found", message: "No such container" }),
  );
});

describe("an inspection", () => {
  const id = fullId("a");
  function setUp(answer: () => unknown) {
    const inventory = {
      begin: () => 7,
      learn: vi.fn<(...learned: unknown[]) => void>(),
      remove: vi.fn<(id: string) => void>(),
    };
    const call = vi.fn<(...parameters: unknown[]) => Promise<unknown>>(async () => answer());
    const asked: unknown[] = [];
    const engine = {
      name: "web-1",
      inventory,
      client: { call },
      ask(deadlineMs: number, run: (ending: AbortSignal) => Promise<unknown>, ...callers: readonly AbortSignal[]) {
        asked.push(deadlineMs, ...callers);
        return run(signal);
      },
    } as unknown as Parameters<typeof createInspect>[0];
    return { inventory, call, asked, inspect: () => createInspect(engine, 400)(id, signal) };
  }

  it.each([
    [{}, false, null],
    [{ Tty: null, StopTimeout: null }, false, null],
    [{ Tty: true, StopTimeout: 30 }, true, 30],
  ])("with %j updates the row, and has what our calls need", async (config, tty, stopTimeout) => {
    const { inventory, call, asked, inspect } = setUp(() => inspected(id, "web-a", config));
    const found = await inspect();
    expect([found.tty, found.stopTimeout, found.raw.name, found.raw.engine]).toEqual([
      tty,
      stopTimeout,
      "web-a",
      "web-1",
    ]);
    expect(inventory.learn.mock.calls).toEqual([[found.raw, 7]]);
    expect(inventory.remove).not.toHaveBeenCalled();
    expect(call.mock.calls).toEqual([[id, "json", {}, signal]]);
    expect(asked).toEqual([400, signal]);
  });

  it.each([[null], [{}], [inspected(fullId("b"), "web-b")]])("that is %o is empty", async (answer) => {
    const { inventory, inspect } = setUp(() => answer);
    await expect(inspect()).rejects.toThrow(
      expect.objectContaining({ name: "AnswerError", message: "unexpected response to GET /containers/{id}/json" }),
    );
    expect([inventory.learn.mock.calls, inventory.remove.mock.calls]).toEqual([[], []]);
  });

  it.each([
    [new OpsError("container_not_found", "x"), [[id]]],
    [new OpsError("docker_timeout", "x"), []],
    [Object.assign(new Error("x"), { code: "container_not_found" }), []],
  ])("that fails with %o removes a container that is gone", async (error, removed) => {
    const { inventory, inspect } = setUp(() => {
      throw error;
    });
    await expect(inspect()).rejects.toBe(error);
    expect(inventory.remove.mock.calls).toEqual(removed);
  });
});

it("a long list of which few rows change is sorted as a new one", async () => {
  const kinds = ["core", "accessory", "other"];
  let rows = Array.from({ length: 90 }, (_, index) => row(kinds[index % 3] ?? "", `n${(index * 37) % 90}`, "one"));
  let current = snapshot(...rows);
  const view = (): EngineView => ({ status: { name: "one" } as EngineView["status"], snapshot: current });
  const lister = createLister([{ view, viewCached: view }]);
  for (let round = 0; round < 60; round += 1) {
    const changed = row(kinds[round % 3] ?? "", `n${(round * 53) % 120}-${round}`, "one");
    const other = row("core", ["", "zz"][round % 2] + `${round}`, "one");
    rows = [...rows.slice(1 + (round % 3)), changed, ...(round % 5 === 0 ? [other] : [])];
    current = snapshot(...rows);
    const fresh = createLister([{ view, viewCached: view }]);
    expect(names((await lister.list(signal)).containers)).toEqual(names((await fresh.list(signal)).containers));
  }
});
