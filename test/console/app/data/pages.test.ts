import { describe, expect, it } from "vitest";
import { appendPage, type FeedRow, type Loaded, mergePage, type Page } from "../../../../src/console/app/data/pages.ts";

const row = (at: number, cursor = `c${at}`): FeedRow<number> => ({ cursor, node: at });
const page = (hasNextPage: boolean, ...times: readonly number[]): Page<number> => ({
  edges: times.map((at) => row(at)),
  pageInfo: { hasNextPage },
});
const loaded = (hasOlder: boolean, ...times: readonly number[]): Loaded<number> => ({
  rows: times.map((at) => row(at)),
  hasOlder,
});
const merge = (newest: Page<number>, before: Loaded<number> | null) => mergePage(newest, before, (at) => at);

describe("mergePage", () => {
  it("is the page alone at first", () => {
    expect(merge(page(true, 9, 8), null)).toEqual(loaded(true, 9, 8));
  });

  it("goes above the rows that were read before", () => {
    expect(merge(page(true, 9, 8), loaded(false, 8, 7, 6))).toEqual(loaded(false, 9, 8, 7, 6));
  });

  it("replaces rows that the new page no longer has", () => {
    expect(merge(page(true, 9, 7), loaded(true, 9, 8, 7, 6))).toEqual(loaded(true, 9, 7, 6));
  });

  it("has each row once, though several are of one time", () => {
    const newest = { edges: [row(9), row(8, "a")], pageInfo: { hasNextPage: true } };
    const before = { rows: [row(8, "a"), row(8, "b"), row(7)], hasOlder: true };
    expect(merge(newest, before).rows).toEqual([row(9), row(8, "a"), row(8, "b"), row(7)]);
  });

  it("forgets older rows when rows between them are missing", () => {
    expect(merge(page(true, 20, 19), loaded(false, 8, 7))).toEqual(loaded(true, 20, 19));
  });

  it("forgets older rows when the list has only this page", () => {
    expect(merge(page(false, 9), loaded(true, 9, 8))).toEqual(loaded(false, 9));
    expect(merge(page(false), loaded(true, 9, 8))).toEqual(loaded(false));
  });
});

describe("appendPage", () => {
  it("adds older rows below, each once", () => {
    expect(appendPage(loaded(true, 9, 8), page(true, 8, 7))).toEqual(loaded(true, 9, 8, 7));
    expect(appendPage(loaded(true, 9), page(false, 8))).toEqual(loaded(false, 9, 8));
  });

  it("ends with an empty page", () => {
    expect(appendPage(loaded(true, 9), page(true))).toEqual(loaded(false, 9));
  });
});
