import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { freePort } from "../../script/services/process.ts";
import { dockerCli, makeContext, makeNodeBase } from "../support/image.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const docker = dockerCli(socketPath);
const folder = mkdtempSync(join(inject("runFolder"), "image-"));
const id = `image-${randomBytes(3).toString("hex")}`;
const token = `ops_${randomBytes(24).toString("base64url")}`;
const api = "/api/v1/admin/ops";
let url: string;

const get = (path: string, init: RequestInit = {}) =>
  fetch(url + path, { ...init, headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(20_000) });

const hardened = [
  "run",
  "--detach",
  "--network=host",
  "--read-only",
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges",
  "--pids-limit=128",
  "--memory=384m",
  "--group-add=0",
  "--tmpfs=/tmp:noexec",
];

/**
 * Runs the image as docker-compose.yml does: hardened, the socket's folder, the secret from a file,
 * a volume for the audit.
 */
async function runGateway(): Promise<void> {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const files = join(folder, "files");
  mkdirSync(files);
  writeFileSync(join(files, "token"), `${token}\n`);
  const deployInfo = {
    current_tag: "v2",
    previous_tag: "v1",
    commit_sha: "",
    deployed_by: "ci",
    deployed_at: "2026-01-10T13:15:00Z",
  };
  writeFileSync(join(files, "deploy_info.json"), JSON.stringify(deployInfo));
  const environment = {
    HOST: "127.0.0.1",
    PORT: String(port),
    TOKEN_FILE: "/run/ops/token",
    DOCKER_HOSTS: "unix:///run/docker-host/docker.sock",
    DEPLOY_INFO_PATH: "/run/ops/deploy_info.json",
    SERVICE: id,
    RESTART: "on",
  };
  docker(
    ...hardened,
    `--name=${id}-gateway`,
    `--volume=${dirname(socketPath)}:/run/docker-host:ro`,
    `--volume=${files}:/run/ops:ro`,
    `--volume=${id}-audit:/var/lib/wallet-core-ops`,
    ...Object.entries(environment).map(([name, value]) => `--env=WALLET_CORE_OPS_${name}=${value}`),
    `${id}-gateway`,
  );
  const isHealthy = async () => (await get("/healthz").catch(() => null))?.ok === true;
  await until(isHealthy, 20_000);
}

beforeAll(async () => {
  const context = join(folder, "context");
  mkdirSync(context);
  await Promise.all([makeNodeBase(socketPath, `${id}-base`), makeContext(context)]);
  docker("build", "--quiet", "--build-arg", `BASE_IMAGE=${id}-base`, "--tag", `${id}-gateway`, context);
  docker(
    "run",
    "--detach",
    "--name",
    `${id}-web-v2`,
    "--label",
    `service=${id}`,
    "--label",
    "role=web",
    "--stop-signal",
    "KILL",
    "ops-sample:latest",
  );
  await runGateway();
});

afterAll(() => {
  docker("rm", "--force", "--volumes", `${id}-gateway`, `${id}-web-v2`);
  docker("volume", "rm", "--force", `${id}-audit`);
  docker("rmi", "--force", `${id}-gateway`, `${id}-base`);
  rmSync(folder, { recursive: true, force: true });
});

it("the image answers only /healthz without a token", async () => {
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}${api}/containers`)).status).toBe(401);
});

it("the image reads the engine through the folder of its socket", async () => {
  const answer = await get(`${api}/containers?include_stats=true`);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject([{ name: `${id}-web-v2`, role: "web", status: "running" }]);
});

it("the image reads the mounted deploy_info.json", async () => {
  const answer = await get(`${api}/deploy-info`);
  expect({ status: answer.status, body: await answer.json() }).toMatchObject({
    status: 200,
    body: { current_tag: "v2" },
  });
});

it("the image serves GraphiQL from the file beside the bundle", async () => {
  const page = await fetch(`${url}/graphql`, { headers: { accept: "text/html" } });
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toMatch(/^text\/html/);
  const script = await fetch(`${url}/graphql/console/graphiql.js`);
  expect(script.status).toBe(200);
  expect((await script.text()).length).toBeGreaterThan(1_000_000);
});

it("the image writes only its volume, for the audit", async () => {
  const answer = await get(`${api}/containers/${id}-web-v2/restart`, { method: "POST" });
  expect({ status: answer.status, body: await answer.json() }).toMatchObject({
    status: 200,
    body: { restarted: true },
  });
  expect(docker("cp", `${id}-gateway:/var/lib/wallet-core-ops/audit.jsonl`, "-")).toContain(`${id}-web-v2`);
  expect(docker("diff", `${id}-gateway`)).not.toContain("/app");
});

it("the image is non-root, has a health check and no build secrets", () => {
  const format = "{{json .Config.User}} {{json .Config.Env}} {{json .Config.Entrypoint}}";
  expect(docker("image", "inspect", "--format", format, `${id}-gateway`)).toMatch(
    /^"10001:10001" .*"WALLET_CORE_OPS_HOST=0\.0\.0\.0".*"--disable-proto=throw"/,
  );
  const files = docker("create", "--name", `${id}-files`, `${id}-gateway`);
  try {
    expect(docker("cp", `${files}:/app`, "-")).not.toContain("not-for-the-image");
    expect(() => docker("cp", `${files}:/deploy`, "-")).toThrow("Could not find");
  } finally {
    docker("rm", files);
  }
});

it("the image becomes healthy for Docker by its own health check", async () => {
  const inspect = ["inspect", "--format", "{{.State.Health.Status}}", `${id}-gateway`];
  await expect.poll(() => docker(...inspect), { timeout: 20_000, interval: 200 }).toBe("healthy");
});

it("the image exits with 0 on SIGTERM", () => {
  docker("stop", "--time", "20", `${id}-gateway`);
  expect(docker("inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", `${id}-gateway`)).toBe("0 false");
});
