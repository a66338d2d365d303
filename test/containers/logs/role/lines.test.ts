import { describe, expect, it } from "vitest";
import { maxPageBytes, toLineBytes } from "../../../../src/containers/logs/log.ts";
import { byPlace, toBeginning, toMarker, toRoleLine } from "../../../../src/containers/logs/role/lines.ts";
import { createRolePage } from "../../../../src/containers/logs/role/page.ts";
import { replica } from "../../../support/containers.ts";
import { at, line } from "../../../support/logs.ts";

const web = { ...replica("web", "v1", 5), engine: "one" };

describe("a line of a role", () => {
  it("names its container; a marker begins a release", () => {
    const own = { ...line(7, "text"), level: "warn", stream: "stderr" } as const;
    expect(toRoleLine(web, own)).toEqual({ ...own, kind: "line", container: web });
    expect(toMarker(web, at(9))).toEqual({
      kind: "marker",
      timestamp: at(9),
      stream: null,
      level: null,
      message: "release v1 begins: web on one",
      container: web,
    });
    expect(toBeginning(web)).toBe(at(5000));
    expect(toBeginning({ ...web, createdAt: "" })).toBe("1970-01-01T00:00:00.000000000Z");
  });

  it("is sorted by time, then by name and engine", () => {
    const place = (ms: number, name: string, engine: string) => ({
      place: at(ms),
      line: toRoleLine({ ...replica(name), engine }, line(ms)),
    });
    const order = [place(1, "z", "z"), place(2, "a", "b"), place(2, "b", "a"), place(2, "b", "c")];
    for (const [first, one] of order.entries())
      for (const [second, other] of order.entries()) expect(byPlace(one, other)).toBe(Math.sign(first - second));
  });
});

describe("a page of a role", () => {
  const container = replica("web");
  const texts = (page: ReturnType<typeof createRolePage>) => page.take().map(({ message }) => message);

  it("has the bytes of an answer, with the fields around each line", () => {
    const around = toLineBytes({ message: "" }) + 250;
    const half = maxPageBytes / 2 - around;
    const page = createRolePage(10);
    expect(page.add(container, [line(1, "x".repeat(half)), line(2, "y".repeat(half))])).toBe(0);
    expect([page.take().length, page.dropped, page.since]).toEqual([2, false, null]);
    const over = createRolePage(10);
    expect(over.add(container, [line(1, "x".repeat(half)), line(2, "y".repeat(half + 1))])).toBe(half + around - 250);
    expect([over.take().length, over.dropped, over.since]).toEqual([1, true, "2026-01-13T09:46:39.002000000Z"]);
  });

  it("that is full omits the second before its first line", () => {
    const page = createRolePage(2);
    page.add(container, [line(5000, "a")]);
    expect(page.since).toBeNull();
    page.add(container, [line(7000, "b")]);
    expect([page.since, page.dropped]).toEqual([at(4000), false]);
    expect(page.add(container, [line(6000, "c")])).toBe(toLineBytes({ message: "a" }));
    expect([texts(page), page.since, page.dropped]).toEqual([["c", "b"], at(5000), true]);
    expect([createRolePage(0).since, createRolePage(2).take()]).toEqual([null, []]);
  });

  it("has the lines of one container in their own order", () => {
    const page = createRolePage(10);
    page.add(container, [line(3000, "a"), line(1000, "b"), line(4000, "c")]);
    page.add(replica("other"), [line(2000, "x"), line(3500, "y")]);
    expect(texts(page)).toEqual(["x", "a", "b", "y", "c"]);
  });

  it.each([
    [
      null,
      ["w", "release v1 begins: b on local", "x", "release v2 begins: c on local", "release v3 begins: e on local"],
    ],
    [at(2000), ["w", "release v1 begins: b on local", "x", "release v2 begins: c on local"]],
    [at(1999), ["w", "release v1 begins: b on local", "x"]],
  ])("has the markers of releases that begin within it, until %s", (until, expected) => {
    const page = createRolePage(10, until);
    page.add(replica("d", "v1", 1), []);
    page.add(replica("b", "v1", 1), [line(1500, "x")]);
    page.add(replica("a", "v1", 2), []);
    page.add(replica("c", "v2", 2), []);
    // The first release began before the first line.
    expect(texts(page)[0]).toBe("x");
    page.add(replica("e", "v3", 9), [line(500, "w")]);
    expect(texts(page)).toEqual(expected);
  });
});
