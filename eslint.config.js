import { configs, parser, rules } from "@graphql-eslint/eslint-plugin";

/** `npm run lint:schema`: the schema by the conventions of GraphQL's ecosystem and of Relay. Each exception has its reason. */
export default [
  {
    files: ["schema/schema.graphql"],
    languageOptions: { parser, parserOptions: { graphQLConfig: { schema: "schema/schema.graphql" } } },
    plugins: { "@graphql-eslint": { rules } },
    rules: {
      ...configs["flat/schema-recommended"].rules,
      ...configs["flat/schema-relay"].rules,
      // What can be asked again implements Node and has an id. Points of a series, windows, log lines, problems and pages are values, and have none.
      "@graphql-eslint/strict-id-in-types": "off",
      // `deployedAt` and `deployedBy` of Deploy are the documented names of deploy_info.json and REST.
      "@graphql-eslint/no-typename-prefix": "off",
      "@graphql-eslint/relay-edge-types": [
        "error",
        {
          withEdgeSuffix: true,
          // Entries of the record and of the timeline are read in their lists, not one by one.
          shouldImplementNode: false,
          // Only what pages is a connection: containers, hosts and queues are short lists that are read whole.
          listTypeCanWrapOnlyEdgeType: false,
        },
      ],
    },
  },
];
