import { useState } from "preact/hooks";
import { ConsoleJobArgsDocument, ConsoleJobDocument, type ConsoleJobQuery } from "../../../generated/console.ts";
import { failureOf, useLive } from "../data/live.ts";
import { href, params } from "../page/url.ts";
import { missingScope } from "../session/viewer.ts";
import { Empty, FailureNotice, Skeleton } from "../parts/notice.tsx";
import { whyNoJobActions } from "../parts/queues/actions.tsx";
import { type Attempt, AttemptLog, Worker } from "../parts/queues/attempt.tsx";
import { JobActions } from "../parts/queues/job-actions.tsx";
import { JobStateWord } from "../parts/queues/job-state.tsx";
import { Release } from "../parts/release.tsx";
import { Clock, Since } from "../parts/time.tsx";
import { Titled } from "../parts/titled.tsx";

/** One job: where it is, each attempt that failed, and the log of each at that second. */
export function Job() {
  const source = params.value.get("source") ?? "";
  const id = params.value.get("id") ?? "";
  const queue = params.value.get("queue");
  const isAsked = source !== "" && id !== "";
  const state = useLive(ConsoleJobDocument, { source, id, queue }, { everyMs: 3000, skip: !isAsked }).value;
  const failure = failureOf(state, "job");
  const job = state.data?.job;
  if (!isAsked)
    return (
      <Titled title="A job">
        <Empty>No job chosen. Open one from its queue or from an error.</Empty>
      </Titled>
    );
  const name = job?.queue ?? queue;
  const why = whyNoJobActions();
  return (
    <>
      <div class="heading">
        <h1 class="isolate">Job {id}</h1>
        {job && <JobStateWord job={job} />}
        {name && (
          <span class="muted">
            of{" "}
            <a class="link isolate" href={href("/queue", { name, source })}>
              {name}
            </a>
          </span>
        )}
        <span class="right">
          {why && <span class="muted">{why}</span>}
          {job !== null && <JobActions source={source} id={id} queue={name} data={state.data} />}
        </span>
      </div>
      <FailureNotice failure={failure} what="This job" />
      {job === undefined && !failure && <Skeleton rows={6} />}
      {job === null && !failure && (
        <Empty>
          <span class="isolate">{source}</span> has no job <span class="isolate">{id}</span>. It is in another source,
          or the job system deleted it after it ended, as many do.
        </Empty>
      )}
      {job && (
        <>
          <Facts job={job} />
          <section class="section">
            <header>
              <h2>Failed attempts</h2>
              <span class="muted">newest first; most job systems store only the last one</span>
            </header>
            {job.attempts === null ? (
              <Empty>Could not read the attempts.</Empty>
            ) : job.attempts.length === 0 ? (
              <Empty>No failed attempts are stored.</Empty>
            ) : (
              <Attempts attempts={job.attempts} />
            )}
          </section>
          <Arguments key={`${source}/${id}`} source={source} id={id} queue={queue} />
        </>
      )}
    </>
  );
}

function Facts({ job }: { readonly job: NonNullable<ConsoleJobQuery["job"]> }) {
  const moments = [
    ["created", job.createdAt, "When it was created"],
    ["may run from", job.scheduledAt, "The earliest time at which it may run"],
    ["last attempt", job.startedAt, "When its last attempt began"],
    ["ended", job.finishedAt, "When it ended for good"],
  ] as const;
  return (
    <dl class="figures">
      {moments.map(([name, at, title]) => (
        <div key={name} class="figure" title={title}>
          <dt>{name}</dt>
          <dd>{at && Date.parse(at) > Date.now() ? <Clock at={at} /> : <Since at={at} suffix=" ago" />}</dd>
        </div>
      ))}
      <div class="figure" title="Attempts so far, and the maximum">
        <dt>attempts</dt>
        <dd>
          {job.attempt ?? "–"}
          {job.maxAttempts !== null && <span class="muted"> of {job.maxAttempts}</span>}
        </dd>
      </div>
      <div class="figure" title="Type or class of the job, if the system records one besides the queue">
        <dt>kind</dt>
        <dd class="isolate">{job.kind ?? "–"}</dd>
      </div>
      <div class="figure" title="In the job system's own scale">
        <dt>priority</dt>
        <dd>{job.priority ?? "–"}</dd>
      </div>
      <div class="figure wide" title="Worker of its last attempt">
        <dt>worker</dt>
        <dd>
          <Worker container={job.container} worker={job.worker} />
        </dd>
      </div>
      <div class="figure" title="The release of that worker">
        <dt>release</dt>
        <dd>
          <Release version={job.version} />
        </dd>
      </div>
    </dl>
  );
}

function Attempts({ attempts }: { readonly attempts: readonly Attempt[] }) {
  return (
    <ul class="attempts">
      {attempts.map((attempt, index) => (
        <li key={`${attempt.number}/${attempt.at}/${index}`}>
          <div class="attempt-head">
            <span class="strong">{attempt.number === null ? "attempt" : `attempt ${attempt.number}`}</span>
            {attempt.at ? (
              <span>
                <Clock at={attempt.at} />{" "}
                <span class="muted">
                  <Since at={attempt.at} suffix=" ago" />
                </span>
              </span>
            ) : (
              <span class="none">time unknown</span>
            )}
            <span class="cut">
              <Worker container={attempt.container} worker={attempt.worker} />
            </span>
            <Release version={attempt.version} />
            <span class="right">
              <AttemptLog attempt={attempt} isButton />
            </span>
          </div>
          <pre class="error-text">{attempt.error}</pre>
          {attempt.trace && (
            <details>
              <summary>Stack trace</summary>
              <pre class="error-text">{attempt.trace}</pre>
            </details>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Arguments may hold personal data: they are asked for when somebody wants to see them. */
function Arguments(key: { readonly source: string; readonly id: string; readonly queue: string | null }) {
  const [isShown, setShown] = useState(false);
  const { source, id, queue } = key;
  const state = useLive(ConsoleJobArgsDocument, { source, id, queue }, { skip: !isShown }).value;
  const args = state.data?.job?.args;
  const failure = failureOf(state, "job");
  const missing = missingScope("ops:logs");
  return (
    <section class="section">
      <header>
        <h2>Arguments</h2>
        <span class="muted">they may hold personal data</span>
        <span class="right">
          <button
            type="button"
            class="button"
            aria-disabled={missing !== null}
            aria-expanded={isShown}
            title={missing ?? undefined}
            onClick={() => missing === null && setShown(!isShown)}
          >
            {isShown ? "Hide" : "Show"}
          </button>
        </span>
      </header>
      {missing && <p class="empty">{missing}.</p>}
      {isShown && (
        <>
          <FailureNotice failure={failure} what="Arguments" />
          {args === undefined && !failure && <Skeleton rows={2} />}
          {args === null && !failure && <Empty>No arguments are stored, or the job was deleted.</Empty>}
          {args && (
            <pre class="error-text">
              {toPretty(args.text)}
              {args.truncated && "\n… truncated"}
            </pre>
          )}
        </>
      )}
    </section>
  );
}

/** JSON in lines; a text that was cut stays as it is. */
function toPretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
