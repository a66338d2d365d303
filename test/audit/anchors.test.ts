import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createAnchorCheck, isCutAnchor, parseAnchor, parseAnchors, readAnchors } from "../../src/audit/anchors.ts";
import { genesis } from "../../src/audit/line.ts";

const toHead = (seq: number) => ({ seq, hash: seq.toString(16).padStart(64, "0") });

it("an anchor is SEQ:HASH, with the whole hash", () => {
  expect(parseAnchor(`7:${"A".repeat(64)}`)).toEqual({ seq: 7, hash: "a".repeat(64) });
  for (const text of [
    "7",
    "7:",
    `7:${"a".repeat(63)}`,
    `x:${"a".repeat(64)}`,
    `-1:${"a".repeat(64)}`,
    ` 7:${"a".repeat(64)}`,
  ])
    expect(parseAnchor(text)).toBeNull();
});

it("anchors are read from their file and from a log, among other lines", () => {
  const lines = [
    JSON.stringify({ ...toHead(1), at: "2026-01-13T09:46:00.000Z" }),
    JSON.stringify({ level: "info", audit: { ...toHead(2), outcome: "intent" }, msg: "audit" }),
    "null",
    "3",
    "[]",
    '{"seq":4}',
    '{"seq":"x","hash":1}',
    '{"audit":null}',
    "no JSON",
    "",
    `{"seq":5,"hash":"${"5".repeat(20)}`,
  ];
  expect(parseAnchors(lines.join("\n"))).toEqual([toHead(1), toHead(2)]);
});

it.each([
  ["without anchors", [], false, null],
  ["with each anchor in it", [toHead(1), toHead(3), toHead(3), genesis], false, null],
  [
    "with another entry in its place",
    [{ seq: 2, hash: "f".repeat(64) }],
    false,
    "seq 2 is not the one that was anchored",
  ],
  [
    "with two anchors that differ",
    [toHead(2), { seq: 2, hash: "f".repeat(64) }],
    false,
    "seq 2 is not the one that was anchored",
  ],
  [
    "that lost its end",
    [toHead(2), toHead(9), toHead(4)],
    false,
    "seq 4 was anchored, and is missing: the record ends at seq 3",
  ],
  ["with a wrong beginning", [{ seq: 0, hash: "f".repeat(64) }], false, "seq 0 is not the one that was anchored"],
])("a chain of three %s", (_, anchors, partial, fault) => {
  const check = createAnchorCheck(anchors, partial);
  const found = [1, 2, 3].map((seq) => check.push(toHead(seq))).find((one) => one !== null);
  expect(found ?? check.end()).toBe(fault);
});

it.each([
  [[toHead(1), toHead(6)], ", 1 anchor in its chain, 1 older than seq 5 not compared"],
  [[toHead(5), toHead(6), toHead(6)], ", 3 anchors in its chain"],
  [[toHead(6), toHead(7)], "seq 7 was anchored, and is missing: the record ends at seq 6"],
  [[toHead(1), { seq: 6, hash: "f".repeat(64) }], "seq 6 is not the one that was anchored"],
  [[toHead(1), toHead(4)], "no anchor could be compared: the newest is seq 4, and this part begins at seq 5"],
  [[genesis], "no anchor could be compared: the newest is seq 0, and this part begins at seq 5"],
])("a chain without its oldest entries meets one of the anchors: %j", (anchors, said) => {
  const check = createAnchorCheck(anchors, true);
  const fault = [5, 6].map((seq) => check.push(toHead(seq))).find((one) => one !== null) ?? check.end();
  expect(fault ?? check.note()).toBe(said);
});

it("an older anchor is a fault where no entry may be missing", () => {
  const check = createAnchorCheck([toHead(1), toHead(6)], false);
  for (const seq of [5, 6]) expect(check.push(toHead(seq))).toBeNull();
  expect(check.end()).toBe("seq 1 was anchored, and is missing: it is not in the record");
});

it("a part that has all entries meets all anchors", () => {
  const check = createAnchorCheck([genesis, toHead(1)], true);
  expect([check.push(toHead(1)), check.end(), check.note()]).toEqual([null, null, ", 2 anchors in its chain"]);
});

it("a last line is cut at each place but its end and its newline", () => {
  const line = JSON.stringify({ ...toHead(7), at: "2026-01-13T09:46:00.000Z" });
  const whole = `${JSON.stringify(toHead(6))}\n`;
  for (let length = 1; length < line.length; length += 1) expect(isCutAnchor(whole + line.slice(0, length))).toBe(true);
  for (const text of ["", whole, whole + line, `${whole}${line}\n`, `${line.slice(0, 9)}\n${whole}`]) {
    expect(isCutAnchor(text)).toBe(false);
  }
});

describe("a file of heads", () => {
  const line = (seq: number) => `${JSON.stringify(toHead(seq))}\n`;

  it("is read in pieces of any length, to its cut end", async () => {
    const text = `${line(1)}no JSON\n\n${line(2)}${line(3).slice(0, -9)}`;
    for (let size = 1; size <= text.length; size += 1) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
        text.slice(at * size, (at + 1) * size),
      );
      expect(await readAnchors(Readable.from(pieces))).toEqual({ anchors: [toHead(1), toHead(2)], isCut: true });
    }
    expect(await readAnchors(Readable.from([line(4)]))).toEqual({ anchors: [toHead(4)], isCut: false });
  });

  it("may be longer than the longest text, and have any number", async () => {
    // V8 has no string of 512 MiB.
    const filler = `${"x".repeat((1 << 20) - 1)}\n`;
    async function* log() {
      yield line(1);
      for (let count = 0; count < 513; count += 1) yield filler;
      yield line(2).repeat(200_000);
    }
    const { anchors, isCut } = await readAnchors(log());
    expect([anchors.length, isCut]).toEqual([200_001, false]);
    expect(createAnchorCheck(anchors, true).note()).toBe(", 200,001 anchors in its chain");
  });

  it("has a line without an end: no more than a part of it is held", async () => {
    async function* log() {
      yield line(1);
      for (let count = 0; count < 513; count += 1) yield "x".repeat(1 << 20);
    }
    expect(await readAnchors(log())).toEqual({ anchors: [toHead(1)], isCut: true });
  });
});
