import type { MetricsQuery } from "../generated/metrics.ts";
import { type Table, toLabels } from "./exposition.ts";

type Found = NonNullable<MetricsQuery["problems"]>;
type Problem = Found["problems"][number];

interface ProblemRow {
  readonly labels: string;
  readonly count: number;
}

/** The alerts are based on these metrics, so that problems are found in one place only. */
export const problemTable: Table<ProblemRow> = {
  prefix: "ops_problem",
  maxRows: 2000,
  labels: ({ labels }) => labels,
  columns: [
    [
      "ops_problem",
      "Problems that there are now, as the query problems lists them; none where nothing is wrong.",
      "count",
    ],
  ],
};

/**
 * What could not be checked is neither a problem nor known to be fine. Absent where nothing could
 * be checked.
 */
export const uncheckedTable: Table<Pick<Found, "gaps">> = {
  prefix: "ops_problems_unchecked",
  maxRows: 1,
  labels: () => "",
  columns: [["ops_problems_unchecked", "Parts that could not be checked for problems.", ({ gaps }) => gaps.length]],
};

/** One row for all problems of the same labels. Null when unknown. */
export function toProblemRows({ problems }: Partial<MetricsQuery>): readonly ProblemRow[] | null {
  if (!problems) return null;
  const groups = Map.groupBy(problems.problems, toProblemLabels);
  return [...groups].map(([labels, { length: count }]) => ({ labels, count }));
}

function toProblemLabels({ container, engine, queue, host, deploy, ...problem }: Problem): string {
  const { kind, severity, role, service, destination, env, source, upstream, place } = problem;
  return toLabels({
    kind,
    severity,
    name: container?.name,
    engine: engine?.name ?? container?.engine,
    role,
    env,
    service,
    destination,
    version: container?.version,
    queue: queue?.name,
    source,
    upstream,
    place,
    host: host?.name,
    tag: deploy?.tag,
  });
}
