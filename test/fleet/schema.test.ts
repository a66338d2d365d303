import { readFileSync } from "node:fs";
import { GraphQLList, isInterfaceType, isListType, isObjectType } from "graphql";
import { describe, expect, it } from "vitest";
import { createFleetSchema, printFleetSchema } from "../../src/fleet/schema.ts";
import { createSchema } from "../../src/graphql/schema.ts";

const schema = createFleetSchema(2);
const gateway = createSchema();
const rootFields = (of: typeof schema, name: string) => {
  const type = of.getType(name);
  return isObjectType(type) ? Object.values(type.getFields()) : [];
};

describe("the fleet's schema", () => {
  it("is committed as text", () => {
    expect(readFileSync("schema/fleet.graphql", "utf8")).toBe(printFleetSchema());
  });

  it("has a description of each type, field and argument that it adds", () => {
    const lines = printFleetSchema().split("\n");
    const element = /^(?:type|enum|scalar|input|interface) |^ {2,4}\w+(?:\(|:)/;
    const undescribed = lines.filter((line, index) => element.test(line) && !/"""\s*$/.test(lines[index - 1] ?? ""));
    expect(undescribed.filter((line) => !/^ {2}\w+$/.test(line))).toEqual([]);
  });

  it.each(["Query", "Mutation", "Subscription"])("has every field and argument of a gateway's %s", (name) => {
    const toNames = (fields: ReturnType<typeof rootFields>) =>
      fields.flatMap((field) => [field.name, ...field.args.map((arg) => `${field.name}(${arg.name})`)]);
    expect(toNames(rootFields(schema, name))).toEqual(expect.arrayContaining(toNames(rootFields(gateway, name))));
  });

  it("takes regions wherever several can be asked", () => {
    const others = rootFields(schema, "Query").filter(({ args }) => !args.some(({ name }) => name === "regions"));
    expect(
      others.map((field) => `${field.name}: ${String(field.args.find(({ name }) => name === "region")?.type)}`),
    ).toEqual([
      "container: String",
      "host: String",
      "hostsUpdatedAt: String!",
      "job: String",
      "node: undefined",
      "queue: String",
      "regions: undefined",
    ]);
    const many = rootFields(schema, "Query").filter(({ args }) => args.some(({ name }) => name === "regions"));
    expect(many.filter(({ type }) => !isListType(type)).map(({ name }) => name)).toEqual([]);
    for (const name of ["Mutation", "Subscription"]) {
      const kinds = rootFields(schema, name).map(({ args }) => String(args.find((arg) => arg.name === "region")?.type));
      expect(new Set(kinds)).toEqual(new Set(["String!"]));
    }
  });

  it("has the region of every row of the root", () => {
    const rows = rootFields(schema, "Query")
      .map(({ type }) => (type instanceof GraphQLList ? String(type.ofType) : String(type)).replace(/!$/, ""))
      .map((name) => schema.getType(name))
      .filter((type) => isObjectType(type) || isInterfaceType(type));
    const without = rows.filter((type) => !("region" in type.getFields())).map(({ name }) => name);
    expect(without).toEqual([]);
    expect(rows.length).toBeGreaterThan(40);
  });
});
