import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatTable,
  isOneOf,
  parseTableName,
  quoteIdentifier,
  quoteLiteral,
  quoteTable,
} from "../../../src/queues/postgres/names.ts";

const name = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\0"));

describe("parseTableName", () => {
  it("splits at the dot, exactly as written", () => {
    expect(parseTableName("jobs")).toStrictEqual({ schema: null, table: "jobs" });
    expect(parseTableName("Public.Runner Jobs")).toStrictEqual({ schema: "Public", table: "Runner Jobs" });
    expect(parseTableName('"a.b"."c""d"')).toStrictEqual({ schema: "a.b", table: 'c"d' });
  });

  it("refuses anything else", () => {
    const malformed = ["", ".", "a.", ".a", "a.b.c", '"a', 'a"b', '""', '"a"b', 'a."b"c'];
    expect(malformed.filter((text) => parseTableName(text) !== null)).toStrictEqual([]);
  });

  it("reads back what quoteTable writes", () => {
    fc.assert(
      fc.property(fc.option(name), name, (schema, table) => {
        expect(parseTableName(quoteTable({ schema, table }))).toStrictEqual({ schema, table });
      }),
    );
  });

  it("is displayed as people write it", () => {
    expect([formatTable({ schema: "a", table: "b" }), formatTable({ schema: null, table: "b" })]).toStrictEqual([
      "a.b",
      "b",
    ]);
  });
});

describe("quoting", () => {
  it("doubles quotes, and backslashes only in an escape string", () => {
    expect(quoteIdentifier('a"b')).toBe('"a""b"');
    expect(quoteLiteral("it's")).toBe("'it''s'");
    expect(quoteLiteral("a\\'b")).toBe("E'a\\\\''b'");
    expect([quoteLiteral(7), quoteLiteral(-7)]).toStrictEqual(["7", "(-7)"]);
  });

  it("leaves no quote that could end the literal or the identifier", () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(quoteIdentifier(text)).toMatch(/^"(?:[^"]|"")+"$/u);
        expect(quoteLiteral(text)).toMatch(/^(?:'(?:[^'\\]|'')*'|E'(?:[^'\\]|''|\\\\)*')$/u);
      }),
    );
  });

  it("writes conditions as a partial index does", () => {
    expect(isOneOf("s", [])).toBe("false");
    expect(isOneOf("s", ["a"])).toBe("s = 'a'");
    expect(isOneOf("s", ["a", "b"])).toBe("s in ('a', 'b')");
  });
});
