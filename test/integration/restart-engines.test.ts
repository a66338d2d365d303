import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import { createPostgresLedger } from "../../src/audit/postgres/ledger.ts";
import { migrateTables, verifyTable } from "../../src/audit/postgres/probe.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { createRestarts } from "../../src/containers/restart/restart.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toBound } from "../support/bound.ts";
import { createCaller } from "../support/caller.ts";
import { startDockerProxy } from "../support/docker-count-proxy.ts";
import { removeContainers, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { shiftClock } from "../support/shifted-clock.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
let other: Dockerd;
let database: TestDatabase;
let engineId: string;
/** Takes restarts, and does nothing. */
const deaf = join(inject("runFolder"), "deaf.sock");
let unheard = 0;
const deafServer = createServer(({ method }, response) => {
  if (method === "POST") unheard += 1;
  else response.writeHead(200, { "api-version": "1.45" }).end("OK");
});

beforeAll(async () => {
  deafServer.listen(deaf);
  other = await startDockerd(join(inject("runFolder"), "engines"), { bridge: false });
  database = await createTestDatabase(inject("postgresUrl"), "engines");
  const { ok, message } = await migrateTables(database.url);
  if (!ok) throw new Error(message);
  engineId = ((await callDocker(socketPath, "GET", "/info")) as { ID: string }).ID;
});
afterAll(async () => {
  await removeContainers(socketPath, ids);
  await other.stop();
  deafServer.closeAllConnections();
  deafServer.close();
  await database.drop();
});

const caller = createCaller();
const request = { reason: "stuck", requestId: "r1", principal: caller.principal, origin: caller.origin() };

/**
 * One of the gateways that share the database: its engines by their names. `isDeaf`: they get no
 * restart.
 */
function open(engines: Readonly<Record<string, string>>, isDeaf = false, settleMs = 1500) {
  const source = createContainerSource({
    engines: Object.entries(engines).map(([name, path]) => ({
      name,
      env: null,
      address: { kind: "unix", socketPath: path },
      control: isDeaf ? { kind: "unix", socketPath: deaf } : null,
    })),
    rules: rulesOf("engines"),
    logger: silentLogger,
    cgroupRoot: null,
  });
  const ledger = createPostgresLedger({ url: database.url, logger: silentLogger });
  const restarts = createRestarts({ source, ledger, limits: { cooldownMs: 0, budgetPerHour: 1000 }, settleMs });
  const restart = async (name: string) => {
    const found = async () => (await source.list(soon())).containers.find((container) => container.name === name);
    await until(async () => (await found()) !== undefined);
    const container = await found();
    if (!container) throw new Error("gone");
    return restarts.restart(container, request);
  };
  return {
    restart,
    recover: () => restarts.recover(),
    adopt: () => restarts.adopt(),
    /**
     * Dies once it has asked the engine for this restart: it can write nothing more, and its lease
     * ends.
     */
    async dieDuring(name: string): Promise<void> {
      using signals = await watchRestarts(socketPath, undefined, "kill");
      const before = unheard;
      const lost = restart(name).catch(() => null);
      await until(() => (isDeaf ? unheard > before : signals.names.includes(name)));
      await ledger.close();
      await endLeases();
      deafServer.closeAllConnections();
      await lost;
      await restarts.close();
      await source.close();
    },
    async [Symbol.asyncDispose]() {
      await restarts.close();
      await Promise.all([source.close(), ledger.close()]);
    },
  };
}

function specOf(name: string) {
  const labels = { service: "engines", role: name, destination: "engines" };
  return { name: `engines-${name}`, labels, cmd: ["sleep", "600"], stopTimeout: 1 };
}
async function start(name: string, path = socketPath): Promise<string> {
  const id = await startContainer(path, specOf(name));
  if (path === socketPath) ids.push(id);
  return `engines-${name}`;
}

interface Row {
  readonly outcome: string;
  readonly detail: string | null;
  readonly mark: object | null;
}
const rowsOf = async (name: string) =>
  (
    await database.query(
      "select outcome, line::json->>'detail' as detail, line::json->'mark' as mark from wallet_core_ops.entry where line::json->>'container_name' = $1 order by seq",
      [name],
    )
  ).rows as unknown as Row[];
const outcomesOf = async (name: string) => (await rowsOf(name)).map(({ outcome }) => outcome);
const comesTo = (name: string, outcomes: readonly string[]) =>
  expect.poll(() => outcomesOf(name), { timeout: toBound(20_000) }).toEqual(outcomes);
const endLeases = () =>
  database.query("update wallet_core_ops.open set lease_until = clock_timestamp() - interval '1 s'");

test("a restart is settled by who has its engine, under any name", async () => {
  const name = await start("renamed");
  using restarts = await watchRestarts(socketPath);
  await open({ blue: socketPath }).dieDuring(name);
  // Its engine has the name that the record has, but another one of its engines is the one.
  await using second = open({ blue: other.socketPath, green: socketPath });
  await second.adopt();
  await comesTo(name, ["intent", "unknown", "ok"]);
  expect(restarts.names.filter((one) => one === name)).toHaveLength(1);
  const [intent, , outcome] = await rowsOf(name);
  expect(intent?.mark).toMatchObject({ engine_id: engineId, stop_seconds: 1 });
  expect(outcome).toMatchObject({ detail: "settled: the engine restarted it", mark: null });
  await second.restart(name);
});

test("a restart of an engine that nobody knows stays unknown", async () => {
  const [name, gone] = [await start("foreign"), await start("gone")];
  const beside = await start("beside", other.socketPath);
  const dying = [open({ blue: socketPath }), open({ blue: socketPath })] as const;
  for (const one of dying) await one.recover();
  await dying[0].dieDuring(name);
  await dying[1].dieDuring(gone);
  await using stranger = open({ blue: other.socketPath });
  await stranger.adopt();
  for (const one of [name, gone]) await comesTo(one, ["intent", "unknown"]);
  // They have both places as long as their engine may be at them, and no longer.
  await expect(stranger.restart(beside)).rejects.toMatchObject({ code: "restart_busy" });
  await database.query("update wallet_core_ops.open set lease_until = clock_timestamp() - interval '15.5 s'");
  await expect(stranger.restart(beside)).rejects.toMatchObject({ code: "restart_busy" });
  await database.query("update wallet_core_ops.open set lease_until = clock_timestamp() - interval '16.5 s'");
  await stranger.restart(beside);
  await stranger.adopt();
  for (const one of [name, gone]) expect(await outcomesOf(one)).toEqual(["intent", "unknown"]);
  // Its container is gone: only the engine's own id says which one it was.
  await callDocker(socketPath, "DELETE", `/containers/${gone}?force=true`);
  // Its host was added.
  await using second = open({ blue: other.socketPath, red: socketPath });
  await second.adopt();
  for (const one of [name, gone]) await comesTo(one, ["intent", "unknown", "ok"]);
  expect(await verifyTable(database.url)).toMatchObject({ ok: true });
});

test.each([-90, 90])("a gateway's clock of %s s takes no other restart for its own", async (ahead) => {
  const name = await start(`clock${ahead}`);
  using clock = shiftClock(ahead);
  expect(clock).toBeDefined();
  using restarts = await watchRestarts(socketPath);
  const count = () => restarts.names.filter((one) => one === name).length;
  // Somebody else's; then a gateway dies before its engine has the question.
  await callDocker(socketPath, "POST", `/containers/${name}/restart?t=0`);
  await open({ blue: socketPath }, true).dieDuring(name);
  await using second = open({ blue: socketPath }, true);
  await second.adopt();
  await comesTo(name, ["intent", "unknown", "failed"]);
  await expect.poll(count).toBe(1);
  // Its own one is found.
  await open({ blue: socketPath }).dieDuring(name);
  await second.adopt();
  await comesTo(name, ["intent", "unknown", "failed", "intent", "unknown", "ok"]);
  await expect.poll(count).toBe(2);
});

/** The mark of this container's restarts was made so long ago. */
const ageMark = (name: string, ms: number) =>
  database.query(
    `update wallet_core_ops.entry set line = regexp_replace(line, '"mark":\\{"engine_id":"([^"]*)","at":"[^"]*"', '"mark":{"engine_id":"\\1","at":"${new Date(Date.now() - ms).toISOString()}"') where line::json->>'container_name' = $1`,
    [name],
  );

test("a restart that adopters left is held while its engine may be at it", async () => {
  const name = await start("left");
  await open({ blue: socketPath }, true).dieDuring(name);
  const follow = () => open({ blue: socketPath }, false, 60_000);
  for (let age = 0; age < 2; age += 1) {
    await using adopter = follow();
    await expect.poll(() => adopter.adopt().then(() => outcomesOf(name))).toEqual(["intent", "unknown"]);
    await expect(adopter.restart(name)).rejects.toMatchObject({ code: "restart_in_progress" });
  }
  // Its stop timeout is 1 s.
  const { rows } = await database.query("select line, seq from wallet_core_ops.entry order by seq desc limit 2");
  await ageMark(name, 16_500);
  await using last = follow();
  await last.adopt();
  // This one does not ask through the same socket.
  await comesTo(name, ["intent", "unknown", "unknown"]);
  expect((await rowsOf(name)).at(-1)?.detail).toMatch(/^settled: now running, not restarted; its request was lost/);
  for (const { line, seq } of rows)
    await database.query("update wallet_core_ops.entry set line = $1 where seq = $2", [line, seq]);
  await last.restart(name);
});

test("a restart after the time of its mark is somebody else's", async () => {
  const name = await start("late");
  await open({ blue: socketPath }, true).dieDuring(name);
  // As long before as its engine can have been at it.
  await ageMark(name, 300_000);
  await callDocker(socketPath, "POST", `/containers/${name}/restart?t=0`);
  await endLeases();
  await using second = open({ blue: socketPath });
  await second.adopt();
  await comesTo(name, ["intent", "unknown", "unknown"]);
  expect((await rowsOf(name)).at(-1)?.detail).toMatch(/^settled: now running, started at /);
});

test("a silent engine blocks only what it may have, also if nobody asked", async () => {
  const [name, twin] = [await start("alone"), await start("twin")];
  const twinId = await startContainer(other.socketPath, specOf("twin"));
  const red = await startDockerProxy(other.socketPath, inject("runFolder"));
  const hosts = `blue=unix://${socketPath},red=unix://${red.socketPath}`;
  await using gateway = await startGatewayProcess(socketPath, "engines", join(inject("runFolder"), "silent.jsonl"), {
    DOCKER_HOSTS: hosts,
  });
  // It was listed: what the list has is inspected.
  await expect.poll(() => red.asked(`${twinId}/json`), { timeout: toBound(20_000) }).toBeGreaterThan(0);
  process.kill(other.pid, "SIGSTOP");
  try {
    // The first question of all.
    expect((await gateway.restart(name)).status).toBe(200);
    const silent = async () => (await gateway.query("{ engines { name ok } }")).data.engines.some(({ ok }: any) => !ok);
    await expect.poll(silent, { timeout: toBound(30_000) }).toBe(true);
    expect((await gateway.restart(name)).status).toBe(200);
    const refused = await gateway.restart(twin);
    expect([refused.status, refused.body.error.message]).toEqual([504, expect.stringContaining("engine=blue")]);
    expect((await gateway.restart(twin, "?engine=blue")).status).toBe(200);
    const restartRole = (role: string) =>
      gateway.query(`mutation { restartRole(role: "${role}", destination: "engines", reason: "stuck") { complete } }`);
    expect((await restartRole("alone")).data.restartRole).toEqual({ complete: true });
    expect((await restartRole("twin")).errors?.[0].message).toMatch(/does not answer.*one by one, each by its name/);
  } finally {
    process.kill(other.pid, "SIGCONT");
    await red.close();
  }
});
