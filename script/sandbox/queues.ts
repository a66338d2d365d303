/**
 * One job table of the sandbox; its QUEUES_FILE entry, DDL, history and worker are derived from
 * this.
 */
export interface SandboxQueue {
  readonly name: string;
  readonly table: string;
  /** Queue names found in column `type`; null when the whole table is one queue, named `name`. */
  readonly types: readonly string[] | null;
  readonly status: string;
  readonly waiting: string;
  /** Status of a running job, null if the table has none. */
  readonly active: string | null;
  readonly done: string;
  readonly failed: string;
  readonly finishedAt: string;
  readonly error: string;
  /** New jobs per second. */
  readonly rate: number;
  /** Part of the attempts that fail, 0..1. */
  readonly failing: number;
  /** Attempts after which a failing job is given up. */
  readonly maxAttempts: number;
  readonly errors: readonly string[];
}

const jobColumns = { status: "status", waiting: "pending", active: "running", done: "done", failed: "failed" } as const;
const jobTimes = { finishedAt: "finished_at", error: "last_error" } as const;

/**
 * The runner's table with its job types, and the four worker queues of the product, in the words of
 * the product.
 */
export const sandboxQueues: readonly SandboxQueue[] = [
  {
    name: "runner",
    table: "runner_jobs",
    types: ["webhook.aella.process", "kyc.document.verify", "ledger.reconcile"],
    ...jobColumns,
    ...jobTimes,
    rate: 1.2,
    failing: 0.05,
    maxAttempts: 3,
    errors: ["provider answered 502", "pq: deadlock detected"],
  },
  {
    name: "payouts",
    table: "payouts",
    types: null,
    status: "state",
    waiting: "queued",
    active: null,
    done: "paid",
    failed: "rejected",
    finishedAt: "settled_at",
    error: "failure",
    rate: 1.2,
    failing: 0.06,
    maxAttempts: 2,
    errors: ["timeout contacting provider", "account closed"],
  },
  {
    name: "virtual_account_issue",
    table: "virtual_account_issue",
    types: null,
    ...jobColumns,
    ...jobTimes,
    rate: 0.3,
    failing: 0.03,
    maxAttempts: 2,
    errors: ["bank refused: name mismatch"],
  },
  {
    name: "webhook_notifications",
    table: "webhook_notifications",
    types: null,
    ...jobColumns,
    ...jobTimes,
    rate: 2,
    failing: 0.12,
    maxAttempts: 4,
    errors: ["endpoint answered 503", "endpoint answered 410", "connection reset by peer"],
  },
  {
    name: "pos_settlement",
    table: "pos_settlement",
    types: null,
    ...jobColumns,
    ...jobTimes,
    rate: 0.6,
    failing: 0.1,
    maxAttempts: 2,
    errors: ["pq: serialization failure"],
  },
];

/** The text of QUEUES_FILE for them. */
export function queuesFile(queues: readonly SandboxQueue[]): string {
  const sources = queues.map((queue) => ({
    name: queue.name,
    kind: "table",
    table: `public.${queue.table}`,
    queue: queue.types ? { column: "type" } : { name: queue.name },
    id: "id",
    status: queue.status,
    waiting: [queue.waiting],
    ...(queue.active === null ? {} : { active: [queue.active] }),
    done: [queue.done],
    failed: [queue.failed],
    run_at: "run_at",
    finished_at: queue.finishedAt,
    error: queue.error,
    control: {
      retry: { status: queue.waiting, reset: [queue.finishedAt, queue.error] },
      discard: { status: "discarded" },
    },
  }));
  return `${JSON.stringify({ sources }, null, 2)}\n`;
}

/**
 * SQL that makes a queue's table and an hour of history: jobs done at the queue's rate, some that
 * failed, some that wait and some that are due later. Every value is ours; nothing comes from
 * outside.
 */
export function queueSql(queue: SandboxQueue): string {
  const { table, status, finishedAt, error } = queue;
  const type = queue.types
    ? `(array[${queue.types.map(quote).join(", ")}])[1 + floor(random() * ${queue.types.length})::int]`
    : "''";
  const message = `(array[${queue.errors.map(quote).join(", ")}])[1 + floor(random() * ${queue.errors.length})::int]`;
  const done = Math.round(3600 * queue.rate);
  const gone = Math.max(2, Math.round(done * queue.failing ** queue.maxAttempts));
  return `
    create table ${table} (
      id text primary key default 'job_' || substr(md5(random()::text || clock_timestamp()::text), 1, 12),
      type text not null,
      ${status} text not null default ${quote(queue.waiting)},
      attempts int not null default 0,
      run_at timestamptz not null default now(),
      ${finishedAt} timestamptz,
      ${error} text
    );
    create index on ${table} (run_at) where ${status} = ${quote(queue.waiting)};
    create index on ${table} (${finishedAt}) where ${finishedAt} is not null;
    insert into ${table} (type, ${status}, attempts, run_at, ${finishedAt})
      select ${type}, ${quote(queue.done)}, 1, at, at from (
        select now() - random() * interval '1 hour' as at from generate_series(1, ${done})) as past;
    insert into ${table} (type, ${status}, attempts, run_at, ${finishedAt}, ${error})
      select ${type}, ${quote(queue.failed)}, ${queue.maxAttempts}, at, at, ${message} from (
        select now() - random() * interval '55 minutes' as at from generate_series(1, ${gone})) as past;
    insert into ${table} (type, run_at)
      select ${type}, now() + interval '1 hour' * (n % 2) from generate_series(1, 8) as n;
    analyze ${table};`;
}

/** A text as an SQL literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
