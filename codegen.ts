import type { CodegenConfig } from "@graphql-codegen/cli";

const documents = {
  useTypeImports: true,
  enumsAsTypes: true,
  scalars: { DateTime: "string", ID: "string" },
  avoidOptionals: { field: true, inputValue: false, object: true },
  skipTypename: true,
};

/** `npm run codegen`: typed, parsed documents of the REST endpoints, of /grafana and of /metrics, from the printed schema. */
const config: CodegenConfig = {
  schema: "schema/schema.graphql",
  generates: {
    "src/generated/rest.ts": {
      documents: "schema/rest/*.graphql",
      plugins: ["typescript-operations", "typed-document-node"],
      config: documents,
    },
    "src/generated/grafana.ts": {
      documents: "schema/grafana/*.graphql",
      plugins: ["typescript-operations", "typed-document-node"],
      config: documents,
    },
    "src/generated/metrics.ts": {
      documents: "schema/metrics/*.graphql",
      plugins: ["typescript-operations", "typed-document-node"],
      config: documents,
    },
  },
};

export default config;
