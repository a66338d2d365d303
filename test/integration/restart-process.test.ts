import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, inject, it } from "vitest";
import { verifyAudit } from "../../src/audit/file/verify.ts";
import { toBound } from "../support/bound.ts";
import { type ContainerSpec, removeContainers, startContainer } from "../support/docker-containers.ts";
import { readAudit, startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
let audit: string;
let restarts: Awaited<ReturnType<typeof watchRestarts>>;

beforeEach(async () => {
  audit = join(mkdtempSync(join(inject("runFolder"), "restarts-")), "audit.jsonl");
  restarts = await watchRestarts(socketPath);
});
afterEach(() => restarts[Symbol.dispose]());
afterAll(() => removeContainers(socketPath, ids));

const gateway = (more = {}) => startGatewayProcess(socketPath, "restartproc", audit, more);

async function start(name: string, more: Partial<ContainerSpec> = {}): Promise<string> {
  const labels = { service: "restartproc", role: name.replace(/-.*/, ""), destination: "staging" };
  ids.push(await startContainer(socketPath, { name: `restartproc-${name}`, labels, ...more }));
  return `restartproc-${name}`;
}

/** Ignores SIGTERM: its restart takes so many seconds. */
const stubborn = (seconds: number) => ({ cmd: ["sleep", "600"], stopTimeout: seconds });
const outcomes = () => readAudit(audit).map(({ outcome, intent }) => [outcome, intent]);
/** The engine is shared: other test files restart containers too. */
const mine = () => restarts.names.filter((name) => name.startsWith("restartproc-"));
const restartsOf = (name: string) => restarts.names.filter((other) => other === name).length;

it("20 calls at once are answered with one restart", async () => {
  await using own = await gateway();
  const name = await start("twenty", stubborn(1));
  const answers = await Promise.all(Array.from({ length: 20 }, () => own.restart(name)));
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    200,
    ...Array.from({ length: 19 }, () => 409),
  ]);
  expect(answers.find(({ status }) => status === 409)?.body.error.code).toBe("restart_in_progress");
  expect(restartsOf(name)).toBe(1);
  expect(outcomes()).toEqual([
    ["intent", null],
    ["ok", 1],
  ]);
});

it("the cooldown says for how long; a key gets its answer again", async () => {
  await using own = await gateway({ RESTART_COOLDOWN: "60", RESTART_BUDGET: "2" });
  const [name, second, last] = [await start("cool"), await start("cool-2"), await start("cool-3")];
  const key = { "idempotency-key": "deploy-17" };
  const first = await own.restart(name, "", key);
  expect(first.status).toBe(200);
  expect(await own.restart(name, "", key)).toMatchObject({ status: 200, body: first.body });
  const again = await own.restart(name);
  expect(again).toMatchObject({ status: 429, body: { error: { code: "restart_cooldown" } } });
  expect(Number(again.headers.get("retry-after"))).toBeGreaterThan(50);
  expect((await own.restart(name, "?reason=other", key)).body.error.code).toBe("idempotency_key_reused");
  expect((await own.restart(second)).status).toBe(200);
  const third = await own.restart(last);
  expect(third).toMatchObject({ status: 429, body: { error: { code: "restart_budget" } } });
  expect(mine()).toHaveLength(2);
});

it("a container with the protection label is never restarted", async () => {
  await using own = await gateway();
  const labels = { service: "restartproc", role: "web", "wallet-core-ops.protected": "true" };
  const name = await start("protected", { labels });
  expect(await own.restart(name)).toMatchObject({ status: 403, body: { error: { code: "restart_protected" } } });
  const preview = await own.restart(name, "?dry_run=true");
  expect(preview).toMatchObject({
    status: 200,
    body: { restarted: false, preview: { refusal: { code: "restart_protected" } } },
  });
  expect(restartsOf(name)).toBe(0);
});

it("a restart waits for health; a preview changes nothing", async () => {
  await using own = await gateway();
  // Starting until its first probe ends.
  const name = await start("patient-1", { healthCmd: "sleep 0.7" });
  const preview = await own.restart(name, "?dry_run=true");
  expect(preview.body).toMatchObject({ name, restarted: false, preview: { refusal: null, healthy_peers: 0 } });
  expect(mine()).toEqual([]);
  const sick = await start("patient-2", { healthCmd: "false" });
  expect((await own.restart(name, "?wait=healthy&wait_seconds=20")).body).toMatchObject({
    restarted: true,
    health: "healthy",
    healthy: true,
  });
  expect((await own.restart(sick, "?wait=healthy&wait_seconds=20")).body).toMatchObject({
    health: "unhealthy",
    healthy: false,
  });
  expect((await own.restart(name, "?dry_run=true")).body.preview).toEqual({
    refusal: null,
    healthy_peers: 0,
    last_healthy: true,
    work: { jobs: null, total: null, gaps: [{ source: null, reason: "WALLET_CORE_OPS_DATABASE_URL is not set" }] },
  });
  expect(readAudit(audit)).toHaveLength(4);
});

it("a recorded restart continues when the client leaves", async () => {
  await using own = await gateway();
  const name = await start("left", stubborn(2));
  const leaving = new AbortController();
  const answer = own.restart(name, "", {}, leaving.signal);
  await until(async () => (await readIfThere()).length === 1);
  leaving.abort();
  await expect(answer).rejects.toThrow(/abort/);
  await until(async () => readAudit(audit).length === 2);
  expect(outcomes().at(-1)).toEqual(["ok", 1]);
  expect(restartsOf(name)).toBe(1);
});

