import { randomUUID } from "node:crypto";
import type { TestDatabase } from "../../test/support/postgres-database.ts";
import { createRiverJobs } from "../../test/support/postgres-jobs.ts";
import { createSchema } from "../../test/support/preset-jobs.ts";
import { runnerMapping } from "../../test/support/queue-mappings.ts";
import { type PlannedAttempt, type PlannedJob, toRetryDelay } from "./plan.ts";
import type { QueueFacts, RowWriter } from "./rows.ts";

/** The last one is paused, where that is possible. */
const names = ["payouts", "mail", "exports"] as const;
const pausedName = "exports";
/** Hosts of the two workers; the second one does not take the last queue. */
const hosts = ["shop-job-0123456789ab", "shop-job-ba9876543210"] as const;

type At = (ago: number) => Date;

/** Inserts rows that all have the same columns. */
async function insert(database: TestDatabase, table: string, rows: readonly object[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {}).join();
  if (rows.length === 0) return;
  await database.query(
    `insert into ${table} (${columns}) select ${columns} from json_populate_recordset(null::${table}, $1)`,
    [JSON.stringify(rows)],
  );
}

/** Queue names that no other system has: `river_mail`. */
function toQueues(system: string): readonly string[] {
  return names.map((name) => `${system}_${name}`);
}

/** `workers` of the queues that both workers take, and of the one that only the first takes. */
function toFacts(workers: readonly [number, number] | null, hasPauses: boolean): (queue: string) => QueueFacts {
  return (queue) => {
    const isLast = queue.endsWith(pausedName);
    return { paused: hasPauses ? isLast : null, workers: workers && workers[isLast ? 1 : 0] };
  };
}

const noFacts: QueueFacts = { paused: null, workers: null };
const noRuns = ["waitP50Seconds", "waitP95Seconds", "runP50Seconds", "runP95Seconds"] as const;

const failuresOf = ({ attempts }: PlannedJob) => attempts.filter(({ error }) => error !== null);
const lastOf = ({ attempts }: PlannedJob) => attempts.at(-1);
const endOf = (job: PlannedJob, state: PlannedJob["state"]) =>
  job.state === state ? (lastOf(job)?.endedAgo ?? null) : null;

/** Which of the two workers ran an attempt. */
function workerOf(queue: string, attempt: PlannedAttempt | undefined): 0 | 1 {
  return queue.endsWith(pausedName) || (attempt?.startedAgo ?? 0) % 2 === 0 ? 0 : 1;
}

/** Null stays null. */
function toTime(at: At, ago: number | null | undefined): Date | null {
  return ago === null || ago === undefined ? null : at(ago);
}

/**
 * A table as its own product may write it: the example of docs/queues.md, with all that a mapping
 * may name.
 */
export async function createTableWriter(database: TestDatabase): Promise<RowWriter & { readonly config: object }> {
  await database.query(`
    create table runner_jobs (
      id bigserial primary key, type text not null, status text not null, run_at timestamptz not null, locked_at timestamptz,
      locked_by text, attempts int not null, finished_at timestamptz, last_error text)`);
  const statuses = { waiting: "pending", running: "running", done: "done", dead: "failed" };
  return {
    rules: { failures: "dead", measuresRuns: true },
    queues: toQueues("table"),
    facts: () => noFacts,
    config: {
      ...runnerMapping,
      retrying: ["retrying"],
      dead: ["failed"],
      attempts: "attempts",
      started_at: "locked_at",
      worker: { column: "locked_by", form: "host:{host} pid:{n}" },
    },
    write: (jobs, at) =>
      insert(
        database,
        "runner_jobs",
        jobs.map((job) => ({
          type: job.queue,
          status: job.state === "waiting" && job.attempts.length > 0 ? "retrying" : statuses[job.state],
          run_at: at(job.dueAgo),
          locked_at: job.state === "waiting" ? null : toTime(at, lastOf(job)?.startedAgo),
          locked_by: job.state === "waiting" ? null : `host:${hosts[workerOf(job.queue, lastOf(job))]} pid:17`,
          attempts: job.attempts.length,
          finished_at: toTime(at, endOf(job, "done") ?? endOf(job, "dead")),
          last_error: failuresOf(job).at(-1)?.error ?? null,
        })),
      ),
  };
}

