import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { removeContainers, startContainer, stopContainer } from "../support/docker-containers.ts";
import { startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";

const socketPath = inject("dockerSocket");
const folder = mkdtempSync(join(inject("runFolder"), "destinations-"));
const service = "places";
const ids: string[] = [];

/**
 * As Kamal starts them: with a destination its name is in the container's, in the other scheme in
 * the service's.
 */
const start = async (role: string, version: string, destination = "", own = service) => {
  const name = [own, role, destination, version].filter(Boolean).join("-");
  const env = [`KAMAL_VERSION=${version}`, ...(destination ? [`KAMAL_DESTINATION=${destination}`] : [])];
  const cmd = ["sh", "-c", `trap 'exit 0' TERM; echo from ${name}; while :; do sleep 0.1; done`];
  const id = await startContainer(socketPath, {
    name,
    labels: { service: own, role, destination },
    env,
    healthCmd: "true",
    cmd,
  });
  ids.push(id);
  return { id, name };
};
const openGateway = async () => {
  const own = await startGatewayProcess(socketPath, service, join(mkdtempSync(join(folder, "audit-")), "audit.jsonl"), {
    DEPLOY_INFO_PATH: join(folder, "deploy_info.json"),
    DESTINATIONS: "beta=production",
  });
  // On a busy machine an engine may be silent for a moment.
  await expect
    .poll(async () => (await own.query("{ engines { ok } }")).data.engines, { timeout: 20_000 })
    .toEqual([{ ok: true }]);
  return own;
};
const at = (secondsAgo: number) => `${new Date(Date.now() - secondsAgo * 1000).toISOString().slice(0, 19)}Z`;

beforeAll(async () => {
  const places = [
    ["production", "v5"],
    ["beta", "v7"],
    ["staging", "v6"],
    ["", "v3"],
  ] as const;
  for (const [destination, version] of places) {
    const before = await start("web", "v1", destination);
    await sleep(1100);
    for (const role of ["web", "runner"]) await start(role, version, destination);
    await stopContainer(socketPath, before.id);
  }
  for (const role of ["web", "runner"]) await start(role, "v4", "", `${service}-staging`);
  const lines = [...places, ["", "v4", `${service}-staging`] as const].map(([destination, version, own = service]) =>
    JSON.stringify({
      current_tag: version,
      commit_sha: "",
      deployed_by: "kim",
      deployed_at: at(0),
      service: own,
      ...(destination && { destination }),
    }),
  );
  writeFileSync(join(folder, "deploy_history.jsonl"), `${lines.join("\n")}\n`);
  writeFileSync(join(folder, "deploy_info.json"), lines.at(-1) ?? "");
}, 60_000);
afterAll(() => removeContainers(socketPath, ids));

it("destinations have no drift between them and a current deploy each", async () => {
  await using own = await openGateway();
  const { data, errors } = await own.query(
    "{ drift { kind message } deploys { nodes { tag service destination env state } } }",
  );
  expect(errors).toBeUndefined();
  expect(data.drift).toEqual([]);
  const current = data.deploys.nodes.filter(({ state }: any) => state !== "PREVIOUS");
  expect(
    new Set(
      current.map(({ tag, ...more }: any) => `${tag} ${more.service} ${more.destination} ${more.env} ${more.state}`),
    ),
  ).toEqual(
    new Set([
      "v5 places production PRODUCTION CURRENT",
      "v7 places beta PRODUCTION CURRENT",
      "v6 places staging STAGING CURRENT",
      "v3 places null null CURRENT",
      "v4 places-staging null STAGING CURRENT",
    ]),
  );
  expect(data.deploys.nodes.filter(({ state }: any) => state === "PREVIOUS").map(({ tag }: any) => tag)).toEqual([
    "v1",
    "v1",
    "v1",
    "v1",
  ]);
}, 30_000);

it("restartRole restarts the chosen destination, and none without choice", async () => {
  await using own = await openGateway();
  using restarts = await watchRestarts(socketPath);
  const names = () => restarts.names.filter((name) => name.startsWith(service));
  const restart = (args: string) =>
    own.query(
      `mutation { restartRole(role: "runner", reason: "leak", ${args}) { complete steps { container { name } } } }`,
    );
  const refused = await restart("env: PRODUCTION");
  expect(refused.errors).toMatchObject([
    {
      message:
        "2 services or destinations run the role runner; choose one by service, destination or env: " +
        "places -d beta (production), places -d production (production)",
      extensions: { code: "role_ambiguous" },
    },
  ]);
  const both = await restart('destination: ""');
  expect(both.errors).toMatchObject([{ extensions: { code: "role_ambiguous" } }]);
  const { data } = await restart('env: PRODUCTION, destination: "production"');
  expect(data.restartRole).toEqual({ complete: true, steps: [{ container: { name: "places-runner-production-v5" } }] });
  expect((await restart('destination: "", service: "places"')).data.restartRole.steps).toEqual([
    { container: { name: "places-runner-v3" } },
  ]);
  await expect.poll(names).toEqual(["places-runner-production-v5", "places-runner-v3"]);
  const { data: log } = await own.query("{ auditLog(first: 10) { nodes { outcome containerName } } }");
  expect(log.auditLog.nodes.map(({ outcome, containerName }: any) => `${outcome} ${containerName}`)).toEqual([
    "ok places-runner-v3",
    "intent places-runner-v3",
    "ok places-runner-production-v5",
    "intent places-runner-production-v5",
  ]);
}, 60_000);

it("previews and logs are those of one destination alone", async () => {
  await using own = await openGateway();
  const { body } = await own.restart("places-runner-beta-v7", "?dry_run=true");
  expect(body.preview).toMatchObject({ last_healthy: true, healthy_peers: 0 });
  const read = async (args: string) => {
    const { data, errors } = await own.query(`{ logs(role: "web", ${args}) { lines { message } } }`);
    return errors?.[0].extensions.code ?? [...new Set(data.logs.lines.map(({ message }: any) => message))];
  };
  expect(await read("env: PRODUCTION")).toBe("role_ambiguous");
  expect(await read('destination: "beta"')).toEqual(
    expect.arrayContaining(["from places-web-beta-v1", "from places-web-beta-v7"]),
  );
  expect(await read('env: PRODUCTION, destination: "production", since: "1h"')).not.toContain(
    "from places-web-beta-v7",
  );
}, 30_000);
