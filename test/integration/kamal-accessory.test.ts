import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import { parse } from "yaml";
import { parseConfig } from "../../src/config/config.ts";
import { dockerCli, makeContext, makeNodeBase } from "../support/image.ts";
import { type Accessory, readAccessories, renderAccessory } from "../support/kamal-accessory.ts";
import { until } from "../support/until.ts";

/**
 * deploy/kamal/accessory/deploy.yml on an engine of its own, started by the lines that Kamal would
 * send over ssh, in its order. Kamal itself and kamal-proxy cannot be had here (no registry of gems
 * or images): the requests of kamal-proxy come from a container in the network `kamal`, to the
 * container's id and `app_port`, with the header that kamal-proxy writes. TLS and `buffering` are
 * kamal-proxy's own and not tested.
 */
const folder = mkdtempSync(join(inject("runFolder"), "accessory-"));
const home = join(folder, "home");
const deployInfo = join(folder, "deploy-info");
const service = "wallet-core";
const secrets = {
  WALLET_CORE_OPS_TOKEN: "ops_kamal-accessory-0123",
  WALLET_CORE_OPS_DATABASE_URL: "postgres://wallet_core_ops:a$b!c%20d@10.9.8.7:5432/wallet_core",
};
const replicaSecrets: Readonly<Record<string, string>> = {
  ...secrets,
  WALLET_CORE_OPS_STATE_URL: "postgres://wallet_core_ops_state:x@10.9.8.7:5432/app",
};
let dockerd: Dockerd;
let docker: ReturnType<typeof dockerCli>;
let ops: Accessory;

/** `kamal accessory boot NAME`. */
function boot(name: string, accessory: Accessory): string {
  const { command, envFile, envText } = renderAccessory(service, name, accessory, secrets);
  mkdirSync(dirname(join(home, envFile)), { recursive: true });
  writeFileSync(join(home, envFile), envText, { mode: 0o600 });
  const env = { ...process.env, DOCKER_HOST: `unix://${dockerd.socketPath}` };
  return execFileSync("sh", ["-c", command], { cwd: home, env, encoding: "utf8" }).trim();
}

/** A request as kamal-proxy sends it for a caller at 203.0.113.9. */
function ask(path: string, headers: Readonly<Record<string, string>> = {}): { status: number; body: string } {
  const id = docker("ps", "--quiet", "--filter", `name=^${service}-ops$`);
  const sent = JSON.stringify({ "x-forwarded-for": "203.0.113.9", ...headers });
  const script = `fetch("http://${id}:${ops.proxy?.app_port}${path}", { headers: ${sent} }).then(
    async (answer) => console.log(JSON.stringify({ status: answer.status, body: await answer.text() })),
    (error) => console.log(JSON.stringify({ status: 0, body: String(error.cause ?? error) })))`;
  return JSON.parse(docker("exec", "proxy", "node", "-e", script)) as { status: number; body: string };
}

const authorized = { authorization: `Bearer ${secrets.WALLET_CORE_OPS_TOKEN}` };

