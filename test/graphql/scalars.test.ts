import * as fc from "fast-check";
import { isEnumType } from "graphql";
import { describe, expect, it } from "vitest";
import { parseDateTime, toEnumValues } from "../../src/graphql/scalars.ts";
import { createSchema } from "../../src/graphql/schema.ts";

describe("parseDateTime", () => {
  it.each([
    [1_767_225_600_000, "2026-01-01T00:00:00.000Z"],
    ["1767225600000", "2026-01-01T00:00:00.000Z"],
    ["1767225600000.9", "2026-01-01T00:00:00.000Z"],
    ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"],
    ["2026-01-01", "2026-01-01T00:00:00.000Z"],
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"],
    ["2026-01-01t00:00:00.123456789z", "2026-01-01T00:00:00.123Z"],
    ["2026-01-01 01:30:00+01:30", "2026-01-01T00:00:00.000Z"],
    ["2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"],
  ])("%j is %s", (given, expected) => {
    expect(parseDateTime(given)).toBe(expected);
  });

  it.each(
    [
      "",
      "now",
      "2026",
      "1767225600",
      "2026-02-30",
      "2026-02-30T00:00:00Z",
      "2026-01-01T00:00:00",
      "2026-01-01T25:00:00Z",
      "1e12",
      "-1",
      "9".repeat(15),
    ].map((one) => [one]),
  )("refuses %j", (given) => {
    expect(() => parseDateTime(given)).toThrow("DateTime must be");
  });
  it.each([[-1], [0], [1_767_225_600], [Number.NaN], [Number.POSITIVE_INFINITY], [null], [true], [{}], [[1]], [9e15]])(
    "refuses the value %j",
    (given) => {
      expect(() => parseDateTime(given)).toThrow("DateTime must be");
    },
  );

  it("returns one time, however it is written", () => {
    const dates = fc.date({ min: new Date(1e11), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true });
    fc.assert(
      fc.property(dates, (date) => {
        const expected = date.toISOString();
        expect(parseDateTime(expected)).toBe(expected);
        expect(parseDateTime(date.getTime())).toBe(expected);
        expect(parseDateTime(String(date.getTime()))).toBe(expected);
      }),
    );
  });
});

describe("enum values", () => {
  it("have a name in capitals, our word as their value, and a description", () => {
    expect(toEnumValues({ no_workers: "Nobody." })).toEqual({
      NO_WORKERS: { value: "no_workers", description: "Nobody." },
    });
  });

  it("are made so in the whole schema", () => {
    const values = Object.values(createSchema().getTypeMap())
      .filter((type) => isEnumType(type) && !type.name.startsWith("__"))
      .flatMap((type) => (isEnumType(type) ? type.getValues() : []));
    expect(values.length).toBeGreaterThan(70);
    for (const { name, value, description } of values) {
      expect([name, description?.length ?? 0]).toEqual([
        value.toUpperCase(),
        expect.toSatisfy((length: number) => length > 0),
      ]);
      expect(value).toMatch(/^[a-z_]+$/);
    }
  });
});
