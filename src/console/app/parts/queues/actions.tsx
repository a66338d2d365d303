import { findRemedy } from "../../../../facts/error.ts";
import { type Signal, signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import {
  ConsoleDiscardErrorGroupDocument,
  ConsoleDiscardJobDocument,
  ConsoleRetryErrorGroupDocument,
  ConsoleRetryJobDocument,
  type GroupChangeFragment,
} from "../../../../generated/console.ts";
import { ask, type Failure } from "../../data/client.ts";
import { refreshAll } from "../../data/live.ts";
import { href } from "../../page/url.ts";
import { missingScope, server } from "../../session/viewer.ts";
import { type Action, ActionButton, type Step } from "../action.tsx";
import { formatNumber } from "../../../../facts/format.ts";

const jobsOff = "This gateway may not change jobs: WALLET_CORE_OPS_JOBS=on enables it";

interface JobButtonProps {
  readonly action: () => Action;
  readonly children: ComponentChildren;
  /** Why the job's state refuses it. */
  readonly blocked?: string | null;
}

/**
 * A button of an action on jobs. If the gateway or the job does not allow it, the button stays and
 * says why.
 */
export function JobButton({ action, children, blocked = null }: JobButtonProps) {
  return (
    <ActionButton action={action} blocked={server.value?.jobsEnabled === false ? jobsOff : blocked}>
      {children}
    </ActionButton>
  );
}

/**
 * Why no job can be changed here, in words; null where it can. For beside the buttons: a phone has
 * no hover.
 */
export function whyNoJobActions(): string | null {
  return missingScope("ops:operate") ?? (server.value?.jobsEnabled === false ? jobsOff : null);
}

function toFailedStep({ code, message }: Failure): Step {
  return {
    tone: code === "job_unknown" ? "warn" : "bad",
    text: (
      <>
        {message}. {findRemedy(code) ?? ""} <code class="muted">{code}</code>
      </>
    ),
  };
}

/** What an action on one job shows before it is done. */
export interface JobSubject {
  readonly source: string;
  readonly jobId: string;
  readonly queue: string | null;
  /** Asks for its current state, to show what the action affects. */
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

/** Discards a job: it is not tried again, and its row stays. */
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
        Cancellation requested; the job may still finish. Check it again. <RecordLink />
      </>
    ),
  };
}

function RecordLink() {
  return (
    <a class="link" href={href("/audit")}>
      Audit record{" "}
    </a>
  );
}

/** Jobs of one queue that failed with one error. */
export interface GroupSubject {
  readonly source: string;
  readonly queue: string;
  readonly fingerprint: string;
  /** The text that they failed with. */
  readonly error: string;
}

/** Jobs that one change of a group takes, at most. */
const mostJobs = 100;

/** Ids that a dialog shows, at most. */
const shownIds = 10;

/** What the two changes of a group do, in the words of their dialog. */
const groupWords = {
  retry: {
    title: "Retry",
    done: "retried",
    one: "will run again now",
    many: "will run again now",
    others: "Jobs that somebody has discarded or cancelled are left out.",
  },
  discard: {
    title: "Discard",
    done: "discarded",
    one: "will not be tried again",
    many: "will not be tried again",
    others: "Rows stay. Running jobs are left alone.",
  },
} as const;

type GroupAction = keyof typeof groupWords;

/**
 * Retries or discards the jobs of one queue that failed with one error, as many as the dialog says.
 */
