import { hash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import process from "node:process";
import type { MutantResult } from "@stryker-mutator/api/core";
import { Stryker } from "@stryker-mutator/core";
import { Instrumenter } from "@stryker-mutator/instrumenter";
import { aimed } from "./aimed.ts";

/** Of the random mutants at least so many per cent must be noticed; of the aimed ones all. */
const wanted = 92;
const seed = process.env["MUTANTS_SEED"] ?? String(Date.now());
const size = Number(process.env["MUTANTS"] ?? 500);
if (!(Number.isInteger(size) && size >= 0 && size <= 10_000)) throw new Error("MUTANTS must be an integer from 0 to 10000");

type Mutant = Pick<MutantResult, "fileName" | "location" | "replacement">;

const names = globSync("src/**/*.ts", { exclude: ["src/generated/**"] }).toSorted();
const texts = new Map(names.map((name) => [name, readFileSync(name, "utf8")]));

/** Every mutant inside a function: what runs once when a module is loaded (`const limit = ...`) would need all tests for each. Lines count from 0. */
async function listMutants(): Promise<readonly Mutant[]> {
  const quiet = { log() {}, isEnabled: () => false };
  const levels = ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"].flatMap((level) => [
    [level.toLowerCase(), quiet.log],
    [`is${level}Enabled`, quiet.isEnabled],
  ]);
  const instrumenter = new Instrumenter(Object.fromEntries(levels));
  const files = [...texts].map(([name, content]) => ({ name, content, mutate: true }));
  const { mutants } = await instrumenter.instrument(files, { plugins: null, excludedMutations: [], ignorers: [] });
  return mutants.filter(({ status }) => status !== "Ignored").map((mutant) => ({ ...mutant, ...shift(mutant, 1) }));
}

/** Stryker counts lines from 0 in its list of mutants, from 1 in options and results. */
function shift({ location: { start, end } }: Mutant, lines: number): Pick<Mutant, "location"> {
  const move = ({ line, column }: typeof start) => ({ line: line + lines, column });
  return { location: { start: move(start), end: move(end) } };
}

const toRange = ({ fileName, location: { start, end } }: Mutant) =>
  `${fileName}:${start.line}:${start.column}-${end.line}:${end.column}`;
const toId = (mutant: Mutant) => `${toRange(mutant)} ${mutant.replacement}`;

/** The mutants inside one of the pieces of text that `aimed` lists. Throws where the text is no longer in its file. */
function isAimed(mutant: Mutant): boolean {
  return aimed.some(([fileName, code]) => {
    if (fileName !== mutant.fileName) return false;
    const text = texts.get(fileName) ?? "";
    const at = text.indexOf(code);
    const lines = text.split("\n");
    const toOffset = ({ line, column }: { line: number; column: number }) =>
      lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, column);
    return at <= toOffset(mutant.location.start) && toOffset(mutant.location.end) <= at + code.length;
  });
}

/** Runs Stryker on these. What it mutates beside them (a range has all mutants inside it) and what it cannot judge is left out. */
async function judge(mutants: readonly Mutant[]): Promise<readonly MutantResult[]> {
  const stryker = new Stryker({
    mutate: [...new Set(mutants.map(toRange))],
    plugins: [import.meta.resolve("@stryker-mutator/vitest-runner")],
    testRunner: "vitest",
    vitest: { configFile: "script/mutants/vitest.config.ts", related: false },
    coverageAnalysis: "perTest",
    ignoreStatic: true,
    concurrency: Number(process.env["MUTANTS_WORKERS"] ?? 1),
    // TypeScript 7 has no interface that Stryker could read the real one with; no test needs it.
    tsconfigFile: "none.json",
    tempDirName: ".cache/stryker",
    ignorePatterns: [".cache", "dist", "test-results", ".demo", "coverage"],
    reporters: ["progress-append-only"],
    logLevel: "warn",
    allowConsoleColors: false,
  });
  const ids = new Set(mutants.map(toId));
  const results = await stryker.runMutationTest();
  return results.filter((result) => ids.has(toId(result)) && result.status !== "Ignored");
}
const all = await listMutants();
const only = process.env["MUTANTS_FILES"];
const order = all
  .filter((m) => !only || m.fileName.match(only))
  .map((mutant) => ({ mutant, rank: hash("sha256", `${seed} ${toId(mutant)}`) }))
  .toSorted((a, b) => (a.rank < b.rank ? -1 : 1));
const sample = order.slice(0, size).map(({ mutant }) => mutant);
const extra = all.filter(isAimed);
console.log(seed, all.length, sample.length, extra.length);
const results = await judge([...sample, ...extra]);
const { writeFileSync } = await import("node:fs");
writeFileSync(
  process.env["MUTANTS_OUT"] ?? "/tmp/mutants.json",
  JSON.stringify(
    results.map(({ fileName, location, replacement, status, mutatorName, killedBy, static: s }) => ({
      fileName,
      location,
      replacement,
      status,
      mutatorName,
      s,
    })),
  ),
);
const by: Record<string, number> = {};
for (const r of results) by[r.status] = (by[r.status] ?? 0) + 1;
console.log(by);
