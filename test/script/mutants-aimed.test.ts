import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { aimed } from "../../script/mutants/aimed.ts";

it.each(aimed)("%s has the code that mutants aim at: %s", (file, code) => {
  expect(readFileSync(file, "utf8").split(code)).toHaveLength(2);
});