it.each(["SIGTERM", "SIGHUP"] as const)("a restart that runs at %s is finished with its outcome", async (signal) => {
  const own = await gateway();
  const name = await start(signal.toLowerCase(), stubborn(2));
  const answer = own.restart(name);
  await until(async () => (await readIfThere()).length === 1);
  own.kill(signal);
  expect(await own.ended).toBe(0);
  expect((await answer).status).toBe(200);
  expect(outcomes()).toEqual([
    ["intent", null],
    ["ok", 1],
  ]);
  expect(restartsOf(name)).toBe(1);
});

it("a restart open after SIGKILL is settled at the next start", async () => {
  const name = await start("kill", stubborn(3));
  const first = await gateway();
  using signals = await watchRestarts(socketPath, undefined, "kill");
  const answer = first.restart(name).catch(() => null);
  // The record comes before the call: by now the engine is at it.
  await until(async () => signals.names.includes(name));
  expect(await readIfThere()).toHaveLength(1);
  first.kill("SIGKILL");
  await Promise.all([first.ended, answer]);
  await using second = await gateway();
  await until(async () => readAudit(audit).length === 3, 20_000);
  expect(outcomes()).toEqual([
    ["intent", null],
    ["unknown", 1],
    ["ok", 1],
  ]);
  await until(async () => second.log().includes("settled: the engine restarted it"));
  expect(restartsOf(name)).toBe(1);
  expect(await verifyAudit(audit, { partial: false })).toMatchObject({ ok: true });
});

it("a role restarts one by one and stops at the first unhealthy one", async () => {
  await using own = await gateway();
  const names = [
    await start("roll-1", { healthCmd: "true" }),
    await start("roll-2"),
    await start("roll-3", { healthCmd: "true" }),
  ];
  const mutation =
    'mutation { restartRole(role: "roll", env: STAGING, reason: "leak", waitSeconds: 15) { complete steps { outcome container { name } } } }';
  const { data } = await own.query(mutation);
  expect(data.restartRole.complete).toBe(true);
  expect(mine()).toEqual(names);
  const bad = await start("roll-0", { healthCmd: "false" });
  // Its event may take a moment on a busy machine.
  const isKnown = async () =>
    (await own.query("{ containers { name } }")).data.containers.some((row: any) => row.name === bad);
  await expect.poll(isKnown, { timeout: toBound(5000) }).toBe(true);
  const again = await own.query(mutation);
  expect(again.data.restartRole).toEqual({
    complete: false,
    steps: [bad, ...names].map((name, index) => ({
      outcome: index === 0 ? "UNHEALTHY" : "SKIPPED",
      container: { name },
    })),
  });
  expect(mine()).toEqual([...names, bad]);
  const { data: log } = await own.query(
    "{ auditLog(first: 2) { nodes { outcome seq intent containerName reason subject } } }",
  );
  expect(log.auditLog.nodes).toEqual([
    { outcome: "ok", seq: 8, intent: 7, containerName: bad, reason: "leak", subject: "default" },
    { outcome: "intent", seq: 7, intent: null, containerName: bad, reason: "leak", subject: "default" },
  ]);
}, 60_000);

it("a full disk of the record stops restarts, not reads", async () => {
  const folder = join(inject("runFolder"), "tiny");
  mkdirSync(folder);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]);
  try {
    audit = join(folder, "audit.jsonl");
    await using own = await gateway();
    const name = await start("full");
    expect((await own.restart(name)).status).toBe(200);
    const ready = async () =>
      Promise.all(["/readyz", "/readyz/reads"].map(async (page) => (await fetch(own.url + page)).status));
    await expect.poll(ready).toEqual([200, 200]);
    try {
      writeFileSync(join(folder, "filler"), Buffer.alloc(1 << 20));
    } catch {
      // Full is the point.
    }
    // What is left of the file's own last page takes a few more.
    let last = await own.restart(name);
    for (let round = 0; round < 10 && last.status === 200; round += 1) last = await own.restart(name);
    expect(last).toMatchObject({ status: 503, body: { error: { code: "audit_unavailable" } } });
    expect((await own.query(`{ container(name: "${name}") { status } }`)).data.container.status).toBe("running");
    await expect.poll(ready).toEqual([503, 200]);
    rmSync(join(folder, "filler"));
    expect((await own.restart(name)).status).toBe(200);
    await expect.poll(ready).toEqual([200, 200]);
    await until(async () => readAudit(audit).filter(({ outcome }) => outcome === "ok").length === restartsOf(name));
    expect(await verifyAudit(audit, { partial: false })).toMatchObject({ ok: true });
  } finally {
    execFileSync("umount", ["--lazy", folder]);
  }
});

it("each entry has one audit line in the log too", async () => {
  const own = await gateway();
  await own.restart(await start("logged"));
  own.kill("SIGTERM");
  await own.ended;
  const logged = own
    .log()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const hashes = logged.filter(({ msg }) => msg === "audit").map(({ audit: { hash } }) => hash as string);
  expect(hashes).toEqual(
    readFileSync(audit, "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { hash: string }).hash),
  );
});

async function readIfThere() {
  try {
    return readAudit(audit);
  } catch {
    return [];
  }
}
