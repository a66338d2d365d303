import type { MetricsQuery } from "../generated/metrics.ts";
import { toUnixSeconds } from "../lib/time.ts";
import { type Table, toLabels } from "./exposition.ts";

type Deploy = NonNullable<MetricsQuery["deployInfo"]>;

/** One row when the deploy is known. */
export const deployTable: Table<Deploy> = {
  prefix: "ops_deploy",
  maxRows: 1,
  labels: ({ service, destination, env }) => toLabels({ service, destination, env }),
  columns: [
    [
      "ops_deploy_time_seconds",
      "When the last deploy was made, unix time.",
      ({ deployedAt }) => toUnixSeconds(deployedAt),
    ],
  ],
};

/** The same row, with its release. */
export const deployInfoTable: Table<Deploy> = {
  prefix: "ops_deploy_info",
  maxRows: 1,
  labels: ({ currentTag, commitSha, service, destination, env }) =>
    toLabels({ tag: currentTag, sha: commitSha, service, destination, env }),
  columns: [["ops_deploy_info", "What was deployed last; always 1.", () => 1, "info"]],
};
