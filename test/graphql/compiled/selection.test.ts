import { GraphQLObjectType, GraphQLString, isObjectType, type OperationDefinitionNode, parse } from "graphql";
import { describe, expect, it } from "vitest";
import { listFields } from "../../../src/graphql/compiled/selection.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { findScope, needs } from "../../../src/graphql/scopes.ts";

const schema = createSchema();
const objects = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) && !type.name.startsWith("__"));

function list(text: string, type: string) {
  const document = parse(text);
  const { selectionSet } = document.definitions[0] as OperationDefinitionNode;
  return listFields(document, selectionSet, schema.getType(type) as GraphQLObjectType);
}

describe("the fields of a selection", () => {
  it("that need a scope are read by their resolver, never from the row", () => {
    const scoped = (objects as readonly GraphQLObjectType[]).flatMap((type) =>
      Object.values(type.getFields())
        .filter((field) => findScope(type) !== null || findScope(field) !== null)
        .map((field) => ({ type, field })),
    );
    const exposed = scoped.filter(({ field }) => "pothosExposedField" in field.extensions);
    // Otherwise this would prove nothing.
    expect(exposed.map(({ field }) => field.name)).toContain("healthyPeers");
    for (const { type, field } of scoped) {
      expect(list(`{ ${field.name} }`, type.name)).toMatchObject([
        { name: field.name, property: null, isOfRow: false },
      ]);
    }
  });

  it("of a type that needs a scope are read by their resolver too", () => {
    const row = { extensions: { pothosExposedField: "value", pothosResolveWrapped: false, isOfRow: true } };
    const toType = (extensions: Readonly<Record<string, unknown>>) =>
      new GraphQLObjectType({ name: "Kept", extensions, fields: { value: { type: GraphQLString, ...row } } });
    const document = parse("{ value }");
    const { selectionSet } = document.definitions[0] as OperationDefinitionNode;
    const read = (extensions: Readonly<Record<string, unknown>>) =>
      listFields(document, selectionSet, toType(extensions));
    expect(read({})).toMatchObject([{ property: "value", isOfRow: true }]);
    expect(read(needs("ops:logs"))).toMatchObject([{ property: null, isOfRow: false }]);
  });

  it("are those of the row by its properties", () => {
    expect(list("{ name kind: health __typename }", "Container")).toMatchObject([
      { key: "name", name: "name", property: "name", isOfRow: true },
      { key: "kind", name: "health", property: "health", isOfRow: true },
      { key: "__typename", name: "__typename", property: null },
    ]);
  });

  it.each([
    ["a spread on another type", "{ ...Others } fragment Others on Host { name }"],
    ["an inline one on another type", "{ name ... on Queue { depth } }"],
    ["one on an interface", "{ ... on Node { id } }"],
    ["one within a fitting one", "{ ...Own } fragment Own on Container { name ... on Host { name } }"],
    ["one that is used twice", "{ ...Own ...Own } fragment Own on Container { name }"],
    ["one that does not exist", "{ ...None }"],
  ])("are unknown with a fragment: %s", (_, text) => {
    expect(list(text, "Container")).toBeNull();
  });

  it("include fragments on the same type, or on none", () => {
    const text =
      "{ ...Own ... on Container { image } ... { ports } } fragment Own on Container { name ... { health } }";
    expect(list(text, "Container")?.map(({ name }) => name)).toEqual(["name", "health", "image", "ports"]);
  });
});
