import { Jobs, type JobsQuery, type OpsClient, OpsError, type QueuesQuery } from "../client/client.ts";

type RunningJob = NonNullable<NonNullable<JobsQuery["jobs"]>["nodes"]>[number];
type Queues = NonNullable<QueuesQuery["queues"]>;

/** The running jobs of one source, or why they are not known. */
export interface SourceWork {
  readonly source: string;
  readonly jobs: readonly RunningJob[];
  readonly gap: string | null;
}

const jobsPage = 100;
const mostPages = 10;

/**
 * The running jobs of a source. One that cannot list them has no job where its queues count zero.
 * @throws OpsError forbidden or unauthorized
 */
export async function findRunningJobs(
  client: OpsClient,
  source: string,
  queues: Queues,
  signal: AbortSignal,
): Promise<SourceWork> {
  const jobs: RunningJob[] = [];
  try {
    let after: string | null = null;
    for (let page = 1; page <= mostPages; page += 1) {
      const { jobs: found }: JobsQuery = await client.query(
        Jobs,
        { source, state: "RUNNING" as const, first: jobsPage, after },
        { signal },
      );
      jobs.push(...(found?.nodes ?? []));
      if (!found?.pageInfo.hasNextPage) return { source, jobs, gap: null };
      after = found.pageInfo.endCursor;
    }
    return { source, jobs, gap: `more than ${jobsPage * mostPages} jobs run` };
  } catch (error) {
    if (!(error instanceof OpsError) || error.code === "forbidden" || error.code === "unauthorized") throw error;
    const own = queues.filter((queue) => queue.source === source);
    const running = own.reduce(
      (sum: number | null, { active }) => (sum === null || active === null ? null : sum + active),
      0,
    );
    if (error.code === "operation_not_supported" && running === 0 && own.length > 0)
      return { source, jobs: [], gap: null };
    return {
      source,
      jobs,
      gap: running
        ? `${running} of its jobs run, but not known in which containers`
        : `unknown which jobs run (${error.message})`,
    };
  }
}
