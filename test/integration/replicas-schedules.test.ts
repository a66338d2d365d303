import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { Client } from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type RunningPostgres, startPostgres } from "../../script/services/postgres.ts";
import { migrateTables, verifyTable } from "../../src/audit/postgres/probe.ts";
import { toBound } from "../support/bound.ts";
import { type CutProxy, startCutProxy } from "../support/cut-proxy.ts";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";
import { createNamespace, type NetworkNamespace } from "../support/network-namespace.ts";
import { startPgBouncer } from "../support/pgbouncer.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { runnerMapping } from "../support/queue-mappings.ts";
import { shiftRecord } from "../support/shift-record.ts";
import { until } from "../support/until.ts";

/**
 * Three gateways as processes, each in a network of its own, on a real dockerd, a database of jobs,
 * and behind PgBouncer a PostgreSQL with a synchronous standby. Schedules of requests, with what
 * happens to processes, networks and servers in between; what Docker and the job table say is what
 * was done.
 */
/** How many schedules are run, and from which seed; docs/decisions has what they came to. */
const runs = Number(process.env["OPS_REAL_SCHEDULES"] ?? 1);
const seed = Number(process.env["OPS_SEED"] ?? Date.now() % 1_000_000);
const budget = 12;
const containers = 4;
const socketPath = inject("dockerSocket");
const ids: string[] = [];
type Gateway = Awaited<ReturnType<typeof startGatewayProcess>>;
const jobCount = 6;
const folder = join(inject("runFolder"), "replicas-schedules");
let jobs: TestDatabase;
let jobsBouncer: Awaited<ReturnType<typeof startPgBouncer>>;
let jobsUrl: string;
const queuesFile = join(folder, "queues.json");
/**
 * The server that takes writes, its standby until that has taken over, and the address of the one
 * that counts.
 */
let primary: RunningPostgres;
let standby: RunningPostgres | null = null;
/** When that runs again. */
let standbyBack = Promise.resolve();
let address: CutProxy;
let bouncer: Awaited<ReturnType<typeof startPgBouncer>>;
const networks: NetworkNamespace[] = [];
let gateways: Gateway[];

const start = (index: number) => {
  const network = networks[index] as NetworkNamespace;
  const from = (url: string) => {
    const seen = new URL(url);
    seen.hostname = network.hostAddress;
    return seen.href;
  };
  const more = {
    STATE_URL: from(bouncer.url),
    RESTART_BUDGET: String(budget),
    DATABASE_URL: from(jobsUrl),
    CONTROL_DATABASE_URL: from(jobsUrl),
    JOBS: "on",
    QUEUES_FILE: queuesFile,
    ENV: "staging",
  };
  return startGatewayProcess(socketPath, "scheduled", join(folder, "no", "such", "folder"), more, network);
};

/** A statement on the server that takes writes. */
async function ask<Asked>(sql: string, values: unknown[] = []): Promise<Asked[]> {
  const client = new Client({ connectionString: primary.url });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows as Asked[];
  } finally {
    await client.end();
  }
}

let servers = 0;
/** A synchronous standby of the primary, which is down meanwhile. */
async function addStandby(): Promise<void> {
  await primary.restart(async () => {
    standby = await startPostgres(join(folder, `server-${(servers += 1)}`), {
      standbyOf: primary,
      settings: ["fsync=on"],
    });
  });
  await ask("alter system set synchronous_standby_names = '*'");
  await ask("select pg_reload_conf()");
  await until(async () => (await ask("select from pg_stat_replication where sync_state = 'sync'")).length === 1);
}

/**
 * Ends all sessions of the primary, also those whose commits wait for the standby: they are
 * committed, but there alone.
 */
async function endSessions(): Promise<void> {
  const others = "backend_type = 'client backend' and pid <> pg_backend_pid()";
  await ask(`select pg_terminate_backend(pid) from pg_stat_activity where ${others}`);
}

