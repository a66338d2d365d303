import { hash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { Stryker } from "@stryker-mutator/core";
import { Instrumenter } from "@stryker-mutator/instrumenter";
import { aimed } from "./aimed.ts";
import { type Mutant, toId, toPath } from "./sample.ts";

/** Per cent of the random mutants that must be noticed at least; of the aimed ones all. */
const wanted = 92;
/** Factor of drawn to counted mutants: only the run shows which of them no unit test reaches. */
const spare = 1.5;
const usage = `Usage: npm run mutants
Changes the sources in small ways ("mutants"), one at a time, and runs the unit tests that reach the change: one of them must fail. Mutants of the
queues that they miss are tried on a real PostgreSQL too, because those texts are SQL.
Takes a random sample and those of script/mutants/aimed.ts. Exit code 1 when too many were not noticed, 2 for bad settings.
  MUTANTS=500           size of the random sample, 0 to 10000
  MUTANTS_SEED=<text>   the same seed draws the same sample
  MUTANTS_FILES=<text>  only mutants of files whose path contains the text, aimed ones included
  MUTANTS_TESTS=<glob>  only these unit tests, and no database: quick, to work on one folder\n`;

type Result = Awaited<ReturnType<Stryker["runMutationTest"]>>[number];

const { MUTANTS = "500", MUTANTS_SEED: seed = String(Date.now()), MUTANTS_FILES: part = "" } = process.env;
const size = Number(MUTANTS);
if (process.argv.length > 2 || !/^\d{1,5}$/.test(MUTANTS) || size > 10_000) {
  process.stderr.write(usage);
  process.exit(2);
}

const names = globSync("src/**/*.ts", { exclude: ["src/generated/**"] }).toSorted();
const texts = new Map(names.map((name) => [name, readFileSync(name, "utf8")]));

const say = (line: string) => void process.stdout.write(`${line}\n`);
async function listMutants(): Promise<readonly Mutant[]> {
  const levels = ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"].flatMap((level): [string, () => unknown][] => [
    [level.toLowerCase(), () => undefined],
    [`is${level}Enabled`, () => false],
  ]);
  const quiet = Object.fromEntries(levels) as unknown as ConstructorParameters<typeof Instrumenter>[0];
  const files = [...texts].map(([name, content]) => ({ name, content, mutate: true }));
  const options = { plugins: null, excludedMutations: [], ignorers: [] };
  const { mutants } = await new Instrumenter(quiet).instrument(files, options);
  return mutants;
}

/** Where in its file a mutant begins and ends, in characters. */
function toOffsets({ fileName, location: { start, end } }: Mutant): readonly [begin: number, end: number] {
  const lines = (texts.get(fileName) ?? "").split("\n");
  const toOffset = ({ line, column }: typeof start) =>
    lines.slice(0, line).reduce((sum, { length }) => sum + length + 1, column);
  return [toOffset(start), toOffset(end)];
}

/**
 * The mutants inside the pieces of text that `aimed` lists. Throws where there are none: the text
 * has changed.
 */
function findAimed(mutants: readonly Mutant[]): readonly Mutant[] {
  return aimed.flatMap(([fileName, code]) => {
    const at = (texts.get(fileName) ?? "").indexOf(code);
    const found = mutants.filter((mutant) => {
      if (at === -1 || mutant.fileName !== fileName) return false;
      const [begin, end] = toOffsets(mutant);
      return begin >= at && end <= at + code.length;
    });
    if (found.length === 0)
      throw new Error(`script/mutants/aimed.ts: ${fileName} has no mutant in ${JSON.stringify(code)}`);
    return found;
  });
}

/** The same order for the same seed, whatever else is in the list. */
function shuffle(mutants: readonly Mutant[]): readonly Mutant[] {
  const ranked = mutants.map((mutant) => ({ mutant, rank: hash("sha256", `${seed} ${toId(mutant)}`) }));
  return ranked.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ mutant }) => mutant);
}

/** As `mutate` has it: lines count from 1, columns from 0. */
const toRange = ({ fileName, location: { start, end } }: Mutant) =>
  `${fileName}:${start.line + 1}:${start.column}-${end.line + 1}:${end.column}`;

/** Of its results lines and columns count from 1. */
const fromOne = ({ line, column }: Mutant["location"]["start"]) => ({ line: line - 1, column: column - 1 });

/**
 * Runs Stryker with the tests of one configuration, and gives the result of each mutant by its id.
 */