function toRiverClient(queue: string, attempt: PlannedAttempt): string {
  const worker = workerOf(queue, attempt);
  return `${hosts[worker].replaceAll(".", "_")}_2026_11_30T08_15_30_12345${worker}`;
}

/** A retry within 5 s is available at once, a later one when the scheduler comes. */
function toRiverState(job: PlannedJob): string {
  if (job.state !== "waiting") return { running: "running", done: "completed", dead: "discarded" }[job.state];
  const failures = job.attempts.length;
  if (job.isStaged || (failures > 0 && toRetryDelay(failures) <= 5)) return "available";
  return failures > 0 ? "retryable" : "scheduled";
}

/**
 * River at fdf6cdf: JobGetAvailable and JobSetStateIfRunningMany of river_job.sql, reportError of
 * internal/jobexecutor. An error has the time when its attempt began. The queue has another name
 * than the kind.
 */
export async function createRiverWriter(database: TestDatabase): Promise<{ byKind: RowWriter; byQueue: RowWriter }> {
  await createRiverJobs(database);
  const rules = { failures: "attempts", failedAgo: ({ startedAgo }: PlannedAttempt) => startedAgo } as const;
  const byKind: RowWriter = {
    rules: { ...rules, measuresRuns: true },
    queues: toQueues("river"),
    facts: () => noFacts,
    async write(jobs, at) {
      await insert(
        database,
        "river_job",
        jobs.map((job) => ({
          kind: job.queue,
          queue: `q_${job.queue}`,
          args: { to: 1 },
          metadata: {},
          tags: [],
          priority: 1,
          state: toRiverState(job),
          attempt: job.attempts.length,
          max_attempts: job.state === "dead" ? job.attempts.length : 25,
          created_at: at(job.createdAgo),
          scheduled_at: at(job.dueAgo),
          attempted_at: toTime(at, lastOf(job)?.startedAgo),
          attempted_by:
            job.attempts.length > 0 ? job.attempts.map((attempt) => toRiverClient(job.queue, attempt)) : null,
          finalized_at: toTime(at, endOf(job, "done") ?? endOf(job, "dead")),
          errors:
            failuresOf(job).length > 0
              ? failuresOf(job).map(({ startedAgo, error }, index) => ({
                  at: at(startedAgo),
                  attempt: index + 1,
                  error,
                  trace: "",
                }))
              : null,
        })),
      );
      await insert(
        database,
        "river_queue",
        toQueues("river").map((queue) => ({
          name: `q_${queue}`,
          created_at: at(86_400),
          metadata: {},
          paused_at: queue.endsWith(pausedName) ? at(600) : null,
          updated_at: at(60),
        })),
      );
    },
  };
  const byQueue: RowWriter = {
    ...byKind,
    queues: byKind.queues.map((queue) => `q_${queue}`),
    facts: toFacts(null, true),
    write: (jobs, at) =>
      byKind.write(
        jobs.map((job) => ({ ...job, queue: job.queue.replace("q_", "") })),
        at,
      ),
  };
  return { byKind, byQueue };
}

const elixirText = ({ error }: PlannedAttempt) => `** (RuntimeError) ${error}`;

function toObanState(job: PlannedJob): string {
  if (job.state !== "waiting") return { running: "executing", done: "completed", dead: "discarded" }[job.state];
  if (job.isStaged) return "available";
  return job.attempts.length > 0 ? "retryable" : "scheduled";
}

/**
 * Oban at 2939e31: lib/oban/engines/basic.ex, format_attempt of lib/oban/job.ex. A stager makes due
 * jobs available. Its pruner retains all: a job that completed long ago shows that.
 */
