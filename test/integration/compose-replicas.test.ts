import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import { type ComposeProject, makeComposeProject, readHealth, readImages } from "../support/compose-project.ts";
import { buildStandIns } from "../support/compose-stand-ins.ts";
import { listBlocks } from "../support/doc-blocks.ts";
import { dockerCli } from "../support/image.ts";
import { buildReplicaStandIns } from "../support/replicas-stand-ins.ts";
import { until } from "../support/until.ts";

/**
 * deploy/replicas/compose.yml on an engine of its own, by the commands of docs/scaling.md. HAProxy
 * and PostgreSQL are Debian's, under the names of the images of the registry, which cannot be had
 * here.
 */
const folder = mkdtempSync(join(inject("runFolder"), "compose-"));
const project = join(folder, "project");
mkdirSync(project);
const name = "wallet-core-ops";
const page = listBlocks().filter((block) => block.page === "docs/scaling.md");
const gateways = ["gateway-1", "gateway-2", "gateway-3"];
let dockerd: Dockerd;
let docker: ReturnType<typeof dockerCli>;
let composed: ComposeProject;
let token: string;

const compose = (...args: readonly string[]) => composed.compose(...args);
/** Runs the block of the page that has this text. */
const runBlock = (has: string) => composed.shell(page.find(({ text }) => text.includes(has))?.text ?? "false");

/**
 * A client in the network `edge`: asks for the path at HAProxy; with `load`, again and again until
 * its input ends. Prints what it got as JSON.
 */
const client = `
const [path, method, load] = process.argv.slice(1);
const state = { asked: 0, wrong: [], last: null };
const ask = async () => {
  try {
    const answer = await fetch("http://gateway:4000" + path, { method, headers: { authorization: "Bearer " + process.env.TOKEN } });
    const body = await answer.text();
    state.last = { status: answer.status, body };
    if (!answer.ok && !body.includes('"docker_timeout"')) state.wrong.push(state.last);
  } catch (error) { state.wrong.push(String(error.cause ?? error)); }
  state.asked += 1;
};
let isOver = false;
process.stdin.on("end", () => { isOver = true; }).resume();
do { await ask(); } while (load && !isOver);
console.log(JSON.stringify(state));
process.exit(0);
`;

