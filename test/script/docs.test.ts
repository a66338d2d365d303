import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { statusByCode } from "../../src/errors.ts";

it("the table of errors has every code, with its status", () => {
  const rows = readFileSync("docs/errors.md", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| "));
  for (const [code, status] of Object.entries(statusByCode)) {
    const row = rows.find((line) => line.includes(`\`${code}\``)) ?? "";
    expect(row.split("|")[1], code).toContain(String(status));
  }
});

const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "deploy/kamal/README.md",
  ...readdirSync("docs").map((name) => join("docs", name)),
];

it.each(pages)("%s links to nothing that is not there", (page) => {
  const links = [...readFileSync(page, "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link as string);
  expect(links.filter((link) => !existsSync(join(dirname(page), link)))).toEqual([]);
});
