import * as fc from "fast-check";
import { expect, test } from "vitest";
import { sanitiseLine } from "../../../src/lib/redact/sanitize.ts";
import { growthOf } from "../../support/cost.ts";

test.each([
  ["colours", "\x1b[1;31mred\x1b[0m", "red"],
  ["an 8-bit control sequence", "\x9b31mred", "red"],
  ["cursor movement and erasing", "a\x1b[2J\x1b[Hb\x1b[Kc", "abc"],
  ["a window title", "a\x1b]0;owned\x07b", "ab"],
  ["a link", "\x1b]8;;https://evil\x1b\\text\x1b]8;;\x1b\\", "text"],
  ["an 8-bit OSC", "a\x9d0;t\x9cb", "ab"],
  ["a device control string", "a\x1bPq#1\x1b\\b", "ab"],
  ["an unterminated OSC, whose text must not hide", "a\x1b]0;the rest", "a0;the rest"],
  ["an unterminated control sequence", "a\x1b[31", "a"],
  ["a lone escape", "a\x1b", "a"],
  ["a charset switch", "a\x1b(0b", "ab"],
  ["backspaces and NUL", "a\b\b\0b", "ab"],
  ["an overwritten line", "10%\r20%", "10% 20%"],
  ["line separators", "a\u2028b\u2029c\u0085d\ve\ff", "a b c d e f"],
  ["bidirectional overrides", "a\u202eb\u2066c\u2069\u200fd\u061c", "abcd"],
  ["zero-width characters", "pass\u200bword\u2060\ufeff\u00ad", "password"],
  ["invisible tags", "a\u{e0041}b", "ab"],
  ["TAB, letters of the world, emoji", "\tdéjà vu 日本 🙂", "\tdéjà vu 日本 🙂"],
])("%s: only plain text is left", (_, dirty, clean) => {
  expect(sanitiseLine(dirty)).toBe(clean);
});

test("only printable characters and TAB are left, and a second run is idle", () => {
  const nasty = fc.constantFrom(
    "\x1b",
    "\x1b[",
    "\x1b]",
    "\x9b",
    "\x9d",
    "\x07",
    "\x1b\\",
    "\r",
    "\u202e",
    "\u2028",
    "\u200b",
    "m",
    "3",
    "é",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(nasty, fc.string({ unit: "binary", maxLength: 3 }))), (parts) => {
      const clean = sanitiseLine(parts.join(""));
      expect(clean).not.toMatch(/[^\P{C}\t\p{Cn}\p{Co}\p{Cs}]|[\u2028\u2029]/u);
      expect(sanitiseLine(clean)).toBe(clean);
    }),
    { numRuns: 2000 },
  );
});

test.each(["\x1b]", "\x9daaa", "\x1b[31", "\x1bP", "\x1b]a\x1b[", "\r\u2028"])(
  "%j repeated many times takes linear time",
  (part) => {
    expect(growthOf((size) => sanitiseLine(part.repeat(size / part.length)), 4000)).toBeLessThan(8);
  },
);
