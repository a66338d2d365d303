import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { Agent, request } from "node:http";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { startPostgres } from "../script/services/postgres.ts";
import { forkOwn, freePort, spawnOwn } from "../script/services/process.ts";
import { makeToken } from "../src/cli/token.ts";
import { runnerMapping } from "../test/support/queue-mappings.ts";
import { shippedCommand } from "./shipped.ts";

const seconds = Number(process.env["BENCH_BUDGET_SECONDS"] ?? 60);
const clients = Number(process.env["BENCH_BUDGET_CLIENTS"] ?? 48);
/** Only these attacks, by their names in budget-attacks.ts. */
const only = process.env["BENCH_BUDGET_ATTACKS"] ?? "";
/** As docker-compose.yml and deploy/kubernetes give it. */
const containerMb = 384;
const limits = { healthP99: 100, goodRate: 0.99 };
const [containers, queues, hosts, jobs] = [50, 50, 50, 300_000];

async function buildJobs(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`
    create table jobs as
    select n as id, 'queue_' || n % ${queues} as type, case when n % 50 = 0 then 'pending' when n % 20 = 1 then 'failed' else 'done' end as status,
           now() - n * interval '40 milliseconds' - interval '4 seconds' as run_at, now() - n * interval '40 milliseconds' - interval '2 seconds' as started_at,
           now() - n * interval '40 milliseconds' as finished_at,
           case when n % 20 = 1 then 'error ' || n % 7 || repeat(' the connection was refused', 60) end as last_error
    from generate_series(1, ${jobs}) as n`);
  await client.query("create index on jobs (type, status, run_at)");
  await client.query("create index on jobs (finished_at)");
  await client.query("vacuum analyze jobs");
  await client.end();
}

/** A cgroup below that of this process (v1 or v2); null if it cannot be created. */
function createMemoryGroup(): {
  readonly join: (pid: number) => void;
  /** The file that a process writes its pid into to join. */
  readonly processes: string;
  readonly peakMb: () => number;
  readonly remove: () => void;
} | null {
  const own = readFileSync("/proc/self/cgroup", "utf8");
  const v1 = /^\d+:memory:(.*)$/m.exec(own)?.[1];
  const v2 = /^0::(.*)$/m.exec(own)?.[1] ?? "";
  const parent = v1 === undefined ? join("/sys/fs/cgroup", v2) : join("/sys/fs/cgroup/memory", v1);
  const folder = join(parent, `ops-bench-budget-${process.pid}`);
  const [limit, peak] =
    v1 === undefined ? ["memory.max", "memory.peak"] : ["memory.limit_in_bytes", "memory.max_usage_in_bytes"];
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, limit), String(containerMb * 1024 * 1024));
  } catch {
    if (existsSync(folder)) rmdirSync(folder);
    return null;
  }
  return {
    join: (pid) => writeFileSync(join(folder, "cgroup.procs"), String(pid)),
    processes: join(folder, "cgroup.procs"),
    peakMb: () => Number(readFileSync(join(folder, peak), "utf8")) / 1024 / 1024,
    remove: () => rmdirSync(folder),
  };
}

/**
 * A copy of this Node in `folder`, not in the page cache: its pages count for the gateway's cgroup,
 * as in a container, and not for the processes that ran the same file before.
 */
