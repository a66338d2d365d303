import type { Reading } from "../sql/measures.ts";
import type { TableParts } from "../sql/plan-heavy.ts";
import { groupFailures } from "../sql/windows.ts";

interface PartsOptions {
  readonly schema: string;
  /** All queues, as `queue`. */
  readonly queues: string;
  /** What is counted of `job` and `queue`, which needs no row but these. */
  readonly counts: Reading;
  /** Jobs for which one of the conditions holds, with `error`, and those that were archived lately where the version has an archive. */
  readonly jobs: (conditions: readonly string[]) => string;
  /** The same without the archive. */
  readonly current: (conditions: readonly string[]) => string;
  /** Conditions for the jobs that are counted, and for those that failed lately or will be tried again. */
  readonly counted: string;
  readonly failed: string;
  /** A query for the failures of the last hour, as `groupFailures` takes it, from queues and their jobs. */
  readonly selectFailures: (from: string) => string;
}

/** The jobs in ranges of pages, for a huge table without an index for them. The queues and the archive, which are small or indexed, are read apart from them. */
export function pgbossParts({
  schema,
  queues,
  counts,
  jobs,
  current,
  counted,
  failed,
  selectFailures,
}: PartsOptions): TableParts {
  const groupErrors = (from: string) => groupFailures(selectFailures(from), { withTimes: true });
  const count = (from: string): Reading => ({
    ...counts,
    sql: `select queue.name as queue, ${counts.sql} from ${from} group by queue.name`,
  });
  // A scan of `queue` would be one of a whole table: a part has its queues by their names.
  const toPart = (conditions: string, range: string) => `(${current([`(${conditions}) and ${range}`])}) as job
    cross join lateral (select job.name, null::int as keeps where left(job.name, 10) <> '__pgboss__') as queue`;
  const rest = `${queues} left join (${jobs(["false"])}) as job on job.name = queue.name`;
  return {
    table: { schema, table: "job" },
    reading: (_, range) => count(toPart(counted, range)),
    failures: (range) => groupErrors(toPart(failed, range)),
    rest: { reading: count(rest), failures: groupErrors(rest) },
  };
}
