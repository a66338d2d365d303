import { describe, expect, it } from "vitest";
import type { LogPoint } from "../../../src/containers/logs/log.ts";
import type { RoleCut } from "../../../src/containers/logs/role/cut.ts";
import {
  toLineCursor,
  toLinePoint,
  toPageSides,
  toPageTurn,
  toRoleCursor,
  toRoleCut,
} from "../../../src/graphql/logs/paging.ts";
import { toCursor } from "../../../src/graphql/args.ts";
import { sampleContainer } from "../../support/containers.ts";
import { at } from "../../support/logs.ts";

const container = sampleContainer();
const point: LogPoint = { timestamp: at(5), stream: "stderr", index: 3, isAfter: true };

describe("toPageTurn", () => {
  it.each([
    [{}, null],
    [{ at: "", before: null, after: "" }, null],
    [{ since: "1h", until: "1m" }, null],
    [{ at: "2026-01-13T09:46:00.000000001Z" }, { kind: "at", timestamp: "2026-01-13T09:46:00.000000001Z" }],
    [{ at: "1768297560.5" }, { kind: "at", timestamp: "2026-01-13T09:46:00.500000000Z" }],
    [
      { before: "x", since: "1h" },
      { kind: "before", cursor: "x" },
    ],
    [{ after: "x" }, { kind: "after", cursor: "x" }],
  ])("%j is %j", (args, turn) => {
    expect(toPageTurn({ tail: 10, ...args })).toEqual(turn);
  });

  it.each([
    [{ at: "1h", since: "2h" }, "at cannot be combined with since"],
    [{ at: "1h", until: "2h" }, "at cannot be combined with until"],
    [{ at: "1h", before: "x" }, "at and before cannot be combined"],
    [{ before: "x", after: "y" }, "before and after cannot be combined"],
    [{ at: "noon" }, "at must be a time (RFC 3339 or unix seconds) or a duration such as 10m"],
  ])("%j is refused", (args, message) => {
    expect(() => toPageTurn({ tail: 10, ...args })).toThrow(
      expect.objectContaining({ code: "invalid_request", message }),
    );
  });

  it("has half of the lines on each side of a time", () => {
    expect(toPageSides({ kind: "at", timestamp: at(0) }, 5)).toEqual({ older: 2, newer: 3 });
    expect(toPageSides({ kind: "before", cursor: "" }, 5)).toEqual({ older: 5, newer: 0 });
    expect(toPageSides({ kind: "after", cursor: "" }, 5)).toEqual({ older: 0, newer: 5 });
  });
});

describe("a cursor", () => {
  it.each([
    point,
    { ...point, isAfter: false, stream: "stdout" as const },
    { ...point, stream: null },
    { ...point, other: at(4) },
    { ...point, hash: "0123456789" },
    { ...point, other: at(4), hash: "" },
  ])("of a line holds %j", (one) => {
    const cursor = toLineCursor(container, one) ?? "";
    expect(toLinePoint({ kind: "before", cursor }, container)).toEqual(one);
  });

  it("of an earlier version stays valid", () => {
    const texts = [`${container.engine}/${container.id}`, at(5), "stderr"];
    const parse = (text: string) =>
      toLinePoint({ kind: "after", cursor: toCursor("LogPage", ...texts, text) }, container);
    expect(parse("3+")).toEqual(point);
    expect(parse(`3+/${at(4)}`)).toEqual({ ...point, other: at(4) });
    for (const text of ["3+#xyz", "3+#0123456789a", "3+#abc#abc"])
      expect(() => parse(text)).toThrow("after is not a cursor of this log");
  });

  it("of several logs holds the time and the places", () => {
    const cut: RoleCut = {
      timestamp: at(9),
      name: "web-1",
      engine: "host",
      places: new Map([
        ["a/1", point],
        ["b/2", { ...point, index: 0 }],
        ["c/3", { ...point, other: at(6) }],
      ]),
    };
    expect(toRoleCut({ kind: "after", cursor: toRoleCursor(cut) ?? "" })).toEqual(cut);
    expect(toRoleCut({ kind: "at", timestamp: at(1) })).toEqual({
      timestamp: at(1),
      name: "",
      engine: "",
      places: new Map(),
    });
  });

  it("is null if nothing is known", () => {
    expect([toLineCursor(container, null), toRoleCursor(null)]).toEqual([null, null]);
  });

  it.each<[string, string]>([
    ["text", "before is not a cursor of LogPage"],
    [toCursor("timeline", "x"), "before is not a cursor of LogPage"],
    [toLineCursor({ ...container, id: "other" }, point) ?? "", "before is not a cursor of this log"],
    [toCursor("LogPage", `${container.engine}/${container.id}`, at(5), "stderr"), "before is not a cursor of this log"],
    [
      toCursor("LogPage", `${container.engine}/${container.id}`, at(5), "stdin", "0"),
      "before is not a cursor of this log",
    ],
    [
      toCursor("LogPage", `${container.engine}/${container.id}`, at(5), "stderr", "0/soon"),
      "before is not a cursor of this log",
    ],
    [
      toCursor("LogPage", `${container.engine}/${container.id}`, at(5), "", `0/${at(4)}`),
      "before is not a cursor of this log",
    ],
    [
      toCursor("LogPage", `${container.engine}/${container.id}`, "2026-99-13T09:46:00.000000000Z", "", "0"),
      "before is not a cursor of this log",
    ],
  ])("of something else is refused: %s", (cursor, message) => {
    expect(() => toLinePoint({ kind: "before", cursor }, container)).toThrow(
      expect.objectContaining({ code: "invalid_request", message }),
    );
  });

  it.each<[string, string]>([
    [toLineCursor(container, point) ?? "", "after is not a cursor of RoleLogPage"],
    [toCursor("RoleLogPage", "soon", "", ""), "after is not a cursor of these logs"],
    [toCursor("RoleLogPage", at(1), "", "", "a/1", at(1), "stdout"), "after is not a cursor of these logs"],
    [toCursor("RoleLogPage", at(1), "", "", "a/1", at(1), "stdout", "-1"), "after is not a cursor of these logs"],
  ])("of several logs that is none is refused: %s", (cursor, message) => {
    expect(() => toRoleCut({ kind: "after", cursor })).toThrow(
      expect.objectContaining({ code: "invalid_request", message }),
    );
  });
});
