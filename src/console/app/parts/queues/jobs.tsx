import { ConsoleJobsDocument, type JobRowFragment } from "../../../../generated/console.ts";
import { failureOf, useLive } from "../../data/live.ts";
import { href, params, setParams } from "../../page/url.ts";
import { formatEnum, unknownText } from "../../../../facts/format.ts";
import { type Column, List } from "../list.tsx";
import { Empty, FailureNotice, Skeleton } from "../notice.tsx";
import { Since } from "../time.tsx";
import { jobStates } from "../../../../facts/job.ts";
import { JobStateWord } from "./job-state.tsx";

const pageSize = 20;
const states = Object.keys(jobStates) as (keyof typeof jobStates)[];

/** The jobs of a queue in one state, a page at a time. State and page are in the URL. */
export function QueueJobs({ queue, source }: { readonly queue: string; readonly source: string }) {
  const asked = params.value.get("jobs");
  const state = asked === "any" ? null : (states.find((one) => one === asked) ?? "FAILED");
  const after = params.value.get("after");
  const live = useLive(
    ConsoleJobsDocument,
    { source, queue, state, first: pageSize, after },
    { everyMs: after === null ? 5000 : Number.POSITIVE_INFINITY },
  ).value;
  const failure = failureOf(live, "jobs");
  const page = live.data?.jobs;
  return (
    <section class="section">
      <header>
        <h2>Jobs</h2>
        <span class="chips" role="group" aria-label="State of the jobs">
          {[...states, "any"].map((value) => (
            <button
              key={value}
              type="button"
              class="chip"
              aria-pressed={value === (state ?? "any")}
              onClick={() => setParams({ jobs: value === "FAILED" ? null : value, after: null })}
            >
              {formatEnum(value)}
            </button>
          ))}
        </span>
      </header>
      {failure ? (
        <FailureNotice failure={failure} what="Jobs" />
      ) : !page ? (
        <Skeleton rows={5} />
      ) : page.nodes.length === 0 ? (
        <Empty>
          {after ? "No more jobs" : "No job of this queue"} {state ? `is ${formatEnum(state)}` : "is stored"}.
        </Empty>
      ) : (
        <List
          rows={page.nodes}
          columns={columns}
          rowKey={({ jobId }) => jobId}
          rowHref={toHref}
          label={`Jobs of ${queue}`}
          sortParam="sort_jobs"
        />
      )}
      <div class="pages">
        {after !== null && (
          <button type="button" class="button" onClick={() => setParams({ after: null })}>
            Newest
          </button>
        )}
        {page?.pageInfo.hasNextPage && (
          <button
            type="button"
            class="button"
            disabled={live.isOld}
            onClick={() => setParams({ after: page.pageInfo.endCursor }, { replace: false })}
          >
            Older
          </button>
        )}
      </div>
    </section>
  );
}

const columns: readonly Column<JobRowFragment>[] = [
  {
    name: "job",
    width: "minmax(0, 1.4fr)",
    cell: (job) => (
      <a data-row-link class="code isolate" href={toHref(job)} title={job.jobId}>
        {job.jobId}
      </a>
    ),
  },
  { name: "state", width: "96px", cell: (job) => <JobStateWord job={job} /> },
  {
    name: "kind",
    width: "minmax(0, 1fr)",
    isWideOnly: true,
    title: "Type or class of the job, if the system records one besides the queue",
    cell: ({ kind }) => <span class="isolate">{kind ?? unknownText}</span>,
  },
  {
    name: "attempts",
    width: "64px",
    isNumber: true,
    isWideOnly: true,
    title: "Attempts so far, and the maximum",
    cell: ({ attempt, maxAttempts }) => (
      <>
        {attempt ?? unknownText}
        {maxAttempts !== null && <span class="muted"> of {maxAttempts}</span>}
      </>
    ),
  },
  {
    name: "worker",
    width: "minmax(0, 1.2fr)",
    isWideOnly: true,
    title: "Worker of the last attempt, as the row names it",
    cell: ({ worker }) => (
      <span class="isolate" title={worker ?? undefined}>
        {worker ?? unknownText}
      </span>
    ),
  },
  {
    name: "created",
    width: "72px",
    isNumber: true,
    isWideOnly: true,
    cell: ({ createdAt }) => <Since at={createdAt} />,
  },
  {
    name: "last",
    width: "72px",
    isNumber: true,
    title: "When the job ended for good, otherwise when its last attempt began",
    cell: ({ finishedAt, startedAt }) => <Since at={finishedAt ?? startedAt} />,
  },
];

function toHref({ source, jobId, queue }: JobRowFragment): string {
  return href("/job", { source, id: jobId, queue });
}
