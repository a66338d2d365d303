import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { printOpsSchema } from "../../src/graphql/print.ts";

it("the schema is the committed one, to the last description and default", () => {
  expect(printOpsSchema()).toBe(readFileSync("schema/schema.graphql", "utf8"));
});