function toGroupChange(action: GroupAction, group: GroupSubject): Action {
  const limit = signal(mostJobs);
  const { title, done } = groupWords[action];
  return {
    title: `${title} the failed jobs of ${group.queue}`,
    verb: `${title} them`,
    preview: async () => {
      const { result, failure } = await changeGroup(action, group, mostJobs, null);
      if (!result) return { content: null, refusal: failure.message };
      if (result.count === 0) return { content: null, refusal: toNothing(action, group.queue) };
      limit.value = result.count;
      return { content: <GroupPreview action={action} group={group} found={result} limit={limit} /> };
    },
    run: async (reason, report) => {
      if (!(limit.value >= 1 && limit.value <= mostJobs))
        throw new Error(`Nothing was done: enter a number from 1 to ${mostJobs}`);
      const { result, failure } = await changeGroup(action, group, Math.round(limit.value), reason);
      if (!result) return toFailedStep(failure);
      for (const step of toGroupSteps(result)) report(step);
      return {
        tone: result.count > 0 ? "ok" : "warn",
        text: (
          <>
            {formatNumber(result.count)} {done}, {formatNumber(result.left)} left. <RecordLink />
          </>
        ),
      };
    },
    onDone: refreshAll,
  };
}

/** Retry and discard of a group, each after a preview of what it affects. */
export function GroupButtons(group: GroupSubject) {
  return (
    <span class="pair">
      <JobButton action={() => toGroupChange("retry", group)}>Retry …</JobButton>
      <JobButton action={() => toGroupChange("discard", group)}>Discard …</JobButton>
    </span>
  );
}

function toNothing(action: GroupAction, queue: string): string {
  return `Nothing to ${action}: no job of ${queue} that failed with this error in the last 60 minutes can be ${groupWords[action].done} now`;
}

/** Changes the jobs. Without a reason it is a dry run, which changes and records nothing. */
async function changeGroup(
  action: GroupAction,
  { source, queue, fingerprint }: GroupSubject,
  limit: number,
  reason: string | null,
) {
  const variables = { source, queue, fingerprint, limit, reason: reason ?? "preview", dryRun: reason === null };
  const document = action === "retry" ? ConsoleRetryErrorGroupDocument : ConsoleDiscardErrorGroupDocument;
  const { data, failures } = await ask(document, variables);
  const [failure = { code: "internal", message: "The gateway returned no result", path: null }] = failures;
  return { result: data?.change, failure };
}

interface GroupPreviewProps {
  readonly action: GroupAction;
  readonly group: GroupSubject;
  readonly found: GroupChangeFragment;
  readonly limit: Signal<number>;
}

/** Which jobs a change takes, as of now; follows the limit. */
function GroupPreview({ action, group: { source, queue, error }, found, limit }: GroupPreviewProps) {
  const { title, one, many, others } = groupWords[action];
  const count = limit.value >= 1 ? Math.min(Math.round(limit.value), found.count) : 0;
  const left = found.count + found.left - count;
  const ids = (found.jobIds ?? []).slice(0, Math.min(count, shownIds));
  return (
    <>
      <p>
        <b>
          {formatNumber(count)} {count === 1 ? "job" : "jobs"} of <span class="isolate">{queue}</span>
        </b>{" "}
        in <span class="isolate">{source}</span> {count === 1 ? one : many}
        {count > 1 && ", one by one, newest failure first"}.{" "}
        {left > 0 && `${formatNumber(left)} more ${left === 1 ? "is" : "are"} left. `}
        {others}
      </p>
      <p class="muted">
        {ids.map((id, index) => (
          <span key={id}>
            {index > 0 && ", "}
            <a class="link code isolate" href={href("/job", { source, id, queue })}>
              {id}
            </a>
          </span>
        ))}
        {count > ids.length && ids.length > 0 && ` and ${formatNumber(count - ids.length)} more`}
      </p>
      <pre class="error-text">{error}</pre>
      <label for="limit">{title} at most this many jobs</label>
      <input
        id="limit"
        class="input"
        type="number"
        min={1}
        max={mostJobs}
        required
        defaultValue={String(limit.peek())}
        onInput={({ currentTarget }) => (limit.value = currentTarget.valueAsNumber)}
      />
    </>
  );
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
  if (more > 0)
    steps.push({
      tone: "warn",
      text: `${formatNumber(more)} more were skipped: their state has changed, or they were deleted`,
    });
  return error ? [...steps, toFailedStep({ ...error, path: null })] : steps;
}
