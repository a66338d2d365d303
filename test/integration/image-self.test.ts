import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { buildBundle } from "../../script/build.ts";
import { freePort } from "../../script/services/process.ts";
import { dockerCli, makeNodeBase } from "../support/image.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const docker = dockerCli(socketPath);
const folder = mkdtempSync(join(inject("runFolder"), "self-"));
const id = `self-${randomBytes(3).toString("hex")}`;
const token = `ops_${randomBytes(24).toString("base64url")}`;
const made: string[] = [];

/**
 * Hands every call on. The real filter's image cannot be had here; what counts is that the gateway
 * reaches the engine through it.
 */
const proxy = `const { connect, createServer } = require("node:net");
createServer((client) => {
  const engine = connect("/run/docker-host/docker.sock");
  client.pipe(engine).pipe(client);
  for (const socket of [client, engine]) socket.on("error", () => { client.destroy(); engine.destroy(); });
}).listen("/run/filtered/docker.sock");`;

function run(name: string, ...args: readonly string[]): string {
  made.push(`${id}-${name}`);
  return docker("run", "--detach", `--name=${id}-${name}`, ...args);
}

/**
 * The bundle in a container, on the host's network, behind the proxy. It is a container of the
 * service like any other.
 */
async function runGateway(name: string, ...args: readonly string[]) {
  const port = await freePort();
  const environment = {
    PORT: String(port),
    TOKEN: token,
    DOCKER_HOSTS: "unix:///run/filtered/docker.sock",
    SERVICE: id,
    RESTART: "on",
    RESTART_COOLDOWN: "0",
    AUDIT_FILE: "/tmp/audit.jsonl",
  };
  const fullId = run(
    name,
    "--network=host",
    "--tmpfs=/tmp",
    `--volume=${join(folder, "filtered")}:/run/filtered`,
    `--volume=${join(folder, "dist")}:/app:ro`,
    `--label=service=${id}`,
    `--label=role=${name}`,
    "--label=destination=staging",
    ...Object.entries(environment).map(([key, value]) => `--env=WALLET_CORE_OPS_${key}=${value}`),
    ...args,
    `${id}-base`,
    "node",
    "/app/cli.cjs",
    "serve",
  );
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers,
      signal: AbortSignal.timeout(30_000),
    });
    return { status: response.status, body: await response.json() };
  };
  await until(async () => (await ask("/healthz").catch(() => null))?.status === 200, 20_000);
  return {
    fullId,
    restart: (container: string) =>
      ask(`/api/v1/admin/ops/containers/${container}/restart?include_accessories=true`, { method: "POST" }),
    query: async (query: string) => (await ask("/graphql", { method: "POST", body: JSON.stringify({ query }) })).body,
  };
}

const startsOf = (name: string) =>
  docker("inspect", "--format", "{{.State.StartedAt}} {{.State.Status}}", `${id}-${name}`);
const isProtected = (why: string) => ({
  status: 403,
  body: { error: { code: "restart_protected", message: `This container is protected: ${why}` } },
});
const itself = isProtected("the gateway itself runs in it");

beforeAll(async () => {
  mkdirSync(join(folder, "filtered"));
  await Promise.all([makeNodeBase(socketPath, `${id}-base`), buildBundle(join(folder, "dist"))]);
  run(
    "proxy",
    "--network=none",
    "--label=wallet-core-ops.protected=true",
    `--volume=${dirname(socketPath)}:/run/docker-host:ro`,
    `--volume=${join(folder, "filtered")}:/run/filtered`,
    `${id}-base`,
    "node",
    "-e",
    proxy,
  );
  run("web", "--network=none", `--label=service=${id}`, "--label=role=web", "--stop-signal=KILL", "ops-sample:latest");
});

afterAll(() => {
  docker("rm", "--force", "--volumes", ...made);
  docker("rmi", "--force", `${id}-base`);
  rmSync(folder, { recursive: true, force: true });
});

it("restart spares itself and its proxy, and works through that proxy", async () => {
  const gateway = await runGateway("gateway");
  const before = [startsOf("gateway"), startsOf("proxy"), startsOf("web")];
  expect(await gateway.restart(`${id}-gateway`)).toMatchObject(itself);
  expect(await gateway.restart(`${id}-proxy`)).toMatchObject(isProtected("label wallet-core-ops.protected"));
  for (const alias of [gateway.fullId, gateway.fullId.slice(0, 12), gateway.fullId.slice(0, 2), `%2F${id}-gateway`]) {
    expect((await gateway.restart(alias)).status, alias).toBe(404);
  }
  const role = await gateway.query(
    `mutation { restartRole(role: "gateway", env: STAGING, reason: "x") { complete steps { outcome error { code } } } }`,
  );
  expect(role.data.restartRole).toEqual({
    complete: false,
    steps: [{ outcome: "FAILED", error: { code: "restart_protected" } }],
  });
  expect([startsOf("gateway"), startsOf("proxy")]).toEqual(before.slice(0, 2));
  expect((await gateway.query("{ auditLog { nodes { outcome } } }")).data.auditLog.nodes).toEqual([]);

  expect(await gateway.restart(`${id}-web`)).toMatchObject({
    status: 200,
    body: { restarted: true, status: "running" },
  });
  expect(startsOf("web")).not.toBe(before[2]);
  const { data } = await gateway.query("{ auditLog { nodes { outcome containerName dockerStatus } } }");
  const web = { containerName: `${id}-web` };
  expect(data.auditLog.nodes).toEqual([
    { ...web, outcome: "ok", dockerStatus: 204 },
    { ...web, outcome: "intent", dockerStatus: null },
  ]);
});

it("the gateway knows itself under its own host name, restarts others", async () => {
  const [named, other] = [await runGateway("named", "--hostname=ops"), await runGateway("other")];
  const before = [startsOf("named"), startsOf("other")];
  expect(await named.restart(`${id}-named`)).toMatchObject(itself);
  expect((await named.restart(`${id}-other`)).status).toBe(200);
  expect(startsOf("named")).toBe(before[0]);
  expect(startsOf("other")).not.toBe(before[1]);
  expect(other.fullId).not.toBe(named.fullId);
});

it("an unidentifiable gateway restarts nothing", async () => {
  const own = join(folder, "own");
  writeFileSync(own, "127.0.0.1 localhost\n");
  const files = ["hostname", "hosts", "resolv.conf"].map((file) => `--volume=${own}:/etc/${file}:ro`);
  const blind = await runGateway("blind", "--hostname=ops", "--cgroupns=private", ...files);
  const before = startsOf("web");
  const why = isProtected("the gateway runs in a container but does not know in which one");
  expect(await blind.restart(`${id}-web`)).toMatchObject(why);
  expect(startsOf("web")).toBe(before);
});
