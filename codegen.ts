import { readFileSync } from "node:fs";
import type { CodegenConfig } from "@graphql-codegen/cli";
import { buildSchema, isEnumType } from "graphql";
import { inlineFragments } from "./script/documents/fragments.ts";

const contract = "schema/schema.graphql";
/** What documents of all folders ask for alike. */
const fragments = "schema/fragments/*.graphql";
const enums = Object.values(buildSchema(readFileSync(contract, "utf8")).getTypeMap()).filter(isEnumType);

const documents = {
  // Fixed documents are run without serialising enums: they have the values of our code, not
  // GraphQL's names in capitals.
  enumValues: Object.fromEntries(
    enums.map((type) => [
      type.name,
      Object.fromEntries(type.getValues().map(({ name }) => [name, name.toLowerCase()])),
    ]),
  ),
  useTypeImports: true,
  enumsAsTypes: true,
  scalars: { DateTime: "string", ID: "string" },
  avoidOptionals: { field: true, inputValue: false, object: true },
  skipTypename: true,
};

/**
 * `npm run codegen`: typed, parsed documents of the REST endpoints, of /grafana, of /metrics and of
 * /mcp, from the printed schema.
 */
const config: CodegenConfig = {
  schema: contract,
  generates: {
    "src/generated/rest.ts": {
      documents: ["schema/rest/*.graphql", fragments],
      documentTransforms: [inlineFragments(true)],
      plugins: ["typescript-operations", "typed-document-node"],
      config: documents,
    },
    "src/generated/grafana.ts": {
      documents: ["schema/grafana/*.graphql", fragments],
      documentTransforms: [inlineFragments(true)],
      plugins: ["typescript-operations", "typed-document-node"],
      config: documents,
    },
    "src/generated/metrics.ts": {
      documents: ["schema/metrics/*.graphql", fragments],
      documentTransforms: [inlineFragments(false)],
      plugins: ["typescript-operations", "typed-document-node"],
      config: documents,
    },
    "src/generated/mcp.ts": {
      documents: ["schema/mcp/*.graphql", fragments],
      documentTransforms: [inlineFragments(false)],
      plugins: ["typescript-operations", "typed-document-node"],
      config: documents,
    },
    // For programs of others: texts, and enums as GraphQL names them.
    "src/generated/client.ts": {
      documents: ["schema/client/*.graphql", fragments],
      plugins: ["typescript-operations", "typed-document-node"],
      config: { ...documents, enumValues: undefined, documentMode: "string", documentVariableSuffix: "" },
    },
    // For the browser: texts, not parsed documents, and enums as GraphQL names them.
    "src/generated/console.ts": {
      documents: ["schema/console/*.graphql", fragments],
      plugins: ["typescript-operations", "typed-document-node"],
      config: { ...documents, enumValues: undefined, documentMode: "string" },
    },
  },
};

export default config;
