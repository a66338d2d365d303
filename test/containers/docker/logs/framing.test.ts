import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createTtySplitter } from "../../../../src/containers/docker/logs/framing.ts";

const heldBytes = 5 * ((16 << 10) + 31);
const stamp = "2026-01-13T09:40:00.000000000Z ";

/** The entries of a log that arrives in these chunks. */
function split(chunks: readonly Buffer[]) {
  const entries: string[] = [];
  const splitter = createTtySplitter((entry) => entries.push(entry.toString("latin1")));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return { entries, skipped: splitter.skipped };
}

test.each([heldBytes - 1, heldBytes, heldBytes + 1])(
  "a line of %i bytes ends in a newline, and the next one is whole",
  (length) => {
    const { entries, skipped } = split([Buffer.from(`${stamp.padEnd(length, "x")}\n${stamp}next\n`)]);
    const found = entries.map((entry) => [entry.length, entry.at(-1)]);
    expect(found).toEqual([
      [Math.min(length, heldBytes) + 1, "\n"],
      [stamp.length + 5, "\n"],
    ]);
    expect(skipped).toBe(length > heldBytes ? 1 : 0);
  },
);

test("entries do not depend on how the log is cut into chunks", () => {
  const length = fc.constantFrom(0, 1, heldBytes - 1, heldBytes, heldBytes + 40_000);
  const line = fc.tuple(fc.constantFrom("", "a", "\r", "some words"), length);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 4 }), fc.array(fc.nat(200_000), { maxLength: 6 }), (lines, cuts) => {
      const log = Buffer.from(lines.map(([text, size]) => `${`${stamp}${text}`.padEnd(size, "y")}\n`).join(""));
      const marks = [0, ...cuts.filter((cut) => cut < log.length).toSorted((a, b) => a - b), log.length];
      const chunks = marks.slice(1).map((mark, index) => log.subarray(marks[index], mark));
      const whole = split([log]);
      expect(whole.entries).toHaveLength(lines.length);
      const parts = split(chunks);
      expect(parts.skipped).toBe(whole.skipped);
      expect(parts.entries.every((entry, index) => entry === whole.entries[index])).toBe(true);
    }),
    { numRuns: 50 },
  );
});
