import { configs, parser, rules } from "@graphql-eslint/eslint-plugin";

/** Types without an id: values that nobody asks for again one by one. */
const values = [
  // Rows that are read in their lists: of the audit record and the timeline, of engines, sources
  // and drift.
  "AuditRecord",
  "TimelineEntry",
  "TimelineCoverage",
  "Engine",
  "QueueOwner",
  "QueueSource",
  "QueueSeriesSource",
  "Drift",
  "DeployLog",
  "UpCountKind",
  // Parts and states of another row.
  "AuditChain",
  "DeployInfo",
  "DeployField",
  "HealthCheck",
  "PageInfo",
  "Problem",
  "QueueFailures",
  "QueueWindow",
  "ReleaseFailures",
  "Thresholds",
  "RoleLogNotice",
  "RoleLogPart",
  // Errors of queues, identified by their fingerprint; what names a job by its source, its queue
  // and `jobId`; parts of a job.
  "ErrorGroup",
  "JobError",
  "NewError",
  "FailedJob",
  "JobArgs",
  "JobAttempt",
  "SkippedJob",
  "RunningJob",
  "RunningWork",
  "WorkGap",
  "Orphans",
  // What is asked of one token, one gateway and one moment.
  "Viewer",
  "Server",
  "CurrentProblems",
  // Answers of subscriptions and mutations.
  "ContainersChange",
  "RestartPreview",
  "RestartResult",
  "RoleRestart",
  "RoleRestartStep",
  "JobChange",
  "ErrorGroupChange",
];
/** Points of series, windows of statistics, log lines, verdicts, and what wraps rows. */
const valueSuffixes = ["Connection", "Edge", "Point", "Sample", "History", "Stats", "Batch", "Page", "Line", "Verdict"];

/**
 * `npm run lint:schema`: the schema by the conventions of GraphQL's ecosystem and of Relay. Each
 * exception has its reason.
 */
export default [
  {
    files: ["schema/schema.graphql"],
    languageOptions: { parser, parserOptions: { graphQLConfig: { schema: "schema/schema.graphql" } } },
    plugins: { "@graphql-eslint": { rules } },
    rules: {
      ...configs["flat/schema-recommended"].rules,
      ...configs["flat/schema-relay"].rules,
      // What can be asked again implements Node and has an id; a new type must too, or be named
      // here. These are values, and have none.
      "@graphql-eslint/strict-id-in-types": ["error", { exceptions: { types: values, suffixes: valueSuffixes } }],
      // `deployedAt` and `deployedBy` of Deploy are the documented names of deploy_info.json and
      // REST.
      "@graphql-eslint/no-typename-prefix": "off",
      "@graphql-eslint/relay-edge-types": [
        "error",
        {
          // Stricter than the specification of Relay: an edge is recognised by its name.
          withEdgeSuffix: true,
          // Entries of the record and of the timeline are read in their lists, not one by one.
          shouldImplementNode: false,
          // Only what pages is a connection: containers, hosts and queues are short lists that are
          // read whole.
          listTypeCanWrapOnlyEdgeType: false,
        },
      ],
    },
  },
];
