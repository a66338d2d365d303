import { toJobTone } from "../../facts/job.ts";
import { formatAge, formatEnum } from "../../facts/format.ts";
import { UsageError } from "../../cli/command.ts";
import {
  DiscardErrorGroup,
  DiscardJob,
  Errors,
  Job,
  type OpsClient,
  OpsError,
  RetryErrorGroup,
  type RetryErrorGroupMutation,
  type RetryErrorGroupMutationVariables,
  RetryJob,
} from "../../client/client.ts";
import { defineCommand, noteError, type Session } from "../command.ts";
import { findSource } from "../commands/jobs.ts";
import { type ResultFormat, resultOption, toWhole } from "../options.ts";
import { toDocument } from "../output/print.ts";
import { toOneLine } from "../output/style.ts";
import { askReason, checkReason, confirm, toOnly, withScope, yesOption } from "./confirm.ts";

type GroupChange = NonNullable<RetryErrorGroupMutation["retryErrorGroup"]>;

/** The two words for one change. */
interface Change {
  readonly verb: "retry" | "discard";
  readonly done: "retried" | "discarded";
}

interface Wanted extends Change {
  readonly source: string | undefined;
  readonly queue: string | undefined;
  readonly reason: string | undefined;
  readonly isYes: boolean | undefined;
  readonly limit: number;
  readonly isAll: boolean;
  readonly format: ResultFormat;
}

/** `--all` asks for `--limit` jobs at most this many times. */
const mostRounds = 10;

const options = {
  source: {
    type: "string",
    value: "NAME",
    about: "the job's source; optional if there is only one",
  },
  queue: {
    type: "string",
    short: "q",
    value: "NAME",
    about: "the job's queue; optional if the group is in only one",
  },
  reason: {
    type: "string",
    short: "r",
    value: "TEXT",
    about: "the reason, for the audit record; a terminal asks for it",
  },
  yes: yesOption,
  limit: { type: "string", value: "COUNT", default: "100", about: "the most jobs of a group, 1 to 100" },
  all: { type: "boolean", about: `repeat until the group has no job left, at most ${mostRounds} times` },
  job: { type: "boolean", about: "treat the argument as a job's id even if it looks like a group's" },
  output: resultOption,
} as const;

export const retryCommand = defineChange(
  { verb: "retry", done: "retried" },
  "run a failed job again, or all jobs of an error group (needs ops:operate)",
);
export const discardCommand = defineChange(
  { verb: "discard", done: "discarded" },
  "cancel a waiting job, or the jobs of an error group that would run again (needs ops:operate)",
);

function defineChange(change: Change, summary: string) {
  return defineCommand(
    {
      name: change.verb,
      summary,
      args: "JOB|GROUP",
      about: `12 hex digits name an error group, as listed by \`errors\`; anything else is a job's id, as listed by \`jobs\`.
Shows what it will change first. Exit code 1 if anything was refused or skipped.`,
      options,
      examples: [
        [`wallet-core-ops ${change.verb} 4711 --queue payouts --reason 'bank is back'`, "One job"],
        [
          `wallet-core-ops ${change.verb} 3f2a9c1b77d0 --all --reason 'bank is back' --yes`,
          "All jobs of an error, from a script",
        ],
      ],
    },
    async (session, values, positionals) => {
      const asked = toOnly("job or group", positionals);
      checkReason(session, values.reason);
      const wanted: Wanted = {
        ...change,
        source: values.source,
        queue: values.queue,
        reason: values.reason,
        isYes: values.yes,
        limit: toWhole("limit", values.limit, 1, 100),
        isAll: values.all ?? false,
        format: values.output as ResultFormat,
      };
      const isGroup = /^[0-9a-f]{12}$/.test(asked) && !values.job;
      return withScope(session, () => (isGroup ? changeGroup : changeJob)(session, asked, wanted));
    },
  );
}

