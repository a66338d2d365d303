import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, request as send } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { createTime, keepFiringSeconds } from "../../script/alerts/model.ts";
import { toRuleFiles } from "../../script/alerts/prometheus.ts";
import { startAlertmanager } from "../../script/services/alertmanager.ts";
import { startDockerd } from "../../script/services/dockerd.ts";
import { startNodeExporter } from "../../script/services/node-exporter.ts";
import { startPostgres } from "../../script/services/postgres.ts";
import { freePort, type Running, startProcess } from "../../script/services/process.ts";
import { startPrometheus } from "../../script/services/prometheus.ts";
import { makeToken } from "../../src/cli/token.ts";
import { environments } from "../../src/lib/environment.ts";
import { startHttpReceiver, type WebhookMessage } from "./alert-receivers.ts";
import { watchAlerts } from "./alert-watch.ts";
import { type ContainerSpec, startContainer } from "./docker-containers.ts";
import { startFaultProxy } from "./fault-proxy.ts";
import { createTestDatabase, type TestDatabase } from "./postgres-database.ts";
import { untilSamples } from "./prometheus.ts";

/**
 * Acceleration of all durations in rules: one of their minutes is a second. Durations that the
 * gateway measures are unchanged.
 */
export const factor = 60;
const service = "wallet-core";
const token = "alert-stage-0123456789";

/** The queues: each a table of its own, so that one condition does not touch another. */
const queueNames = ["hangs", "fails", "slow", "lost", "deployed", "renamed", "calm"] as const;
type QueueName = (typeof queueNames)[number];

const toSource = (name: string, names?: readonly string[]) => ({
  name,
  kind: "table",
  env: "staging",
  service,
  table: name,
  queue: names ? { column: "type", names } : { name },
  id: "id",
  status: "status",
  waiting: ["pending"],
  active: ["running"],
  done: ["done"],
  failed: ["failed"],
  run_at: "run_at",
  started_at: "started_at",
  finished_at: "finished_at",
  error: "error",
  worker: { column: "worker" },
});
const toTable = (name: string) =>
  `create table ${name} (id bigint generated always as identity, type text, status text not null, run_at timestamptz not null default now(),
     started_at timestamptz, finished_at timestamptz, error text, worker text);`;

/** More queues than the gateway reports in its metrics. */
const crowd = ["crowd_a", "crowd_b"].map((table) =>
  toSource(
    table,
    Array.from({ length: 600 }, (_, n) => `${table}-${n}`),
  ),
);

/**
 * Two engines, a database, a host, a deploy and two gateways over them, all real and private; a
 * Prometheus with the shipped configuration and accelerated rules, and an Alertmanager with a
 * receiver on this machine.
 */