export async function createObanWriter(database: TestDatabase): Promise<RowWriter> {
  await createSchema(database, "oban");
  const uuids = hosts.map(() => randomUUID());
  return {
    rules: {
      failures: "attempts",
      toText: elixirText,
      measuresRuns: true,
      knows: {
        processed: (_own, all) => all.some((ago) => ago > 600),
        failures: (_own, all) => all.some((ago) => ago > 4200),
      },
    },
    queues: toQueues("oban"),
    facts: () => noFacts,
    write: (jobs, at) =>
      insert(
        database,
        "oban_jobs",
        jobs.map((job) => {
          const last = lastOf(job);
          const worker = workerOf(job.queue, last);
          return {
            state: toObanState(job),
            queue: job.queue,
            worker: "Shop.Worker",
            args: { to: 1 },
            errors: failuresOf(job).map((attempt, index) => ({
              at: at(attempt.endedAgo ?? 0),
              attempt: index + 1,
              error: elixirText(attempt),
            })),
            attempt: job.attempts.length,
            max_attempts: job.state === "dead" ? job.attempts.length : 20,
            inserted_at: at(job.createdAgo),
            scheduled_at: at(job.dueAgo),
            attempted_at: toTime(at, last?.startedAgo),
            attempted_by: last ? [`shop@${hosts[worker]}`, uuids[worker]] : null,
            completed_at: toTime(at, endOf(job, "done")),
            discarded_at: toTime(at, endOf(job, "dead")),
            priority: 0,
            tags: [],
            meta: {},
          };
        }),
      ),
  };
}

/** An Active Job as it is serialized for its nth attempt. */
function serialize(id: string, queue: string, executions: number, at: Date) {
  return {
    job_class: "ShopJob",
    job_id: id,
    provider_job_id: null,
    queue_name: queue,
    priority: null,
    arguments: [],
    executions,
    exception_executions: executions > 0 ? { "[RuntimeError]": executions } : {},
    locale: "en",
    timezone: "UTC",
    enqueued_at: at,
    scheduled_at: null,
  };
}

const rubyText = ({ error }: PlannedAttempt) => `RuntimeError: ${error}`;
const rubyTrace = ["app/jobs/shop_job.rb:12:in 'ShopJob#perform'"];

/**
 * Solid Queue at 29e818d: models job, claimed_execution, scheduled_execution, failed_execution,
 * process, pause. `retry_on` finishes a failed job and makes the next one of the same Active Job;
 * only the last failure stays. A dispatcher moves what is due to the ready ones.
 */