async function changeJob(session: Session, jobId: string, wanted: Wanted): Promise<number> {
  const client = session.client();
  const { stop: signal } = session.context;
  const source = wanted.source ?? (await findSource(client, wanted.queue, signal));
  await showJob(session, client, { source, jobId, queue: wanted.queue ?? null });
  const reason = await askReason(session, wanted.reason);
  if (!(await confirm(session, `${toTitle(wanted.verb)} this job?`, wanted.isYes))) return 1;
  const variables = { source, jobId, queue: wanted.queue ?? null, reason };
  const done =
    wanted.verb === "retry"
      ? (await client.query(RetryJob, variables, { signal })).retryJob
      : (await client.query(DiscardJob, variables, { signal })).discardJob;
  if (!done) throw new OpsError("job_unknown", "The gateway did not report what happened to the job");
  await session.write(
    wanted.format === "table"
      ? `${toOneLine(`${wanted.done} job ${done.jobId} of ${done.queue ?? "its queue"} (${done.source}): ${formatEnum(done.state)}`)}\n`
      : toDocument(done, wanted.format),
  );
  return 0;
}

/**
 * Says on stderr what a job is. A job that cannot be read may still be changed; one that is not
 * there cannot. @throws OpsError
 */
async function showJob(
  session: Session,
  client: OpsClient,
  key: { readonly source: string; readonly jobId: string; readonly queue: string | null },
) {
  const { note, paintError: paint, context } = session;
  try {
    const { data, errors } = await client.queryPartial(Job, key, { signal: context.stop });
    for (const error of errors) noteError(session, error);
    if (!data.job) throw errors[0] ?? new OpsError("job_not_found", `The source ${key.source} has no job ${key.jobId}`);
    const { jobId, queue, source, kind, state, systemState, attempt, maxAttempts, attempts, finishedAt } = data.job;
    note(
      `${paint("strong", toOneLine(`job ${jobId}`))} of ${toOneLine(`${queue} (${source})${kind === null || kind === queue ? "" : `, ${kind}`}`)}`,
    );
    const tries = attempt === null ? "" : `, attempt ${attempt}${maxAttempts === null ? "" : ` of ${maxAttempts}`}`;
    const ended = finishedAt === null ? "" : `, ended ${formatAge(finishedAt)} ago`;
    note(`  ${paint(toJobTone(state), toOneLine(state === null ? systemState : formatEnum(state)))}${tries}${ended}`);
    const [last] = attempts ?? [];
    if (last) note(`  ${paint("bad", toOneLine(last.error))}`);
  } catch (error) {
    if (!(error instanceof OpsError) || !["operation_not_supported", "forbidden", "query_refused"].includes(error.code))
      throw error;
    note(paint("warn", `this job cannot be read: ${toOneLine(error.message)}`));
  }
}

async function changeGroup(session: Session, fingerprint: string, wanted: Wanted): Promise<number> {
  const client = session.client();
  const { source, queue } = await findGroup(session, client, fingerprint, wanted);
  await showPlan(session, client, wanted, { source, queue, fingerprint, limit: wanted.limit });
  const reason = await askReason(session, wanted.reason);
  const count = wanted.isAll ? "all its jobs" : `up to ${wanted.limit} of its jobs`;
  if (!(await confirm(session, `${toTitle(wanted.verb)} ${count} in ${toOneLine(queue)}?`, wanted.isYes))) return 1;
  const total = {
    source,
    queue,
    fingerprint,
    count: 0,
    jobIds: [] as string[],
    skipped: [] as SkippedJob[],
    left: 0,
    error: null as GroupChange["error"],
  };
  for (let round = 1; ; round += 1) {
    const variables = { source, queue, fingerprint, limit: wanted.limit, reason };
    let done: GroupChange | null;
    try {
      done = await sendGroup(session, client, wanted.verb, variables);
    } catch (error) {
      // What earlier rounds did is reported all the same.
      if (round === 1 || !(error instanceof OpsError)) throw error;
      total.error = { code: error.code, message: error.message };
      break;
    }
    if (!done) throw new OpsError("job_unknown", "The gateway did not report what happened to the jobs");
    total.count += done.count;
    total.jobIds.push(...(done.jobIds ?? []));
    total.skipped.push(...(done.skipped ?? []));
    total.left = done.left;
    total.error = done.error;
    if (!wanted.isAll || done.error || done.left === 0 || done.count === 0 || round === mostRounds) break;
    session.note(`${total.count} ${wanted.done}, ${done.left} left`);
  }
  await session.write(wanted.format === "table" ? toGroupText(total, wanted.done) : toDocument(total, wanted.format));
  if (total.left > 0 && !total.error) session.note(`${total.left} are left: run the same command again to continue`);
  return total.error || total.skipped.length > 0 ? 1 : 0;
}