async function runTests(mutants: readonly Mutant[], configFile: string): Promise<ReadonlyMap<string, Result>> {
  const stryker = new Stryker({
    mutate: [...new Set(mutants.map(toRange))],
    sample: [...new Set(mutants.map(toId))],
    plugins: [import.meta.resolve("./sample.ts")],
    testRunner: "sample",
    vitest: { configFile, related: false },
    coverageAnalysis: "perTest",
    // Code that runs once, when a module is loaded, would need every test.
    ignoreStatic: true,
    // One process collects the coverage of 6,000 tests.
    testRunnerNodeArgs: ["--max-old-space-size=8192"],
    // Tests wait more than they compute.
    concurrency: Math.max(4, availableParallelism()),
    // In addition to the time of the first run: a busy machine is no endless loop.
    timeoutMS: 30_000,
    dryRunTimeoutMinutes: 20,
    // TypeScript 7 has no interface for Stryker to read the real one, and no test needs it.
    tsconfigFile: "none.json",
    tempDirName: ".cache/stryker",
    ignorePatterns: [".cache", ".demo", "coverage", "dist", "test-results"],
    reporters: ["progress-append-only"],
    allowConsoleColors: false,
  });
  const results = (await stryker.runMutationTest()).map((result) => {
    const { start, end } = result.location;
    return { ...result, fileName: toPath(result.fileName), location: { start: fromOne(start), end: fromOne(end) } };
  });
  return new Map(results.map((result) => [toId(result), result]));
}

/** In these files texts are SQL, which only a database can judge. */
const isSql = ({ fileName }: Mutant) => fileName.startsWith("src/queues/");

/**
 * Each mutant with its result: of the unit tests that share a process, of those that do not, and
 * for SQL of the tests with a real PostgreSQL.
 */
async function judge(mutants: readonly Mutant[]): Promise<ReadonlyMap<string, Result>> {
  const results = new Map(await runTests(mutants, "script/mutants/vitest.config.ts"));
  const retry = async (configFile: string, isFor: (mutant: Mutant) => boolean) => {
    const left = mutants.filter((mutant) => isFor(mutant) && !isNoticed(results.get(toId(mutant))));
    if (left.length === 0) return;
    for (const [id, result] of await runTests(left, configFile)) {
      if (isNoticed(result) || results.get(id)?.status === "NoCoverage") results.set(id, result);
    }
  };
  if (process.env["MUTANTS_TESTS"]) return results;
  await retry("script/mutants/alone.config.ts", () => true);
  await retry(
    "script/mutants/postgres.config.ts",
    (mutant) => isSql(mutant) && results.get(toId(mutant))?.status === "Survived",
  );
  return results;
}

const isNoticed = (result: Result | undefined) =>
  result !== undefined && ["Killed", "Timeout", "RuntimeError"].includes(result.status);

/** Prints the mutants that were not noticed, and the share that was. */
function report(name: string, results: readonly Result[]): number {
  for (const result of results.filter((each) => !isNoticed(each)).toSorted((a, b) => (toId(a) < toId(b) ? -1 : 1))) {
    const text = (texts.get(result.fileName) ?? "").slice(...toOffsets(result)).replaceAll(/\s+/g, " ");
    const [before, after] = [text, result.replacement.replaceAll(/\s+/g, " ")].map((each) => each.slice(0, 100));
    const { line, column } = result.location.start;
    say(`${name}, ${result.status}: ${result.fileName}:${line + 1}:${column + 1}  ${before}  ->  ${after}`);
  }
  const noticed = results.filter(isNoticed).length;
  const share = results.length === 0 ? 100 : (100 * noticed) / results.length;
  say(`${name}: ${noticed} of ${results.length} noticed, ${share.toFixed(1)} %`);
  return share;
}

const all = (await listMutants()).filter(({ fileName }) => fileName.includes(part));
const drawn = size === 0 ? [] : shuffle(all).slice(0, Math.ceil(size * spare));
const targets = part === "" ? findAimed(all) : [];
say(`seed ${seed}: ${all.length} mutants, ${drawn.length} drawn for ${size}, ${targets.length} aimed`);
const results = await judge([...drawn, ...targets]);
const pick = (mutants: readonly Mutant[]) => mutants.flatMap((mutant) => results.get(toId(mutant)) ?? []);
// Not what runs as a module is loaded, a schema's fields too, nor what only the integration tests
// reach (SQL, brokers, ssh).
const reached = pick(drawn).filter(({ status, static: runsOnce }) => status !== "NoCoverage" && runsOnce !== true);
say(
  `random: ${drawn.length - reached.length} of ${drawn.length} are reached by no unit test, or run once: not counted`,
);
const randomShare = report("random", reached.slice(0, size));
const aimedShare = report("aimed", pick(targets));
process.exitCode = randomShare >= wanted && aimedShare === 100 ? 0 : 1;
