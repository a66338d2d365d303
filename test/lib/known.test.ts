import { describe, expect, it, vi } from "vitest";
import { KnownLoader, onceKnown, whenKnown } from "../../src/lib/known.ts";

type Read = (keys: readonly string[]) => Promise<readonly (string | Error)[]>;

function createLoader(read: Read = async (keys) => keys.map((key) => `of ${key}`)) {
  const asked = vi.fn<Read>(read);
  return { asked, loader: new KnownLoader<string, string>(asked, (key) => key.toLowerCase()) };
}

describe("a value that is read once", () => {
  it("is a promise for all that ask before it is there, and then itself", async () => {
    const ask = vi.fn<() => Promise<number>>(async () => 7);
    const read = onceKnown(ask);
    expect(await Promise.all([read(), read()])).toEqual([7, 7]);
    expect([read(), whenKnown(read(), (value) => value + 1)]).toEqual([7, 8]);
    expect(await whenKnown(Promise.resolve(1), (value) => value + 1)).toBe(2);
    expect(ask).toHaveBeenCalledOnce();
  });

  it("is its error for all, where there is one", async () => {
    const ask = vi.fn<() => Promise<number>>(() => Promise.reject(new Error("down")));
    const read = onceKnown(ask);
    await expect(read()).rejects.toThrow("down");
    expect(read).toThrow("down");
    expect(ask).toHaveBeenCalledOnce();
  });
});

describe("a loader of known values", () => {
  it("asks once for all keys of a turn, each by its id", async () => {
    const { asked, loader } = createLoader();
    const all = loader.loadAll(["a", "B"]);
    expect(await Promise.all([loader.load("A"), loader.load("c"), loader.loadEach(["C", "b"]), all])).toEqual([
      "of a",
      "of c",
      ["of c", "of B"],
      undefined,
    ]);
    expect(asked.mock.calls).toEqual([[["a", "B", "c"]]]);
  });

  it("answers what it knows without a promise, and asks for nothing twice", async () => {
    const { asked, loader } = createLoader();
    await loader.loadAll(["a"]);
    expect(loader.load("A")).toBe("of a");
    const again = [loader.load("b"), loader.loadAll(["a", "b"])];
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(2));
    // While it is being read.
    const late = loader.load("b");
    await Promise.all([...again, late]);
    expect(asked.mock.calls).toEqual([[["a"]], [["b"]]]);
  });

  it("knows an error of one key, or of all", async () => {
    const one = createLoader(async (keys) => keys.map((key) => (key === "bad" ? new Error("no") : key)));
    await one.loader.loadAll(["bad", "good"]);
    expect(one.loader.load("good")).toBe("good");
    expect(() => one.loader.load("bad")).toThrow("no");
    await expect(one.loader.loadEach(["good", "bad"])).rejects.toThrow("no");
    const all = createLoader(() => Promise.reject(new Error("down")));
    await all.loader.loadAll(["a", "b"]);
    expect(() => all.loader.load("b")).toThrow("down");
    await expect(createLoader(() => Promise.reject(new Error("down"))).loader.load("a")).rejects.toThrow("down");
  });

  it("takes null for a value", async () => {
    const loader = new KnownLoader<string, string | null>(
      async (keys) => keys.map(() => null),
      (key) => key,
    );
    await loader.loadAll(["a"]);
    expect(loader.load("a")).toBeNull();
  });
});