function copyNode(folder: string): string {
  const node = join(folder, "node");
  copyFileSync(process.execPath, node);
  execFileSync("dd", [`if=${node}`, "iflag=nocache", "count=0"], { stdio: "ignore" });
  execFileSync("dd", [`of=${node}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"], { stdio: "ignore" });
  return node;
}

const file = (name: string) => join(import.meta.dirname, "servers", name);

/** Raises the priority of this process, if allowed. */
function first(pid: number | undefined): void {
  try {
    setPriority(pid ?? 0, -15);
  } catch {
    // Otherwise the noise of the machine is measured too.
  }
}

const agent = new Agent({ keepAlive: true });

/** Status of an answer, 0 for none, and how long it took, ms. */
function ask(
  port: number,
  path: string,
  token?: string,
  body?: string,
): Promise<{ readonly status: number; readonly ms: number }> {
  const begin = performance.now();
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const asked = request(
      { host: "127.0.0.1", port, path, agent, headers, method: body === undefined ? "GET" : "POST", timeout: 30_000 },
      (response) => {
        response.resume();
        response.on("close", () => resolve({ status: response.statusCode ?? 0, ms: performance.now() - begin }));
      },
    );
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve({ status: 0, ms: performance.now() - begin }));
    asked.end(body);
  });
}

/** Requests of a person and a small dashboard. */
const good: readonly (readonly [path: string, body?: string])[] = [
  ["/api/v1/admin/ops/containers?include_stats=true"],
  ["/api/v1/admin/ops/queues"],
  ["/api/v1/admin/ops/hosts"],
  ["/api/v1/admin/ops/containers/wallet-core-worker-staging-0/logs?tail=100"],
  [
    "/graphql",
    JSON.stringify({
      query:
        "{ containers { name role status health version stats { cpuPct memPct } } queues { name state depth } hosts { name alert } }",
    }),
  ],
  [
    "/grafana/query",
    JSON.stringify({
      maxDataPoints: 300,
      targets: [
        { refId: "A", target: "host_cpu_util" },
        { refId: "B", target: "queues" },
      ],
    }),
  ],
];

function describe(all: readonly number[]): string {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(0);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms (n=${all.length})`;
}

function rssMb({ pid }: ChildProcess): number {
  const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, "utf8") : "";
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}

/**
 * The built gateway, with the shipped options and memory limit, attacked over loopback by readers
 * with one token, in their own processes; it watches 50 containers, 50 queues in PostgreSQL, and 50
 * hosts. Meanwhile `/healthz` is requested every 25 ms, and another token sends ordinary requests.
 */
export async function benchBudget(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "ops-bench-budget-"));
  const postgres = await startPostgres(join(folder, "postgres"));
  await buildJobs(postgres.url);
  const upstreams = forkOwn(file("budget-upstreams.ts"), [String(containers), String(hosts)]);
  const [{ socket, prometheus }] = (await once(upstreams, "message")) as [{ socket: string; prometheus: string }];
  const right = { environments: ["staging", "production"] as const, expiresAt: new Date(Date.now() + 86_400_000) };
  const [attacker, person] = ["attacker", "person"].map((subject) =>
    makeToken({ subject, scopes: ["ops:read", "ops:logs"], ...right }),
  );
  const port = await freePort();
  const group = createMemoryGroup();
  writeFileSync(join(folder, "tokens.json"), JSON.stringify([attacker?.entry, person?.entry]));
  const table = { ...runnerMapping, table: "public.jobs", started_at: "started_at" };
  writeFileSync(join(folder, "queues.json"), JSON.stringify({ detect: false, sources: [table] }));
  const env = {
    PATH: process.env["PATH"] ?? "",
    WALLET_CORE_OPS_PORT: String(port),
    WALLET_CORE_OPS_TOKENS_FILE: join(folder, "tokens.json"),
    WALLET_CORE_OPS_DOCKER_HOSTS: `bench=unix://${socket}?env=staging`,
    WALLET_CORE_OPS_DATABASE_URL: postgres.url,
    WALLET_CORE_OPS_QUEUES_FILE: join(folder, "queues.json"),
    WALLET_CORE_OPS_PROMETHEUS_URL: prometheus,
    WALLET_CORE_OPS_ENV: "staging",
    WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "deploy_info.json"),
    WALLET_CORE_OPS_AUDIT_FILE: join(folder, "audit.jsonl"),
  };
  const deploy = {
    current_tag: "v1",
    previous_tag: "v0",
    commit_sha: "abc",
    deployed_by: "bench",
    deployed_at: new Date().toISOString(),
  };
  writeFileSync(join(folder, "deploy_info.json"), JSON.stringify(deploy));
  const shipped = shippedCommand();
  const gateway = spawnOwn(copyNode(folder), shipped.args, {
    env: { ...env, ...shipped.env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  group?.join(gateway.pid as number);
  first(gateway.pid);
  let ended: string | null = null;
  gateway.once("exit", (code, signal) => (ended = `ENDED with ${code ?? signal}`));
  for (let left = 200; (await ask(port, "/healthz")).status !== 200; left -= 1) {
    if (left === 0) throw new Error("the gateway did not start");
    await sleep(50);
  }
  for (const [path, body] of good) await ask(port, path, person?.token, body);
  const rest = rssMb(gateway);
  const attackers = [1, 2].map(() =>
    forkOwn(file("budget-attackers.ts"), [String(port), attacker?.token ?? "", String(clients / 2), only]),
  );
  for (const one of [...attackers, upstreams, process]) first(one.pid);
  const health: number[] = [];
  const served: number[] = [];
  const lag: number[] = [];
  const failed: Record<string, number> = {};
  let peak = 0;
  const end = performance.now() + seconds * 1000;
  const isOn = () => performance.now() < end && ended === null;
  const askHealth = async () => {
    while (isOn()) {
      const { status, ms } = await ask(port, "/healthz");
      health.push(status === 200 ? ms : 60_000);
      const begin = performance.now();
      await sleep(25);
      lag.push(performance.now() - begin - 25);
      peak = Math.max(peak, rssMb(gateway));
    }
  };
  /**
   * The health check of the image, every 10 s in the same group: a process of its own, as large as
   * an idle Node.
   */
  const checks = { passed: 0, failed: 0, slowestMs: 0 };
  const checkHealth = async () => {
    if (!group) return;
    while (isOn()) {
      const script = 'echo $$ > "$0" && exec "$@"';
      const check = spawnOwn("sh", ["-c", script, group.processes, join(folder, "node"), "-e", shipped.healthCheck], {
        env,
        stdio: "ignore",
      });
      const begin = performance.now();
      const [code] = (await once(check, "exit")) as [number | null];
      if (isOn()) checks[code === 0 ? "passed" : "failed"] += 1;
      checks.slowestMs = Math.max(checks.slowestMs, performance.now() - begin);
      for (let waited = 0; waited < 100 && isOn(); waited += 1) await sleep(100);
    }
  };
  const askGood = async () => {
    for (let turn = 0; isOn(); turn += 1) {
      const [path, body] = good[turn % good.length] as (typeof good)[number];
      const { status, ms } = await ask(port, path, person?.token, body);
      if (status === 200) served.push(ms);
      else failed[`${path} ${status}`] = (failed[`${path} ${status}`] ?? 0) + 1;
      await sleep(100);
    }
  };
  try {
    await Promise.all([askHealth(), askGood(), askGood(), checkHealth()]);
    const reports = await Promise.all(
      attackers.map(async (one) => {
        one.send("end");
        const [answer] = (await once(one, "message")) as [{ answers: Record<string, number>; most: number }];
        return answer;
      }),
    );
    const answers: Record<string, number> = {};
    for (const one of reports)
      for (const [key, count] of Object.entries(one.answers)) answers[key] = (answers[key] ?? 0) + count;
    const most = Math.max(...reports.map((one) => one.most));
    const p99 = health.toSorted((a, b) => a - b)[Math.floor(health.length * 0.99)] ?? Number.POSITIVE_INFINITY;
    const losses = Object.values(failed).reduce((sum, count) => sum + count, 0);
    const rate = served.length / (served.length + losses);
    const groupPeak = group ? `, ${group.peakMb().toFixed(0)} MB in its cgroup, all of it` : "";
    // In a cgroup the kernel ends a process that needs more. VmRSS includes pages of mapped files,
    // which can be freed.
    const fits = group !== null || peak < containerMb;
    const isGood =
      ended === null &&
      fits &&
      p99 < limits.healthP99 &&
      rate >= limits.goodRate &&
      checks.failed === 0 &&
      most <= 5_100_000;
    console.log(`budget, ${clients} attackers for ${seconds} s: ${ended ?? "alive"}`);
    console.log(
      `  /healthz: ${describe(health)} (limit p99 ${limits.healthP99}); this process itself was late by ${describe(lag)}`,
    );
    console.log(
      `  another token: ${describe(served)}, ${(rate * 100).toFixed(2)} % served (limit ${limits.goodRate * 100}) ${JSON.stringify(failed)}`,
    );
    console.log(
      `  memory: ${rest.toFixed(0)} MB before, at most ${peak.toFixed(0)} MB resident${groupPeak} (limit ${containerMb}); largest answer ${most} bytes`,
    );
    console.log(
      `  health check of the image: ${checks.passed} passed, ${checks.failed} failed, the slowest took ${checks.slowestMs.toFixed(0)} ms`,
    );
    for (const [key, count] of Object.entries(answers).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      console.log(`    ${key}: ${count}`);
    if (!isGood) console.log("  MISSED");
    return isGood;
  } finally {
    for (const child of [...attackers, upstreams]) child.disconnect?.();
    if (ended === null) {
      gateway.kill("SIGKILL");
      await once(gateway, "exit");
    }
    group?.remove();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
