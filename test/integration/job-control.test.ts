import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { toFingerprint } from "../../src/queues/fingerprint.ts";
import { probeQueueSources } from "../../src/queues/probe.ts";
import { toBound } from "../support/bound.ts";
import { createGraphileJobs } from "../support/graphile-jobs.ts";
import type { JobTable } from "../support/job-backend.ts";
import { openOperator, type Operator } from "../support/job-operator.ts";
import { createBossJobs } from "../support/pgboss-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs, createRunnerJobs } from "../support/postgres-jobs.ts";

interface Kind {
  readonly create: (database: TestDatabase) => Promise<JobTable>;
  /** What the role of WALLET_CORE_OPS_CONTROL_DATABASE_URL needs. */
  readonly grants: (role: string) => string;
  readonly roleOptions?: string;
  /** Of a job as text. */
  readonly state: (id: string) => string;
  readonly uuid?: boolean;
  /** What is locked by a migration. */
  readonly locked: string;
  /**
   * Makes a failed job wait for its next attempt; null where the mapping's failed jobs can be
   * discarded as they are.
   */
  readonly retrying: ((id: string) => string) | null;
  /**
   * How its states are called after a retry and after a discard; `failed`: what a discard of a
   * failed job leads to, null for a conflict.
   */
  readonly names: {
    readonly retried: string;
    readonly discarded: string;
    readonly running: string;
    readonly failed: string | null;
  };
}

const runnerControl = {
  attempts: "tries",
  control: {
    retry: { status: "pending", reset: ["finished_at", "last_error"], attempts: 0 },
    discard: { status: "discarded" },
  },
};

const pgboss = (version: 10 | 12): Kind => ({
  create: (database) => createBossJobs(database, version),
  grants: (role) =>
    `grant usage on schema pgboss to ${role}; grant select on pgboss.queue to ${role}; grant select, update on pgboss.job to ${role}`,
  state: (id) => `select state::text from pgboss.job where id = '${id}'`,
  uuid: true,
  locked: "pgboss.job",
  retrying: (id) => `update pgboss.job set state = 'retry', completed_on = null, retry_limit = 9, retry_delay = 60,
                            start_after = now() + interval '1 minute' where id = '${id}'`,
  names: { retried: "retry", discarded: "cancelled", running: "active", failed: null },
});

const kinds: Record<string, Kind> = {
  table: {
    create: async (database) => {
      const jobs = await createRunnerJobs(database);
      await database.query("alter table runner_jobs add column tries int not null default 3");
      return { ...jobs, config: { ...jobs.config, ...runnerControl } as JobTable["config"] };
    },
    grants: (role) => `grant select, update on runner_jobs to ${role}`,
    state: (id) => `select status from runner_jobs where id = ${id}`,
    locked: "runner_jobs",
    retrying: null,
    names: { retried: "pending", discarded: "discarded", running: "running", failed: "discarded" },
  },
  river: {
    create: (database) => createRiverJobs(database),
    grants: (role) => `grant select, update on river_job to ${role}`,
    state: (id) => `select state::text from river_job where id = ${id}`,
    locked: "river_job",
    retrying: (id) =>
      `update river_job set state = 'retryable', finalized_at = null, scheduled_at = now() + interval '1 hour' where id = ${id}`,
    names: { retried: "available", discarded: "cancelled", running: "running", failed: null },
  },
  "pg-boss 10": pgboss(10),
  "pg-boss 12": pgboss(12),
  "graphile-worker": {
    create: createGraphileJobs,
    grants: (role) =>
      `grant usage on schema graphile_worker to ${role}; grant select on graphile_worker._private_tasks to ${role};
       grant select, update on graphile_worker._private_jobs to ${role}`,
    roleOptions: "bypassrls",
    state: (id) => `select case when attempts >= max_attempts then 'permanently failed' else 'waiting' end as state
                    from graphile_worker._private_jobs where id = ${id}`,
    locked: "graphile_worker._private_jobs",
    // As failJobs does: the next attempt is exp(attempts) seconds after the failure.
    retrying: (
      id,
    ) => `update graphile_worker._private_jobs set attempts = 1, run_at = now() + (exp(1) - 1) * interval '1 second'
                       where id = ${id}`,
    names: { retried: "waiting", discarded: "permanently failed", running: "locked", failed: null },
  },
};

