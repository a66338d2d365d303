import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

const files = globSync("src/**/*.ts").filter((file) => !file.startsWith("src/generated/"));

/** Who may import what of ours: the table of ARCHITECTURE.md. The first row that matches a file is its row. */
const allowed: readonly [from: RegExp, to: RegExp][] = [
  [/^src\/(errors|logger)\.ts$/, /^$/],
  [/^src\/budget\//, /^src\/(budget\/|errors)/],
  [/^src\/domain\//, /^src\/(domain\/|budget\/)/],
  [/^src\/config/, /^src\/(config|domain\/|errors|logger)/],
  [/^src\/upstreams\/(\w+)\//, /^src\/(domain\/|budget\/|errors|logger|upstreams\/OWN\/)/],
  [/^src\/graphql\//, /^src\/(domain\/|budget\/|graphql\/|generated\/|errors|logger)/],
  [/^src\/rest\//, /^src\/(rest\/|generated\/|graphql\/execute|budget\/|errors)/],
  [/^src\/metrics\//, /^(src\/(metrics\/|generated\/|graphql\/execute|budget\/|domain\/|errors)|package\.json$)/],
  [/^src\/grafana\//, /^src\/(grafana\/|generated\/|graphql\/execute|budget\/|domain\/|errors)/],
  [/^src\/http\//, /^src\/(http\/|budget\/|domain\/|errors|logger)/],
  [/^src\/sources\.ts$/, /^src\/(upstreams\/|domain\/|graphql\/context|config|errors|logger)/],
  [/^src\/probes\.ts$/, /^src\/(upstreams\/|sources|config|logger)/],
  [/^src\/gateway\.ts$/, /^src\/(domain\/|graphql\/|rest\/|grafana\/|metrics\/|http\/|errors|logger)/],
  [/^src\/serve\.ts$/, /^src\/(gateway|sources|config|http\/|metrics\/|logger)/],
  [
    /^src\/(cli|commands\/.*)\.ts$/,
    /^(src\/(commands\/|serve|gateway|probes|config|http\/|domain\/|logger|graphql\/(schema|print))|package\.json$)/,
  ],
];

function importsOf(file: string): string[] {
  const source = readFileSync(file, "utf8");
  const specifiers = [...source.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
  return specifiers.map((specifier) => normalize(join(dirname(file), specifier)));
}

describe("architecture", () => {
  it.each(files)("%s imports only what its layer may", (file) => {
    const row = allowed.find(([from]) => from.test(file));
    expect(row, "every file belongs to a layer").toBeDefined();
    const [from, to] = row as (typeof allowed)[number];
    const rule = new RegExp(to.source.replace("OWN", from.exec(file)?.[1] ?? ""));
    expect(importsOf(file).filter((imported) => !rule.test(imported))).toEqual([]);
  });

  it("keeps files small: none over 300 lines, 9 of 10 under 200, half under 90", () => {
    const lengths = files.map((file) => readFileSync(file, "utf8").split("\n").length).toSorted((a, b) => a - b);
    const at = (share: number) => lengths[Math.floor((lengths.length - 1) * share)] ?? 0;
    expect(at(1)).toBeLessThanOrEqual(300);
    expect(at(0.9)).toBeLessThanOrEqual(200);
    expect(at(0.5)).toBeLessThanOrEqual(90);
  });

  it("reads the process's environment and arguments in one file only", () => {
    expect(files.filter((file) => /process\.(env|argv)/.test(readFileSync(file, "utf8")))).toEqual(["src/cli.ts"]);
  });

  it("reaches a database for changes from the control of jobs alone: no read goes there", () => {
    const pool = "src/upstreams/queues/control/pool.ts";
    const users = files.filter((file) => importsOf(file).includes(pool) && !file.startsWith("src/upstreams/queues/control/"));
    expect(users).toEqual(["src/upstreams/queues/source.ts"]);
    const ofControl = files.filter((file) =>
      importsOf(file).some((imported) => imported.startsWith("src/upstreams/queues/control/")),
    );
    expect(ofControl.filter((file) => /queues\/(kinds|sql)\//.test(file))).toEqual([]);
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