export async function createSolidQueueWriter(database: TestDatabase): Promise<RowWriter> {
  await createSchema(database, "solid-queue");
  const queues = toQueues("solid");
  return {
    rules: {
      failures: "dead",
      toText: rubyText,
      retryAs: "deferred",
      lacks: ["retrying", ...noRuns],
    },
    queues,
    facts: toFacts([2, 1], true),
    async write(jobs, at) {
      const tables = ["jobs", "ready", "scheduled", "claimed", "failed"] as const;
      const rows = Object.fromEntries(tables.map((table) => [table, []])) as unknown as Record<
        (typeof tables)[number],
        object[]
      >;
      const add = (job: PlannedJob, activeJobId: string, executions: number) => {
        const attempt = job.attempts[executions];
        const before = job.attempts[executions - 1];
        const madeAgo = before?.endedAgo ?? job.createdAgo;
        const dueAgo = attempt?.dueAgo ?? job.dueAgo;
        const isLast = executions >= job.attempts.length - 1;
        const isFailed = job.state === "dead" && isLast;
        const id = rows.jobs.length + 1;
        const finished = attempt && !isFailed ? toTime(at, attempt.endedAgo) : null;
        const row = { job_id: id, queue_name: job.queue, priority: 0 };
        rows.jobs.push({
          id,
          queue_name: job.queue,
          class_name: "ShopJob",
          arguments: JSON.stringify(serialize(activeJobId, job.queue, executions, at(madeAgo))),
          priority: 0,
          active_job_id: activeJobId,
          scheduled_at: at(dueAgo),
          finished_at: finished,
          created_at: at(madeAgo),
          updated_at: finished ?? at(madeAgo),
        });
        if (!attempt && job.isStaged) rows.ready.push({ ...row, created_at: at(dueAgo) });
        if (!attempt && !job.isStaged)
          rows.scheduled.push({ ...row, scheduled_at: at(dueAgo), created_at: at(madeAgo) });
        if (attempt?.endedAgo === null) {
          const processId = 2 + workerOf(job.queue, attempt);
          rows.claimed.push({ job_id: id, process_id: processId, created_at: at(attempt.startedAgo) });
        }
        if (attempt && isFailed) {
          const error = { exception_class: "RuntimeError", message: attempt.error, backtrace: rubyTrace };
          rows.failed.push({ job_id: id, error: JSON.stringify(error), created_at: toTime(at, attempt.endedAgo) });
        }
      };
      for (const job of jobs) {
        const activeJobId = randomUUID();
        const made = job.attempts.length + (job.state === "waiting" ? 1 : 0);
        for (let executions = 0; executions < made; executions += 1) add(job, activeJobId, executions);
      }
      const worker = (id: number, patterns: readonly string[]) => ({
        id,
        kind: "Worker",
        pid: 20 + id,
        hostname: hosts[id - 2],
        name: `worker-${id}f0d3b2a19c8e7f6a5b4`,
        supervisor_id: 1,
        metadata: JSON.stringify({ polling_interval: 0.1, queues: patterns.join(), thread_pool_size: 3 }),
      });
      const processes = [
        { ...worker(1, []), kind: "Supervisor(fork)", hostname: hosts[0], supervisor_id: null, metadata: "{}" },
        worker(2, ["*"]),
        worker(
          3,
          queues.filter((queue) => !queue.endsWith(pausedName)),
        ),
        {
          ...worker(4, []),
          kind: "Dispatcher",
          hostname: hosts[0],
          metadata: '{"polling_interval":1,"batch_size":500}',
        },
      ].map((process) => ({ ...process, created_at: at(86_400), last_heartbeat_at: at(20) }));
      await insert(database, "solid_queue_jobs", rows.jobs);
      for (const table of tables.slice(1))
        await insert(database, `solid_queue_${table}_executions`, rows[table as "ready"]);
      await insert(database, "solid_queue_processes", processes);
      await insert(database, "solid_queue_pauses", [
        { queue_name: queues.find((queue) => queue.endsWith(pausedName)), created_at: at(600) },
      ]);
    },
  };
}

/** Of GoodJob's error events: one that `retry_on` repeats, and one for which it gave up. */
const [retried, retryStopped] = [3, 4];

/**
 * GoodJob 4 at 81db22b: enqueue_args and perform of app/models/good_job/job.rb, process.rb,
 * setting.rb. Each attempt has an execution. The job retains its last error until it succeeds, also
 * while it runs again.
 */