describe.each(Object.entries(kinds))("operations on jobs of %s", (label, kind) => {
  let database: TestDatabase;
  let jobs: JobTable;
  let reader: { name: string; url: string };
  let operator: Operator;
  let other: Operator;
  let name: string;
  let sequence = 1000;
  const operators: Operator[] = [];
  const open = (controlUrl: string, queues: readonly object[] = [jobs.config]) => {
    const opened = openOperator({ databaseUrl: reader.url, controlUrl, queues });
    operators.push(opened);
    return opened;
  };
  const toId = (n: number) => (kind.uuid ? `00000000-0000-4000-8000-${String(n).padStart(12, "0")}` : String(n));
  const insert = async (
    state: "waiting" | "running" | "done" | "failed",
    error: string | null = null,
    queue = "mail",
    endedAgo = 5,
  ) => {
    const id = toId(sequence++);
    await jobs.insert([{ id, queue, state, error, endedAgo, dueAgo: 1 }]);
    return id;
  };
  const stateOf = async (id: string) => Object.values((await database.query(kind.state(id))).rows[0] ?? {})[0];

  beforeAll(async () => {
    database = await createTestDatabase(inject("postgresUrl"), "control");
    jobs = await kind.create(database);
    name = jobs.config.name;
    reader = await database.createRole(kind.roleOptions);
    const control = await database.createRole(kind.roleOptions);
    const schema = jobs.table.includes(".") ? (jobs.table.split(".")[0] ?? "public") : "public";
    await database.query(
      `grant usage on schema ${schema} to ${reader.name}; grant select on all tables in schema ${schema} to ${reader.name}`,
    );
    await database.query(kind.grants(control.name));
    operator = open(control.url);
    other = open(control.url);
  });
  afterAll(async () => {
    for (const one of operators) await one.close();
    await database.drop();
  });

  it("retry a failed job once and record intent and outcome", async () => {
    const id = await insert("failed", "boom");
    const before = (await operator.record()).length;
    expect(await operator.retry(name, id)).toEqual({
      done: { source: name, queue: "mail", jobId: id, state: kind.names.retried },
      error: null,
    });
    expect(await stateOf(id)).toBe(kind.names.retried);
    const again = await operator.retry(name, id, ', queue: "mail"');
    expect(again.error).toEqual({
      code: "job_conflict",
      message: `This job is ${kind.names.retried} and was not retried`,
    });
    const target = { source: name, queue: null, ids: [id], fingerprint: null };
    expect((await operator.record()).slice(before)).toMatchObject([
      {
        outcome: "intent",
        action: "job.retry",
        job: target,
        env: "staging",
        reason: "test",
        subject: "test",
        containerName: "",
      },
      { outcome: "ok", action: "job.retry", job: target, detail: kind.names.retried, code: null, intent: before + 1 },
      { outcome: "intent", job: { ...target, queue: "mail" } },
      { outcome: "failed", code: "job_conflict", intent: before + 3 },
    ]);
    expect(await operator.verify()).toMatchObject({ ok: true });
  });

  it("leave waiting, running and ended jobs unchanged", async () => {
    for (const state of ["waiting", "running", ...(label === "graphile-worker" ? [] : (["done"] as const))] as const) {
      const id = await insert(state);
      const was = await stateOf(id);
      const { error } = await operator.retry(name, id);
      expect(error?.code).toBe("job_conflict");
      expect(error?.message).toMatch(/^This job is \w+ and was not retried$/);
      expect(await stateOf(id)).toBe(was);
    }
  });

  it("discard waiting and retryable jobs, which shows in their state", async () => {
    const waiting = await insert("waiting");
    expect((await operator.discard(name, waiting)).done).toMatchObject({ state: kind.names.discarded, queue: "mail" });
    expect(await stateOf(waiting)).toBe(kind.names.discarded);
    expect((await operator.discard(name, waiting)).error).toMatchObject({ code: "job_conflict" });
    const failed = await insert("failed", "boom");
    const { done, error } = await operator.discard(name, failed);
    expect([done?.state ?? null, error?.code]).toEqual(
      kind.names.failed ? [kind.names.failed, undefined] : [null, "job_conflict"],
    );
  });

  it("distinguish a missing job or another queue's from an impossible id", async () => {
    const id = await insert("failed");
    expect((await operator.retry(name, toId(77_777_777))).error?.code).toBe("job_not_found");
    expect((await operator.retry(name, id, ', queue: "other"')).error?.code).toBe("job_not_found");
    expect((await operator.retry(name, id, ', queue: "it\'s \\\\ \\"x\\""')).error?.code).toBe("job_not_found");
    for (const bad of [
      "",
      "x",
      "1; drop table x",
      "1 or true",
      "'",
      "\\",
      "1.5",
      "9223372036854775808",
      "a".repeat(201),
      "1\u0000",
      // An id that is a text may have it.
      ...(label === "table" ? [] : ["1\n"]),
    ]) {
      expect([bad, (await operator.retry(name, bad)).error?.code]).toEqual([bad, "invalid_request"]);
      expect([bad, (await operator.discard(name, bad)).error?.code]).toEqual([bad, "invalid_request"]);
    }
    expect(await stateOf(id)).not.toBe(kind.names.retried);
  });

  it("refuse a queue name that PostgreSQL cannot store", async () => {
    const { error } = await operator.retryGroup(name, String.raw`ma\u0000il`, "0123456789ab");
    expect(error).toEqual({ code: "invalid_request", message: "queue must have 1 to 500 characters" });
  });

  it.skipIf(kind.uuid)("change jobs whose ids JavaScript has no numbers for", async () => {
    const id = "9007199254740993";
    await jobs.insert([{ id, queue: "mail", state: "failed", endedAgo: 5 }]);
    expect((await operator.retry(name, id)).done).toMatchObject({ jobId: id, state: kind.names.retried });
    expect((await operator.retry(name, "9007199254740992")).error?.code).toBe("job_not_found");
  });

  it("let one of two gateways win, whatever the order", async () => {
    for (let round = 0; round < 8; round++) {
      const id = await insert("failed");
      const answers = await Promise.all([operator.retry(name, id), other.retry(name, id), operator.retry(name, id)]);
      expect(answers.filter(({ done }) => done !== null)).toHaveLength(1);
      expect(answers.flatMap(({ error }) => error?.code ?? [])).toEqual(["job_conflict", "job_conflict"]);
    }
  });

  it("report a migration's lock in about a second and change nothing", async () => {
    const id = await insert("failed");
    const was = await stateOf(id);
    const migration = await database.connect();
    await migration.query(`begin; lock table ${kind.locked} in access exclusive mode`);
    const start = performance.now();
    const { error } = await operator.retry(name, id);
    const elapsed = performance.now() - start;
    expect(operator.calls).toContainEqual(["postgres", "queue_locked"]);
    await migration.query("rollback");
    await migration.end();
    expect(error?.code).toBe("queue_locked");
    expect(elapsed).toBeLessThan(toBound(2500));
    expect(await stateOf(id)).toBe(was);
    expect((await operator.record()).at(-1)).toMatchObject({ outcome: "failed", code: "queue_locked" });
    expect((await operator.retry(name, id)).done).toMatchObject({ state: kind.names.retried });
  });

  it("change nothing with the read-only role", async () => {
    const id = await insert("failed");
    const was = await stateOf(id);
    const powerless = open(reader.url);
    for (const { error } of [await powerless.retry(name, id), await powerless.discard(name, await insert("waiting"))]) {
      expect(error?.code).toBe("schema_mismatch");
      expect(error?.message).toMatch(/^The role of WALLET_CORE_OPS_CONTROL_DATABASE_URL may not change table /);
    }
    expect(await stateOf(id)).toBe(was);
  });

  it("let `check` report what the role may do, without doing it", async () => {
    const probe = async (controlDatabaseUrl: string) => {
      const options = {
        databaseUrl: reader.url,
        controlDatabaseUrl,
        sources: [jobs.config],
        detect: false,
        env: null,
        logger: silentLogger,
      };
      return probeQueueSources(options, AbortSignal.timeout(10_000));
    };
    const waiting = await insert("waiting");
    const was = await stateOf(waiting);
    expect(await probe(operator.controlUrl)).toMatchObject([{ name, ok: true }]);
    expect(await probe(reader.url)).toMatchObject([
      { name, ok: false, detail: expect.stringContaining("may not change table") },
    ]);
    expect(await stateOf(waiting)).toBe(was);
  });

  it("retry an error's jobs of the last hour, newest first, up to a limit", async () => {
    const queue = "payouts";
    const shape = (n: number) => `timeout after ${n} ms for user ${n * 17}`;
    const ids: string[] = [];
    for (let n = 1; n <= 7; n++) ids.push(await insert("failed", shape(n), queue, 100 - n));
    const others = [await insert("failed", "no such account", queue), await insert("failed", shape(1), "mail")];
    const fingerprint = toFingerprint(shape(9));
    const newest = ids.toReversed();
    const look = async () => [await Promise.all(ids.map(stateOf)), await operator.record()];
    const before = await look();
    const plan = await operator.retryGroup(name, queue, fingerprint, 5, ", dryRun: true");
    expect(await look()).toEqual(before);
    expect(await operator.retryGroup(name, queue, fingerprint, 5)).toEqual(plan);
    expect(plan).toEqual({
      data: { count: 5, jobIds: newest.slice(0, 5), left: 2, skipped: [], error: null },
      error: null,
    });
    for (const id of newest.slice(0, 5)) expect(await stateOf(id)).toBe(kind.names.retried);
    for (const id of [...newest.slice(5), ...others]) expect(await stateOf(id)).not.toBe(kind.names.retried);
    expect((await operator.record()).slice(-2)).toMatchObject([
      { outcome: "intent", action: "job.retry_group", job: { queue, fingerprint, ids: newest.slice(0, 5) } },
      { outcome: "ok", detail: "5 retried, 0 skipped" },
    ]);
    const { data } = await operator.retryGroup(name, queue, fingerprint);
    expect(data.jobIds.filter((id: string) => newest.slice(5).includes(id))).toEqual(newest.slice(5));
    expect(data).toMatchObject({ count: 2, left: 0, error: null });
    for (const id of others) expect(await stateOf(id)).not.toBe(kind.names.retried);
    expect((await operator.retryGroup(name, queue, "0123456789ab")).error).toMatchObject({ code: "not_found" });
  });

  it("discard an error's jobs that would run again, and no others", async () => {
    const [queue, error] = ["refunds", "card 17 refused"];
    const dead = await insert("failed", error, queue, 5);
    const [older, newer] = [await insert("failed", error, queue, 30), await insert("failed", error, queue, 20)];
    const others = [
      await insert("running", error, queue),
      await insert("waiting", null, queue),
      await insert("failed", error, "mail"),
      ...(kind.retrying ? [dead] : []),
    ];
    if (kind.retrying) for (const id of [older, newer]) await database.query(kind.retrying(id));
    const states = await Promise.all(others.map(stateOf));
    const fingerprint = toFingerprint(error);
    const ids = kind.retrying ? [newer, older] : [dead, newer, older];
    const plan = await operator.discardGroup(name, queue, fingerprint, 1, ", dryRun: true");
    expect((await operator.discardGroup(name, queue, fingerprint, 1)).data).toEqual(plan.data);
    expect(plan.data).toEqual({
      count: 1,
      jobIds: ids.slice(0, 1),
      left: ids.length - 1,
      skipped: [],
      error: null,
    });
    expect((await operator.discardGroup(name, queue, fingerprint)).data).toMatchObject({
      jobIds: ids.slice(1),
      left: 0,
    });
    for (const id of ids) expect(await stateOf(id)).toBe(kind.names.discarded);
    expect(await Promise.all(others.map(stateOf))).toEqual(states);
    expect((await operator.record()).slice(-2)).toMatchObject([
      { outcome: "intent", action: "job.discard_group", job: { queue, fingerprint, ids: ids.slice(1) } },
      { outcome: "ok", detail: `${ids.length - 1} discarded, 0 skipped` },
    ]);
    expect((await operator.discardGroup(name, queue, fingerprint, 1, ", dryRun: true")).data).toMatchObject({
      count: 0,
      left: 0,
    });
    expect((await operator.discardGroup(name, queue, fingerprint)).error).toMatchObject({
      code: "not_found",
      message: expect.stringContaining("can still be discarded"),
    });
  });

  it("open one control connection, only for a change, and close it", async () => {
    const connections = async () =>
      (
        await database.query(
          "select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'wallet-core-ops-control'",
        )
      ).rows[0]?.["n"] as number;
    const before = await connections();
    const fresh = open(operator.controlUrl);
    await fresh.ask("{ queues { name depth errors { fingerprint } } jobErrors { error } }");
    expect(await connections()).toBe(before);
    await Promise.all([1, 2, 3, 4].map(() => fresh.retry(name, toId(88_888_888))));
    expect(await connections()).toBe(before + 1);
    await fresh.close();
    operators.splice(operators.indexOf(fresh), 1);
    await expect.poll(connections).toBe(before);
  });
});