/** The primary dies; a moment later its address is that of the standby, and that is promoted. */
async function failOver(ms: number): Promise<void> {
  if (!standby) return;
  const dead = primary;
  process.kill(dead.pid, "SIGKILL");
  address.cut();
  await standbyBack;
  await sleep(ms);
  [primary, standby] = [standby, null];
  address.moveTo(primary.url);
  address.mend();
  await ask("select pg_promote(true)");
  await dead.stop();
}

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  for (let index = 0; index < 3; index += 1) networks.push(createNamespace());
  primary = await startPostgres(join(folder, "server-0"), { settings: ["fsync=on"] });
  const { ok, message } = await migrateTables(primary.url);
  if (!ok) throw new Error(message);
  address = await startCutProxy(primary.url);
  bouncer = await startPgBouncer(
    address.url,
    networks.map(({ hostAddress }) => hostAddress),
  );
  jobs = await createTestDatabase(inject("postgresUrl"), "scheduled");
  await jobs.query(`
    create table jobs (id int primary key, type text not null, status text not null, run_at timestamptz, finished_at timestamptz, error text, attempts int not null default 1);
    insert into jobs select id, 'mail', 'failed', now(), now(), 'boom' from generate_series(1, ${jobCount}) as id;
    create table retried (id int, at timestamptz default clock_timestamp());
    create function note() returns trigger language plpgsql as $$ begin insert into retried (id) values (new.id); return new; end $$;
    create trigger note after update on jobs for each row when (old.status = 'failed' and new.status = 'pending') execute function note()`);
  jobsBouncer = await startPgBouncer(
    jobs.url,
    networks.map(({ hostAddress }) => hostAddress),
  );
  const url = new URL(jobs.url);
  url.port = new URL(jobsBouncer.url).port;
  jobsUrl = url.href;
  const control = { retry: { status: "pending", reset: ["finished_at"] } };
  const mapping = {
    ...runnerMapping,
    name: "jobs",
    table: "public.jobs",
    error: "error",
    attempts: "attempts",
    control,
  };
  writeFileSync(queuesFile, JSON.stringify({ sources: [mapping], detect: false }));
  for (let index = 0; index < containers; index += 1) {
    // It takes SIGTERM for nothing: a restart takes as long as its timeout.
    const labels = { service: "scheduled", role: `r${index}`, destination: "staging" };
    ids.push(
      await startContainer(socketPath, {
        name: `scheduled-${index}`,
        labels,
        cmd: ["sleep", "100000"],
        stopTimeout: 1 + 4 * index,
      }),
    );
  }
  gateways = await Promise.all([0, 1, 2].map(start));
});
afterAll(async () => {
  for (const gateway of gateways ?? []) await gateway[Symbol.asyncDispose]();
  for (const network of networks) network.remove();
  await bouncer?.stop();
  await jobsBouncer?.stop();
  await address?.close();
  await standby?.stop();
  await primary?.stop();
  await removeContainers(socketPath, ids);
  await jobs?.drop();
});

type Step =
  | { readonly kind: "ask"; readonly gateway: number; readonly container: number; readonly key: number | null }
  | { readonly kind: "retry"; readonly gateway: number; readonly job: number }
  | { readonly kind: "fail"; readonly gateway: number; readonly job: number }
  | { readonly kind: "cut"; readonly gateway: number; readonly ms: number; readonly direction: "both" | "in" }
  | { readonly kind: "wait" | "pause" | "away" | "failover"; readonly gateway: number; readonly ms: number }
  | { readonly kind: "kill" | "end"; readonly gateway: number };

