import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };

const page = readFileSync("docs/install.md", "utf8");
const readme = readFileSync("README.md", "utf8");
const unit = readFileSync("deploy/systemd/wallet-core-ops.service", "utf8");

/** The lines of all blocks that a shell runs. */
const commands = [...page.matchAll(/^( *)```sh\n([\s\S]*?)^\1```$/gm)].flatMap(([, , block = ""]) =>
  block
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean),
);

it("the installation page has the three paths, and the README leads to it", () => {
  expect([...page.matchAll(/^## (.*)$/gm)].slice(0, 3).map(([, title]) => title)).toEqual([
    "I run Kamal",
    "I run compose",
    "I want to look first",
  ]);
  expect(/^\| -+ .*\n\| \[(\w+)\]\(([^)]+)\)/m.exec(readme.slice(readme.indexOf("## More")))?.slice(1)).toEqual([
    "install",
    "docs/install.md",
  ]);
  const own = readme.slice(readme.indexOf("## Point it at your own"), readme.indexOf("1. **Tokens.**"));
  expect(own).toContain("Node 20 or newer: `npm ci --omit=dev`");
  expect(own).toContain("(docs/install.md)");
});

it("the README has less than 120 lines", () => {
  expect(readme.trimEnd().split("\n").length).toBeLessThan(120);
});

it("the files and npm scripts of its commands exist", () => {
  const scripts = commands.flatMap((line) => /^npm (?:run )?(build|start)$/.exec(line)?.slice(1) ?? []);
  expect(scripts).toEqual(["build", "build", "start"]);
  for (const script of scripts) expect(manifest.scripts).toHaveProperty(script);
  const files = commands.join(" ").match(/(?:deploy|script)\/[\w/.-]+|docker-compose\.yml/g) ?? [];
  expect(files).toEqual(
    expect.arrayContaining(["deploy/compose/prepare", "deploy/socket-proxy/compose.yml", "script/demo"]),
  );
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
});

it("the installation page names this version", () => {
  const versions = page.match(/(?<=wallet-core-ops[:-])\d+\.\d+\.\d+/g) ?? [];
  expect(versions.length).toBeGreaterThan(3);
  expect(new Set(versions)).toEqual(new Set([manifest.version]));
});

it("the unit's files are put where the unit reads them", () => {
  const [, settings = ""] = /^EnvironmentFile=(.+)$/m.exec(unit) ?? [];
  const [, token = ""] = /^LoadCredential=token:(.+)$/m.exec(unit) ?? [];
  expect(commands.filter((line) => line.endsWith(` ${token}`) || line.endsWith(`>${settings}`))).toHaveLength(2);
});
