import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { statusByCode } from "../../src/lib/errors.ts";

it("the table of errors has every code with its status", () => {
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
  "CONTRIBUTING.md",
  "SECURITY.md",
  "deploy/kamal/README.md",
  ...globSync("docs/**/*.md"),
];

it("ARCHITECTURE and the decisions name only existing files", () => {
  const texts = [
    readFileSync("ARCHITECTURE.md", "utf8"),
    ...globSync("docs/decisions/*.md").map((page) => readFileSync(page, "utf8")),
  ];
  const names = texts.flatMap((text) =>
    [...text.matchAll(/`([\w-]+\/[\w./-]*\.ts)`/g)].map(([, name]) => name as string),
  );
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !existsSync(name) && !existsSync(join("src", name)))).toEqual([]);
});

it.each(pages)("%s has no broken link", (page) => {
  const links = [...readFileSync(page, "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
    ([, link]) => link as string,
  );
  expect(links.filter((link) => !existsSync(join(dirname(page), link)))).toEqual([]);
});

it.each(pages)("%s has tables whose rows have the cells of their head", (page) => {
  const wrong: string[] = [];
  let head = 0;
  // A paragraph without an empty line before it becomes a row.
  for (const line of readFileSync(page, "utf8")
    .replaceAll(/```[^]*?```/g, "")
    .split("\n")) {
    const cells = line.startsWith("|") ? line.split(/(?<!\\)\|/).length : 0;
    if (head > 0 && line !== "" && cells !== head) wrong.push(line);
    head = cells === 0 ? 0 : head || cells;
  }
  expect(wrong).toEqual([]);
});

/** All files of the project but those that are installed or built. */
function listFiles(): string[] {
  const foreign = new Set(["node_modules", ".git", ".cache", "dist"]);
  const all = globSync(["**/*", "**/.*", ".*/**"], { withFileTypes: true, exclude: ({ name }) => foreign.has(name) });
  return all.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

it("no page runs the program by a command that fetches another package", () => {
  const fetching =
    /\b(?:npx|bunx|(?:pnpm|yarn) dlx|npm (?:exec|x)(?! --no (?:--offline )?-- ))[^\n`|]*\bwallet-core-ops\b/;
  const files = listFiles();
  expect(files).toContain("README.md");
  expect(files.filter((file) => fetching.test(readFileSync(file, "utf8")))).toEqual([]);
});

it("the README's command for this clone's own program works", () => {
  expect(readFileSync("README.md", "utf8")).toContain("npm exec --no -- wallet-core-ops check");
  const [npm = "", ...args] = "npm exec --no --offline -- wallet-core-ops --version".split(" ");
  const version = execFileSync(npm, args, { encoding: "utf8" });
  expect(version.trim()).toBe(`${manifest.version}+sources`);
});
