import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// One copy of graphql: without the alias vitest loads the CommonJS and the ESM build ("another module or realm").
const alias = { graphql: fileURLToPath(import.meta.resolve("graphql/index.js")) };

// Packages that import graphql as ESM must see the alias; graphql itself stays outside.
const inline = [
  /node_modules\/(?:graphql-(?:yoga|http|jit|request)|@(?:graphql-(?:yoga(?!\/render)|tools|hive)|envelop|pothos))\//,
];
const server = { deps: { inline } };

// Measures time on processes of its own: alone.
const alerts = "test/integration/alerts.test.ts";
const delivery = [
  "test/integration/{console-incident,demo,demo-worker,image,image-self,compose,compose-role,compose-up,kamal-accessory,package,systemd}.test.ts",
];
const slow = { globalSetup: ["test/support/services.ts"], testTimeout: 30_000, hookTimeout: 90_000, maxWorkers: 2, server };

/** Bounds, not measures: a condition is waited for, however busy the machine is, and only what never comes fails. */
const patient = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 20_000 } } };

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: { name: "unit", include: ["test/**/*.test.ts"], exclude: ["test/integration/**"], ...patient, server },
      },
      // Real upstreams, started once for all files.
      {
        resolve: { alias },
        test: { name: "integration", include: ["test/integration/**/*.test.ts"], exclude: [...delivery, alerts], ...slow },
      },
      // What is shipped: the demo, the image, the compose file. Heavy, so not beside tests that watch the clock.
      { resolve: { alias }, test: { name: "delivery", include: delivery, ...slow } },
      { resolve: { alias }, test: { name: "alerts", include: [alerts], server } },
    ],
  },
});
