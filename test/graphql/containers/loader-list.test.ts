import { describe, expect, it } from "vitest";
import { createListLoader } from "../../../src/graphql/containers/loader.ts";

function createLoader(fail: readonly string[] = []) {
  const asked: string[][] = [];
  const load = createListLoader<{ id: string }, string>(
    async (keys) => {
      const ids = keys.map(({ id }) => id);
      asked.push(ids);
      if (ids.some((id) => fail.includes(id))) throw new Error(`no ${ids.join()}`);
      return ids.map((id) => id.toUpperCase());
    },
    ({ id }) => id,
  );
  return { asked, load: (...ids: string[]) => load(ids.map((id) => ({ id }))) };
}

describe("a list loader", () => {
  it("asks each key once, and answers in the order of the keys", async () => {
    const { asked, load } = createLoader();
    const answers = [load("b", "a"), load("c", "a", "d", "b"), load("d", "c"), load(), load("a", "e")];
    expect(await Promise.all(answers)).toEqual([["B", "A"], ["C", "A", "D", "B"], ["D", "C"], [], ["A", "E"]]);
    expect(asked).toEqual([["b", "a"], ["c", "d"], ["e"]]);
  });

  it("asks an empty list too when it is the first", async () => {
    const { asked, load } = createLoader();
    expect([await load(), await load(), await load("a")]).toEqual([[], [], ["A"]]);
    expect(asked).toEqual([[], ["a"]]);
  });

  it("rejects for a failed batch, now and later, and asks it no more", async () => {
    const { asked, load } = createLoader(["b"]);
    expect(await load("a")).toEqual(["A"]);
    await expect(load("a", "b")).rejects.toThrow("no b");
    await expect(load("b")).rejects.toThrow("no b");
    expect(asked).toEqual([["a"], ["b"]]);
  });
});
