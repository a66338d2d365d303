import {
  ErrorsDocument,
  FailureDocument,
  type FailureQuery,
  LogsDocument,
  ReleaseDocument,
  type ReleaseQuery,
} from "../../generated/mcp.ts";
import { toFingerprint } from "../../queues/fingerprint.ts";
import { Own } from "../fence.ts";
import { type Ask, defineTool, type Found, need, refuse, ToolFailure } from "../tool.ts";
import { env, fingerprint, limit, name } from "./args.ts";
import { toShort } from "./containers.ts";
import { toDeployRow } from "./deploys.ts";
import { readLog } from "./logs.ts";

type Attempt = NonNullable<NonNullable<FailureQuery["job"]>["attempts"]>[number];

export const explainFailure = defineTool({
  name: "explain_failure",
  description:
    "Why a job failed: the attempt, its container, release and deploy, and the log at that second. Give a job, an error's fingerprint, or a queue for its newest error.",
  args: {
    job_id: name.optional(),
    source: name.describe("With job_id").optional(),
    queue: name.optional(),
    fingerprint: fingerprint.optional(),
    env,
    lines: limit(40, 400),
  },
  list: "log",
  row: null,
  facts: { job: "object", attempt: "object", container: "object", deploy: "object", unknown: "string[]" },
  narrow: "lines, or read_logs with names and at",
  documents: [ErrorsDocument, FailureDocument, LogsDocument, ReleaseDocument],
  async run({ lines, ...args }, ask) {
    const address = await findJob(args, ask);
    const { data, errors } = await ask(FailureDocument, address);
    const { attempts, jobId, systemState, attempt: tries, maxAttempts, ...job } = need(data.job, errors);
    // A finished attempt that is not recorded has no time, and so no log.
    // The job may have failed of something else since.
    const same = attempts?.find(({ error }) => toFingerprint(error) === args.fingerprint);
    const attempt = same ?? attempts?.[0] ?? null;
    const { container = null, version = null, startedAt: started, ...tried } = attempt ?? {};
    const unknown = [
      ...(attempt === null ? [new Own("no failed attempt of this job is recorded")] : []),
      ...(attempt && !attempt.at ? [new Own("when the attempt failed is not recorded")] : []),
      ...(attempt && !container
        ? [new Own("which container ran it is unknown: search_logs with the job's id may find it")]
        : []),
    ];
    // One after the other: the budget of a request has one document at a time (Budget.race).
    const release = version === null ? null : await ask(ReleaseDocument, { env: args.env });
    const log = attempt ? await readAround(attempt, lines, ask) : null;
    return {
      ...log,
      rows: log?.rows ?? [],
      facts: {
        job: { job_id: jobId, ...job, system_state: systemState, attempts: tries, max_attempts: maxAttempts },
        attempt: attempt && { ...tried, started, version },
        container: container && toShort(container),
        deploy: release && findDeploy(release.data, version, attempt?.at ?? null),
        unknown,
      },
      errors: [...errors, ...(release?.errors ?? []), ...(log?.errors ?? [])],
    };
  },
});

interface Wanted {
  readonly job_id?: string | undefined;
  readonly source?: string | undefined;
  readonly queue?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly env?: "staging" | "production" | undefined;
}

/** The job itself, or the newest one that failed with the error. */
async function findJob({ job_id: jobId, source, queue, fingerprint: wanted, env: where }: Wanted, ask: Ask) {
  if (jobId !== undefined && source !== undefined) return { jobId, source, queue };
  if (jobId === undefined && wanted === undefined && queue === undefined)
    throw refuse("Give job_id with source, or fingerprint, or queue: errors has them");
  const { data, errors } = await ask(ErrorsDocument, { env: where });
  const jobs = need(data.errorGroups, errors)
    .filter((group) => wanted === undefined || group.fingerprint === wanted)
    .flatMap((group) => group.jobs);
  const found = jobs.find(
    (job) =>
      (jobId === undefined || job.jobId === jobId) &&
      (queue === undefined || job.queue === queue) &&
      (source === undefined || job.source === source),
  );
  if (found) return { jobId: found.jobId, source: found.source, queue: found.queue };
  throw refuse(
    jobId === undefined
      ? "No job failed like this in the last hour"
      : "This job did not fail in the last hour: give its source",
    "job_not_found",
  );
}

/**
 * The log of the container around the second of the failure. One that cannot be read is an error
 * beside the rest.
 */
async function readAround({ at, container }: Attempt, lines: number, ask: Ask): Promise<Found | null> {
  if (!at || !container) return null;
  const { name: own, engine } = container;
  try {
    const { legend: _, ...log } = await readLog(ask, {
      names: [own],
      engine,
      at,
      tail: lines,
      includeAccessories: true,
      ignoreCase: false,
    });
    return log;
  } catch (error) {
    if (!(error instanceof ToolFailure)) throw error;
    return { rows: [], errors: [error.fault] };
  }
}

/** The newest deploy of the release at that time. */
function findDeploy({ deploys }: Partial<ReleaseQuery>, version: string | null, at: string | null) {
  const own = (deploys?.nodes ?? []).filter((deploy) => deploy.version === version);
  const found = own.find(({ deployedAt }) => at === null || Date.parse(deployedAt) <= Date.parse(at)) ?? own[0];
  return found ? toDeployRow(found) : null;
}
