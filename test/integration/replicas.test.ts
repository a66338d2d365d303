import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Client } from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { migrateTables, probeSharedAudit, verifyTable } from "../../src/audit/postgres/probe.ts";
import { runCli } from "../support/cli-process.ts";
import { type ContainerSpec, removeContainers, startContainer } from "../support/docker-containers.ts";
import { startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { shiftRecord } from "../support/shift-record.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
/** Of this file alone. */
const destination = "replicas";
let database: TestDatabase;
let url: string;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "replicas");
  const page = readFileSync("docs/scaling.md", "utf8");
  const [sql = "", shell = ""] = [...page.matchAll(/```(?:sql|sh)\n(.*?)```/gs)].map(([, text]) => text);
  await database.query(sql);
  const own = new URL(database.url);
  [own.username, own.password] = ["wallet_core_ops_state", "change-me"];
  url = own.href;
  const command = `wallet-core-ops() { "${process.execPath}" src/cli.ts "$@"; }\n${shell.replace(/postgres:\S+/, url)}`;
  const made = execFileSync("bash", ["-c", command], { encoding: "utf8" });
  if (made !== "ok    schema wallet_core_ops: version 2, new\n") throw new Error(made);
});
afterAll(async () => {
  await removeContainers(socketPath, ids);
  await database.drop();
  const admin = new Client({ connectionString: inject("postgresUrl") });
  await admin.connect();
  await admin.query("drop role wallet_core_ops_state");
  await admin.end();
});

/** One of the gateways that share the database: its file cannot be written, and is not needed. */
const gateway = (more: Record<string, string> = {}) =>
  startGatewayProcess(socketPath, "replicas", join(inject("runFolder"), "no", "such", "folder"), {
    STATE_URL: url,
    ...more,
  });

async function start(name: string, more: Partial<ContainerSpec> = {}): Promise<string> {
  const labels = { service: "replicas", role: "web", destination };
  ids.push(await startContainer(socketPath, { name: `replicas-${name}`, labels, ...more }));
  return `replicas-${name}`;
}
const records = async () =>
  (
    await database.query(
      "select line::json->>'outcome' as outcome, line::json->>'container_name' as name from wallet_core_ops.entry order by seq",
    )
  ).rows as { outcome: string; name: string }[];
const countOk = async (name: string) =>
  (await records()).filter((one) => one.outcome === "ok" && one.name === name).length;

test("two gateways have one record, one place at each container, one key", async () => {
  // Of two roles: what is stopped for a moment is hidden while another of its role runs.
  const startAs = (role: string) => start(role, { stopTimeout: 1, labels: { service: "replicas", role, destination } });
  const names = [await startAs("a"), await startAs("b")];
  using restarts = await watchRestarts(socketPath);
  await using one = await gateway();
  await using other = await gateway();
  const both = [one, other];
  const asked = [1, 2, 3].flatMap(() => names.flatMap((name) => both.map((own) => own.restart(name))));
  const codes = (await Promise.all(asked)).map(({ status, body }) => body.error?.code ?? status);
  expect(new Set(codes)).toEqual(new Set([200, "restart_in_progress"]));
  const count = (name: string) => restarts.names.filter((restarted) => restarted === name).length;
  for (const name of names) {
    await expect.poll(() => count(name)).toBe(await countOk(name));
    expect(count(name)).toBeGreaterThan(0);
  }
  const key = { "idempotency-key": "deploy-17" };
  const before = count(names[0] as string);
  const same = await Promise.all(both.map((own) => own.restart(names[0] as string, "", key)));
  expect(same.map(({ status, body }) => [status, body.restarted])).toEqual([
    [200, true],
    [200, true],
  ]);
  expect((await other.restart(names[1] as string, "", key)).body.error.code).toBe("idempotency_key_reused");
  await expect.poll(() => count(names[0] as string)).toBe(before + 1);
  const { data } = await other.query(
    "{ auditLog(first: 2) { nodes { outcome containerName } } auditChain { ok lastSeq } }",
  );
  expect(data.auditLog.nodes).toEqual([
    { outcome: "ok", containerName: names[0] },
    { outcome: "intent", containerName: names[0] },
  ]);
  expect(data.auditChain).toEqual({ ok: true, lastSeq: (await records()).length });
});

