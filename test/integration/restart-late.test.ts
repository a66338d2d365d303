import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { migrateTables, verifyTable } from "../../src/audit/postgres/probe.ts";
import { toBound } from "../support/bound.ts";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "late");
  const { ok, message } = await migrateTables(database.url);
  if (!ok) throw new Error(message);
});
afterAll(async () => {
  await removeContainers(socketPath, ids);
  await database.drop();
});

const gateway = (url: string) =>
  startGatewayProcess(socketPath, "late", join(inject("runFolder"), "no", "such", "folder"), {
    STATE_URL: database.url,
    DOCKER_HOSTS: `own=${url}`,
  });

async function start(name: string): Promise<string> {
  const labels = { service: "late", role: name, destination: "late" };
  ids.push(await startContainer(socketPath, { name: `late-${name}`, labels, cmd: ["sleep", "600"], stopTimeout: 1 }));
  return `late-${name}`;
}

interface Row {
  readonly outcome: string;
  readonly detail: string | null;
}
const rowsOf = async (name: string) =>
  (
    await database.query(
      "select outcome, line::json->>'detail' as detail from wallet_core_ops.entry where line::json->>'container_name' = $1 order by seq",
      [name],
    )
  ).rows as unknown as Row[];
const comesTo = (name: string, outcomes: readonly string[]) =>
  expect
    .poll(async () => (await rowsOf(name)).map(({ outcome }) => outcome), { timeout: toBound(60_000) })
    .toEqual(outcomes);

test("a restart that arrives after its gateway died is never failed", { timeout: toBound(150_000) }, async () => {
  const [alone, twice] = [await start("alone"), await start("twice")];
  await using network = await startFaultProxy(socketPath);
  using restarts = await watchRestarts(socketPath);
  const restartsOf = (name: string) => restarts.names.filter((one) => one === name).length;
  const dying = await gateway(network.tcpUrl);
  await using other = await gateway(`unix://${socketPath}`);
  const keyOf = (name: string) => ({ "idempotency-key": name });
  network.hold("/restart?");
  const lost = [alone, twice].map((name) => dying.restart(name, "", keyOf(name)).catch(() => null));
  await expect.poll(() => network.held(), { timeout: toBound(20_000) }).toBe(2);
  dying.kill("SIGKILL");
  await Promise.all([dying.ended, ...lost]);

  // It has its place as long as the engine could be at it, had it the request.
  for (const name of [alone, twice]) await comesTo(name, ["intent", "unknown", "unknown"]);
  const detail = "settled: now running, not restarted; its request was lost, or is still on its way to the engine";
  for (const name of [alone, twice]) {
    expect((await rowsOf(name)).at(-1)?.detail).toBe(detail);
    const { status, body } = await other.restart(name, "", keyOf(name));
    expect([status, body.error.code, body.error.message]).toEqual([
      504,
      "restart_unknown",
      expect.stringContaining("its request was lost, or is still on its way to the engine"),
    ]);
  }
  expect((await other.restart(twice)).status).toBe(200);
  await comesTo(twice, ["intent", "unknown", "unknown", "intent", "ok"]);
  expect([restartsOf(alone), restartsOf(twice)]).toEqual([0, 1]);

  await network.deliver();
  await comesTo(alone, ["intent", "unknown", "unknown", "ok"]);
  await expect.poll(() => [restartsOf(alone), restartsOf(twice)]).toEqual([1, 2]);
  expect((await other.restart(alone, "", keyOf(alone))).status).toBe(200);
  expect((await other.restart(twice, "", keyOf(twice))).body.error.code).toBe("restart_unknown");
  // Two restarts: one of them is known.
  await comesTo(twice, ["intent", "unknown", "unknown", "intent", "ok"]);
  expect(restartsOf(alone)).toBe(1);
  expect(await verifyTable(database.url)).toMatchObject({ ok: true });
});
