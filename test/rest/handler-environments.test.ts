import { describe, expect, it } from "vitest";
import { scopes } from "../../src/auth/principal.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployInfo } from "../support/deploys.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createRest } from "../support/rest.ts";

// What a limited token sees at all, by every door: test/gateway/security-matrix.test.ts.
const staging = createCaller(scopes, ["staging"]);
const queue = (name: string) => ({ name, source: name, depth: 1, processedPerSec: 0, failuresLastHour: 0 });

describe("a token limited to staging", () => {
  it("may not ask for an environment that it does not list", async () => {
    const { get } = createRest(createMemorySources().sources, staging);
    await expect(get("/containers", "env=production")).rejects.toMatchObject({ code: "forbidden", status: 403 });
  });

  it("sees queues, hosts and deploy info only if they belong to staging", async () => {
    const memory = {
      queueSources: [
        { name: "a", env: "staging" as const, metrics: [queue("a")], errors: [] },
        { name: "b", env: "production" as const, metrics: [queue("b")], errors: new OpsError("schema_mismatch", "b") },
      ],
      hosts: [sampleHost()],
    };
    const unknown = createRest(createMemorySources(memory).sources, staging);
    expect(JSON.parse((await unknown.get("/queues")).body)).toMatchObject({
      queues: [{ name: "a" }],
      sources: [{ name: "a", ok: true }],
    });
    await expect(unknown.get("/hosts")).rejects.toMatchObject({ code: "forbidden" });
    await expect(unknown.get("/deploy-info")).rejects.toMatchObject({ code: "deploy_info_missing" });
    // The environment of the deploy info is the source's to know.
    const deploy = { ...sampleDeployInfo, env: "staging" as const };
    const known = createRest(createMemorySources({ ...memory, deploy }, { env: "staging" }).sources, staging);
    expect(JSON.parse((await known.get("/hosts")).body).hosts).toHaveLength(1);
    expect(JSON.parse((await known.get("/deploy-info")).body)).toHaveProperty("current_tag");
    const other = createRest(createMemorySources(memory, { env: "production" }).sources, staging);
    await expect(other.get("/hosts")).rejects.toMatchObject({ code: "forbidden" });
  });

  it("sees that its own deploy info is missing", async () => {
    const deploy = new OpsError("deploy_info_missing", "deploy_info.json not found");
    const { get } = createRest(createMemorySources({ deploy }, { env: "staging" }).sources, staging);
    await expect(get("/deploy-info")).rejects.toMatchObject({ code: "deploy_info_missing" });
  });

  it.each([
    ["others alone", [{ name: "b", env: "production" as const, metrics: [queue("b")], errors: [] }]],
    ["nothing", []],
  ])("is refused where there is %s, without learning which", async (_what, queueSources) => {
    const missing = new OpsError("deploy_info_missing", "deploy_info.json not found");
    const deploy = queueSources.length === 0 ? missing : { ...sampleDeployInfo, env: "production" as const };
    const { get } = createRest(createMemorySources({ queueSources, deploy }, { env: "production" }).sources, staging);
    await expect(get("/queues")).rejects.toMatchObject({
      code: "forbidden",
      message: "No queue belongs to an environment of this token",
    });
    await expect(get("/deploy-info")).rejects.toMatchObject({
      code: "deploy_info_missing",
      message: "deploy_info.json not found on host",
    });
    const ours = createRest(createMemorySources({ queueSources, deploy }, { env: "staging" }).sources, staging);
    expect(JSON.parse((await ours.get("/queues")).body)).toMatchObject({ queues: [], sources: [] });
  });
});

describe("scopes", () => {
  it("ops:read does not imply ops:logs or ops:operate", async () => {
    const { sources, calls } = createMemorySources({ containers: [sampleContainer()] }, { restartEnabled: true });
    const { get, call } = createRest(sources, createCaller(["ops:read"]));
    const path = "/containers/wallet-core-staging-web-latest";
    await expect(get(`${path}/logs`)).rejects.toMatchObject({ code: "forbidden" });
    await expect(call("POST", `${path}/restart`)).rejects.toMatchObject({ code: "forbidden" });
    await expect(get(`${path}/restart`)).rejects.toMatchObject({ code: "forbidden" });
    expect(calls).not.toHaveProperty("restart");
    expect((await get(`${path}/health-check`)).status).toBe(200);
  });
});
