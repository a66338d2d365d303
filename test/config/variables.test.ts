import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { prefix, variables } from "../../src/config/variables.ts";

const page = readFileSync("docs/configuration.md", "utf8");

it.each(Object.keys(variables))("%s has a row in docs/configuration.md", (name) => {
  expect(page).toMatch(new RegExp(`^\\| [^|]*\`${name}\``, "m"));
});

it("texts for people name variables in full", () => {
  // A word such as SERVICE may stand for something else.
  const names = Object.keys(variables).filter((name) => name.includes("_"));
  const short = new RegExp(`(?<![A-Za-z_])(?:(?:${names.join("|")})(?![A-Z_])|(?:RESTART|JOBS)=on)`);
  const files = globSync("src/**/*.{ts,tsx}").filter((path) => !/^src\/(?:config|generated)\//.test(path));
  const lines = files
    .flatMap((path) => readFileSync(path, "utf8").split("\n"))
    .filter((line) => !/^\s*(?:\*|\/[/*])/.test(line));
  expect(lines.filter((line) => line.includes(prefix)).length).toBeGreaterThan(20);
  expect(lines.filter((line) => short.test(line))).toEqual([]);
});
