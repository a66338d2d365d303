import { beforeEach, expect, it, vi } from "vitest";
import { createRowMemo, longList } from "../../../src/graphql/compiled/row-memo.ts";
import type { Steps } from "../../../src/lib/budget/steps.ts";
import { sampleContainer } from "../../support/containers.ts";
import { finish } from "../../support/steps.ts";

const [a, b, c] = [sampleContainer({ name: "a" }), sampleContainer({ name: "b" }), sampleContainer({ name: "c" })];
const others = Array.from({ length: longList }, (_, index) => sampleContainer({ name: `other-${index}` }));
const made = others.map(({ name }) => `made ${name}`);
const make = vi.fn<(row: { name: string }) => string>(({ name }) => `made ${name}`);
beforeEach(() => void make.mockClear());

const take = <T>(steps: Steps<T> | null) => steps && finish(steps);

it("selects new containers, and returns the values of all, in order", () => {
  const memo = createRowMemo<string>();
  const first = memo.begin();
  expect(first.select([a, ...others, b])).toEqual([a, ...others, b]);
  expect(take(first.finish([a, ...others, b], make))).toEqual(["made a", ...made, "made b"]);
  make.mockClear();
  const second = memo.begin();
  const changed = { ...b, name: "b2" };
  expect(second.select([c, a, changed, ...others])).toEqual([c, changed]);
  expect(take(second.finish([c, changed], make))).toEqual(["made c", "made a", "made b2", ...made]);
  expect(make).toHaveBeenCalledTimes(2);
});

it("remembers nothing of a short list, or of a document that selects none", () => {
  const memo = createRowMemo<string>();
  for (const _ of [1, 2]) {
    const run = memo.begin();
    expect(run.select(others.slice(1))).toEqual(others.slice(1));
    expect(run.finish(others.slice(1), make)).toBeNull();
  }
  expect(memo.begin().finish([{ name: "x" }], make)).toBeNull();
  expect(make).not.toHaveBeenCalled();
});

it("keeps the runs of two callers apart", () => {
  const memo = createRowMemo<string>();
  const [one, other] = [memo.begin(), memo.begin()];
  expect(one.select([a, b, ...others])).toEqual([a, b, ...others]);
  expect(other.select([b, ...others])).toEqual([b, ...others]);
  expect(take(other.finish([b, ...others], make))).toEqual(["made b", ...made]);
  expect(take(one.finish([a, b, ...others], make))).toEqual(["made a", "made b", ...made]);
});

it("lets others run before each row", () => {
  const run = createRowMemo<string>().begin();
  run.select(others);
  const steps = run.finish(others, make);
  for (const [index] of others.entries()) {
    expect(steps?.next().done).toBe(false);
    expect(make).toHaveBeenCalledTimes(index);
  }
  expect(steps?.next()).toEqual({ done: true, value: made });
});
