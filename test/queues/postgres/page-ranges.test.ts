import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  firstChunkPages,
  inPages,
  leastChunkPages,
  nextChunkPages,
  type PageRange,
  smallerChunk,
  toRange,
} from "../../../src/queues/postgres/page-ranges.ts";

describe("page ranges", () => {
  it("follow each other without a gap, and the last one is open", () => {
    const took = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50_000 }), took, (total, times) => {
        const ranges: PageRange[] = [];
        let pages = firstChunkPages;
        for (let from = 0; ;) {
          const range = toRange(from, pages, total);
          ranges.push(range);
          if (range.to === null) break;
          from = range.to;
          pages = nextChunkPages(pages, times[ranges.length % times.length] ?? 1);
        }
        expect(ranges[0]?.from).toBe(0);
        const closed = ranges.slice(0, -1);
        expect(closed.map(({ to }) => to)).toEqual(ranges.slice(1).map(({ from }) => from));
        expect(closed.filter(({ to }) => (to ?? 0) >= total)).toEqual([]);
      }),
    );
  });

  it("are conditions that PostgreSQL uses for a range of pages", () => {
    expect(inPages({ from: 0, to: 32 }, "job")).toBe("job.ctid >= '(0,0)'::tid and job.ctid < '(32,0)'::tid");
    expect(inPages({ from: 32, to: null }, "job")).toBe("job.ctid >= '(32,0)'::tid");
  });

  it("grow and shrink at most by four, towards a quarter of a second each", () => {
    expect([
      nextChunkPages(4096, 1),
      nextChunkPages(4096, 125),
      nextChunkPages(4096, 250),
      nextChunkPages(4096, 1900),
    ]).toEqual([16_384, 8192, 4096, 1024]);
    expect(nextChunkPages(100_000, 1)).toBe(131_072);
    expect(nextChunkPages(leastChunkPages, 2000)).toBe(leastChunkPages);
  });

  it("end when they cannot be smaller", () => {
    let steps = 0;
    for (let pages: number | null = 131_072; pages !== null; pages = smallerChunk(pages)) steps += 1;
    expect(steps).toBe(8);
    expect(smallerChunk(leastChunkPages)).toBeNull();
  });
});
