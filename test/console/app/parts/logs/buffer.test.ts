import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LogBuffer, rowHeight } from "../../../../../src/console/app/parts/logs/buffer.ts";
import type { LogRow } from "../../../../../src/console/app/parts/logs/row.ts";

const sampleRow = (text: string): LogRow => ({
  at: "",
  level: null,
  text,
  stream: null,
  source: null,
  note: null,
  isOpen: false,
});

test("A buffer has the offsets of a plain list, whatever changes", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), text: fc.string({ maxLength: 5 }) }),
    fc.record({ kind: fc.constant("unshift" as const), text: fc.string({ maxLength: 5 }) }),
    fc.record({ kind: fc.constantFrom("dropFirst" as const, "dropLast" as const) }),
    fc.record({ kind: fc.constant("height" as const), at: fc.nat(40), height: fc.integer({ min: 18, max: 400 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(4000), (steps, offset) => {
      const buffer = new LogBuffer();
      const list: { row: LogRow; height: number }[] = [];
      for (const one of steps) {
        if (one.kind === "push" || one.kind === "unshift") {
          const row = sampleRow(one.text);
          buffer[one.kind](row);
          list[one.kind]({ row, height: rowHeight });
        } else if (one.kind === "height") {
          const place = list[one.at];
          if (place) place.height = one.height;
          if (place) buffer.setHeight(buffer.first + one.at, one.height);
        } else if (list.length > 0) {
          buffer[one.kind]();
          if (one.kind === "dropFirst") list.shift();
          else list.pop();
        }
      }
      let before = 0;
      let found = Math.max(0, list.length - 1);
      for (const [index, { row, height }] of list.entries()) {
        expect(buffer.get(buffer.first + index)).toBe(row);
        expect(buffer.offsetOf(buffer.first + index)).toBe(before);
        if (offset >= before && offset < before + height) found = index;
        before += height;
      }
      expect(buffer.size).toBe(list.length);
      expect(buffer.height).toBe(before);
      expect(buffer.chars).toBe(list.reduce((sum, { row }) => sum + row.text.length, 0));
      expect(buffer.rowAt(offset)).toBe(buffer.first + found);
    }),
  );
});

test("A buffer that a million rows pass has the offsets of those left", () => {
  const buffer = new LogBuffer();
  for (let index = 0; index < 1_000_000; index++) {
    buffer.push(sampleRow("line"));
    buffer.setHeight(index, index % 3 === 0 ? 36 : 18);
    if (buffer.isOver) buffer.dropFirst();
  }
  expect([buffer.first, buffer.end, buffer.chars]).toEqual([980_000, 1_000_000, 80_000]);
  const tall = (from: number, to: number) => Math.ceil(to / 3) - Math.ceil(from / 3);
  expect(buffer.height).toBe(20_000 * 18 + tall(980_000, 1_000_000) * 18);
  expect(buffer.offsetOf(990_000)).toBe(10_000 * 18 + tall(980_000, 990_000) * 18);
});

test("A full buffer drops at one end what is added at the other", () => {
  const buffer = new LogBuffer();
  for (let index = 0; index < 40_000; index++) buffer.push(sampleRow(String(index)));
  expect([buffer.size, buffer.oldest?.text, buffer.newest?.text]).toEqual([32_768, "7232", "39999"]);
  buffer.unshift(sampleRow("older"));
  expect([buffer.size, buffer.oldest?.text, buffer.newest?.text]).toEqual([32_768, "older", "39998"]);
  buffer.clear();
  expect([buffer.size, buffer.chars, buffer.height, buffer.newest]).toEqual([0, 0, 0, undefined]);
});

test("A buffer of few long rows has more than memory should hold", () => {
  const buffer = new LogBuffer();
  for (let index = 0; index < 16; index++) buffer.push(sampleRow("x".repeat(1_000_000)));
  expect(buffer.isOver).toBe(false);
  buffer.push(sampleRow("x"));
  expect(buffer.isOver).toBe(true);
  buffer.replace(0, sampleRow(""));
  expect([buffer.isOver, buffer.chars]).toEqual([false, 15_000_001]);
});
