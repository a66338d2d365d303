import { expect, test } from "vitest";
import { createRequestId, parseClientRequestId } from "../../src/http/exchange.ts";

test("request ids are UUIDv7 with their time", () => {
  const id = createRequestId(Date.UTC(2026, 0, 13, 9, 40, 0));
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(Date.UTC(2026, 0, 13, 9, 40, 0));
});

test("request ids are unique, also beyond the counter of a millisecond", () => {
  const ids = Array.from({ length: 20_000 }, () => createRequestId(1_768_297_300_000));
  expect(new Set(ids).size).toBe(ids.length);
  const first = ids.slice(0, 4096);
  expect(first.toSorted()).toEqual(first);
});

test("a client's own id is accepted only if short and plain", () => {
  expect(parseClientRequestId("abc-1.2_Z")).toBe("abc-1.2_Z");
  for (const bad of [undefined, "", "a b", 'a"b', "a\n{}", "x".repeat(65), ["a", "b"]]) {
    expect(parseClientRequestId(bad)).toBeUndefined();
  }
});
