import process from "node:process";
import { defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";

/**
 * Replace modules of Node, register secrets for good, or count what all requests share: each needs
 * a process of its own.
 */
export const alone = [
  "test/lib/budget/**",
  "test/lib/redact/secrets-own.test.ts",
  "test/metrics/process.test.ts",
  "test/deploys/files/{history,parse}.test.ts",
  "test/containers/docker/stats/sampler.test.ts",
];

const exclude = [
  ...alone,
  "test/integration/**",
  // Read source text, which Stryker changes.
  "test/architecture.test.ts",
  "test/script/**",
  // Sets the user of the process, which threads cannot.
  "test/deploys/files/source.test.ts",
  // These call everything: each surviving mutant would run them for a minute.
  "test/gateway/{security-matrix,hostile-parameters,budget.property}.test.ts",
];

const include = process.env["MUTANTS_TESTS"] || "test/**/*.test.ts";
const [unit] = config.test?.projects ?? [];
if (typeof unit !== "object" || !("test" in unit))
  throw new Error("the first project of vitest.config.ts must be `unit`");

/**
 * A test that fails by chance must neither end the run before it begins nor count as a notice.
 * Nothing that a test waits for takes longer than 6 s on an idle machine.
 */
export const settings = {
  ...unit.test,
  include: [include],
  exclude,
  retry: 1,
  testTimeout: 20_000,
  expect: { poll: { timeout: 6000 } },
};

// Loads modules once for all files: that is most of the time that a mutant takes.
export default defineConfig({ ...unit, test: { ...settings, isolate: false } });
