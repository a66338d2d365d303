import { ConsoleJobsDocument, type JobRowFragment } from "../../../../generated/console.ts";
import { failureOf, useLive } from "../../data/live.ts";
import { href, params, setParams } from "../../data/url.ts";
import { toWords, unknownText } from "../format.ts";
import { Empty, FailureNotice, Skeleton } from "../notice.tsx";
import { Since } from "../time.tsx";
import { jobStates, JobStateWord } from "./job-state.tsx";

const pageSize = 20;

/** The jobs of a queue in one state, a page at a time. State and page are in the URL. */
export function QueueJobs({ queue, source }: { readonly queue: string; readonly source: string }) {
  const asked = params.value.get("jobs");
  const state = asked === "any" ? null : (jobStates.find((one) => one === asked) ?? "FAILED");
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
          {[...jobStates, "any"].map((value) => (
            <button
              key={value}
              type="button"
              class="chip"
              aria-pressed={value === (state ?? "any")}
              onClick={() => setParams({ jobs: value === "FAILED" ? null : value, after: null })}
            >
              {toWords(value)}
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
          {after ? "No more jobs" : "No job of this queue"} {state ? `is ${toWords(state)}` : "is stored"}.
        </Empty>
      ) : (
        <JobTable rows={page.nodes} isStale={live.isOld} />
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

function JobTable({ rows, isStale }: { readonly rows: readonly JobRowFragment[]; readonly isStale: boolean }) {
  return (
    <table class={`table jobs ${isStale ? "stale" : ""}`}>
      <thead>
        <tr>
          <th scope="col">job</th>
          <th scope="col">state</th>
          <th scope="col" class="wide-only">
            kind
          </th>
          <th scope="col" class="number wide-only" title="Attempts so far, of those after which it is given up">
            attempts
          </th>
          <th scope="col" class="wide-only" title="Worker of its last attempt, as the row names it">
            worker
          </th>
          <th scope="col" class="number wide-only">
            created
          </th>
          <th scope="col" class="number" title="When it ended for good, else when its last attempt began">
            last
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((job) => (
          <tr key={job.jobId}>
            <td>
              <a
                data-row-link
                class="code isolate"
                href={href("/job", { source: job.source, id: job.jobId, queue: job.queue })}
                title={job.jobId}
              >
                {job.jobId}
              </a>
            </td>
            <td>
              <JobStateWord job={job} />
            </td>
            <td class="wide-only isolate">{job.kind ?? <span class="none">{unknownText}</span>}</td>
            <td class="number wide-only">
              {job.attempt ?? unknownText}
              {job.maxAttempts !== null && <span class="muted"> of {job.maxAttempts}</span>}
            </td>
            <td class="wide-only isolate" title={job.worker ?? undefined}>
              {job.worker ?? <span class="none">{unknownText}</span>}
            </td>
            <td class="number wide-only">
              <Since at={job.createdAt} />
            </td>
            <td class="number">
              <Since at={job.finishedAt ?? job.startedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