export async function createGoodJobWriter(database: TestDatabase): Promise<RowWriter> {
  await createSchema(database, "good-job");
  const queues = toQueues("good");
  const processIds = hosts.map(() => randomUUID());
  return {
    rules: { failures: "attempts", toText: rubyText, measuresRuns: true },
    queues,
    facts: toFacts([2, 1], true),
    async write(jobs, at) {
      const planned = jobs.map((job) => ({ ...job, id: randomUUID() }));
      await insert(
        database,
        "good_jobs",
        planned.map((job) => {
          const failed = failuresOf(job).at(-1);
          const hasError = failed !== undefined && job.state !== "done";
          const isRunning = job.state === "running";
          const started = toTime(at, lastOf(job)?.startedAgo);
          return {
            id: job.id,
            active_job_id: job.id,
            queue_name: job.queue,
            job_class: "ShopJob",
            priority: 0,
            serialized_params: serialize(job.id, job.queue, failuresOf(job).length, at(job.createdAgo)),
            created_at: at(job.createdAgo),
            updated_at: at(lastOf(job)?.endedAgo ?? lastOf(job)?.startedAgo ?? job.createdAgo),
            scheduled_at: at(job.dueAgo),
            performed_at: job.state === "waiting" ? null : started,
            finished_at: toTime(at, endOf(job, "done") ?? endOf(job, "dead")),
            executions_count: job.attempts.length > 0 ? job.attempts.length : null,
            error: hasError ? rubyText(failed) : null,
            error_event: hasError ? (job.state === "dead" ? retryStopped : retried) : null,
            locked_by_id: isRunning ? processIds[workerOf(job.queue, lastOf(job))] : null,
            locked_at: isRunning ? started : null,
          };
        }),
      );
      await insert(
        database,
        "good_job_executions",
        planned.flatMap((job) =>
          job.attempts.map((attempt, index) => ({
            active_job_id: job.id,
            job_class: "ShopJob",
            queue_name: job.queue,
            serialized_params: serialize(job.id, job.queue, index, at(job.createdAgo)),
            scheduled_at: at(attempt.dueAgo),
            created_at: at(attempt.startedAgo),
            updated_at: at(attempt.endedAgo ?? attempt.startedAgo),
            finished_at: toTime(at, attempt.endedAgo),
            duration: attempt.endedAgo === null ? null : `${attempt.startedAgo - attempt.endedAgo} seconds`,
            process_id: processIds[workerOf(job.queue, attempt)],
            error: attempt.error === null ? null : rubyText(attempt),
            error_event:
              attempt.error === null
                ? null
                : job.state === "dead" && index === job.attempts.length - 1
                  ? retryStopped
                  : retried,
            error_backtrace: attempt.error === null ? null : rubyTrace,
          })),
        ),
      );
      const patterns = ["*", queues.filter((queue) => !queue.endsWith(pausedName)).join()];
      await insert(
        database,
        "good_job_processes",
        hosts.map((hostname, index) => ({
          id: processIds[index],
          created_at: at(86_400),
          updated_at: at(20),
          lock_type: 0,
          state: {
            hostname,
            pid: 17,
            memory: 123_456,
            proctitle: "good_job start",
            preserve_job_records: true,
            retry_on_unhandled_error: false,
            schedulers: [{ name: "scheduler", queues: patterns[index], max_threads: 5, active_threads: 1 }],
            cron_enabled: false,
          },
        })),
      );
      const paused = queues.filter((queue) => queue.endsWith(pausedName));
      await insert(database, "good_job_settings", [
        {
          created_at: at(600),
          updated_at: at(600),
          key: "pauses",
          value: { queues: paused, job_classes: [], labels: [] },
        },
      ]);
    },
  };
}

/**
 * Que 2 at 17fb2c3: lib/que/job_methods.rb and locker.rb. A job that expires retains the text of
 * the failure before. Its classes call `finish`, so their jobs stay: only then are they counted.
 * Lockers hold an advisory lock on each job that runs.
 */
