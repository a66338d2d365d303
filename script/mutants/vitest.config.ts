import { defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";

/** Read source text, which Stryker changes, or set the user of the process, which threads cannot. */
const exclude = ["test/integration/**", "test/architecture.test.ts", "test/script/**", "test/upstreams/deploy/source.test.ts"];

const [unit] = config.test?.projects ?? [];
if (typeof unit !== "object" || !("test" in unit)) throw new Error("the first project of vitest.config.ts must be `unit`");

// One test that fails by chance must neither end the run before it begins, nor count as one that noticed.
export default defineConfig({
  ...unit,
  test: { ...unit.test, exclude, retry: 1, testTimeout: 20_000, expect: { poll: { timeout: 3000 } } },
});