test("a key has its answer while its container is stopped", async () => {
  const [name] = [await start("stopped", { stopTimeout: 1 }), await start("beside")];
  await using one = await gateway();
  await using other = await gateway();
  const key = { "idempotency-key": "deploy-18" };
  expect((await one.restart(name, "?reason=stuck", key)).status).toBe(200);
  await callDocker(socketPath, "POST", `/containers/${name}/stop`);
  const codes = async (query: string, headers = {}) =>
    (await Promise.all([one, other].map((own) => own.restart(name, query, headers)))).map(
      ({ status, body }) => body.error?.code ?? status,
    );
  await expect.poll(() => codes("?dry_run=true")).toEqual(["container_not_found", "container_not_found"]);
  expect(await codes("?reason=stuck", key)).toEqual([200, 200]);
  expect(await codes("?reason=other", key)).toEqual(["idempotency_key_reused", "idempotency_key_reused"]);
  expect(await codes("", { "idempotency-key": "deploy-19" })).toEqual(["container_not_found", "container_not_found"]);
  expect(await countOk(name)).toBe(1);
});

test("a budget is one for all gateways", async () => {
  const name = await start("budget", { stopTimeout: 1 });
  await shiftRecord((text, values) => database.query(text, values), -7_200_000);
  const more = { RESTART_BUDGET: "3" };
  await using one = await gateway(more);
  await using other = await gateway(more);
  const codes: unknown[] = [];
  for (const own of [one, other, one, other]) {
    const { status, body } = await own.restart(name);
    codes.push(body.error?.code ?? status);
  }
  expect(codes).toEqual([200, 200, 200, "restart_budget"]);
});

test("a restart whose gateway dies is settled by another, once", { timeout: 300_000 }, async () => {
  const name = await start("killed", { cmd: ["sleep", "600"], stopTimeout: 60 });
  using restarts = await watchRestarts(socketPath);
  using signals = await watchRestarts(socketPath, undefined, "kill");
  const first = await gateway();
  await using second = await gateway();
  const lost = first.restart(name).catch(() => null);
  await until(() => signals.names.includes(name));
  first.kill("SIGKILL");
  await Promise.all([first.ended, lost]);
  expect((await second.restart(name)).body.error.code).toBe("restart_in_progress");
  const own = async () => (await records()).filter((one) => one.name === name).map(({ outcome }) => outcome);
  // Its lease is 10 s, and the engine is still at it.
  await expect.poll(own, { timeout: 90_000, interval: 200 }).toEqual(["intent", "unknown"]);
  second.kill("SIGTERM");
  expect(await second.ended).toBe(0);
  await using third = await gateway();
  expect((await third.restart(name)).body.error.code).toBe("restart_in_progress");
  await expect.poll(own, { timeout: 150_000, interval: 500 }).toEqual(["intent", "unknown", "ok"]);
  expect(restarts.names.filter((one) => one === name)).toHaveLength(1);
  expect((await third.restart(name)).status).toBe(200);
  expect(await verifyTable(url)).toMatchObject({ ok: true });
});

