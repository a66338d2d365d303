import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// One copy of graphql: without the alias vitest loads the CommonJS and the ESM build ("another module or realm").
const alias = { graphql: fileURLToPath(import.meta.resolve("graphql/index.js")) };

// Packages that import graphql as ESM must see the alias; graphql itself stays outside.
const inline = [/node_modules\/(?:graphql-(?:yoga|http|jit|request)|@(?:graphql-(?:yoga|tools|hive)|envelop|pothos))\//];

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/integration/**"],
          server: { deps: { inline: [/^(?!.*render-graphiql).*graphql/, /pothos/] } },
        },
      },
      {
        resolve: { alias },
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/services.ts"],
          testTimeout: 30_000,
          hookTimeout: 90_000,
          maxWorkers: 2,
          server: { deps: { inline: [/^(?!.*render-graphiql).*graphql/, /pothos/] } },
        },
      },
    ],
  },
});