beforeAll(async () => {
  for (const path of [home, deployInfo]) mkdirSync(path);
  const info = {
    current_tag: "v2",
    previous_tag: "v1",
    commit_sha: "",
    deployed_by: "ci",
    deployed_at: "2026-01-10T13:15:00Z",
  };
  writeFileSync(join(deployInfo, "deploy_info.json"), JSON.stringify(info));
  dockerd = await startDockerd(join(folder, "docker"), { ownNetwork: true });
  docker = dockerCli(dockerd.socketPath);
  const context = join(folder, "context");
  const filter = join(folder, "filter");
  for (const path of [context, filter]) mkdirSync(path);
  await Promise.all([makeNodeBase(dockerd.socketPath, "accessory-base"), makeContext(context)]);
  // What a user fills in: where this host has its socket and the deploys, and the group of the
  // socket.
  const accessories = readAccessories([
    ["/var/run/docker.sock:/run", `${dockerd.socketPath}:/run`],
    ["/var/lib/wallet-core-ops:/run/deploy-info:ro", `${deployInfo}:/run/deploy-info:ro`],
    ['user: "10001:999"', 'user: "10001:0"'],
  ]);
  const { "ops-socket": socket } = accessories;
  ops = accessories["ops"] as Accessory;
  docker("build", "--quiet", "--build-arg", "BASE_IMAGE=accessory-base", "--tag", ops.image, context);
  copyFileSync("test/support/socket-proxy-stand-in.ts", join(filter, "proxy.ts"));
  writeFileSync(
    join(filter, "Dockerfile"),
    'FROM accessory-base\nCOPY proxy.ts /proxy.ts\nENTRYPOINT ["node", "--max-old-space-size=32", "/proxy.ts"]\n',
  );
  docker("build", "--quiet", "--tag", socket?.image ?? "", filter);
  docker("network", "create", "kamal");
  docker(
    "run",
    "--detach",
    "--name=proxy",
    "--network=kamal",
    "accessory-base",
    "node",
    "-e",
    "setInterval(() => {}, 1e6)",
  );
  const app = ["--label=service=wallet-core", "--label=role=web", "--stop-signal=KILL", "ops-sample:latest"];
  docker("run", "--detach", `--name=${service}-web-v2`, ...app);
  boot("ops-socket", socket as Accessory);
  boot("ops", ops);
}, 180_000);

afterAll(async () => {
  await dockerd?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("the health path answers 200 at app_port, in the network kamal", async () => {
  const { path } = ops.proxy?.healthcheck ?? {};
  await expect
    .poll(() => ask(path ?? ""), { timeout: 20_000, interval: 500 })
    .toEqual({ status: 200, body: '{"status":"ok"}' });
});

it("the token comes from Kamal's secrets", () => {
  expect(ask("/api/v1/admin/ops/containers").status).toBe(401);
  expect(ask("/api/v1/admin/ops/deploy-info", authorized)).toEqual({
    status: 200,
    body: expect.stringContaining('"current_tag":"v2"'),
  });
});

it("the database's URL reaches the gateway as it was written", () => {
  const environment = JSON.parse(docker("inspect", "--format", "{{json .Config.Env}}", `${service}-ops`)) as string[];
  expect(environment).toContain(`WALLET_CORE_OPS_DATABASE_URL=${secrets.WALLET_CORE_OPS_DATABASE_URL}`);
});

it("the engine is read through the filter, with the product's app", async () => {
  const list = () => ask("/api/v1/admin/ops/containers?include_accessories=true&include_stats=true", authorized);
  await until(() => list().status === 200);
  const names = (JSON.parse(list().body) as { name: string; env: string }[]).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["wallet-core-web-v2", "wallet-core-ops", "wallet-core-ops-socket"]));
  expect(JSON.parse(ask("/api/v1/admin/ops/containers", authorized).body)).toMatchObject([
    { name: "wallet-core-web-v2" },
  ]);
});

