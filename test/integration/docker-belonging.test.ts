import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import { createClient } from "../../src/client/client.ts";
import { runCli } from "../support/cli-process.ts";
import { startContainer } from "../support/docker-containers.ts";
import { startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";
import { createTokens } from "../support/tokens.ts";
import { until } from "../support/until.ts";

const scopes = ["ops:read", "ops:logs", "ops:operate"] as const;
const tokens = createTokens({
  full: { scopes },
  staging: { scopes, environments: ["staging"] },
  production: { scopes, environments: ["production"] },
});
type Holder = Parameters<typeof tokens.of>[0];
const says = (word: string) => ["sh", "-c", `echo ${word}; trap 'exit 0' TERM; while :; do sleep 0.1; done`];
let dockerd: Dockerd;
let gateway: Awaited<ReturnType<typeof startGatewayProcess>>;

/** A gateway over the one engine, with these variables. */
async function open(query: string, more: Record<string, string> = {}) {
  const audit = join(inject("runFolder"), "belonging-audit.jsonl");
  const settings = { DOCKER_HOSTS: `own=unix://${dockerd.socketPath}${query}`, TOKENS_FILE: tokens.file, ...more };
  return startGatewayProcess(dockerd.socketPath, "wallet-core", audit, settings);
}

async function ask(holder: Holder, path: string, method = "GET") {
  const headers = { authorization: `Bearer ${tokens.of(holder)}` };
  const response = await fetch(`${gateway.url}/api/v1/admin/ops${path}`, { method, headers });
  return { status: response.status, body: await response.json() };
}

async function list(holder: Holder, query = "include_accessories=true"): Promise<string[]> {
  const { body } = await ask(holder, `/containers?${query}`);
  return body.map(({ name }: { name: string }) => name);
}

async function read(fields: string): Promise<any[]> {
  const client = createClient({ url: gateway.url, token: tokens.of("full") });
  const { containers } = await client.query<{ containers: any[] }, object>(
    `{ containers(includeAccessories: true) { name ${fields} } }`,
  );
  return containers;
}

const app = (service: string, role: string, destination = "") => ({ service, role, destination });
const start = (name: string, labels: Record<string, string>, more: object = {}) =>
  startContainer(dockerd.socketPath, { name, labels, cmd: says(name), ...more });

beforeAll(async () => {
  dockerd = await startDockerd(join(inject("runFolder"), "belonging"), { bridge: false });
  await start("wallet-core-web-staging-v1", app("wallet-core", "web", "staging"));
  await start("wallet-core-worker-staging-v1", app("wallet-core", "worker", "staging"));
  await start("wallet-core-redis", { service: "wallet-core-redis" });
  gateway = await open("?env=production");
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await dockerd.stop();
  tokens[Symbol.dispose]();
});

test("an accessory has its engine's environment, not that of the apps", async () => {
  expect(await list("staging")).toEqual(["wallet-core-web-staging-v1", "wallet-core-worker-staging-v1"]);
  expect(await list("production")).toEqual(["wallet-core-redis"]);
  using restarts = await watchRestarts(dockerd.socketPath);
  for (const [path, method] of [
    ["", "GET"],
    ["/logs", "GET"],
    ["/health-check", "GET"],
    ["/restart", "POST"],
  ] as const) {
    const address = `/containers/wallet-core-redis${path}?include_accessories=true`;
    expect(await ask("staging", address, method)).toMatchObject({
      status: 404,
      body: { error: { code: "container_not_found" } },
    });
    expect(await ask("production", address, method)).toMatchObject({ status: 200 });
  }
  // The one of production alone.
  await until(async () => restarts.names.length > 0);
  expect(restarts.names).toEqual(["wallet-core-redis"]);
});

test("without a configured environment it has none and is only sorted", async () => {
  await gateway[Symbol.asyncDispose]();
  gateway = await open("");
  const redis = "wallet-core-redis";
  expect(await list("full", "env=staging&include_accessories=true")).toContain(redis);
  expect(await list("full", "env=production&include_accessories=true")).toEqual([]);
  expect(await list("staging")).not.toContain(redis);
  expect(await list("production")).toEqual([]);
  expect((await read("env")).find(({ name }) => name === redis)).toEqual({ name: redis, env: null });
  expect(await ask("staging", `/containers/${redis}/restart?include_accessories=true`, "POST")).toMatchObject({
    status: 404,
  });
});

test("contradictions, destinations and other products are as configured", async () => {
  await start("wallet-core-production-web-staging-v1", app("wallet-core-production", "web", "staging"));
  await start("wallet-core-web-beta-v1", app("wallet-core", "web", "beta"));
  await start("wallet-core-web-qa-v1", app("wallet-core", "web", "qa"));
  await start("billing-web-staging-v1", app("billing", "web", "staging"));
  await start("shop-web-1", { "com.docker.compose.project": "shop", "com.docker.compose.service": "web" });
  await start("payments-web-1", { "com.docker.compose.project": "payments", "com.docker.compose.service": "web" });
  await start("by-hand", { "com.example.team": "wallet", tier: "core" });
  await gateway[Symbol.asyncDispose]();
  gateway = await open("", {
    SERVICE: "wallet-core,payments",
    DESTINATIONS: "beta=staging",
    CORE: "com.example.team=wallet,tier=core",
  });
  const rows = await read("kind env destination service");
  expect(rows.map(({ name, ...row }) => [name, row.kind, row.env, row.destination, row.service])).toEqual([
    ["by-hand", "CORE", null, null, null],
    ["payments-web-1", "CORE", null, null, "payments"],
    ["wallet-core-production-web-staging-v1", "CORE", null, "staging", "wallet-core-production"],
    ["wallet-core-web-beta-v1", "CORE", "STAGING", "beta", "wallet-core"],
    ["wallet-core-web-qa-v1", "CORE", null, "qa", "wallet-core"],
    ["wallet-core-web-staging-v1", "CORE", "STAGING", "staging", "wallet-core"],
    ["wallet-core-worker-staging-v1", "CORE", "STAGING", "staging", "wallet-core"],
    ["wallet-core-redis", "ACCESSORY", null, null, "wallet-core-redis"],
    ["billing-web-staging-v1", "OTHER", "STAGING", "staging", "billing"],
    ["shop-web-1", "OTHER", null, null, null],
  ]);
  // What the two say of the environment is not enough for a limited token, nor is the label of
  // another product.
  const ofStaging = ["wallet-core-web-beta-v1", "wallet-core-web-staging-v1", "wallet-core-worker-staging-v1"];
  expect(await list("staging")).toEqual(ofStaging);
  expect(await list("staging", "env=staging")).toEqual(ofStaging);
  expect(await list("production")).toEqual([]);
  for (const name of ["billing-web-staging-v1", "wallet-core-production-web-staging-v1"]) {
    const logs = `/containers/${name}/logs?include_accessories=true`;
    expect(await ask("staging", logs)).toMatchObject({ status: 404 });
    expect(await ask("full", logs)).toMatchObject({ status: 200, body: { lines: [{ message: name }] } });
  }
});

test("check counts containers by owner and names those without environment", async () => {
  const { out } = await runCli(["check"], {
    WALLET_CORE_OPS_TOKEN: "check-token-0123456789",
    WALLET_CORE_OPS_DOCKER_HOSTS: `own=unix://${dockerd.socketPath}`,
  });
  expect(out).toMatch(
    /^ok {4}docker:own: API [\d.]+; 6 of 10 containers belong to wallet-core \(5 core, 1 accessory\); other services here: billing, payments, shop; /m,
  );
  expect(out).toContain(
    ": wallet-core-web-beta-v1: add beta=staging or beta=production to WALLET_CORE_OPS_DESTINATIONS\n",
  );
  expect(out).toContain(
    ": wallet-core-redis: end the address of their engine in WALLET_CORE_OPS_DOCKER_HOSTS with ?env=staging",
  );
  expect(out).toContain(": wallet-core-production-web-staging-v1: what names their environment");
});

test("bad entries exit with 78 and are named", async () => {
  const wrong = await open("", { DESTINATIONS: "beta=staging,qa=test", CORE: "a=1;" });
  expect(await wrong.ended).toBe(78);
  expect(wrong.log()).toContain(
    'DESTINATIONS must be <destination>=staging or <destination>=production, separated by commas, but "qa=test" is not',
  );
  expect(wrong.log()).toContain(
    'CORE must be labels, key=value or key, separated by commas, then semicolons, but "" is not one',
  );
});
