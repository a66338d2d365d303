import { buildSchema, parse } from "graphql";
import { expect, it } from "vitest";
import { toDataSchema } from "../../src/rest/json-schema.ts";

const schema = buildSchema(`
  scalar DateTime
  scalar Other
  directive @maybe on FIELD
  enum Color { RED GREEN }
  type Inner { id: ID!, color: Color, colors: [Color!]! }
  type Query {
    "What it is called."
    name: String!
    count: Int
    share: Float!
    flag: Boolean
    time: DateTime!
    inner: Inner
    inners: [Inner!]!
    holes: [String]
    other: Other
  }
  type Mutation { act: Boolean! }
`);
const of = (text: string) => toDataSchema(schema, parse(text));
const object = (properties: object, required = Object.keys(properties)) => ({ type: "object", properties, required });

it("each field has the type of its value, and null where possible", () => {
  expect(of("query A { name count share flag time }")).toEqual(
    object({
      name: { type: "string", description: "What it is called." },
      count: { type: ["integer", "null"] },
      share: { type: "number" },
      flag: { type: ["boolean", "null"] },
      time: { type: "string", format: "date-time" },
    }),
  );
});

it("objects, lists and enums are described as deep as selected", () => {
  const colors = ["RED", "GREEN"];
  const inner = { id: { type: "string" }, color: { type: ["string", "null"], enum: [...colors, null] } };
  expect(of("{ inner { id color } inners { colors } holes }")).toEqual(
    object({
      inner: { ...object(inner), type: ["object", "null"] },
      inners: {
        type: "array",
        items: object({ colors: { type: "array", items: { type: "string", enum: colors } } }),
      },
      holes: { type: ["array", "null"], items: { type: ["string", "null"] } },
    }),
  );
});

it("a field has its alias; an optional one is not required", () => {
  expect(of("{ own: count name @maybe }")).toEqual(
    object(
      {
        own: { type: ["integer", "null"] },
        name: { type: "string", description: "What it is called.", optional: true },
      },
      ["own"],
    ),
  );
  expect(of("mutation { act } fragment F on Query { name }")).toEqual(object({ act: { type: "boolean" } }));
});

it.each([
  ["fragment F on Query { name }", "Document without an operation"],
  ["subscription { name }", "Document without an operation"],
  ["{ nothing }", "Query has no field nothing"],
  ["{ name { x } }", "String is not an object type"],
  ["{ other }", "No JSON Schema for Other"],
])("the document %s is refused", (text, message) => {
  expect(() => of(text)).toThrow(message);
});