it("the gateway has the rights of its file, and no socket of the engine", () => {
  const format = "{{json .HostConfig}}";
  expect(JSON.parse(docker("inspect", "--format", format, `${service}-ops`))).toMatchObject({
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    Memory: 384 * 2 ** 20,
    PidsLimit: 128,
    RestartPolicy: { Name: "unless-stopped" },
  });
  expect(docker("inspect", "--format", "{{range .Mounts}}{{.Source}} {{end}}", `${service}-ops`)).not.toContain(
    dockerd.socketPath,
  );
  const user = docker("inspect", "--format", "{{.Config.User}} {{.HostConfig.GroupAdd}}", `${service}-ops`);
  expect(user).toBe("10001:10001 []");
  expect(docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", `${service}-ops-socket`)).toBe("none");
});

it("the address of the caller is that which kamal-proxy names", async () => {
  ask("/api/v1/admin/ops/deploy-info", authorized);
  await expect.poll(() => docker("logs", `${service}-ops`)).toContain("203.0.113.9");
});

it("check runs in the container, as the installation page says", () => {
  // Exits with 1: the database cannot be reached here.
  const check = () => docker("exec", `${service}-ops`, "node", "/app/cli.cjs", "check");
  const stdout = expect.stringMatching(
    /^ok +configuration\nok +tokens: .*\nok +docker:\S+: API [^]*\nFAIL +queues: [^]*\nskip +prometheus: /,
  );
  expect(check).toThrow(expect.objectContaining({ stdout }));
  expect(readFileSync("docs/install.md", "utf8")).toContain(
    'kamal accessory exec ops --reuse "node /app/cli.cjs check"',
  );
});

it("both are restarted by nobody through the gateway", () => {
  for (const name of ["ops", "ops-socket"]) {
    const label = '{{index .Config.Labels "wallet-core-ops.protected"}} {{index .Config.Labels "service"}}';
    expect(docker("inspect", "--format", label, `${service}-${name}`)).toBe(`true ${service}-${name}`);
  }
});

it("the gateway exits with 0 on `kamal accessory stop`", () => {
  docker("container", "stop", `${service}-ops`);
  expect(docker("inspect", "--format", "{{.State.ExitCode}}", `${service}-ops`)).toBe("0");
});

it("the file has this version, valid variables and the filter of compose", () => {
  const accessories = readAccessories();
  expect(accessories["ops"]?.image).toBe(`example/wallet-core-ops:${manifest.version}`);
  const { clear = {}, secret = [] } = accessories["ops"]?.env ?? {};
  const set = { ...clear, ...Object.fromEntries(secret.map((name) => [name, secrets[name as keyof typeof secrets]])) };
  expect(parseConfig(set, () => "").engines).toHaveLength(1);
  // What docs/install.md adds for restarts.
  const page = readFileSync("docs/install.md", "utf8");
  const [, restarts = ""] =
    /^ +# - (-allowPOST=\S+)$/m.exec(readFileSync("deploy/socket-proxy/compose.yml", "utf8")) ?? [];
  expect(page).toContain(`\`'${restarts}'\``);
  expect(accessories["ops"]?.proxy).toMatchObject({ ssl: true, buffering: { responses: false } });
  const overlay = parse(
    readFileSync("deploy/socket-proxy/compose.yml", "utf8").replaceAll(/!(?:reset|override)/g, ""),
  ) as {
    services: { "socket-proxy": { command: string[] } };
  };
  const words = overlay.services["socket-proxy"].command.filter((word) => word !== "-allowhealthcheck");
  const asTyped = words.map((word) => (word.includes("(") ? `'${word}'` : word)).join(" ");
  expect(accessories["ops-socket"]?.cmd).toBe(asTyped);
});

it("the service for several hosts has the same rights and valid variables", () => {
  const { ops: accessory, "ops-socket": filter } = readAccessories();
  const several = parse(readFileSync("deploy/replicas/kamal.yml", "utf8")) as {
    servers: { web: { hosts: string[]; options: object } };
    labels: object;
    env: NonNullable<Accessory["env"]>;
    proxy: object;
    accessories: { socket: Accessory };
  };
  const { servers, labels, env, proxy, accessories } = several;
  expect(accessories.socket).toMatchObject({
    image: filter?.image,
    cmd: filter?.cmd,
    network: "none",
    labels: filter?.labels,
  });
  const { mount: _, ...rights } = accessory?.options ?? {};
  expect(servers.web.options).toEqual(rights);
  expect(labels).toEqual(accessory?.labels);
  const { host, app_port, buffering, response_timeout } = accessory?.proxy ?? {};
  expect(proxy).toMatchObject({ host, app_port, buffering, response_timeout, healthcheck: { path: "/readyz/reads" } });
  const set = { ...env.clear, ...Object.fromEntries((env.secret ?? []).map((name) => [name, replicaSecrets[name]])) };
  const { engines, stateUrl } = parseConfig(set, () => "");
  expect(stateUrl).toBe(replicaSecrets["WALLET_CORE_OPS_STATE_URL"]);
  expect(engines.map(({ address }) => "host" in address && address.host)).toEqual(servers.web.hosts);
});