function startClient(...args: readonly string[]) {
  const start = ["--host", `unix://${dockerd.socketPath}`, "run", "--rm", "--interactive", `--network=${name}_edge`];
  const node = ["--env", `TOKEN=${token}`, "ops-base", "node", "--input-type=module", "--eval", client, "--"];
  const child = spawn("docker", [...start, ...node, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  return async (): Promise<{ asked: number; wrong: unknown[]; last: { status: number; body: string } | null }> => {
    child.stdin.end();
    await once(child, "close");
    return JSON.parse(Buffer.concat(chunks).toString());
  };
}

const api = "/api/v1/admin/ops/containers";
const ask = (path: string, method = "GET") => startClient(path, method)();
const restart = async () => {
  const { last } = await ask(`${api}/shop-web-v1/restart`, "POST");
  return { status: last?.status, code: /"code":"(\w+)"/.exec(last?.body ?? "")?.[1] };
};
const askState = (service: string, sql: string) =>
  compose("exec", "-T", service, "psql", "-U", "postgres", "-d", "wallet_core_ops", "-At", "-c", sql).trim();
const outcomes = (service: string) =>
  askState(
    service,
    "select string_agg(outcome, ' ' order by seq) from wallet_core_ops.entry where outcome in ('intent', 'ok')",
  );

const readIds = () => gateways.map((gateway) => compose("ps", "--quiet", gateway).trim());

beforeAll(async () => {
  dockerd = await startDockerd(join(folder, "docker"), { ownNetwork: true });
  docker = dockerCli(dockerd.socketPath);
  const environment = `{ environment: { WALLET_CORE_OPS_RESTART: "on", WALLET_CORE_OPS_RESTART_COOLDOWN: "0" } }`;
  composed = await makeComposeProject(project, dockerd.socketPath, {
    files: ["docker-compose.yml", "deploy/replicas/compose.yml"],
    here: `services:
  # The root of a container or of a small machine cannot be mounted with propagation.
  node-exporter: { volumes: ["/:/host:ro"] }
${gateways.map((gateway) => `  ${gateway}: ${environment}\n`).join("")}`,
  });
  token = readFileSync(join(project, "deploy/compose/secrets/token"), "utf8").trim();
  const images = readImages(composed);
  buildStandIns(dockerd.socketPath, images);
  buildReplicaStandIns(dockerd.socketPath, { haproxy: images["gateway"] ?? "", postgres: images["postgres"] ?? "" });
  const labels = ["service=wallet-core", "role=web", "destination=staging"].flatMap((label) => ["--label", label]);
  docker("run", "--detach", "--name=shop-web-v1", "--stop-signal=KILL", ...labels, "ops-sample:latest");
  runBlock("up --build --wait");
}, 300_000);

afterAll(async () => {
  await dockerd?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("three gateways, HAProxy and two PostgreSQL are healthy", () => {
  const services = ["gateway", ...gateways, "node-exporter", "postgres", "prometheus", "state", "state-1", "state-2"];
  expect(readHealth(composed)).toEqual(services.map((service) => `${service} healthy`));
  expect(isSynchronous("state-1", "state-2")).toBe(true);
});

test("a restart through HAProxy is in the record on both servers", async () => {
  expect(await restart()).toMatchObject({ status: 200 });
  expect(outcomes("state-1")).toBe("intent ok");
  await until(() => outcomes("state-2") === "intent ok");
  const ip = askState("state-1", "select distinct line::json->>'ip' from wallet_core_ops.entry");
  const { Subnet = "" } = JSON.parse(
    docker("network", "inspect", "--format", "{{json (index .IPAM.Config 0)}}", `${name}_edge`),
  );
  expect(ip.split(".").slice(0, 2)).toEqual(Subnet.split(".").slice(0, 2));
});

test("gateways are upgraded one by one; no request fails", { timeout: 180_000 }, async () => {
  const stop = startClient(api, "GET", "load");
  const before = readIds();
  appendFileSync(join(project, "dist/cli.cjs"), "// Another version.\n");
  runBlock("build gateway-1");
  const { asked, wrong } = await stop();
  expect(wrong).toEqual([]);
  expect(asked).toBeGreaterThan(20);
  expect(readIds().filter((id) => before.includes(id))).toEqual([]);
});

const isSynchronous = (primary: string, standby: string) =>
  askState(primary, "select application_name || ' ' || sync_state from pg_stat_replication") === `${standby} sync`;
/** What it prints, whatever its exit code. */
function check(): string {
  try {
    return compose("exec", "-T", "gateway-1", "node", "/app/cli.cjs", "check");
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
const isRefused = async () => (await restart()).code === "audit_unavailable";
/** An action whose answer was lost is open until a gateway has found out what became of it. */
const isAnswered = async () => (await restart()).status === 200;

test("without its standby the server answers nothing, until there is one", { timeout: 300_000 }, async () => {
  docker("kill", `${name}-state-2-1`);
  await until(() => /^FAIL +audit/m.test(check()));
  expect(await restart()).toEqual({ status: 503, code: "audit_unavailable" });
  const { last } = await ask(api);
  expect(last).toMatchObject({ status: 200 });
  runBlock("--force state-2");
  await until(() => isSynchronous("state-1", "state-2"));
  await until(isAnswered, 150_000);
});

test("the standby takes over, and the old server becomes its standby", { timeout: 300_000 }, async () => {
  const before = outcomes("state-1");
  docker("kill", `${name}-state-1-1`);
  await until(isRefused);
  expect((await ask(api)).last).toMatchObject({ status: 200 });
  const [promote = "", ...rebuild] =
    page.find(({ text }) => text.includes("pg_ctl promote"))?.text.split(/(?<=promote)\n/) ?? [];
  composed.shell(promote.replace("exec", "exec -T"));
  await until(isAnswered, 150_000);
  expect(outcomes("state-2").startsWith(before)).toBe(true);

  // The old one comes back as it was: nothing is answered by it, also when HAProxy has forgotten
  // which one it was.
  docker("start", `${name}-state-1-1`);
  const isUp = () =>
    compose(
      "exec",
      "-T",
      "state-1",
      "sh",
      "-c",
      "psql -U postgres -At -c 'select pg_is_in_recovery()' || true",
    ).trim() === "f";
  await until(isUp);
  docker("kill", `${name}-state-1`);
  docker("start", `${name}-state-1`);
  await until(isAnswered, 150_000);
  const after = outcomes("state-2");
  const newest = askState("state-2", "select max(seq) from wallet_core_ops.entry");
  const readNewest = async () =>
    /"seq":(\d+)/.exec((await ask("/graphql?query={auditLog(first:1){nodes{seq}}}")).last?.body ?? "")?.[1];
  // Until its first check HAProxy takes both for servers that answer.
  await until(async () => (await readNewest()) === newest);
  for (let asked = 0; asked < 6; asked += 1) expect(await readNewest()).toBe(newest);
  expect(outcomes("state-1")).toBe(before);

  composed.shell(rebuild.join(""));
  await until(() => isSynchronous("state-2", "state-1"));
  await until(isAnswered, 150_000);
  expect(outcomes("state-1").startsWith(after)).toBe(true);
  const { last } = await ask("/graphql?query={auditChain{ok}}");
  expect(last?.body).toContain('{"ok":true}');
});

test("the role of HAProxy's check is not for others", () => {
  const command = ["exec", "-T", "state-2", "psql", "host=state-2 user=health dbname=postgres", "-w", "-c", "select 1"];
  expect(() => compose(...command)).toThrow(
    expect.objectContaining({ stderr: expect.stringContaining("no password supplied") }),
  );
});

test("a server that took writes does not overwrite them as a standby", async () => {
  writeFileSync(join(project, ".env"), "STATE_PRIMARY=state-1\n");
  compose("up", "--detach", "--no-deps", "state-2");
  const logs = () => compose("logs", "--no-log-prefix", "state-2");
  await expect.poll(logs, { timeout: 25_000 }).toContain("state-2 has taken writes, but STATE_PRIMARY is state-1");
  expect(outcomes("state-1")).toContain("intent ok");
});
