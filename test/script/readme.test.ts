import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { statusByCode } from "../../src/errors.ts";

const readme = readFileSync("README.md", "utf8");

it("README's table of errors has every code, with its status", () => {
  const rows = readme
    .slice(readme.indexOf("\n## Errors"))
    .split("\n")
    .filter((line) => line.startsWith("| "));
  for (const [code, status] of Object.entries(statusByCode)) {
    const row = rows.find((line) => line.includes(`\`${code}\``)) ?? "";
    expect(row.split("|")[1], code).toContain(String(status));
  }
});
