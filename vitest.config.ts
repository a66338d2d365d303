import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// One copy of graphql: without the alias vitest loads the CommonJS and the ESM build ("another
// module or realm").
const alias = { graphql: fileURLToPath(import.meta.resolve("graphql/index.js")) };

// Packages that import graphql as ESM must see the alias; graphql itself stays outside.
const inline = [
  /node_modules\/(?:graphql-(?:yoga|http|jit|request)|@(?:graphql-(?:yoga(?!\/render)|tools|hive)|envelop|pothos))\//,
];
const server = { deps: { inline } };

// Measures time on processes of its own: alone.
const alerts = "test/integration/alerts.test.ts";
const delivery = [
  "test/integration/{console-incident,demo,demo-worker,grafana-panels,image,image-self,compose,compose-replicas,compose-role,compose-up,kamal-accessory,package,systemd}.test.ts",
];
/**
 * Bounds, not measures: a condition is waited for, however busy the machine is, and only what never
 * comes fails.
 */
const patient = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 20_000 } } };
/** Tests wait more than they compute: one at a time leaves a core idle for half of it. */
const workers = 2 * availableParallelism();
/** At most as many as one engine and one server of each kind are enough for. */
const real = { globalSetup: ["test/support/services.ts"], maxWorkers: Math.min(workers, 4), ...patient, server };

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/integration/**"],
          maxWorkers: workers,
          ...patient,
          server,
        },
      },
      // Real upstreams, started once for all files.
      {
        resolve: { alias },
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          exclude: [...delivery, alerts],
          ...real,
        },
      },
      // What is shipped: the demo, the image, the compose file. Heavy, so not beside tests that
      // watch the clock.
      { resolve: { alias }, test: { name: "delivery", include: delivery, ...real } },
      { resolve: { alias }, test: { name: "alerts", include: [alerts], ...patient, server } },
    ],
  },
});
