import { assert, nat, oneof, property, string, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { createLineJoiner } from "../../../../src/containers/docker/logs/lines.ts";
import type { LogLine, LogStream } from "../../../../src/containers/logs/log.ts";
import { stamp } from "../../../support/docker-frames.ts";

type Entry = readonly [stream: LogStream, text: string | Buffer];

function join(entries: readonly Entry[], { ends = true } = {}): LogLine[] {
  const lines: LogLine[] = [];
  const joiner = createLineJoiner((line) => lines.push(line));
  for (const [stream, text] of entries) joiner.push(stream, Buffer.from(text as string));
  if (ends) joiner.end();
  return lines;
}
const brief = (lines: readonly LogLine[]) =>
  lines.map(({ timestamp, stream, message }) => [timestamp, stream, message]);
const out = (n: number, message: string) => [stamp(n), "stdout", message];
const err = (n: number, message: string) => [stamp(n), "stderr", message];

describe("entries", () => {
  it("are joined while they have the same time and no newline", () => {
    expect(
      brief(
        join([
          ["stdout", `${stamp(1)} a`],
          ["stdout", `${stamp(1)} b\n`],
          ["stdout", `${stamp(1)} c\n`],
          ["stdout", `${stamp(2)} d`],
          ["stdout", `${stamp(3)} e\n`],
        ]),
      ),
    ).toEqual([out(1, "ab"), out(1, "c"), out(2, "d"), out(3, "e")]);
  });

  it("of two streams are two lines, each at its end", () => {
    expect(
      brief(
        join([
          ["stdout", `${stamp(1)} a`],
          ["stderr", `${stamp(1)} x`],
          ["stdout", `${stamp(1)} b\n`],
          ["stderr", `${stamp(1)} y`],
          ["stdout", `${stamp(2)} c`],
        ]),
      ),
    ).toEqual([out(1, "ab"), out(2, "c"), err(1, "xy")]);
  });

  it("may have several lines, an empty one too", () => {
    expect(brief(join([["stdout", `${stamp(1)} a\n\nb\n`]]))).toEqual([out(1, "a"), out(1, ""), out(1, "b")]);
    expect(brief(join([["stdout", `${stamp(1)} \n`]]))).toEqual([out(1, "")]);
    expect(join([["stdout", `${stamp(1)} `]])).toEqual([]);
    expect(join([])).toEqual([]);
  });

  it("without a newline are a line at the end alone", () => {
    const entries: Entry[] = [
      ["stdout", `${stamp(1)} a`],
      ["stderr", `${stamp(2)} b`],
    ];
    expect(join(entries, { ends: false })).toEqual([]);
    expect(brief(join(entries))).toEqual([out(1, "a"), err(2, "b")]);
  });

  it("may have characters that are divided between two of them", () => {
    const [first, second] = [Buffer.from(`${stamp(1)} x€`), Buffer.from("€")];
    const text = Buffer.concat([Buffer.from(`${stamp(1)} `), second.subarray(1), Buffer.from("\n")]);
    expect(
      brief(
        join([
          ["stdout", first.subarray(0, -2)],
          ["stdout", text],
        ]),
      ),
    ).toEqual([out(1, "x€")]);
  });

  it("are the same line whole and in two parts, whatever their bytes are", () => {
    const bytes = uint8Array({ maxLength: 60 }).filter((some) => !some.includes(0x0a));
    const text = oneof(
      bytes.map((some) => Buffer.from(some)),
      string({ unit: "binary" }).map((some) => Buffer.from(some)),
    );
    assert(
      property(text, nat(60), (some, at) => {
        if (some.includes(0x0a)) return;
        const [start, newline] = [Buffer.from(`${stamp(1)} `), Buffer.from("\n")];
        const [first, second] = [some.subarray(0, at), some.subarray(at)];
        const parts: Entry[] = [first, Buffer.concat([second, newline])].map((part) => [
          "stdout",
          Buffer.concat([start, part]),
        ]);
        expect(join([["stdout", Buffer.concat([start, some, newline])]])).toEqual(join(parts));
      }),
    );
  });

  it("have a level, and each stream its own", () => {
    const found = join([
      ["stdout", `${stamp(1)} ERROR: a\n`],
      ["stderr", `${stamp(2)} INFO: b\n`],
      ["stdout", `${stamp(3)} c\n`],
    ]);
    expect(found.map(({ level }) => level)).toEqual(["error", "info", null]);
  });
});

describe("a time stamp", () => {
  it.each([
    ["2026-01-13T09:40:00.000000001Z", "2026-01-13T09:40:00.000000001Z"],
    ["2026-01-13T09:40:00.5Z", "2026-01-13T09:40:00.500000000Z"],
    ["2026-01-13T09:40:00Z", "2026-01-13T09:40:00.000000000Z"],
    ["2026-01-13T11:40:00.123456789+02:00", "2026-01-13T09:40:00.123456789Z"],
    ["2026-01-13T09:40:00.000000001+00:00", "2026-01-13T09:40:00.000000001Z"],
  ])("%s is understood", (text, timestamp) => {
    expect(brief(join([["stdout", `${text} hello\n`]]))).toEqual([[timestamp, "stdout", "hello"]]);
  });

  it.each([
    "hello",
    "hello world and more",
    "1768297200 hello",
    "90s hello",
    "2026-01-13 hello",
    "2026-13-13T09:40:00.000000000 hello",
    "2026-01-13T99:40:00.000000001z hello",
    "x2026-01-13T09:40:00.000000001Z hello",
    "2026-01-13T09:40:00.0000000001Zx hello",
    `${"x".repeat(50)} hello`,
  ])("is missing in %j, which then has the previous one", (text) => {
    expect(brief(join([["stdout", `${text}\n`]]))).toEqual([["1970-01-01T00:00:00.000000000Z", "stdout", text]]);
    expect(
      brief(
        join([
          ["stderr", `${stamp(7)} first\n`],
          ["stdout", `${text}\n`],
        ]),
      ),
    ).toEqual([err(7, "first"), out(7, text)]);
  });
});

describe("a long line", () => {
  const most = 64 << 10;
  const mark = " [line cut at 64 KiB]";
  const cut = (text: string) => join([["stdout", `${stamp(1)} ${text}\n`]])[0]?.message;

  it.each([
    [most / 3, ""],
    [most - 1, ""],
    [most, ""],
    [most + 1, mark],
    [most + 2048, mark],
    [most + 2049, mark],
    [most * 4, mark],
  ])("of %i bytes has the mark %j", (length, marked) => {
    const text = "x ".repeat(length).slice(0, length);
    expect(cut(text)).toBe(text.slice(0, most) + marked);
  });

  it.each(["é", "€", "😀"])("is cut before a character (%s) and not in it", (character) => {
    const size = Buffer.byteLength(character);
    for (let before = 0; before < size; before++) {
      const text = "x".repeat(most - before);
      expect(cut(`${text}${character}${"y".repeat(10)}`)).toBe(text + mark);
    }
    const whole = "x".repeat(most - size);
    expect(cut(`${whole}${character}y`)).toBe(`${whole}${character}${mark}`);
  });

  it("of few code units may be of many bytes", () => {
    const euros = "€".repeat(Math.floor(most / 3));
    expect(cut(euros)).toBe(euros);
    expect(cut(`${euros}€`)).toBe(euros + mark);
  });

  it("of many entries is one line", () => {
    const part = "x ".repeat(8192);
    const entries = Array.from({ length: 9 }, (_, n): Entry => ["stdout", `${stamp(1)} ${part}${n === 8 ? "\n" : ""}`]);
    expect(join(entries).map(({ message }) => message)).toEqual([part.repeat(4) + mark]);
  });

  it("that redaction shortens is marked all the same", () => {
    const text = `password=${"c".repeat(90)} `.repeat(1000);
    expect(cut(text)).toBe(`${"password=[redacted] ".repeat(675)}${mark}`);
  });
});