export async function createAlertStage() {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "ops-alerts-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const keep = <T extends Running>(running: T): T => {
    stack.defer(() => running.stop());
    return running;
  };
  const [engineA, engineB, postgres, host, webhook] = await Promise.all([
    startDockerd(join(folder, "a"), { bridge: false }).then(keep),
    startDockerd(join(folder, "b"), { bridge: false }).then(keep),
    startPostgres(join(folder, "postgres")).then(keep),
    startHost(folder, stack),
    startHttpReceiver<WebhookMessage>(),
  ]);
  stack.use(webhook);
  const proxyB = stack.use(await startFaultProxy(engineB.socketPath));
  const database = await createTestDatabase(postgres.url, "alerts");
  await database.query([...queueNames, "crowd_a", "crowd_b"].map(toTable).join("\n"));

  // The gateway asks Prometheus through something that can fail, and Prometheus scrapes the
  // gateway: one of them must have a fixed port.
  const prometheusPort = await freePort();
  const flaky = stack.use(await startFlakyProxy(`http://127.0.0.1:${prometheusPort}`));
  const deployPath = join(folder, "deploy", "deploy_info.json");
  mkdirSync(join(folder, "deploy"));
  const writeDeploy = (at: number) => {
    const deployed_at = `${new Date(at).toISOString().slice(0, 19)}Z`;
    const release = { current_tag: "v1", previous_tag: "v0", commit_sha: "abc123" };
    writeFileSync(deployPath, JSON.stringify({ ...release, deployed_by: "ops", deployed_at, destination: "staging" }));
  };
  const writeToken = (hours: number) => {
    const expiresAt = new Date(Date.now() + hours * 3_600_000);
    const { entry } = makeToken({ subject: "ci", kid: "ci01", scopes: ["ops:read"], environments, expiresAt });
    writeFileSync(join(folder, "tokens.new"), JSON.stringify([entry]));
    renameSync(join(folder, "tokens.new"), join(folder, "tokens.json"));
  };
  writeToken(24);
  const sources = queueNames.map((name) => toSource(name));
  writeFileSync(join(folder, "queues.json"), JSON.stringify({ sources, detect: false }));
  writeFileSync(join(folder, "crowd.json"), JSON.stringify({ sources: [...sources, ...crowd], detect: false }));
  const env = {
    TOKEN: token,
    TOKENS_FILE: join(folder, "tokens.json"),
    SERVICE: service,
    DOCKER_HOSTS: `a=unix://${engineA.socketPath},b=unix://${proxyB.socketPath}`,
    DATABASE_URL: database.url,
    QUEUES_FILE: join(folder, "queues.json"),
    PROMETHEUS_URL: flaky.url,
    DEPLOY_INFO_PATH: deployPath,
    // The host's processors are idle, and the test sets its memory.
    CPU_THRESHOLD: "1",
  };
  const startContainers = (specs: readonly Place[]) =>
    Promise.all(
      specs.map(({ engine = "a", ...spec }) =>
        startContainer((engine === "a" ? engineA : engineB).socketPath, toContainer(spec)),
      ),
    );
  const gateways = {
    main: await createGateway(folder, "main", env),
    // What settles for minutes is over for it.
    spare: await createGateway(folder, "spare", { ...env, PROMETHEUS_URL: `http://127.0.0.1:${prometheusPort}` }, [
      "--import",
      "./test/support/clock-ahead.ts",
    ]),
  };
  const older = stack.use(await startOlderGateway());
  for (const gateway of Object.values(gateways)) stack.defer(() => gateway.stop());
  await Promise.all(Object.values(gateways).map((gateway) => gateway.start()));

  const alertmanager = keep(
    await startAlertmanager(join(folder, "alertmanager"), writeAlertmanager(folder, webhook.port)),
  );
  const scraped = await Promise.all(Object.values(gateways).map(({ url }) => startFlakyProxy(url)));
  for (const proxy of scraped) stack.use(proxy);
  const targets = [...scraped, older].map(({ address }) => address);
  const configFile = join(folder, "prometheus.yml");
  const writeConfig = (job = "wallet-core-ops") =>
    writeFileSync(
      configFile,
      toConfig({ folder, targets, host: host.address, alertmanager: alertmanager.address, job }),
    );
  for (const [name, text] of toRuleFiles(factor)) {
    mkdirSync(join(folder, "rules"), { recursive: true });
    // Four scrapes are longer here than a minute of the rules.
    const shipped = `keep_firing_for: ${createTime(factor).span(keepFiringSeconds)}\n`;
    writeFileSync(join(folder, "rules", name), text.replaceAll(shipped, "keep_firing_for: 8s\n"));
  }
  writeFileSync(join(folder, "token"), token);
  writeConfig();
  const prometheus = keep(
    await startPrometheus(join(folder, "prometheus"), {
      configFile,
      port: prometheusPort,
      // Staleness of a series that is no longer scraped: five minutes.
      args: ["--enable-feature=expand-external-labels", "--query.lookback-delta=5s"],
      env: { RUNBOOKS: "https://wiki.example/ops/" },
    }),
  );
  // A new Prometheus scrapes after 5 s: five minutes of the rules without a gateway.
  const isSettled = `(count(up == 1) == ${targets.length + 1}) and on () absent(ALERTS{alertstate="firing"})`;
  await untilSamples(prometheus.url, isSettled);
  const watch = stack.use(watchAlerts(prometheus.url));
  const owned = stack.move();
  return {
    postgres,
    engines: { a: engineA.socketPath, b: proxyB },
    startContainers,
    gateways,
    flaky,
    older,
    host,
    /** Each gateway's next scrape fails. */
    failScrapes: () => scraped.forEach((proxy) => proxy.fail("once")),
    writeToken,
    writeDeploy,
    breakDeploy: () => writeFileSync(deployPath, "{"),
    watch,
    messages: webhook.messages,
    /** As Grafana asks: the gateway and Prometheus. */
    place: { url: gateways.main.url, token, prometheusUrl: prometheus.url },
    /** Reads the configuration again, with another name for the job of the gateways. */
    renameJob: (job?: string) => {
      writeConfig(job);
      process.kill(prometheus.pid, "SIGHUP");
    },
    jobs: createJobs(database),
    folder,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export type AlertStage = Awaited<ReturnType<typeof createAlertStage>>;

type Place = Pick<ContainerSpec, "healthCmd" | "binds" | "cmd" | "restartPolicy"> & {
  readonly role: string;
  readonly version?: string;
  /** @default "staging" */
  readonly destination?: string;
  /** @default "a" */
  readonly engine?: "a" | "b";
};

/** As Kamal runs it. */
function toContainer({ role, version = "v1", destination = "staging", ...spec }: Omit<Place, "engine">): ContainerSpec {
  const name = `${service}-${role}-${destination}-${version}`;
  return {
    ...spec,
    name,
    labels: { service, role, destination },
    env: [`KAMAL_CONTAINER_NAME=${name}`, `KAMAL_VERSION=${version}`],
  };
}

/** Rows as workers write them; ages in seconds. */
function createJobs(database: TestDatabase) {
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: a session has one statement at a time. */
  const query = (sql: string) => (last = last.then(() => database.query(sql)));
  const ago = (seconds: number) => `now() - interval '${seconds} seconds'`;
  return {
    query,
    wait: (queue: QueueName, age: number) =>
      query(`insert into ${queue} (status, run_at) values ('pending', ${ago(age)})`),
    run: (queue: QueueName, age: number, worker = "") =>
      query(
        `insert into ${queue} (status, run_at, started_at, worker) values ('running', ${ago(age)}, ${ago(age)}, nullif('${worker}', ''))`,
      ),
    /** Jobs that took `seconds` and ended `age` ago. */
    end: (queue: QueueName, status: "done" | "failed", count: number, age: number, seconds = 1) =>
      query(
        `insert into ${queue} (status, run_at, started_at, finished_at, error)
         select '${status}', ${ago(age + seconds)}, ${ago(age + seconds)}, ${ago(age)}, case when '${status}' = 'failed' then 'refused' end
         from generate_series(1, ${count})`,
      ),
    /** Marks all waiting and running jobs as done. */
    finish: (queue: QueueName) =>
      query(`update ${queue} set status = 'done', finished_at = now() where status in ('pending', 'running')`),
  };
}

/**
 * As a gateway of a version before or after: while it `isMute`, it does not say what it has
 * checked.
 */
async function startOlderGateway() {
  let isMute = false;
  const server = createServer((_request, response) => {
    response.end(isMute ? "ops_engine_up 1\n" : "ops_problems_unchecked 0\n");
  });
  const port = await freePort();
  await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
  return {
    address: `127.0.0.1:${port}`,
    mute: (isMuted: boolean) => void (isMute = isMuted),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function createGateway(
  folder: string,
  name: string,
  settings: Readonly<Record<string, string>>,
  nodeArgs: readonly string[] = [],
) {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const url = `http://${address}`;
  let running: Running | null = null;
  return {
    address,
    url,
    get pid() {
      if (!running) throw new Error(`the gateway ${name} does not run`);
      return running.pid;
    },
    start: async (other: Readonly<Record<string, string>> = {}) => {
      const set = { ...settings, ...other, PORT: String(port), AUDIT_FILE: join(folder, `${name}.jsonl`) };
      running = await startProcess({
        command: process.execPath,
        args: [...nodeArgs, "src/cli.ts", "serve"],
        env: Object.fromEntries(Object.entries(set).map(([key, value]) => [`WALLET_CORE_OPS_${key}`, value])),
        logFile: join(folder, `gateway-${name}.log`),
        ready: async () => (await fetch(`${url}/healthz`)).ok,
      });
    },
    stop: async () => running?.stop(),
  };
}

/**
 * A host whose memory and disk the test sets: the real node-exporter over a copy of /proc, and a
 * small tmpfs that it reports as a disk.
 */
async function startHost(folder: string, stack: AsyncDisposableStack) {
  const [proc, disk] = [join(folder, "proc"), join(folder, "disk")];
  mkdirSync(join(proc, "1"), { recursive: true });
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "ops-alerts", disk]);
  stack.defer(() => void execFileSync("umount", ["--lazy", disk]));
  // Where exporters before 1.9 look, and later ones.
  writeFileSync(join(proc, "1", "mounts"), `ops-alerts ${disk} ext4 rw 0 0\n`);
  writeFileSync(join(proc, "1", "mountinfo"), `36 35 0:50 / ${disk} rw - ext4 ops-alerts rw\n`);
  writeFileSync(join(proc, "stat"), readFileSync("/proc/stat"));
  symlinkSync("/proc/loadavg", join(proc, "loadavg"));
  const use = (share: number) => {
    const available = Math.round(1_000_000 * (1 - share));
    writeFileSync(
      join(proc, "meminfo"),
      `MemTotal: 1000000 kB\nMemFree: ${available} kB\nMemAvailable: ${available} kB\n`,
    );
  };
  use(0.2);
  const collectors = ["cpu", "filesystem", "loadavg", "meminfo", "uname"].map((name) => `--collector.${name}`);
  const options = { args: ["--collector.disable-defaults", ...collectors, `--path.procfs=${proc}`] };
  let exporter = await startNodeExporter(join(folder, "host"), options);
  stack.defer(() => exporter.stop());
  const { address } = exporter;
  return {
    address,
    useMemory: use,
    fillDisk: () => writeFileSync(join(disk, "file"), Buffer.alloc(3.9 * 2 ** 20)),
    emptyDisk: () => rmSync(join(disk, "file")),
    stop: () => exporter.stop(),
    start: async () => {
      exporter = await startNodeExporter(join(folder, "host"), { ...options, address });
    },
  };
}

/**
 * A proxy before Prometheus that fails like an overloaded one: always, or three of four times. Each
 * gateway asks once a second, and the other one has no errors. Before a gateway it fails one
 * scrape.
 */
async function startFlakyProxy(target: string) {
  let failing: "never" | "at times" | "once" | "always" = "never";
  const server = createServer((request, response) => {
    // Only what asks for the past: a scrape asks for the present, and what it cannot get is an
    // outage.
    const isNow = failing === "always" || (failing === "at times" && request.url?.includes("/query_range"));
    if (isNow || failing === "once") {
      if (failing === "once") failing = "never";
      response.writeHead(503).end();
      return;
    }
    const onward = send(new URL(request.url ?? "/", target), {
      method: request.method,
      headers: request.headers,
      agent: false,
    });
    onward.once("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.once("error", () => response.destroy());
    request.pipe(onward);
  });
  const port = await freePort();
  await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
  const address = `127.0.0.1:${port}`;
  return {
    address,
    url: `http://${address}`,
    fail: (when: typeof failing) => void (failing = when),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** The shipped configuration with a webhook, accelerated. */
function writeAlertmanager(folder: string, port: number): string {
  const shipped = readFileSync("deploy/alertmanager/alertmanager.yml", "utf8");
  const file = join(folder, "alertmanager.yml");
  const fast = replaceAll(shipped, [
    ["group_wait: 30s", "group_wait: 500ms"],
    ["group_interval: 5m", "group_interval: 5s"],
  ]);
  writeFileSync(file, `${fast}    webhook_configs: [{ url: "http://127.0.0.1:${port}" }]\n`);
  return file;
}

interface ConfigPlaces {
  readonly folder: string;
  readonly targets: readonly string[];
  readonly host: string;
  readonly alertmanager: string;
  readonly job: string;
}

/**
 * The shipped configuration of Prometheus, with the addresses of this run. Scrapes of a busy
 * machine are slow.
 */
function toConfig({ folder, targets, host, alertmanager, job }: ConfigPlaces): string {
  return replaceAll(readFileSync("deploy/prometheus/prometheus.yml", "utf8"), [
    ["scrape_interval: 15s", "scrape_interval: 2s"],
    ["scrape_timeout: 10s", "scrape_timeout: 2s"],
    ["evaluation_interval: 15s", "evaluation_interval: 1s"],
    ["rules/*.yml", resolve(folder, "rules/*.yml")],
    ["alertmanager:9093", alertmanager],
    ["node-exporter:9100", host],
    ["job_name: wallet-core-ops", `job_name: ${job}`],
    ["/run/secrets/token", join(folder, "token")],
    ['"gateway:4000"', targets.map((target) => JSON.stringify(target)).join(", ")],
  ]);
}

function replaceAll(text: string, pairs: readonly (readonly [from: string, to: string])[]): string {
  return pairs.reduce((result, [from, to]) => {
    if (!result.includes(from)) throw new Error(`the shipped configuration has no ${from} any more`);
    return result.replaceAll(from, to);
  }, text);
}
