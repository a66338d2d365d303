import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

const files = globSync("src/**/*.ts").filter((file) => !file.startsWith("src/generated/"));

/** A folder imports itself and those in rows above its own. Of ARCHITECTURE.md. */
const rows: readonly (readonly string[])[] = [
  ["lib"],
  ["auth", "releases"],
  ["audit", "http"],
  ["containers", "queues", "hosts"],
  ["prometheus", "timeline"],
  ["deploys"],
  ["graphql"],
  ["rest", "grafana", "metrics", "console"],
  ["config"],
  ["sources.ts", "gateway.ts"],
  ["serve.ts"],
  ["cli"],
  ["cli.ts"],
];

function importsOf(file: string): string[] {
  const source = readFileSync(file, "utf8");
  const specifiers = [...source.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
  return specifiers.map((specifier) => normalize(join(dirname(file), specifier)));
}

describe("architecture", () => {
  it.each(files)("%s imports only downwards", (file) => {
    const [, own = ""] = file.split("/");
    const row = rows.findIndex((names) => names.includes(own));
    expect(row, "every folder has its row").not.toBe(-1);
    const allowed = new Set([own, "generated", ...rows.slice(0, row).flat()]);
    const imported = importsOf(file).filter((name) => name.startsWith("src/"));
    expect(imported.filter((name) => !allowed.has(name.split("/")[1] ?? ""))).toEqual([]);
  });

  it("has no circle of imports, of types either", () => {
    const graph = new Map(files.map((file) => [file, importsOf(file)]));
    /** Those that nothing left imports, or that import nothing left, are in no circle. */
    for (let size = 0; size !== graph.size;) {
      size = graph.size;
      for (const [file, imported] of graph) if (!imported.some((name) => graph.has(name))) graph.delete(file);
    }
    expect([...graph.keys()]).toEqual([]);
  });

  it("has no file over 400 lines, and no folder over 16 files", () => {
    expect(files.filter((file) => readFileSync(file, "utf8").split("\n").length > 401)).toEqual([]);
    const folders = Object.entries(Object.groupBy(files, (file) => dirname(file)));
    expect(folders.filter(([, inside]) => (inside?.length ?? 0) > 16).map(([folder]) => folder)).toEqual([]);
  });

  it("reads the process's environment and arguments in one file only", () => {
    expect(files.filter((file) => /process\.(env|argv)/.test(readFileSync(file, "utf8")))).toEqual(["src/cli.ts"]);
  });

  it("reaches a database for changes from the control of jobs alone: no read goes there", () => {
    const pool = "src/queues/jobs/database.ts";
    const isControl = (file: string) => file.startsWith("src/queues/jobs/");
    expect(files.filter((file) => importsOf(file).includes(pool) && !isControl(file))).toEqual(["src/queues/source.ts"]);
    const ofControl = files.filter(
      (file) =>
        !isControl(file) && importsOf(file).some((name) => isControl(name) && !/jobs\/(control|operations)\.ts$/.test(name)),
    );
    expect(ofControl.filter((file) => /queues\/(systems|postgres)\//.test(file))).toEqual([]);
    expect(files.filter((file) => /["'`]begin[^"'`]*read write/.test(readFileSync(file, "utf8")))).toEqual([pool]);
  });

  it("has no default exports and no barrels", () => {
    expect(files.filter((file) => /export default/.test(readFileSync(file, "utf8")) || file.endsWith("/index.ts"))).toEqual([]);
  });

  it("describes every element of the schema", () => {
    const sdl = readFileSync("schema/schema.graphql", "utf8").split("\n");
    const element = /^(?:type|enum|scalar|input|interface) |^ {2,4}\w+(?:\(|:)/;
    const undescribed = sdl.filter((line, index) => element.test(line) && !/"""\s*$/.test(sdl[index - 1] ?? ""));
    expect(undescribed.filter((line) => !/^ {2}\w+$/.test(line))).toEqual([]);
  });
});
