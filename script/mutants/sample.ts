import type { Instrumenter } from "@stryker-mutator/instrumenter";
import { strykerPlugins as plugins, strykerValidationSchema as schema } from "@stryker-mutator/vitest-runner";

type Plugin = (typeof plugins)[number];
type Injector = NonNullable<Parameters<Plugin["factory"]>[0]>;

/** As Stryker lists and runs it: lines and columns count from 0. */
export type Mutant = Pick<
  Awaited<ReturnType<Instrumenter["instrument"]>>["mutants"][number],
  "fileName" | "location" | "replacement"
>;

/** From an absolute path or one inside the project. */
export function toPath(fileName: string): string {
  return fileName.slice(fileName.lastIndexOf("src/"));
}

/** The same for the same change, however the path of its file is written. */
export function toId({ fileName, location: { start, end }, replacement }: Mutant): string {
  return `${toPath(fileName)}:${start.line}:${start.column}-${end.line}:${end.column} ${replacement}`;
}

/**
 * Stryker selects mutants by ranges of text, which contain several. This is its runner for vitest,
 * limited to the mutants of the option `sample`.
 */
function createSampleRunner(injector: Injector) {
  const [vitest] = plugins as [Plugin];
  const runner = vitest.factory(injector);
  const ids = new Set(injector.resolve("options")["sample"] as readonly string[]);
  const run = runner.mutantRun.bind(runner);
  const skipped: object = { status: "survived", nrOfTests: 0 };
  runner.mutantRun = async (options) =>
    ids.has(toId(options.activeMutant)) ? run(options) : (skipped as ReturnType<typeof run>);
  return runner;
}
createSampleRunner.inject = ["$injector"] as const;

/** The options of both. */
export const strykerValidationSchema = { ...schema, properties: { ...schema.properties, sample: { type: "array" } } };

export const strykerPlugins = [{ kind: "TestRunner", name: "sample", factory: createSampleRunner }];
