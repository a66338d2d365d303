import { expect, it } from "vitest";
import { SwapList } from "../../../src/lib/budget/swap-list.ts";

const items = (count: number) => Array.from({ length: count }, (_, name) => ({ name, place: -1 }));
const names = (list: SwapList<{ name: number; place: number }>) =>
  [...list].map(({ name }) => name).toSorted((a, b) => a - b);

it("has what was added and not deleted, each once", () => {
  const list = new SwapList<{ name: number; place: number }>();
  const [a, b, c] = items(3) as [
    { name: number; place: number },
    { name: number; place: number },
    { name: number; place: number },
  ];
  expect([list.size, list.has(a), list.delete(a)]).toEqual([0, false, false]);
  for (const item of [a, b, c, a]) list.add(item);
  expect([names(list), list.size]).toEqual([[0, 1, 2], 3]);
  expect([list.delete(a), list.delete(a), list.has(a), list.has(c)]).toEqual([true, false, false, true]);
  expect(names(list)).toEqual([1, 2]);
  list.add(a);
  expect([list.delete(c), list.delete(b), list.delete(a), list.size]).toEqual([true, true, true, 0]);
});

it("may change while it is read", () => {
  const list = new SwapList<{ name: number; place: number }>();
  const all = items(10);
  for (const item of all) list.add(item);
  const seen = [];
  for (const item of list) {
    seen.push(item.name);
    list.delete(item);
  }
  expect([seen.toSorted((x, y) => x - y), list.size]).toEqual([all.map(({ name }) => name), 0]);
});
