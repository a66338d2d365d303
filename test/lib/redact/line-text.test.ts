import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanText, toUtcSeconds } from "../../../src/lib/redact/line-text.ts";

const two = (value: number) => String(Math.floor(value)).padStart(2, "0");

describe("toUtcSeconds", () => {
  it.each([
    ["2026-01-10T13:15:00Z", "2026-01-10T13:15:00Z"],
    ["2026-01-10T13:15:00.987654321Z", "2026-01-10T13:15:00Z"],
    ["2026-01-10t13:15:00z", "2026-01-10T13:15:00Z"],
    ["2026-01-10T14:15:00+01:00", "2026-01-10T13:15:00Z"],
    ["2026-01-10T14:15:00+0100", "2026-01-10T13:15:00Z"],
    ["2026-01-10 08:15:00-05:00", "2026-01-10T13:15:00Z"],
    ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z"],
    ["2026-02-29T00:00:00Z", null],
    ["2026-02-30T00:00:00+02:00", null],
    ["2026-13-01T00:00:00Z", null],
    ["2026-01-10T24:00:00Z", null],
    ["2026-01-10T13:15:00", null],
    ["2026-01-10T13:15:00+99:00", null],
    ["0000-01-01T00:00:00+10:00", null],
    ["2026-01-10T13:15:00.123456789Z", "2026-01-10T13:15:00Z"],
    ["2026-01-10T13:15:00.1234567890Z", null],
    ["2026-01-10T13:15:00.Z", null],
    [" 2026-01-10T13:15:00Z", null],
    ["2026-01-10T13:15:00Z ", null],
    ["12026-01-10T13:15:00Z", null],
    ["2026-01-10T13:15:00+1:00", null],
    ["2026-01-10T13:15:00+0100 ", null],
    ["2026-01-10T25:00:00Z", null],
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"],
    ["9999-12-31T23:59:59-00:01", null],
    ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"],
    ["2026-01-10", null],
    ["1768050900", null],
    ["yesterday", null],
    ["", null],
  ])("%s -> %s", (text, expected) => {
    expect(toUtcSeconds(text)).toBe(expected);
  });

  it("keeps the instant for any time and offset", () => {
    const dates = fc.date({ min: new Date("1971-01-01T00:00:00Z"), max: new Date("2999-01-01T00:00:00Z"), noInvalidDate: true });
    fc.assert(
      fc.property(dates, fc.integer({ min: -14 * 60, max: 14 * 60 }), (date, minutes) => {
        const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
        const size = Math.abs(minutes);
        const text = `${local}${minutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
        expect(toUtcSeconds(text)).toBe(`${date.toISOString().slice(0, 19)}Z`);
      }),
    );
  });
});

describe("cleanText", () => {
  it("removes what could break a line or disguise a name", () => {
    expect(cleanText(" a\u0000b\nc\u001b[31md\u202ee\u200bf\u2028g\u0085h ")).toBe("abc[31mdefgh");
    expect(cleanText("Zoë 日本 👍")).toBe("Zoë 日本 👍");
    expect(cleanText("half \ud83d of one")).toBe("half \ufffd of one");
    expect(cleanText(" by token=hunter2\u200bhunter2 ")).toBe("by token=[redacted]");
  });

  it("leaves one well-formed line whatever comes, and nothing more to clean", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const clean = cleanText(text);
        expect(clean.isWellFormed()).toBe(true);
        expect(clean).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(cleanText(clean)).toBe(clean);
      }),
    );
  });
});