test("what one gateway observed all know, also those that were started later", async () => {
  const kinds = "nodes { kind container time message } coverage { kind known since note }";
  const read = async (own: Awaited<ReturnType<typeof gateway>>) => {
    // Containers of other files end meanwhile.
    const args = `from: "1h", kinds: [CONTAINER_DEATH], destination: "${destination}", first: 100`;
    const { data } = await own.query(`{ timeline(${args}) { ${kinds} } }`);
    return data.timeline as {
      nodes: { container: string }[];
      coverage: { kind: string; known: boolean; note: string | null }[];
    };
  };
  const first = await gateway();
  await using second = await gateway();
  for (const own of [first, second]) await read(own);
  const name = await start("observed", { cmd: ["sh", "-c", "sleep 1; exit 3"] });
  const seen = async (own: typeof first) => (await read(own)).nodes.filter(({ container }) => container === name);
  for (const own of [first, second]) await expect.poll(() => seen(own), { timeout: 20_000 }).toHaveLength(1);
  const rows = async () =>
    (
      await database.query("select entry from wallet_core_ops.event where kind = 'container_death' and entry like $1", [
        `%${name}%`,
      ])
    ).rows.length;
  await expect.poll(rows).toBe(1);
  const before = (await read(first)).nodes;
  expect((await read(second)).nodes).toEqual(before);
  first.kill("SIGTERM");
  expect(await first.ended).toBe(0);
  await using third = await gateway();
  await expect.poll(() => seen(third), { timeout: 20_000 }).toHaveLength(1);
  expect((await read(third)).nodes).toEqual(before);
  expect((await read(third)).coverage).toMatchObject([
    { known: true, note: "what came before is from other gateways" },
  ]);
});

test("ETags and cursors of one gateway are good at another", async () => {
  const name = await start("tagged");
  await using one = await gateway();
  await using other = await gateway();
  for (let n = 0; n < 2; n += 1) expect((await one.restart(name)).status).toBe(200);
  const to = new Date().toISOString();
  const ask = (own: typeof one, more: Record<string, string> = {}) =>
    fetch(`${own.url}/api/v1/admin/ops/containers`, { headers: { authorization: `Bearer ${own.token}`, ...more } });
  const isSame = async () => {
    const tag = (await ask(one)).headers.get("etag") ?? "";
    return (await ask(other, { "if-none-match": tag })).status;
  };
  await expect.poll(isSame, { timeout: 20_000 }).toBe(304);
  const page = async (own: typeof one, after: string | null) => {
    const args = `from: "1h", to: "${to}", first: 1, kinds: [RESTART]${after === null ? "" : `, after: "${after}"`}`;
    const { data } = await own.query(`{ timeline(${args}) { nodes { container time } pageInfo { endCursor } } }`);
    return data.timeline as { nodes: unknown[]; pageInfo: { endCursor: string } };
  };
  // Containers of other files restart too, and one gateway hears of it before the other.
  const isSamePage = async () => {
    const { endCursor } = (await page(one, null)).pageInfo;
    const [own, others] = [(await page(one, endCursor)).nodes, (await page(other, endCursor)).nodes];
    return own.length === 1 && isDeepStrictEqual(own, others);
  };
  await expect.poll(isSamePage).toBe(true);
});

test("without its database a gateway reads, and refuses actions", async () => {
  const name = await start("away");
  await using own = await gateway({ STATE_URL: "postgres://nobody:none@127.0.0.1:1/none" });
  const { status, body } = await own.restart(name);
  expect([status, body.error.code]).toEqual([503, "audit_unavailable"]);
  expect((await own.query("{ containers { name } }")).data.containers.length).toBeGreaterThan(0);
  const env = { WALLET_CORE_OPS_STATE_URL: "postgres://nobody:none@127.0.0.1:1/none" };
  expect(await runCli(["migrate"], env)).toMatchObject({
    code: 1,
    out: "FAIL  PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_STATE_URL\n",
  });
  expect(await runCli(["migrate"])).toMatchObject({ code: 78 });
});

test("the commands say what is there", async () => {
  const { length } = await records();
  expect(await migrateTables(url)).toEqual({ ok: true, message: "schema wallet_core_ops: version 2, as before" });
  expect(await probeSharedAudit(url)).toMatchObject({
    ok: true,
    detail: expect.stringContaining(`PostgreSQL, head seq ${length}`),
  });
  const { code, out } = await runCli(["audit", "verify"], { WALLET_CORE_OPS_STATE_URL: url });
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(new RegExp(`^ok    the record of .*, head seq ${length} hash \\w{64}\\n$`)),
  ]);
  const empty = await createTestDatabase(inject("postgresUrl"), "replicas_empty");
  expect(await probeSharedAudit(empty.url)).toEqual({
    ok: false,
    detail: "nothing can be restarted or changed: its tables are missing: run `wallet-core-ops migrate`",
    warnings: [],
  });
  await empty.drop();
});