export async function createQueWriter(database: TestDatabase): Promise<RowWriter> {
  await createSchema(database, "que");
  const queues = toQueues("que");
  const lockers = await Promise.all(hosts.map(() => database.connect()));
  const ofQueue = (index: number) => queues.filter((queue) => index === 0 || !queue.endsWith(pausedName));
  await Promise.all(
    lockers.map((locker, index) =>
      locker.query(
        `insert into que_lockers (pid, worker_count, worker_priorities, ruby_pid, ruby_hostname, queues, listening, job_schema_version)
         values (pg_backend_pid(), $1, $2, 17, $3, $4, true, 2)`,
        [
          index === 0 ? 6 : 2,
          index === 0 ? [10, 30, 50, null, null, null] : [null, null],
          hosts[index],
          ofQueue(index),
        ],
      ),
    ),
  );
  return {
    rules: {
      failures: "last",
      toText: (attempt, before, { state }) => {
        const stored = state === "dead" ? before : attempt;
        return stored ? rubyText(stored) : "no error text";
      },
      lacks: noRuns,
      knows: { processed: (own) => own.some((ago) => ago <= 3600) },
    },
    queues,
    facts: toFacts([8, 6], false),
    async write(jobs, at) {
      const rows = jobs.map((job, index) => {
        const failures = failuresOf(job);
        const stored = job.state === "dead" ? failures.at(-2) : failures.at(-1);
        return {
          id: index + 1,
          priority: 100,
          queue: job.queue,
          job_class: "ShopJob",
          job_schema_version: 2,
          args: [],
          data: {},
          kwargs: {},
          run_at: at(job.dueAgo),
          error_count: failures.length,
          last_error_message: stored ? rubyText(stored) : null,
          last_error_backtrace: stored ? rubyTrace.join("\n") : null,
          finished_at: toTime(at, endOf(job, "done")),
          expired_at: toTime(at, endOf(job, "dead")),
        };
      });
      await insert(database, "que_jobs", rows);
      const running = jobs.flatMap((job, index) =>
        job.state === "running" ? [{ id: index + 1, worker: workerOf(job.queue, lastOf(job)) }] : [],
      );
      await Promise.all(
        lockers.map((locker, index) =>
          locker.query("select pg_advisory_lock(id) from unnest($1::bigint[]) as id", [
            running.filter(({ worker }) => worker === index).map(({ id }) => id),
          ]),
        ),
      );
    },
    close: async () => void (await Promise.all(lockers.map((locker) => locker.end()))),
  };
}

/**
 * pgmq at c8575e3: `read`, `set_vt`, `delete` and `archive` of pgmq.sql. A worker that fails hides
 * its message until the next attempt, and archives it when it gives up. Its queues are there
 * before, so that the gateway knows them when the first message is deleted.
 */
export async function createPgmqWriter(database: TestDatabase): Promise<RowWriter> {
  await createSchema(database, "pgmq");
  const queues = toQueues("pgmq");
  for (const queue of queues) await database.query(`select pgmq."create"($1)`, [queue]);
  return {
    rules: {
      failures: null,
      retryAs: "active",
      failsSilently: true,
      isSampled: true,
      lacks: ["retrying", "dead", "failures", ...noRuns],
    },
    queues,
    facts: () => noFacts,
    async write(jobs, at) {
      for (const [queue, own] of Map.groupBy(jobs, (job) => job.queue)) {
        const rows = own.map((job, index) => ({
          msg_id: index + 1,
          read_ct: job.attempts.length,
          enqueued_at: at(job.createdAgo),
          last_read_at: toTime(at, lastOf(job)?.startedAgo),
          // While it runs, nobody else sees it for an hour.
          vt: at(job.state === "waiting" ? job.dueAgo : (lastOf(job)?.startedAgo ?? 0) - 3600),
          message: { to: 1 },
        }));
        const table = `pgmq."q_${queue}"`;
        const columns = Object.keys(rows[0] ?? {}).join();
        await database.query(
          `insert into ${table} (${columns}) overriding system value select ${columns} from json_populate_recordset(null::${table}, $1)`,
          [JSON.stringify(rows)],
        );
        const ids = (...states: readonly PlannedJob["state"][]) =>
          own.flatMap(({ state }, index) => (states.includes(state) ? [index + 1] : []));
        await database.query("select pgmq.delete($1, id) from unnest($2::bigint[]) as id", [queue, ids("done")]);
        await database.query("select pgmq.archive($1, id) from unnest($2::bigint[]) as id", [queue, ids("dead")]);
      }
    },
  };
}
