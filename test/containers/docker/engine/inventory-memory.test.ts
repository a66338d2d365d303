import * as fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createInventory } from "../../../../src/containers/docker/engine/inventory.ts";
import type { RawContainer } from "../../../../src/containers/container.ts";
import { app, rulesOf } from "../../../support/docker-facts.ts";

const id = (digit: string) => digit.repeat(64);
const toFacts = (digit: string, change: Partial<RawContainer> = {}) =>
  app("wallet-core", "web", "v1", { fullId: id(digit), name: `web-${digit}`, hostname: `host-${digit}`, ...change });
/** The list tells less than an inspection. */
const toListed = (facts: RawContainer, recent = false) => ({
  raw: { ...facts, hostname: null, restarts: null, variables: null, startedAt: null },
  recent,
});

const onChange = vi.fn<() => void>();
beforeEach(() => {
  onChange.mockClear();
});
const create = () => createInventory({ env: null, rules: rulesOf("wallet-core"), hostNames: [] }, onChange);
const one = toFacts("1", { restarts: 3 });

/** An inventory that knows one container by the list and by inspection. */
function createKnown() {
  const inventory = create();
  const changed = inventory.applyList([toListed(one)], inventory.begin());
  inventory.learn(one, inventory.begin());
  return {
    inventory,
    changed,
    list: (...listed: readonly ReturnType<typeof toListed>[]) => inventory.applyList(listed, inventory.begin()),
  };
}

describe("a list selects for inspection", () => {
  it("new containers, and none that are unchanged", () => {
    const { changed, list } = createKnown();
    expect(changed).toEqual([id("1")]);
    expect(list(toListed(one))).toEqual([]);
    expect(list(toListed(one), toListed(toFacts("2")))).toEqual([id("2")]);
    // Until it was inspected.
    expect(list(toListed(one), toListed(toFacts("2")))).toEqual([id("2")]);
  });

  it("containers that started or stopped just now, though listed as before", () => {
    const { list } = createKnown();
    expect(list(toListed(one, true))).toEqual([id("1")]);
    // From then on what was inspected is in doubt.
    expect(list(toListed(one))).toEqual([id("1")]);
  });

  it.each<[string, Partial<RawContainer>]>([
    ["state", { state: "exited" }],
    ["name", { name: "web-renamed" }],
    ["image", { image: "sha256:abc" }],
    [
      "health",
      { health: { status: "unhealthy", failingStreak: 0, failingSince: null, checkedAt: null, output: null } },
    ],
    ["labels", { labels: { ...one.labels, more: "1" } }],
  ])("containers with another %s", (_, change) => {
    const { inventory, list } = createKnown();
    expect(list(toListed({ ...one, ...change }))).toEqual([id("1")]);
    inventory.learn({ ...one, ...change }, inventory.begin());
    expect(list(toListed({ ...one, ...change }))).toEqual([]);
  });

  it.each<[string, Partial<RawContainer>]>([
    ["state", { state: "exited" }],
    ["name", { name: "web-renamed" }],
  ])("containers that were inspected with another %s than listed", (_, change) => {
    const { inventory, list } = createKnown();
    inventory.learn({ ...one, ...change }, inventory.begin());
    expect(list(toListed(one))).toEqual([id("1")]);
  });

  it("containers that could not be inspected", () => {
    const { inventory, list } = createKnown();
    inventory.demote(id("1"));
    expect(list(toListed(one))).toEqual([id("1")]);
  });
});

