import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Counted, Member, type Phase, Share } from "../../../src/http/connections/shares.ts";
import { growthOf } from "../../support/cost.ts";

class TestMember extends Member {
  readonly path: readonly string[];

  constructor(path: readonly string[]) {
    super();
    this.path = path;
  }

  override close(): void {}
}

const partOf = (root: Share, path: readonly string[]) => path.reduce((share, name) => share.part(name), root);

/** Shares whose members change at random, beside a plain list of the members. */
function createModel() {
  const root = new Share("root");
  const members: TestMember[] = [];
  return {
    root,
    members,
    add(path: readonly string[]) {
      const member = new TestMember(path);
      partOf(root, path).add(member);
      members.push(member);
    },
    change(index: number, phase: Phase) {
      const member = members[index % members.length];
      member?.share?.setPhase(member, phase);
    },
    remove(index: number) {
      const [member] = members.splice(index % Math.max(1, members.length), 1);
      member?.share?.remove(member);
    },
  };
}

const phases = ["pending", "busy", "idle"] as const satisfies Phase[];
const path = fc.tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2", "3"));
const step = fc.oneof(
  fc.record({ do: fc.constant("add" as const), path }),
  fc.record({ do: fc.constant("remove" as const), index: fc.nat(50) }),
  fc.record({ do: fc.constant("change" as const), index: fc.nat(50), phase: fc.constantFrom(...phases) }),
);

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

function apply(model: Pick<ReturnType<typeof createModel>, "add" | "change" | "remove">, one: Step): void {
  if (one.do === "add") model.add(one.path);
  else if (one.do === "remove") model.remove(one.index);
  else model.change(one.index, one.phase);
}

/** How many of them have each value of the property. */
function countBy(members: readonly TestMember[], toName: (member: TestMember) => string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(Object.groupBy(members, toName)).map(([name, list]) => [name, list?.length ?? 0]),
  );
}

test("the largest share is that of a plain count, at each level", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { root, members, ...model } = createModel();
      for (const one of steps) {
        apply(model, one);
        for (const counted of ["open", "new", "idle"] satisfies Counted[]) {
          const all = counted === "open" ? members : members.filter(({ phase }) => phase === counted);
          expect(root[counted]).toBe(all.length);
          const largest = root.largest(counted);
          expect(largest === null).toBe(all.length === 0);
          if (largest === null) continue;
          const [group = "", name = ""] = all.find(({ share }) => share === largest)?.path ?? [];
          const groups = countBy(all, (member) => member.path[0] ?? "");
          expect(groups[group]).toBe(Math.max(...Object.values(groups)));
          const inside = all.filter((member) => member.path[0] === group);
          const parts = countBy(inside, (member) => member.path[1] ?? "");
          expect(parts[name]).toBe(Math.max(...Object.values(parts)));
        }
      }
    }),
  );
});

const lists: [string, readonly Phase[], open: number, fresh: number | null, idle: number | null][] = [
  ["the longest idle one", ["busy", "idle", "idle", "new", "pending"], 1, 3, 1],
  ["else the newest busy one", ["busy", "busy", "new", "pending"], 1, 2, null],
  ["else the longest pending one", ["new", "pending", "pending", "new"], 1, 0, null],
  ["else the oldest new one", ["new", "new"], 0, 0, null],
];

test.each(lists)("the member that gives way is %s", (_name, list, ...places) => {
  const { members, ...model } = createModel();
  for (const [index, phase] of list.entries()) {
    model.add(["x"]);
    if (phase !== "new") model.change(index, phase);
  }
  const chosen = (["open", "new", "idle"] as const).map((counted) => members[0]?.share?.leastUseful(counted));
  expect(chosen).toEqual(places.map((place) => (place === null ? null : members[place])));
});

test("of equal shares the one that has had its number longest is first", () => {
  const { root, members, ...model } = createModel();
  for (const name of ["x", "y", "z"]) model.add([name]);
  expect(root.largest("open")?.name).toBe("x");
  model.remove(0);
  model.add(["x"]);
  expect(root.largest("open")?.name).toBe("y");
  expect(members).toHaveLength(3);
});

test("a share without members is forgotten", () => {
  const { root, ...model } = createModel();
  model.add(["x", "1"]);
  const first = partOf(root, ["x", "1"]);
  expect(partOf(root, ["x", "1"])).toBe(first);
  model.remove(0);
  expect(partOf(root, ["x", "1"])).not.toBe(first);
  expect([root.open, root.idle, root.largest("open")]).toEqual([0, 0, null]);
});

test("each new connection costs the same, however many there are", () => {
  const churn = (networks: number) => {
    const { root, ...model } = createModel();
    for (let index = 0; index < networks; index += 1) model.add([String(index % 40), String(index)]);
    for (let index = 0; index < networks; index += 1) {
      model.add([String(index % 40), String(networks + index)]);
      const victim = root.largest("open")?.leastUseful("open");
      victim?.share?.remove(victim);
    }
    return root.open;
  };
  expect(churn(500)).toBe(500);
  expect(growthOf(churn, 500)).toBeLessThan(9);
});

test("parts take turns, each from its oldest busy member on", () => {
  const model = createModel();
  for (const one of [["a", "1"], ["a", "1"], ["a", "2"], ["b"], ["b"], ["c"]]) model.add(one);
  model.members.forEach((_, index) => model.change(index, "busy"));
  const turns = (may?: (part: Share) => boolean) => {
    const order: number[] = [];
    for (;;) {
      const member = model.root.takeTurn(may);
      if (!member) return order;
      order.push(model.members.findIndex((one) => one === member));
      member.share?.remove(member);
    }
  };
  // Nobody of `a` has a turn before the others are done, and it loses nothing.
  expect(turns(({ name }) => name !== "a")).toEqual([3, 5, 4]);
  expect(turns()).toEqual([0, 2, 1]);
});
