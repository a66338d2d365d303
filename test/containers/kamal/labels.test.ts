import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { listReadLabels } from "../../../src/containers/kamal/labels.ts";
import * as origin from "../../../src/containers/kamal/origin.ts";

it("the labels that are read are all that the rules name", () => {
  const sources = globSync("src/containers/**/*.ts").map((path) => readFileSync(path, "utf8"));
  const quoted = sources.flatMap((text) =>
    [...text.matchAll(/\b[lL]abels\??\.?\["([^"]+)"\]/g)].map(([, name]) => name),
  );
  const named = sources.flatMap((text) => [...text.matchAll(/\b[lL]abels\[(\w+)\]/g)].map(([, name]) => name));
  expect(quoted).toContain("service");
  expect([...listReadLabels({ core: [] })]).toEqual(expect.arrayContaining(quoted));
  // `label` is of `findOtherServices`, `key` of the selectors.
  const constants = { composeProject: 1, composeService: 1, composeOneoff: 1, protectedLabel: 1, label: 1, key: 1 };
  expect(Object.keys(constants)).toEqual(expect.arrayContaining([...new Set(named)]));
  expect([...listReadLabels({ core: [] })]).toContain(origin.composeOneoff);
});

it("the labels that are read have those of the configuration", () => {
  const core = [new Map([["tier", "core"]]), new Map([["team", null]])];
  expect([...listReadLabels({ core })]).toEqual(expect.arrayContaining(["tier", "team"]));
});