describe("a late answer", () => {
  it("overwrites nothing newer, and a late list removes nothing", () => {
    const { inventory } = createKnown();
    const early = inventory.begin();
    const late = inventory.begin();
    inventory.learn({ ...one, restarts: 9 }, late);
    inventory.learn({ ...one, restarts: 1 }, early);
    expect(inventory.snapshot(false).known(id("1"))?.row.restarts).toBe(9);
    expect(inventory.applyList([toListed({ ...one, name: "old" })], early)).toEqual([]);
    expect(inventory.applyList([], early)).toEqual([]);
    expect(inventory.snapshot(false).known(id("1"))?.row.name).toBe("web-1");
    inventory.learn({ ...one, restarts: 10 }, late);
    expect(inventory.snapshot(false).known(id("1"))?.row.restarts).toBe(10);
  });

  it("brings nothing back that was removed meanwhile", () => {
    const { inventory } = createKnown();
    const early = inventory.begin();
    inventory.remove(id("1"));
    inventory.learn(one, early);
    inventory.applyList([toListed(one)], early);
    expect(inventory.snapshot(false).known(id("1"))).toBeNull();
    // A list that was asked later may name it, and then ends that memory.
    inventory.applyList([toListed(one)], inventory.begin());
    expect(inventory.snapshot(false).known(id("1"))?.row.name).toBe("web-1");
  });

  it("that is a list without a container removes it", () => {
    const { inventory, list } = createKnown();
    list(toListed(toFacts("2")));
    expect(inventory.snapshot(false).visible.map(({ name }) => name)).toEqual(["web-2"]);
  });
});

it("an uninspectable container is as listed, with its constant fields", () => {
  const { inventory, list } = createKnown();
  list(toListed({ ...one, state: "exited", image: "sha256:abc" }));
  inventory.demote(id("1"));
  const { raw } = inventory.snapshot(false).known(id("1")) ?? {};
  expect(raw).toMatchObject({
    state: "exited",
    restarts: null,
    hostname: "host-1",
    image: one.image,
    variables: one.variables,
  });
  onChange.mockClear();
  inventory.demote(id("9"));
  const learned = create();
  learned.learn(one, learned.begin());
  onChange.mockClear();
  learned.demote(id("1"));
  expect(onChange).not.toHaveBeenCalled();
  expect(learned.snapshot(false).known(id("1"))?.row.restarts).toBe(3);
});

describe("a stopped container that cannot be inspected", () => {
  const times = { startedAt: "2026-01-13T09:00:00Z", finishedAt: "2026-01-13T09:59:00Z" };
  const createStopped = () => {
    const known = createKnown();
    const stopped = { ...one, ...times, state: "exited" };
    known.inventory.learn(stopped, known.inventory.begin());
    const fail = (state = "exited") => {
      known.list(toListed({ ...one, state, startedAt: null, finishedAt: null }));
      known.inventory.demote(id("1"));
      const { startedAt, finishedAt } = known.inventory.snapshot(false).known(id("1"))?.row ?? {};
      return { startedAt, finishedAt };
    };
    return { ...known, stopped, fail };
  };
  const unknown = { startedAt: null, finishedAt: null };

  it("keeps its times, also when its engine was away", () => {
    const { inventory, fail } = createStopped();
    expect([fail(), fail()]).toEqual([times, times]);
    inventory.doubtRestarts(null);
    expect(fail()).toEqual(times);
  });

  it("has no times once it started or ended again, until it is inspected", () => {
    const { inventory, fail, stopped } = createStopped();
    inventory.doubtTimes(id("1"));
    expect([fail(), fail()]).toEqual([unknown, unknown]);
    inventory.learn(stopped, inventory.begin());
    expect(fail()).toEqual(times);
    expect(fail("running")).toEqual(unknown);
    expect(fail()).toEqual(unknown);
  });
});

it("a snapshot is the same object until something changes", () => {
  const { inventory } = createKnown();
  const before = inventory.snapshot(false);
  expect(inventory.snapshot(false)).toBe(before);
  expect(inventory.snapshot(true)).not.toBe(before);
  expect(inventory.snapshot(true).known(id("1"))?.row).toMatchObject({
    stale: true,
    observedAt: before.known(id("1"))?.row.observedAt,
  });
  expect(before.known(id("1"))?.row).toBe(before.visible[0]);
  expect(before.known(id("9"))).toBeNull();
  onChange.mockClear();
  inventory.remove(id("9"));
  expect([onChange.mock.calls.length, inventory.snapshot(false)]).toEqual([0, before]);
  inventory.learn({ ...one, restarts: 4 }, inventory.begin());
  expect(onChange).toHaveBeenCalledOnce();
  expect(inventory.snapshot(false)).not.toBe(before);
});

