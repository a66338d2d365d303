import * as fc from "fast-check";
import { expect, test } from "vitest";
import { indentJson, parseLine, partsOf } from "../../../../../src/console/app/parts/logs/json.ts";

test("A JSON line shows its message, then its other fields", () => {
  const text = '{"level":"error","ts":1,"msg":"pq: failure","job":"e389","attempt":3,"ctx":{"a":[1,"}"]}}';
  expect(parseLine(text)).toEqual({
    prefix: "",
    message: "pq: failure",
    fields: [
      ["job", "e389", expect.anything()],
      ["attempt", "3", expect.anything()],
      ["ctx", '{"a":[1,"}"]}', expect.anything()],
    ],
    isJson: true,
  });
});

test("A field's range is what the line has for it", () => {
  const text = '{ "msg": "GET", "status" : 200, "path":"/a" }';
  const written = parseLine(text).fields.map(([, , [from, to]]) => text.slice(from, to).trim());
  expect(written).toEqual(['"status" : 200', '"path":"/a"']);
});

test("A JSON line keeps all digits of its numbers", () => {
  expect(parseLine('{"message":"paid","id":12345678901234567890}').fields[0]?.[1]).toBe("12345678901234567890");
  expect(indentJson('{"id":12345678901234567890,"sum":1.10}')).toBe(
    '{\n  "id": 12345678901234567890,\n  "sum": 1.10\n}',
  );
});

test("A line of plain text is its own message, without its time", () => {
  expect(parseLine("hello {world}")).toEqual({ prefix: "", message: "hello {world}", fields: [], isJson: false });
  expect(parseLine("2026-11-27T08:01:14Z error: no")).toMatchObject({
    prefix: "2026-11-27T08:01:14Z ",
    message: "error: no",
  });
  expect(parseLine("[2026-11-27 08:01:14,123] no")).toMatchObject({
    prefix: "[2026-11-27 08:01:14,123] ",
    message: "no",
  });
});

test("What only looks like JSON is plain text", () => {
  for (const text of ['{"msg":', "{}", "[1]", "null", '{"a":1}}', `{"msg":"${"x".repeat(40_000)}"}`])
    expect(parseLine(text)).toEqual({ prefix: "", message: text, fields: [], isJson: false });
});

test("An indented JSON text is as JSON.stringify would have it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(indentJson(text)).toBe(JSON.stringify(JSON.parse(text), null, 2));
    }),
  );
  expect(indentJson('{"a" : [ ] , "b":{ }}')).toBe('{\n  "a": [],\n  "b": {}\n}');
  expect(indentJson("nothing")).toBeNull();
});

test("The fields of any object are found", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), { minKeys: 1, noNullPrototype: true }),
      (value) => {
        const names = Object.keys({ ...value, msg: "hello" });
        const shown = parseLine(JSON.stringify({ ...value, msg: "hello" }));
        expect(shown.isJson).toBe(true);
        for (const [name] of shown.fields) expect(names).toContain(name);
      },
    ),
  );
});

test("A row is parsed once", () => {
  const row = { text: '{"msg":"hello"}' };
  expect(partsOf(row)).toBe(partsOf(row));
});
