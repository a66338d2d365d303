import { createSharedBudget, inTurns } from "../../lib/budget/budget.ts";
import { escapeMessage, escapeName, unescapeName } from "../../lib/redact/names.ts";
import type { Job, JobReader } from "../job.ts";
import type { JobControl, JobRef } from "./control.ts";
import { noRunningJobs } from "../queue.ts";
import type { KindSource } from "../system.ts";

type Rename = (name: string) => string;

/**
 * Wraps a source so that it returns escaped names (of queues, ids and kinds of jobs, workers,
 * hosts), because whoever may add a job chooses most of them. It also accepts escaped names: a
 * displayed name finds what it names, and nothing else.
 */
export function escapeNames(source: KindSource): KindSource {
  return {
    ...source,
    metrics: async (signal) => {
      const budget = createSharedBudget(signal);
      return inTurns(await source.metrics(signal), budget, (queue) => rename(queue, escapeName, "name"));
    },
    failures: async (signal) =>
      inTurns(await source.failures(signal), createSharedBudget(signal), (failures) => {
        const { jobIds } = failures;
        return { ...rename(failures, escapeName, "queue", "worker"), jobIds: jobIds.map(escapeName) };
      }),
    ...(source.history && {
      history: async (queues, range, signal) =>
        escapeKeys(await source.history?.(queues && queues.map(unescapeName), range, signal)),
    }),
    ...(source.historyOn && {
      historyOn: async (hosts, queues, range, signal) =>
        escapeKeys(
          await source.historyOn?.(hosts.map(unescapeName), queues && queues.map(unescapeName), range, signal),
        ),
    }),
    ...(source.workersSince && {
      workersSince: async (from, signal) =>
        ((await source.workersSince?.(from, signal)) ?? []).map((ended) => rename(ended, escapeName, "queue", "host")),
    }),
    ...(source.failedJobs && {
      failedJobs: async (queue, action, signal) => {
        const found = (await source.failedJobs?.(unescapeName(queue), action, signal)) ?? null;
        return found && found.map((failed) => ({ ...failed, jobIds: failed.jobIds.map(escapeName) }));
      },
    }),
    ...(source.jobs && { jobs: escapeJobs(source.jobs) }),
    ...(source.control && { control: escapeControl(source.control) }),
    ...(source.running && {
      running: async (hosts, signal) => {
        const found = (await source.running?.(hosts.map(unescapeName), signal)) ?? noRunningJobs;
        return { ...found, jobs: found.jobs.map((job) => rename(job, escapeName, "queue", "jobId", "kind", "worker")) };
      },
    }),
    ...(source.workerJobs && {
      workerJobs: async (signal) =>
        ((await source.workerJobs?.(signal)) ?? []).map((own) => rename(own, escapeName, "queue", "host")),
    }),
    ...(source.usualRuns && { usualRuns: async (signal) => escapeKeys(await source.usualRuns?.(signal)) }),
    ...(source.warnings && { warnings: () => (source.warnings?.() ?? []).map(escapeMessage) }),
    ...(source.unsupported && {
      unsupported: async (signal) =>
        ((await source.unsupported?.(signal)) ?? []).map((system) => rename(system, escapeMessage, "name", "reason")),
    }),
  };
}

const jobNames = ["queue", "jobId", "kind", "systemState", "worker", "host"] as const;

function show<Shown extends Job>(job: Shown): Shown {
  return rename(job, escapeName, ...jobNames);
}

function unshow(job: Job): Job {
  return rename(job, unescapeName, ...jobNames);
}

function escapeJobs(jobs: JobReader): JobReader {
  return {
    find: async (refs, signal) =>
      (await jobs.find(refs.map(unescapeRef), signal)).map((job) =>
        job === null || job instanceof Error ? job : show(job),
      ),
    page: async ({ queue, after, before, ...query }, signal) => {
      const places = {
        after: after && rename(after, unescapeName, "id"),
        before: before && rename(before, unescapeName, "id"),
      };
      const page = await jobs.page({ ...query, ...places, queue: queue && unescapeName(queue) }, signal);
      return page.map((job) => ({ ...show(job), place: rename(job.place, escapeName, "id") }));
    },
    attempts: async (of, signal) =>
      (await jobs.attempts(of.map(unshow), signal)).map((attempts) =>
        attempts.map((attempt) => rename(attempt, escapeName, "worker", "host")),
      ),
    ...(jobs.args && { args: async (of, signal) => (await jobs.args?.(of.map(unshow), signal)) ?? [] }),
  };
}

function escapeControl(control: JobControl): JobControl {
  return {
    check: (action, job) => control.check(action, unescapeRef(job)),
    change: async (action, job, onlyFailed, check) =>
      rename(await control.change(action, unescapeRef(job), onlyFailed, check), escapeName, "jobId", "queue", "state"),
    look: async (job) => {
      const state = await control.look(unescapeRef(job));
      return state === null ? null : escapeName(state);
    },
    verify: () => control.verify(),
  };
}

function unescapeRef(job: JobRef): JobRef {
  return rename(job, unescapeName, "jobId", "queue");
}

function escapeKeys<T>(byName: ReadonlyMap<string, T> = new Map()): ReadonlyMap<string, T> {
  return new Map([...byName].map(([name, value]) => [escapeName(name), value]));
}

/** The row with these names changed; the same object if none of them changes. */
function rename<Row extends object>(row: Row, change: Rename, ...keys: readonly (keyof Row)[]): Row {
  const changed = keys.flatMap((key) => {
    const name = row[key];
    const renamed = typeof name === "string" ? change(name) : name;
    return renamed === name ? [] : [[key, renamed] as const];
  });
  return changed.length === 0 ? row : { ...row, ...Object.fromEntries(changed) };
}
