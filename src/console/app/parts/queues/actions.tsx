import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import {
  ConsoleDiscardErrorGroupDocument,
  ConsoleDiscardJobDocument,
  ConsoleQueueDocument,
  ConsoleRetryErrorGroupDocument,
  ConsoleRetryJobDocument,
  type GroupChangeFragment,
} from "../../../../generated/console.ts";
import { ask, type Failure } from "../../data/client.ts";
import { refreshAll } from "../../data/live.ts";
import { href } from "../../page/url.ts";
import { missingScope, server } from "../../session/viewer.ts";
import { type Action, ActionButton, type Step } from "../action.tsx";
import { toCount } from "../../../../lib/format.ts";

const jobsOff = "Jobs are not changed by this gateway: JOBS=on allows it";

/** A button of an action on jobs. Where the gateway allows none it stays and says so. */
export function JobButton({ action, children }: { readonly action: () => Action; readonly children: ComponentChildren }) {
  return (
    <ActionButton action={action} blocked={server.value?.jobsEnabled === false ? jobsOff : null}>
      {children}
    </ActionButton>
  );
}

/** Why no job can be changed here, in words; null where it can. For beside the buttons: a phone has no hover. */
export function whyNoJobActions(): string | null {
  return missingScope("ops:operate") ?? (server.value?.jobsEnabled === false ? jobsOff : null);
}

/** What to do about a refusal of the gateway; its message says what happened. */
const remedies: Readonly<Record<string, string>> = {
  job_conflict: "It has moved on since this page was made: nothing was changed.",
  job_not_found: "It is gone, or in another queue: nothing was changed.",
  job_budget: "A token may change 1,000 jobs an hour: nothing more was changed.",
  jobs_disabled: "JOBS=on allows it.",
  job_unknown: "Look at the job before you try again: it may have been changed.",
  operation_not_supported: "Its job system cannot do this.",
  audit_unavailable: "Without a record nothing is changed.",
  queues_unavailable: "Its database does not answer: nothing was changed.",
};

function toFailedStep({ code, message }: Failure): Step {
  return {
    tone: code === "job_unknown" ? "warn" : "bad",
    text: (
      <>
        {message}. {remedies[code] ?? ""} <code class="muted">{code}</code>
      </>
    ),
  };
}

/** What an action on one job shows before it is done. */
export interface JobSubject {
  readonly source: string;
  readonly jobId: string;
  readonly queue: string | null;
  /** Asks what it will touch as it is now. */
  readonly preview: Action["preview"];
}

/** Runs a failed job again now. */
export function toRetry(job: JobSubject): Action {
  return {
    title: `Retry job ${job.jobId}`,
    verb: "Retry",
    preview: job.preview,
    run: async (reason) => {
      const { data, failures } = await ask(ConsoleRetryJobDocument, toVariables(job, reason));
      return toChangedStep("Retried", data?.retryJob ?? null, failures);
    },
    onDone: refreshAll,
  };
}

/** Gives a job up: it is not tried again, its row stays. */
export function toDiscard(job: JobSubject): Action {
  return {
    title: `Discard job ${job.jobId}`,
    verb: "Discard",
    preview: job.preview,
    run: async (reason) => {
      const { data, failures } = await ask(ConsoleDiscardJobDocument, toVariables(job, reason));
      return toDiscardedStep(data?.discardJob ?? null, failures);
    },
    onDone: refreshAll,
  };
}

function toVariables({ source, jobId, queue }: JobSubject, reason: string) {
  return { source, jobId, queue, reason };
}

function toChangedStep(word: string, changed: { readonly state: string } | null, failures: readonly Failure[]): Step {
  const [failure] = failures;
  if (failure) return toFailedStep(failure);
  return {
    tone: "ok",
    text: (
      <>
        {word}: it is now <span class="code">{changed?.state ?? "unknown"}</span>. <RecordLink />
      </>
    ),
  };
}

/** Job systems' own words for a job that a worker runs. */
const runningWords = new Set(["active", "executing", "running"]);

/** A job that runs cannot be given up from outside: its worker is asked to stop it, and may not. */
function toDiscardedStep(changed: { readonly state: string } | null, failures: readonly Failure[]): Step {
  if (failures.length > 0 || !changed || !runningWords.has(changed.state.toLowerCase()))
    return toChangedStep("Discarded", changed, failures);
  return {
    tone: "warn",
    text: (
      <>
        Cancel was asked for; it still runs, and may end as if nothing had been asked. Look at it again. <RecordLink />
      </>
    ),
  };
}

function RecordLink() {
  return (
    <a class="link" href={href("/audit")}>
      The record
    </a>
  );
}

/** Jobs of one queue that failed with one error. */
export interface GroupSubject {
  readonly source: string;
  readonly queue: string;
  readonly fingerprint: string;
}

