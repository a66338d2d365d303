import { readFileSync } from "node:fs";
import { buildSchema, findBreakingChanges } from "graphql";
import { expect, it } from "vitest";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const released = read("schema/released.graphql");
const [, version = ""] = /^# (\S+)\n/.exec(released) ?? [];

it("the released schema is that of the newest version in the changelog", () => {
  expect(/^## (\d+\.\d+\.\d+) - /m.exec(read("CHANGELOG.md"))?.[1]).toBe(version);
});

it("what breaks since the last version is named in docs/upgrades.md", () => {
  const [, text = ""] = read("docs/upgrades.md").split(`\n## From ${version} to `);
  const [section = ""] = text.split("\n## ");
  const changes = findBreakingChanges(buildSchema(released), buildSchema(read("schema/schema.graphql")));
  const isNamed = ({ description }: { readonly description: string }) =>
    [...description.matchAll(/\b[A-Z]\w*(?:\.(\w+))?\b/g)].every(([type, field]) => section.includes(field ?? type));
  expect(changes.filter((change) => !isNamed(change)).map(({ description }) => description)).toEqual([]);
});