const gateway = fc.nat({ max: 2 });
const job = fc.integer({ min: 1, max: jobCount });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      gateway,
      container: fc.nat({ max: containers - 1 }),
      key: fc.oneof(fc.constant(null), fc.nat({ max: 3 })),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), gateway, ms: fc.integer({ min: 50, max: 3000 }) }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("retry" as const), gateway, job }) },
  // A worker ran it again.
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("fail" as const), gateway, job }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("failover" as const), gateway, ms: fc.integer({ min: 0, max: 3000 }) }),
  },
  // Without the standby commits wait.
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("away" as const), gateway, ms: fc.integer({ min: 500, max: 8000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("end" as const), gateway }) },
  // Also beyond its lease of 30 s.
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      gateway,
      ms: fc.oneof(
        { weight: 3, arbitrary: fc.integer({ min: 300, max: 8000 }) },
        { weight: 1, arbitrary: fc.integer({ min: 8000, max: 40_000 }) },
      ),
      direction: fc.constantFrom("both" as const, "in" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("pause" as const), gateway, ms: fc.integer({ min: 1000, max: 40_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const), gateway }) },
);

interface Row {
  readonly seq: number;
  readonly outcome: string;
  readonly intent: number | null;
  readonly action: string;
  /** Of the container, or the job's id. */
  readonly name: string;
  readonly key: string | null;
  readonly detail: string | null;
}
const readRows = () =>
  ask<Row>(
    `select seq::int, outcome, intent::int, line::json->>'action' as action, coalesce(line::json->'job'->'ids'->>0, line::json->>'container_name') as name,
       line::json->>'detail' as detail, answer_key as key from wallet_core_ops.entry where at > now() - interval '1 hour' order by seq`,
  );

const toRetry = (id: number) => `mutation { retryJob(source: "jobs", jobId: "${id}", reason: "scheduled") { state } }`;

/** Between two schedules everything works again. */
async function runOnce(one: Gateway): Promise<void> {
  await until(async () => (await one.restart("scheduled-0")).status === 200);
  await until(async () => (await one.query(toRetry(1))).data?.retryJob?.state === "pending");
}

/** Runs the steps, then mends everything and waits until nothing is open. */
async function run(steps: readonly Step[], nth: number): Promise<void> {
  const later: Promise<unknown>[] = [];
  const paused = new Set<Gateway>();
  let isAway = false;
  for (const each of steps) {
    const one = gateways[each.gateway] as Gateway;
    const network = networks[each.gateway] as NetworkNamespace;
    const patience = () => AbortSignal.timeout(Math.ceil(toBound(90_000)));
    if (each.kind === "wait") await sleep(each.ms);
    if (each.kind === "ask") {
      const key: Record<string, string> = each.key === null ? {} : { "idempotency-key": `schedule-${nth}-${each.key}` };
      later.push(one.restart(`scheduled-${each.container}`, "", key, patience()).catch(() => null));
    }
    if (each.kind === "retry") later.push(one.query(toRetry(each.job), {}, patience()).catch(() => null));
    if (each.kind === "fail")
      await jobs.query("update jobs set status = 'failed', finished_at = now() where id = $1 and status = 'pending'", [
        each.job,
      ]);
    if (each.kind === "away" && standby && !isAway) {
      isAway = true;
      standbyBack = standby.restart(() => sleep(each.ms)).then(() => void (isAway = false));
      later.push(standbyBack);
    }
    if (each.kind === "end") await endSessions();
    if (each.kind === "failover") await failOver(each.ms);
    if (each.kind === "cut") {
      network.cut(each.direction);
      later.push(sleep(each.ms).then(() => network.mend()));
    }
    if (each.kind === "pause" && !paused.has(one)) {
      paused.add(one);
      one.kill("SIGSTOP");
      later.push(sleep(each.ms).then(() => one.kill("SIGCONT")));
    }
    if (each.kind === "kill") {
      one.kill("SIGKILL");
      await one.ended;
      gateways[each.gateway] = await start(each.gateway);
    }
  }
  await Promise.all(later);
  const open = async () => (await ask("select from wallet_core_ops.open")).length;
  await until(async () => (await open()) === 0, 200_000);
}

/** The last outcome of its action: also one that cannot be known any more. */
const isLast = ({ intent, outcome, detail }: Row) =>
  intent !== null && (outcome !== "unknown" || (detail?.startsWith("settled") ?? false));

