import { existsSync, globSync, readFileSync } from "node:fs";
import { build } from "esbuild";
import { expect, it } from "vitest";
import bench from "../../bench/package.json" with { type: "json" };
import root from "../../package.json" with { type: "json" };

/**
 * Packages that files import as they run, at once or later, by themselves or through files of ours.
 */
async function listPackages(entryPoints: readonly string[]): Promise<ReadonlySet<string>> {
  const { metafile } = await build({
    entryPoints: [...entryPoints],
    outdir: "/",
    write: false,
    bundle: true,
    metafile: true,
    packages: "external",
    platform: "node",
    format: "esm",
    loader: { ".svg": "empty", ".css": "empty" },
    logLevel: "error",
  });
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  const names = imports.filter(({ external, path }) => external && !path.startsWith("node:")).map(({ path }) => path);
  return new Set(names.map((name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/")));
}

const shipped = Object.keys(root.dependencies);
const running = ["src/cli.ts", "src/lib/pattern/thread.ts", "src/console/app/main.tsx"];
const building = ["script/build.ts", "script/package.ts"];
const demo = ["script/sandbox/main.ts", "script/sandbox/worker.ts", "script/soak.ts"];

it.each([
  ["the gateway and the console", running, "graphql-yoga"],
  ["what builds them", building, "esbuild"],
  ["the demo", demo, "pg"],
])("%s need no devDependencies", async (_what, files, one) => {
  const used = await listPackages(files);
  expect(used).toContain(one);
  expect([...used].filter((name) => !shipped.includes(name))).toEqual([]);
});

it("the benchmarks need no devDependencies", async () => {
  const own = Object.keys(bench.dependencies);
  const used = await listPackages([...globSync("bench/*.ts"), ...globSync("bench/servers/*.ts")]);
  expect([...used].filter((name) => !shipped.includes(name) && !own.includes(name))).toEqual([]);
  expect(own.filter((name) => !used.has(name))).toEqual([]);
});

it("the servers of the benchmarks use the graphql of the root", () => {
  expect(readFileSync("bench/.npmrc", "utf8")).toContain("legacy-peer-deps=true\n");
  expect(existsSync("bench/node_modules/mercurius")).toBe(true);
  expect(globSync("bench/node_modules/**/graphql/package.json")).toEqual([]);
});
