import * as fc from "fast-check";
import { expect, it } from "vitest";
import { toIndexName } from "../../../src/upstreams/queues/sql/indexes.ts";

it("names an index so that PostgreSQL cuts nothing of it", () => {
  expect(toIndexName("jobs", "waiting")).toBe("jobs_ops_waiting");
  expect(toIndexName("é".repeat(40), "waiting")).toBe(`${"é".repeat(25)}_ops_waiting`);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), (table) => {
      const name = toIndexName(table, "processed");
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      expect(name.isWellFormed()).toBe(true);
      expect(name.endsWith("_ops_processed") && table.startsWith(name.slice(0, -"_ops_processed".length))).toBe(true);
    }),
  );
});
