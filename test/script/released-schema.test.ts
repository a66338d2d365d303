import { readFileSync } from "node:fs";
import { buildSchema } from "graphql";
import { expect, it } from "vitest";
import { findUnnamedChanges } from "../../script/schema-changes.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const released = read("schema/released.graphql");
const [, version = ""] = /^# (\S+)\n/.exec(released) ?? [];

it("the released schema is that of the newest version in the changelog", () => {
  expect(/^## (\d+\.\d+\.\d+) - /m.exec(read("CHANGELOG.md"))?.[1]).toBe(version);
});

it("docs/upgrades.md names what clients notice since the last version", () => {
  const [, text = ""] = read("docs/upgrades.md").split(`\n## From ${version} to `);
  const [section = ""] = text.split("\n## ");
  const [before, after] = [released, read("schema/schema.graphql")].map((sdl) => buildSchema(sdl));
  expect(before && after && findUnnamedChanges(before, after, section)).toEqual([]);
});
