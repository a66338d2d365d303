import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, expect, inject, it } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { verifyAudit } from "../../src/audit/file/verify.ts";
import { type ContainerSpec, removeContainers, startContainer } from "../support/docker-containers.ts";
import { readAudit, startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
let audit: string;

beforeEach(() => {
  audit = join(mkdtempSync(join(inject("runFolder"), "key-")), "audit.jsonl");
});
afterAll(() => removeContainers(socketPath, ids));

const gateway = (more = {}) => startGatewayProcess(socketPath, "restartkey", audit, more);

async function start(name: string, more: Partial<ContainerSpec> = {}): Promise<string> {
  const labels = { service: "restartkey", role: "web", destination: "staging" };
  ids.push(await startContainer(socketPath, { name: `restartkey-${name}`, labels, ...more }));
  return `restartkey-${name}`;
}

const outcomes = () => readAudit(audit).map(({ outcome }) => outcome);
const key = { "idempotency-key": "deploy-17" };

it("a key gets its answer after a gateway restart, without a second run", async () => {
  const [name, other] = [await start("ok", { healthCmd: "true" }), await start("other")];
  const wait = "?reason=stuck&wait=healthy&wait_seconds=20";
  using restarts = await watchRestarts(socketPath);
  const count = () => restarts.names.filter((restarted) => restarted === name).length;
  const first = await (async () => {
    await using own = await gateway();
    return await own.restart(name, wait, key);
  })();
  expect(first).toMatchObject({ status: 200, body: { restarted: true, health: "healthy", healthy: true } });
  await (async () => {
    await using own = await gateway({ RESTART_COOLDOWN: "3600" });
    expect(await own.restart(name, wait, key)).toMatchObject({ status: 200, body: first.body });
    expect((await own.restart(name, "?reason=stuck", key)).body.error.code).toBe("idempotency_key_reused");
    expect((await own.restart(other, wait, key)).body.error.code).toBe("idempotency_key_reused");
    expect([count(), outcomes()]).toEqual([1, ["intent", "ok"]]);
    // The cooldown of the first gateway's restart holds for the second one.
    const refused = await own.restart(name, wait, { "idempotency-key": "deploy-18" });
    expect(refused).toMatchObject({ status: 429, body: { error: { code: "restart_cooldown" } } });
    expect([count(), outcomes()]).toEqual([1, ["intent", "ok"]]);
  })();
  await using again = await gateway();
  expect((await again.restart(name, wait, { "idempotency-key": "deploy-18" })).status).toBe(200);
  expect([count(), outcomes()]).toEqual([2, ["intent", "ok", "intent", "ok"]]);
  expect(readFileSync(audit, "utf8")).not.toContain("deploy-1");
});

it("a dead process's key is restart_unknown until events show ok", async () => {
  const name = await start("killed", { cmd: ["sleep", "600"], stopTimeout: 60 });
  using restarts = await watchRestarts(socketPath);
  const first = await gateway();
  using signals = await watchRestarts(socketPath, undefined, "kill");
  const lost = first.restart(name, "", key).catch(() => null);
  // The record comes before the call: by now the engine is at it.
  await until(async () => signals.names.includes(name));
  expect(existing()).toHaveLength(1);
  first.kill("SIGKILL");
  await Promise.all([first.ended, lost]);
  await using second = await gateway();
  expect(await second.restart(name, "", key)).toMatchObject({
    status: 504,
    body: { error: { code: "restart_unknown" } },
  });
  // Now the engine's restart comes to its end, however long the second gateway took to start.
  await callDocker(socketPath, "POST", `/containers/${name}/kill?signal=KILL`);
  await until(async () => readAudit(audit).length === 3, 20_000);
  expect(await second.restart(name, "", key)).toMatchObject({
    status: 200,
    body: { name, restarted: true, status: "running" },
  });
  expect(outcomes()).toEqual(["intent", "unknown", "ok"]);
  expect(restarts.names.filter((other) => other === name)).toHaveLength(1);
  expect(await verifyAudit(audit, { partial: false })).toMatchObject({ ok: true });
});

it("a key gets its failure again with code; the record has the status", async () => {
  const folder = mkdtempSync(join(inject("runFolder"), "gone-"));
  const { Id } = (await callDocker(socketPath, "POST", "/containers/create?name=restartkey-mount", {
    Image: "ops-sample:latest",
    Cmd: ["sleep", "600"],
    Labels: { service: "restartkey", role: "mount", destination: "staging" },
    StopTimeout: 0,
    HostConfig: { NetworkMode: "none", Mounts: [{ Type: "bind", Source: folder, Target: "/data" }] },
  })) as { Id: string };
  ids.push(Id);
  await callDocker(socketPath, "POST", `/containers/${Id}/start`);
  rmSync(folder, { recursive: true });
  const failure = {
    status: 502,
    body: { error: { code: "docker_error", message: expect.stringMatching(/left exited$/) } },
  };
  {
    await using own = await gateway();
    expect(await own.restart("restartkey-mount", "", key)).toMatchObject(failure);
  }
  await using own = await gateway();
  expect(await own.restart("restartkey-mount", "", key)).toMatchObject(failure);
  expect(readAudit(audit)).toMatchObject([
    { outcome: "intent", code: null, docker_status: null },
    { outcome: "failed", code: "docker_error", docker_status: 500 },
  ]);
});

it("the record has who asked, from where, their proof and the status", async () => {
  const name = await start("who");
  await using own = await gateway();
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = {
    "x-request-id": "ci.job-9",
    traceparent: `00-${trace}-00f067aa0ba902b7-01`,
    "x-forwarded-for": "203.0.113.9",
  };
  const { headers: answered } = await own.restart(name, "", { ...headers, ...key });
  const fields = "outcome requestId clientRequestId traceId ip auth kid subject keyHash code dockerStatus";
  const who = {
    requestId: answered.get("x-request-id"),
    clientRequestId: "ci.job-9",
    traceId: trace,
    ip: "127.0.0.1",
    auth: "token",
    kid: "default",
    subject: "default",
    // printf deploy-17 | sha256sum
    keyHash: "320906fa08ca491ee84280151582761a2e7b9078c00cd5adcbd32dacf5d7dfe9",
    code: null,
  };
  expect((await own.query(`{ auditLog { nodes { ${fields} } } }`)).data.auditLog.nodes).toEqual([
    { ...who, outcome: "ok", dockerStatus: 204 },
    { ...who, outcome: "intent", dockerStatus: null },
  ]);
});

function existing() {
  try {
    return readAudit(audit);
  } catch {
    return [];
  }
}
