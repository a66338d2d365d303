import { buildSchema, parse } from "graphql";
import { expect, it } from "vitest";
import { type JsonSchema, shareNamed, toDataSchema } from "../../src/rest/json-schema.ts";

const schema = buildSchema(`
  scalar DateTime
  scalar Other
  directive @maybe on FIELD
  "How it looks."
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
const named = (name: string, description = name) => ({ named: { name, description } });
const object = (properties: object, required = Object.keys(properties), name = "Query") => ({
  type: "object",
  properties,
  required,
  ...named(name),
});

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
  const color = named("Color", "How it looks.");
  const inner = { id: { type: "string" }, color: { type: ["string", "null"], enum: [...colors, null], ...color } };
  expect(of("{ inner { id color } inners { colors } holes }")).toEqual(
    object({
      inner: { ...object(inner, ["id", "color"], "Inner"), type: ["object", "null"] },
      inners: {
        type: "array",
        items: object(
          { colors: { type: "array", items: { type: "string", enum: colors, ...color } } },
          ["colors"],
          "Inner",
        ),
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
  expect(of("mutation { act } fragment F on Query { name }")).toEqual(
    object({ act: { type: "boolean" } }, ["act"], "Mutation"),
  );
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

it("named schemas become references, null and description beside them", () => {
  const components = new Map<string, JsonSchema>();
  const about = buildSchema(`
    "What it is."
    type Thing { color: Color, colors: [Color!] }
    enum Color { RED }
    type Query { "The one." thing: Thing, things: [Thing!]! }
  `);
  const text = "{ thing { color colors } things { color colors } }";
  expect(shareNamed(toDataSchema(about, parse(text)), components)).toEqual({ $ref: "#/components/schemas/Query" });
  const nullable = { type: "null" };
  const thing = { $ref: "#/components/schemas/Thing" };
  const color = { $ref: "#/components/schemas/Color" };
  expect(Object.fromEntries(components)).toEqual({
    Query: {
      type: "object",
      description: "Query",
      properties: {
        thing: { anyOf: [thing, nullable], description: "The one." },
        things: { type: "array", items: thing },
      },
      required: ["thing", "things"],
    },
    Thing: {
      type: "object",
      description: "What it is.",
      properties: { color: { anyOf: [color, nullable] }, colors: { type: ["array", "null"], items: color } },
      required: ["color", "colors"],
    },
    Color: { type: "string", description: "Color", enum: ["RED"] },
  });
});

it("two different schemas of one name are refused", () => {
  const data = of("{ inner { id } inners { id color } }");
  expect(() => shareNamed(data, new Map())).toThrow("Two schemas are named Inner");
});