it("the last state of a removed container is known, for the last 1000", () => {
  const inventory = create();
  const ids = Array.from({ length: 1001 }, (_, index) => String(index).padStart(64, "0"));
  inventory.applyList(
    ids.map((fullId) => toListed(toFacts("1", { fullId, name: `web-${Number(fullId)}` }))),
    inventory.begin(),
  );
  inventory.snapshot(false);
  for (const fullId of ids.slice(0, 1000)) inventory.remove(fullId);
  expect(inventory.lastKnown(ids[0] as string)).toMatchObject({ row: { name: "web-0" }, visible: true });
  expect(inventory.lastKnown(ids[1000] as string)?.row.name).toBe("web-1000");
  inventory.remove(ids[1000] as string);
  expect(inventory.lastKnown(ids[1000] as string)?.row.name).toBe("web-1000");
  expect(inventory.lastKnown(ids[1] as string)).toBeNull();
  expect(inventory.lastKnown(id("9"))).toBeNull();
});

describe("what an engine was seen to have", () => {
  const namesOf = (inventory: ReturnType<typeof create>) => inventory.everSeen()?.map(({ name }) => name) ?? null;

  const digits = fc.constantFrom("1", "2");
  const names = fc.constantFrom("a", "b", "c", "a-temporary");
  const step = fc.oneof(
    fc.record({ by: fc.constant("event" as const), digit: digits, name: names }),
    fc.record({ by: fc.constant("list" as const), digit: digits, name: names }),
    fc.record({ by: fc.constant("inspection" as const), digit: digits, name: names }),
    fc.record({ by: fc.constant("removal" as const), digit: digits, name: fc.constant(null) }),
  );
  type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;
  const steps = fc.array(step, { maxLength: 12 });
  const take = (inventory: ReturnType<typeof create>, { by, digit, name }: Step) => {
    const raw = toFacts(digit, { name: name ?? "" });
    if (by === "event") inventory.hear({ ...raw, variables: null });
    else if (by === "list") inventory.applyList([toListed(raw)], inventory.begin());
    else if (by === "inspection") inventory.learn(raw, inventory.begin());
    else inventory.remove(id(digit));
  };

  it("is each container under each of its names, also after it was removed", () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const inventory = create();
        for (const done of taken) take(inventory, done);
        expect(new Set(namesOf(inventory))).toEqual(new Set(taken.flatMap(({ name }) => name ?? [])));
      }),
    );
  });

  it("has its last name in a row, or among what was heard", () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const inventory = create();
        const last = new Map<string, string>();
        for (const done of taken) {
          const { by, digit, name } = done;
          take(inventory, done);
          if (by === "list") last.clear();
          if (name === null) last.delete(id(digit));
          else last.set(id(digit), name);
          const [rows, heard] = [inventory.listStale(), inventory.heard()];
          for (const [fullId, expected] of last) {
            const found = [...rows, ...heard].filter((row) => row.fullId === fullId).map((row) => row.name);
            expect(found).toContain(expected);
          }
          // What is heard ends with the container, and tells nothing that a row tells.
          for (const row of heard) {
            expect([last.get(row.fullId), row.isInspected]).toEqual([row.name, false]);
            expect(rows.some(({ fullId, name: known }) => fullId === row.fullId && known === row.name)).toBe(false);
          }
        }
      }),
    );
  });

  it("is sure of an environment by an inspection alone", () => {
    const { inventory } = createKnown();
    inventory.hear({ ...toFacts("2"), variables: null });
    expect(inventory.everSeen()?.map(({ name, isInspected }) => [name, isInspected])).toEqual([
      ["web-1", true],
      ["web-2", false],
    ]);
    expect(inventory.snapshot(false).isInspected).toBe(true);
    inventory.applyList([toListed(one), toListed(toFacts("2"))], inventory.begin());
    expect(inventory.snapshot(false).isInspected).toBe(false);
  });

  it("is unknown when more was removed than is remembered", () => {
    const { inventory } = createKnown();
    const leave = (index: number) => {
      const fullId = String(index).padStart(64, "0");
      inventory.learn(toFacts("3", { fullId, name: `job-${index}` }), inventory.begin());
      inventory.remove(fullId);
    };
    for (let index = 0; index < 1000; index += 1) leave(index);
    expect(namesOf(inventory)).toHaveLength(1001);
    leave(1000);
    expect(namesOf(inventory)).toBeNull();
  });
});
