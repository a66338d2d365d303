import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCursor, toCursor, toPage } from "../../src/graphql/args.ts";

interface Row {
  readonly time: string;
  readonly key: string;
}

const toTime = (second: number) => new Date(Date.UTC(2026, 0, 13, 9, 0, second)).toISOString();
const size = { usual: 3, most: 10 };
const page = (rows: readonly Row[], args: Parameters<typeof toPage>[3]) =>
  toPage("rows", rows, (row: Row) => row, args, size);
/** Newest first; rows of one time in the order in which they arrived. */
const order = (rows: readonly Row[]) => rows.toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time));
const keysOf = ({ edges }: Awaited<ReturnType<typeof page>>) => edges.map(({ node }) => node.key);

/**
 * Rows of few different times, plus others that arrive after each page, never older than the newest
 * row.
 */
const scene = fc.record({
  seconds: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 25 }),
  arrivals: fc.array(fc.integer({ min: 4, max: 8 }), { maxLength: 10 }),
  count: fc.integer({ min: 1, max: 10 }),
});

describe("a paged list", () => {
  it("has each row once, in its order, while newer ones arrive", async () => {
    await fc.assert(
      fc.asyncProperty(scene, async ({ seconds, arrivals, count }) => {
        const begun = order(seconds.map((second, index) => ({ time: toTime(second), key: String(index) })));
        let rows = begun;
        const seen: string[] = [];
        const left = [...arrivals];
        for (let after: string | null = null; ;) {
          const { edges, pageInfo }: Awaited<ReturnType<typeof page>> = await page(rows, { first: count, after });
          seen.push(...edges.map(({ node }) => node.key));
          if (!pageInfo.hasNextPage) break;
          after = pageInfo.endCursor ?? null;
          const next = left.shift();
          if (next !== undefined) rows = order([{ time: toTime(next + 1), key: `new ${left.length}` }, ...rows]);
        }
        expect(seen).toEqual(begun.map(({ key }) => key));
      }),
    );
  });

  it("leads back by the same pages", async () => {
    await fc.assert(
      fc.asyncProperty(scene, async ({ seconds, count }) => {
        const rows = order(seconds.map((second, index) => ({ time: toTime(second), key: String(index) })));
        const seen: string[] = [];
        for (let before: string | null = null; ;) {
          const back: Awaited<ReturnType<typeof page>> = await page(rows, { last: count, before });
          seen.unshift(...keysOf(back));
          if (!back.pageInfo.hasPreviousPage) break;
          before = back.pageInfo.startCursor ?? null;
        }
        expect(seen).toEqual(rows.map(({ key }) => key));
      }),
    );
  });

  const five = order([1, 2, 2, 2, 3].map((second, index) => ({ time: toTime(second), key: "abcde"[index] ?? "" })));

  it.each<[string, Parameters<typeof toPage>[3], string[], [boolean, boolean]]>([
    ["nothing", {}, ["e", "b", "c"], [false, true]],
    ["an empty cursor", { after: "", first: 2 }, ["e", "b"], [false, true]],
    ["a cursor of equal times", { after: toCursor("rows", toTime(2), "b") }, ["c", "d", "a"], [true, false]],
    ["a row that is gone", { after: toCursor("rows", toTime(2), "gone") }, ["b", "c", "d"], [true, true]],
    ["an end that is gone", { last: 2, before: toCursor("rows", toTime(2), "gone") }, ["c", "d"], [true, true]],
    [
      "both ends",
      { first: 9, after: toCursor("rows", toTime(3), "e"), before: toCursor("rows", toTime(1), "a") },
      ["b", "c", "d"],
      [true, false],
    ],
    ["the last", { last: 2 }, ["d", "a"], [true, false]],
  ])("by %s has its page", async (_what, args, keys, [hasPreviousPage, hasNextPage]) => {
    const found = await page(five, args);
    expect(keysOf(found)).toEqual(keys);
    expect(found.pageInfo).toMatchObject({ hasPreviousPage, hasNextPage });
  });

  it.each<[Parameters<typeof toPage>[3], string]>([
    [{ first: 0 }, "first must be from 1 to 10"],
    [{ first: 11 }, "first must be from 1 to 10"],
    [{ last: -1 }, "last must be from 1 to 10"],
    [{ first: 1, last: 1 }, "first and last cannot be combined"],
    [{ after: "x" }, "after is not a cursor of rows"],
    [{ before: toCursor("others", toTime(1), "a") }, "before is not a cursor of rows"],
    [{ after: Buffer.from('["rows",1]').toString("base64url") }, "after is not a cursor of rows"],
  ])("refuses %j", async (args, message) => {
    await expect(page(five, args)).rejects.toMatchObject({ code: "invalid_request", message });
  });
});

it("a cursor decodes to its parts", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }).filter((text) => text.isWellFormed())), (place) => {
      expect(parseCursor("rows", "after", toCursor("rows", ...place))).toEqual(place);
    }),
  );
});
