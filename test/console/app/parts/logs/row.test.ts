import { expect, test } from "vitest";
import {
  KnownRows,
  omitEarlyMarkers,
  type LogRow,
  toNote,
  toRowHash,
} from "../../../../../src/console/app/parts/logs/row.ts";

const web = { name: "web", engine: "vm1", short: "web" };
const sampleRow = (row: Partial<LogRow>): LogRow => ({
  at: "2026-11-27T09:41:10.771000000Z",
  level: null,
  text: "hello",
  stream: "stdout",
  source: web,
  note: null,
  isOpen: false,
  ...row,
});

test("A known row is recognised as often as it was there", () => {
  const known = new KnownRows([sampleRow({}), sampleRow({}), sampleRow({ text: "other" })]);
  expect(known.take(sampleRow({ text: "new" }))).toBe(false);
  expect(known.found).toBe(0);
  expect([known.take(sampleRow({})), known.take(sampleRow({})), known.take(sampleRow({}))]).toEqual([
    true,
    true,
    false,
  ]);
  expect(known.found).toBe(2);
});

test("A row of another container or time is another row", () => {
  const known = new KnownRows([sampleRow({})]);
  expect(known.take(sampleRow({ source: { ...web, engine: "vm2" } }))).toBe(false);
  expect(known.take(sampleRow({ at: "2026-11-27T09:41:10.771000001Z" }))).toBe(false);
});

test("A marker that comes again is known by its text", () => {
  const marker = (text: string) => toNote("2026-11-27T09:27:04.000000000Z", { kind: "event", text, tone: "mark" });
  const known = new KnownRows([marker("deploy-0112 began")]);
  expect([known.take(marker("deploy-0113 began")), known.take(marker("deploy-0112 began"))]).toEqual([false, true]);
});

test("A line's hash is the same in every session, and another one's differs", () => {
  expect(toRowHash(sampleRow({}))).toBe(toRowHash(sampleRow({ isOpen: true, level: "info" })));
  expect(toRowHash(sampleRow({}))).toMatch(/^[0-9a-z]{1,7}$/);
  expect(toRowHash(sampleRow({ text: "hello!" }))).not.toBe(toRowHash(sampleRow({})));
});

test.each([
  ["the beginning of the log", ["MARKER", "MARKER", "LINE", "MARKER", "LINE"], false, 3],
  ["a page with older lines", ["MARKER", "LINE"], true, 2],
  ["a log without a line", ["MARKER"], false, 0],
])("Markers before the first line of %s", (_, kinds, hasOlder, shown) => {
  const lines = kinds.map((kind) => ({ kind }));
  expect(omitEarlyMarkers({ lines, hasOlder })).toEqual(lines.slice(lines.length - shown));
});