/**
 * Says on stderr how many jobs would be changed now. @throws OpsError not_found where no job would
 * be
 */
async function showPlan(
  session: Session,
  client: OpsClient,
  { verb, done }: Change,
  group: Omit<RetryErrorGroupMutationVariables, "reason" | "dryRun">,
): Promise<void> {
  const plan = await sendGroup(session, client, verb, { ...group, reason: "preview", dryRun: true });
  if (!plan) throw new OpsError("not_a_gateway", "The gateway did not report which jobs it would change");
  if (plan.count === 0)
    throw new OpsError(
      "not_found",
      `No job of ${group.queue} that failed with this error in the last 60 minutes can be ${done} now`,
    );
  session.note(
    `  ${plan.count === 1 ? "1 job" : `${plan.count} jobs`} can be ${done} now${plan.left > 0 ? `, ${plan.left} more after them` : ""}`,
  );
}

type SkippedJob = NonNullable<GroupChange["skipped"]>[number];

async function sendGroup(
  { context }: Session,
  client: OpsClient,
  verb: Change["verb"],
  variables: RetryErrorGroupMutationVariables,
) {
  const call = { signal: context.stop };
  return verb === "retry"
    ? (await client.query(RetryErrorGroup, variables, call)).retryErrorGroup
    : (await client.query(DiscardErrorGroup, variables, call)).discardErrorGroup;
}

/**
 * The one queue that is meant, after saying on stderr what failed there. @throws UsageError @throws
 * OpsError
 */
async function findGroup(
  session: Session,
  client: OpsClient,
  fingerprint: string,
  wanted: Wanted,
): Promise<{ readonly source: string; readonly queue: string }> {
  const { note, paintError: paint, context } = session;
  const { data, errors } = await client.queryPartial(Errors, {}, { signal: context.stop });
  for (const error of errors) noteError(session, error);
  const group = data.errorGroups?.find((one) => one.fingerprint === fingerprint);
  const places = (group?.queues ?? []).filter(
    ({ name, source }) =>
      (wanted.queue === undefined || name === wanted.queue) &&
      (wanted.source === undefined || source === wanted.source),
  );
  const [place, ...others] = places;
  if (!group || !place) {
    // The list of groups has an end: the gateway knows the rest of them.
    if (!group && wanted.queue !== undefined && wanted.source !== undefined) {
      note(paint("warn", "this group is not among the newest 50, so its number of jobs is unknown"));
      return { source: wanted.source, queue: wanted.queue };
    }
    throw new OpsError(
      "not_found",
      `No error group ${fingerprint} in the last 60 minutes${group ? " in this queue" : ""}`,
    );
  }
  if (others.length > 0) {
    const ways = places.map(({ name, source }) => `--queue ${name} --source ${source}`);
    throw new UsageError(`The group is in several queues; choose one with ${toOneLine(ways.join(", or "))}`);
  }
  const failures = place.count === 1 ? "1 failure" : `${place.count} failures`;
  note(
    `${paint("strong", fingerprint)}: ${toOneLine(`${group.complete ? "" : "at least "}${failures} in ${place.name} (${place.source})`)}, the last ${formatAge(group.lastSeen)} ago`,
  );
  note(`  ${paint("bad", toOneLine(group.error))}`);
  return { source: place.source, queue: place.name };
}

function toGroupText(
  {
    source,
    queue,
    count,
    skipped,
    left,
    error,
  }: Omit<GroupChange, "jobIds"> & { readonly skipped: readonly SkippedJob[] },
  done: string,
): string {
  const lines = [`${done} ${count} of ${queue} (${source}), ${skipped.length} skipped, ${left} left`];
  for (const { jobId, message } of skipped) lines.push(`skipped ${jobId}: ${message}`);
  if (error) lines.push(`stopped: ${error.message} (${error.code})`);
  return lines.map((line) => `${toOneLine(line)}\n`).join("");
}

const toTitle = (verb: string) => `${verb[0]?.toUpperCase()}${verb.slice(1)}`;
