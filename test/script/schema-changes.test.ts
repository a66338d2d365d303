import { buildSchema } from "graphql";
import { describe, expect, it } from "vitest";
import { findUnnamedChanges } from "../../script/schema-changes.ts";

const before = buildSchema(`
  directive @old on FIELD_DEFINITION
  interface Node { id: ID }
  type Container implements Node { id: ID name: String logs(tail: Int = 200, since: Int, gone: Int): Int }
  type Gone { id: ID }
  enum State { BUSY IDLE }
  union Any = Container | Gone
  input Filter { most: Int = 1 name: String env: Int }
  type Query { container: Container any: Any state: State find(filter: Filter): Int gone: Gone }`);
const after = buildSchema(`
  interface Node { id: ID }
  type Container { id: ID logs(tail: Int = 100, since: String, level: Int!, grep: String): Int }
  type Added { id: ID }
  enum State { BUSY UNKNOWN }
  union Any = Container | Added
  input Filter { most: Int = 2 env: String role: Int! tag: String }
  type Query { container: Container! any: Any state: State find(filter: Filter): Int gone: Added added: Added }`);
const all = [
  "@old",
  "Any",
  "Container",
  "Container.logs(gone:)",
  "Container.logs(level:)",
  "Container.logs(since:)",
  "Container.logs(tail:)",
  "Container.name",
  "Filter.env",
  "Filter.most",
  "Filter.name",
  "Filter.role",
  "Gone",
  "Query.gone",
  "State.IDLE",
  "State.UNKNOWN",
];

describe("findUnnamedChanges", () => {
  it("finds each removal, new type, default, enum value and need", () => {
    expect(findUnnamedChanges(before, after, "")).toEqual(all);
    expect(findUnnamedChanges(before, before, "")).toEqual([]);
  });

  it("accepts coordinates in backquotes alone", () => {
    const text = (names: readonly string[]) => names.map((name) => `the name \`${name}\` of it`).join("\n");
    expect(findUnnamedChanges(before, after, text(all))).toEqual([]);
    expect(findUnnamedChanges(before, after, all.join(" "))).toEqual(all);
    expect(findUnnamedChanges(before, after, "the `name`, `tail` and `UNKNOWN` of `Container2`")).toEqual(all);
    for (const name of all)
      expect(findUnnamedChanges(before, after, text(all.filter((one) => one !== name)))).toEqual([name]);
  });
});
