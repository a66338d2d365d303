import { describe, expect, it } from "vitest";
import { maxPageBytes, toLineBytes } from "../../../../src/containers/logs/log.ts";
import { createRolePositions } from "../../../../src/containers/logs/role/follow.ts";
import { byPlace, toBeginning, toMarker, toRoleLine } from "../../../../src/containers/logs/role/lines.ts";
import { createRolePage } from "../../../../src/containers/logs/role/page.ts";
import { replica } from "../../../support/containers.ts";
import { at, line } from "../../../support/logs.ts";

const web = { ...replica("web", "v1", 5), engine: "one" };

describe("a line of a role", () => {
  it("is that of its container, a marker begins a release", () => {
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

  it("has its place by time, then by name and engine", () => {
    const place = (ms: number, name: string, engine: string) => ({
      place: at(ms),
      line: toRoleLine({ ...replica(name), engine }, line(ms)),
    });
    const order = [place(1, "z", "z"), place(2, "a", "b"), place(2, "b", "a"), place(2, "b", "c")];
    for (const [first, one] of order.entries())
      for (const [second, other] of order.entries()) expect(byPlace(one, other)).toBe(Math.sign(first - second));
  });
});

describe("positions", () => {
  it("are the last time that was read, and how often it was there", () => {
    const positions = createRolePositions();
    expect([positions.has("a"), positions.since("a")]).toEqual([false, null]);
    positions.add("a", []);
    expect(positions.has("a")).toBe(false);
    positions.add("a", [line(1000), line(2000), line(2000)]);
    positions.add("a", []);
    positions.add("a", [line(2000)]);
    expect([positions.has("a"), positions.has("b"), positions.since("a")]).toEqual([true, false, "1768297602.000000000"]);
    const gate = positions.createGate("a");
    const lines = [line(2000), line(1500), line(2000), line(2000), line(2000), line(3000)];
    expect(lines.map((each) => gate.isNew(each))).toEqual([false, true, false, false, true, true]);
    positions.add("a", [line(3000)]);
    const next = positions.createGate("a");
    expect([line(2000), line(3000), line(3000)].map((each) => next.isNew(each))).toEqual([true, false, true]);
  });

  it.each([
    [0, 0, [false, false, true]],
    [1, 0, [false, true, true]],
    [2, 0, [true, true, true]],
    [5, 3, [true, true, true]],
  ])("of two lines, %i that were skipped are %i new ones", (count, fresh, expected) => {
    const positions = createRolePositions();
    positions.add("a", [line(2000), line(2000)]);
    const gate = positions.createGate("a");
    expect(gate.skip(count)).toBe(fresh);
    expect([1, 2, 3].map(() => gate.isNew(line(2000)))).toEqual(expected);
  });

  it("of one that was not read are none: all is new", () => {
    const gate = createRolePositions().createGate("a");
    expect([gate.skip(7), gate.isNew(line(1))]).toEqual([7, true]);
  });
});

describe("a page of a role", () => {
  const container = replica("web");
  const texts = (page: ReturnType<typeof createRolePage>) => page.take().map(({ message }) => message);

  it("has the bytes of an answer, with what stands around each line", () => {
    const around = toLineBytes({ message: "" }) + 250;
    const half = maxPageBytes / 2 - around;
    const page = createRolePage(10);
    expect(page.add(container, [line(1, "x".repeat(half)), line(2, "y".repeat(half))])).toBe(0);
    expect([page.take().length, page.dropped, page.since]).toEqual([2, false, null]);
    const over = createRolePage(10);
    expect(over.add(container, [line(1, "x".repeat(half)), line(2, "y".repeat(half + 1))])).toBe(half + around - 250);
    expect([over.take().length, over.dropped, over.since]).toEqual([1, true, "1768297599.002000000"]);
  });

  it("that is full needs no line of a second before its first", () => {
    const page = createRolePage(2);
    page.add(container, [line(5000, "a")]);
    expect(page.since).toBeNull();
    page.add(container, [line(7000, "b")]);
    expect([page.since, page.dropped]).toEqual(["1768297604.000000000", false]);
    expect(page.add(container, [line(6000, "c")])).toBe(toLineBytes({ message: "a" }));
    expect([texts(page), page.since, page.dropped]).toEqual([["c", "b"], "1768297605.000000000", true]);
    expect([createRolePage(0).since, createRolePage(2).take()]).toEqual([null, []]);
  });

  it("has the lines of one container in their own order", () => {
    const page = createRolePage(10);
    page.add(container, [line(3000, "a"), line(1000, "b"), line(4000, "c")]);
    page.add(replica("other"), [line(2000, "x"), line(3500, "y")]);
    expect(texts(page)).toEqual(["x", "a", "b", "y", "c"]);
  });

  it.each([
    [null, ["w", "release v1 begins: b on local", "x", "release v2 begins: c on local", "release v3 begins: e on local"]],
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
