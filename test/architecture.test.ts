import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

const files = globSync("src/**/*.{ts,tsx}").filter((file) => !file.startsWith("src/generated/"));

/** A folder imports itself and those in rows above its own. Of ARCHITECTURE.md. */
const rows: readonly (readonly string[])[] = [
  ["lib"],
  ["facts"],
  ["auth", "releases", "client", "state", "tracing"],
  ["audit", "http"],
  ["containers", "queues", "hosts"],
  ["prometheus", "victorialogs", "timeline"],
  ["deploys"],
  ["problems"],
  ["graphql"],
  ["rest", "grafana", "metrics", "mcp", "console"],
  ["config"],
  ["sources.ts", "gateway.ts"],
  ["serve.ts", "fleet"],
  ["cli"],
  ["terminal"],
  ["cli.ts"],
];

function importsOf(file: string): string[] {
  const source = readFileSync(file, "utf8");
  const specifiers = [...source.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
  return specifiers.map((specifier) => normalize(join(dirname(file), specifier)));
}

describe("architecture", () => {
  it.each(files)("%s imports only from the rows above it", (file) => {
    const [, own = ""] = file.split("/");
    const row = rows.findIndex((names) => names.includes(own));
    expect(row, "every folder has its row").not.toBe(-1);
    const allowed = new Set([own, ...rows.slice(0, row).flat()]);
    const isOwnDocuments = (name: string) => name === `src/generated/${own}.ts`;
    const imported = importsOf(file).filter((name) => name.startsWith("src/") && !isOwnDocuments(name));
    expect(imported.filter((name) => !allowed.has(name.split("/")[1] ?? ""))).toEqual([]);
  });

  it("imports have no circle, type imports included", () => {
    const graph = new Map(files.map((file) => [file, importsOf(file)]));
    /** Those that nothing left imports, or that import nothing left, are in no circle. */
    for (let size = 0; size !== graph.size;) {
      size = graph.size;
      for (const [file, imported] of graph) if (!imported.some((name) => graph.has(name))) graph.delete(file);
    }
    expect([...graph.keys()]).toEqual([]);
  });

  it("only cli.ts reads the process's environment and arguments", () => {
    expect(files.filter((file) => /process\.(env|argv)/.test(readFileSync(file, "utf8")))).toEqual(["src/cli.ts"]);
  });

  it("only the control of jobs and the state database write", () => {
    const pool = "src/queues/jobs/database.ts";
    const isControl = (file: string) => file.startsWith("src/queues/jobs/");
    expect(files.filter((file) => importsOf(file).includes(pool) && !isControl(file))).toEqual([
      "src/queues/source.ts",
    ]);
    const ofControl = files.filter(
      (file) =>
        !isControl(file) &&
        importsOf(file).some((name) => isControl(name) && !/jobs\/(control|operations)\.ts$/.test(name)),
    );
    expect(ofControl.filter((file) => /queues\/(systems|postgres)\//.test(file))).toEqual([]);
    expect(files.filter((file) => /["'`]begin[^"'`]*read write/.test(readFileSync(file, "utf8"))).toSorted()).toEqual([
      pool,
      "src/state/database.ts",
    ]);
  });

  it("sources have no default exports and no barrels", () => {
    expect(
      files.filter((file) => /export default/.test(readFileSync(file, "utf8")) || file.endsWith("/index.ts")),
    ).toEqual([]);
  });

  it("every test has the path of the source that it tests", () => {
    const beside = ["architecture.test.ts", "integration/", "gateway/", "contracts/", "support/", "script/"];
    const tests = globSync("test/**/*.ts").filter((file) => !beside.some((name) => file.startsWith(`test/${name}`)));
    /** Of `a/b-c-d.test.ts` the subject is `a/b-c-d`, `a/b-c` or `a/b`: a file or a folder. */
    const hasSubject = (file: string) => {
      const words = file
        .replace(/^test/, "src")
        .replace(/\.test\.ts$/, "")
        .split("-");
      const subjects = words.map((_, index) => words.slice(0, words.length - index).join("-"));
      return subjects.some(
        (subject) => existsSync(`${subject}.ts`) || existsSync(`${subject}.tsx`) || existsSync(subject),
      );
    };
    expect(tests.filter((file) => !file.endsWith(".test.ts") || !hasSubject(file))).toEqual([]);
  });

  it("every element of the schema has a description", () => {
    const sdl = readFileSync("schema/schema.graphql", "utf8").split("\n");
    const element = /^(?:type|enum|scalar|input|interface) |^ {2,4}\w+(?:\(|:)/;
    const undescribed = sdl.filter((line, index) => element.test(line) && !/"""\s*$/.test(sdl[index - 1] ?? ""));
    expect(undescribed.filter((line) => !/^ {2}\w+$/.test(line))).toEqual([]);
  });
});
