import { ConsoleJobDocument, type ConsoleJobQuery } from "../../../../generated/console.ts";
import { ask } from "../../data/client.ts";
import type { Action } from "../action.tsx";
import { formatEnum } from "../../../../facts/format.ts";
import { Banner } from "../notice.tsx";
import { JobButton, type JobSubject, toDiscard, toRetry } from "./actions.tsx";
import { whyNotChanged } from "./reason.ts";

interface JobActionsProps {
  readonly source: string;
  readonly id: string;
  readonly queue: string | null;
  /** The error that is known of it, where its system's jobs cannot be read one by one. */
  readonly error?: string;
  /** What was read of it and of its source; undefined before the first answer. */
  readonly data: ConsoleJobQuery | undefined;
}

type JobKey = Omit<JobActionsProps, "data">;

/** Retry and discard of one job, each after a preview of what it affects. */
export function JobActions({ source, id, queue, error, data }: JobActionsProps) {
  const subject = (verb: "retry" | "discard"): JobSubject => ({
    source,
    jobId: id,
    queue,
    preview: () => previewJob({ source, id, queue, ...(error !== undefined && { error }) }, verb),
  });
  return (
    <>
      <JobButton action={() => toRetry(subject("retry"))} blocked={whyNot(data, source, "retry")}>
        Retry …
      </JobButton>
      <JobButton action={() => toDiscard(subject("discard"))} blocked={whyNot(data, source, "discard")}>
        Discard …
      </JobButton>
    </>
  );
}

type Job = NonNullable<ConsoleJobQuery["job"]>;

function whyNot(data: ConsoleJobQuery | null | undefined, source: string, action: "retry" | "discard"): string | null {
  if (data === undefined) return "The job is not known yet";
  const kind = data?.queueSources?.find(({ name }) => name === source)?.kind;
  return whyNotChanged(action, data?.job?.state, kind);
}

async function previewJob(
  { source, id, queue, error }: JobKey,
  verb: "retry" | "discard",
): ReturnType<Action["preview"]> {
  const { data, failures } = await ask(ConsoleJobDocument, { source, id, queue });
  const failure = failures.find(({ path }) => path !== "queueSources");
  const unreadable = failure?.code === "operation_not_supported";
  if (failure && !unreadable) return { content: null, refusal: `${failure.message} (${failure.code})` };
  const job = data?.job ?? null;
  if (!job && !unreadable)
    return { content: null, refusal: `${source} has no job ${id}: it was deleted or is in another queue` };
  return {
    content: (
      <Preview
        source={source}
        queue={job?.queue ?? queue}
        job={job}
        error={job?.attempts?.[0]?.error ?? error}
        verb={verb}
      />
    ),
    refusal: whyNot(data, source, verb),
  };
}

interface PreviewProps {
  readonly source: string;
  readonly queue: string | null;
  readonly job: Job | null;
  readonly error: string | undefined;
  readonly verb: "retry" | "discard";
}

function Preview({ source, queue, job, error, verb }: PreviewProps) {
  const attempts = job?.attempt ?? null;
  return (
    <>
      {verb === "discard" && job?.state === "RUNNING" ? (
        <Banner tone="warn">
          The job is running. The gateway can only request a cancellation, and the job may continue. Most job systems
          refuse even that while a job runs.
        </Banner>
      ) : (
        <p>
          {verb === "retry"
            ? "Runs the job again now, whether it has failed for good or is waiting for its next attempt."
            : "The job will not be tried again; its row stays."}
        </p>
      )}
      <dl class="facts">
        <dt>queue</dt>
        <dd class="isolate">
          {queue ?? "unknown"} of {source}
        </dd>
        {job && (
          <>
            <dt>state</dt>
            <dd>{job.state ? formatEnum(job.state) : job.systemState}</dd>
            <dt>attempts</dt>
            <dd>
              {attempts ?? "unknown"}
              {job.maxAttempts !== null && ` of ${job.maxAttempts}`}
            </dd>
          </>
        )}
      </dl>
      {error !== undefined && <pre class="error-text">{error}</pre>}
    </>
  );
}