/** What is wrong with the record, beside what the engine and the job table say. */
function findFaults(rows: readonly Row[], restarted: readonly string[], retried: readonly string[]): string[] {
  const faults: string[] = [];
  const intents = rows.filter(({ outcome }) => outcome === "intent");
  const restarts = intents.filter(({ action }) => action === "restart");
  const compare = (action: string, name: string, done: readonly string[]) => {
    const own = rows.filter((row) => row.name === name && row.action === action);
    const ok = own.filter(({ outcome }) => outcome === "ok").length;
    const unknown = own.filter((row) => isLast(row) && row.outcome === "unknown").length;
    const seen = done.filter((one) => one === name).length;
    if (seen < ok || seen > ok + unknown)
      faults.push(`${action} of ${name}: ${seen} done, ${ok} ok, ${unknown} unknown`);
    return own;
  };
  for (let index = 0; index < containers; index += 1) {
    const own = compare("restart", `scheduled-${index}`, restarted).filter(
      (row) => row.outcome === "intent" || isLast(row),
    );
    const apart = own.filter(({ intent }, nth) => intent === (nth % 2 === 0 ? null : own[nth - 1]?.seq));
    if (apart.length < own.length) faults.push(`two restarts of scheduled-${index} at a time`);
  }
  for (let id = 1; id <= jobCount; id += 1) compare("job.retry", String(id), retried);
  for (const { seq } of intents) {
    const last = rows.filter((row) => isLast(row) && row.intent === seq);
    if (last.length !== 1) faults.push(`${seq} has ${last.length} last outcomes`);
  }
  const keys = intents.flatMap(({ key }) => key ?? []);
  for (const key of new Set(keys))
    if (keys.filter((one) => one === key).length > 1) faults.push(`${key} has several actions`);
  if (restarts.length > budget) faults.push(`${restarts.length} restarts of a budget of ${budget}`);
  return faults;
}

test(
  "gateways that die, pause and are cut off do what the record says",
  { timeout: toBound(300_000) * runs },
  async () => {
    using restarts = await watchRestarts(socketPath);
    const counts = { restarts: 0, retries: 0, settled: 0, unknown: 0, failovers: 0 };
    const schedules = fc.sample(fc.array(step, { minLength: 25, maxLength: 45 }), { seed, numRuns: runs });
    for (const [nth, steps] of schedules.entries()) {
      if (!standby) await addStandby();
      // The hour of the budget is over.
      await shiftRecord(async (text, values) => ({ rows: await ask(text, values) }), -7_200_000);
      await jobs.query(
        "update jobs set status = 'failed', finished_at = now() where status <> 'failed'; truncate retried",
      );
      // Other files restart containers of this engine too.
      const ownRestarts = () => restarts.names.filter((name) => name.startsWith("scheduled-"));
      const before = ownRestarts().length;
      await runOnce(gateways[nth % 3] as Gateway);
      await run(steps, nth);
      const rows = await readRows();
      const events = () => ownRestarts().slice(before);
      const ok = rows.filter(({ outcome, action }) => outcome === "ok" && action === "restart").length;
      await until(() => events().length >= ok);
      const { rows: retried } = await jobs.query("select id::text from retried");
      const jobIds = retried.map(({ id }) => String(id));
      expect([seed, nth, findFaults(rows, events(), jobIds)]).toEqual([seed, nth, []]);
      counts.restarts += events().length;
      counts.retries += jobIds.length;
      counts.settled += rows.filter(({ detail }) => detail?.startsWith("settled")).length;
      counts.unknown += rows.filter((row) => isLast(row) && row.outcome === "unknown").length;
      counts.failovers += standby ? 0 : 1;
    }
    expect(counts.restarts).toBeGreaterThan(0);
    expect(counts.retries).toBeGreaterThan(0);
    expect(await verifyTable(primary.url)).toMatchObject({ ok: true });
    if (process.env["OPS_REAL_SCHEDULES"])
      process.stdout.write(`${runs} schedules of seed ${seed}: ${JSON.stringify(counts)}\n`);
  },
);