/** Jobs that one change of a group takes, at most. */
const mostJobs = 100;

/** What the two changes of a group do, in the words of their dialog. */
const groupWords = {
  retry: {
    title: "Retry",
    done: "retried",
    jobs: "run again now",
    which: "those that are still failed. Discarded ones stay discarded.",
  },
  discard: {
    title: "Discard",
    done: "discarded",
    jobs: "are given up",
    which: "those that a worker would try again. Running ones are left alone; rows stay.",
  },
} as const;

/** Retries or discards the jobs of one queue that failed with one error, as many as the dialog says. */
export function toGroupChange(action: keyof typeof groupWords, group: GroupSubject): Action {
  const limit = signal(mostJobs);
  const { title, done } = groupWords[action];
  return {
    title: `${title} the failed jobs of ${group.queue}`,
    verb: `${title} them`,
    preview: () => previewGroup(action, group, limit),
    run: async (reason, report) => {
      if (!(limit.value >= 1 && limit.value <= mostJobs)) throw new Error(`Nothing was done: say how many, 1 to ${mostJobs}`);
      const { result, failure } = await changeGroup(action, { ...group, limit: Math.round(limit.value), reason });
      if (!result) return toFailedStep(failure ?? { code: "internal", message: "The gateway sent no result", path: null });
      for (const step of toGroupSteps(result)) report(step);
      return {
        tone: result.count > 0 ? "ok" : "warn",
        text: (
          <>
            {toCount(result.count)} {done}, {toCount(result.left)} left. <RecordLink />
          </>
        ),
      };
    },
    onDone: refreshAll,
  };
}

type GroupVariables = GroupSubject & { readonly limit: number; readonly reason: string };

async function changeGroup(action: keyof typeof groupWords, variables: GroupVariables) {
  if (action === "retry") {
    const { data, failures } = await ask(ConsoleRetryErrorGroupDocument, variables);
    return { result: data?.retryErrorGroup, failure: failures[0] };
  }
  const { data, failures } = await ask(ConsoleDiscardErrorGroupDocument, variables);
  return { result: data?.discardErrorGroup, failure: failures[0] };
}

async function previewGroup(
  action: keyof typeof groupWords,
  { source, queue, fingerprint }: GroupSubject,
  limit: { value: number },
) {
  const { title, jobs, which } = groupWords[action];
  const { data, failures } = await ask(ConsoleQueueDocument, { name: queue, source });
  const [failure] = failures;
  const found = data?.queue?.errors?.find((one) => one.fingerprint === fingerprint);
  if (!found)
    return { content: null, refusal: failure?.message ?? "No job of this queue failed with this error in the last 60 minutes" };
  // A job may have failed more than once: there are no more jobs than failures.
  if (found.complete) limit.value = Math.min(limit.value, Math.max(1, found.count));
  return {
    content: (
      <>
        <p>
          It failed {found.complete ? "" : "at least "}
          {toCount(found.count)} {found.count === 1 ? "time" : "times"} in the last 60 minutes in{" "}
          <span class="strong isolate">{queue}</span> of <span class="isolate">{source}</span>.{" "}
          <b>
            At most {toCount(limit.value)} {limit.value === 1 ? "job" : "jobs"} of this queue
          </b>{" "}
          {jobs}, one by one, newest first: {which}
          {found.complete && found.count <= mostJobs
            ? " A job may have failed more than once, so there may be fewer."
            : ` One change takes ${mostJobs}; it says how many are left.`}
        </p>
        <p class="muted">
          {"The newest: "}
          {found.jobIds.map((id, index) => (
            <span key={id}>
              {index > 0 && ", "}
              <a class="link code isolate" href={href("/job", { source, id, queue })}>
                {id}
              </a>
            </span>
          ))}
        </p>
        <pre class="error-text">{found.error}</pre>
        <label for="limit">{title} at most so many jobs</label>
        <input
          id="limit"
          class="input"
          type="number"
          min={1}
          max={mostJobs}
          required
          defaultValue={String(limit.value)}
          onInput={({ currentTarget }) => (limit.value = currentTarget.valueAsNumber)}
        />
      </>
    ),
  };
}

function toGroupSteps({ skipped, error }: GroupChangeFragment): readonly Step[] {
  const steps = (skipped ?? []).slice(0, 5).map(({ jobId, message }): Step => ({
    tone: "warn",
    text: (
      <>
        Skipped <span class="code isolate">{jobId}</span>: {message}
      </>
    ),
  }));
  const more = (skipped?.length ?? 0) - steps.length;
  if (more > 0) steps.push({ tone: "warn", text: `${toCount(more)} more were skipped: their state changed, or they are gone` });
  return error ? [...steps, toFailedStep({ ...error, path: null })] : steps;
}
