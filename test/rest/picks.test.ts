import { expect, it } from "vitest";
import type { JsonSchema } from "../../src/rest/json-schema.ts";
import { deployInfo, field, spread, whole } from "../../src/rest/picks.ts";

const text = { type: "string" } as const;
const maybe = { type: ["string", "null"] } as const;
const left = { type: "integer", optional: true } as const;
const object = (properties: Readonly<Record<string, JsonSchema>>, required: readonly string[]) =>
  ({ type: "object", properties, required }) as const;

it.each([
  [{ a: 1, b: 2 }, 1],
  [{ a: 0 }, 0],
  [{ a: null }, null],
  [{}, null],
])("a field of %j is %j", (data, body) => {
  expect(field("a").body(data)).toBe(body);
});

it("a field's schema is that of the field, which is there", () => {
  const { schema } = field("a");
  expect(schema(object({ a: { type: ["object", "null"], properties: { x: maybe } }, b: text }, ["a"]))).toEqual({
    type: "object",
    properties: { x: maybe },
  });
  expect(schema(object({ a: text }, []))).toBe(text);
  expect([schema(object({}, [])), schema({})]).toEqual([{}, {}]);
});

it.each([
  [
    { outer: { a: 1, inner: { b: 2, c: null } }, other: 3 },
    { a: 1, b: 2, c: null },
  ],
  [{ outer: { a: 1, inner: { a: 2 } } }, { a: 2 }],
  [{ outer: { a: 1, inner: null } }, null],
  [{ outer: null }, null],
  [{}, null],
])("the inner fields of %j move up: %j", (data: object, body) => {
  expect(spread("outer", "inner").body(data)).toEqual(body);
});

it("the schema of what moves up has the fields of both", () => {
  const inner = { type: ["object", "null"], properties: { b: maybe, c: left } };
  const outer = { type: ["object", "null"], properties: { a: text, d: left, inner } };
  const { schema } = spread("outer", "inner");
  expect(schema(object({ outer, e: text }, []))).toEqual(object({ a: text, d: left, b: maybe, c: left }, ["a", "b"]));
  expect(schema({})).toEqual(object({}, []));
});

it.each([
  [{ a: 1, b: 0, c: null }, true],
  [{ a: [], b: false }, true],
  [{ a: 1, b: null }, false],
  [{ a: 1 }, false],
  [{ b: 1 }, false],
  [{}, false],
])("%j is whole: %j", (data: Partial<Record<"a" | "b", unknown>>, isWhole) => {
  expect(whole("a", "b").body(data)).toBe(isWhole ? data : null);
});

it("the schema of the whole has each field, present", () => {
  const { schema } = whole("a");
  expect(schema(object({ a: { type: ["array", "null"] }, b: left, c: text }, []))).toEqual(
    object({ a: { type: "array" }, b: left, c: text }, ["a", "c"]),
  );
  expect(schema({})).toEqual(object({}, []));
});

it("deploy info has the file's other strings, never over its own", () => {
  const { body } = deployInfo();
  const extra = ["tag", "note", "stale", "extra", "toString"].map((key) => ({ key, value: `other ${key}` }));
  const others = { note: "other note", extra: "other extra", toString: "other toString" };
  const of = (stale: boolean, tag: string | null) => body({ deployInfo: { tag, stale, extra } as never });
  expect(of(false, "v1")).toEqual({ tag: "v1", ...others });
  expect(of(true, null)).toEqual({ tag: null, ...others, stale: true });
  expect([body({ deployInfo: null }), body({})]).toEqual([null, null]);
});

it("the schema of deploy info allows other strings", () => {
  const { schema } = deployInfo();
  const properties = { tag: text, by: left, extra: { type: "array" }, stale: { type: "boolean" } };
  const additionalProperties = { type: ["string", "boolean"], description: "Another string of the file." };
  expect(schema(object({ deployInfo: { type: ["object", "null"], properties } }, []))).toEqual({
    ...object({ tag: text, by: left, stale: { type: "boolean" } }, ["tag"]),
    additionalProperties,
  });
  expect(schema({})).toEqual({ ...object({ stale: {} }, []), additionalProperties });
});
