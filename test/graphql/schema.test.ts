import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { printOpsSchema } from "../../src/graphql/schema.ts";

const printed = printOpsSchema();

it("the schema is the committed one, to the last description and default", () => {
  expect(printed).toBe(readFileSync("schema/schema.graphql", "utf8"));
});
