import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { createClient, type TypedDocument } from "../../src/client/client.ts";
import { ContainersDocument, DeployInfoDocument, HostsDocument, QueuesDocument } from "../../src/generated/rest.ts";
import { endpoints } from "../../src/rest/endpoints.ts";
import { startGateway, token } from "../support/gateway.ts";
import { assertFitsOpenApi } from "../support/openapi.ts";
import { createStage, deployInfo } from "../support/stage.ts";
import { until } from "../support/until.ts";

const base = "/api/v1/admin/ops";
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
let stage: Awaited<ReturnType<typeof createStage>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;

beforeAll(async () => {
  stage = await createStage({
    dockerSocket: inject("dockerSocket"),
    postgresUrl: inject("postgresUrl"),
    prometheusUrl: inject("prometheusUrl"),
    runFolder: inject("runFolder"),
  });
  gateway = await startGateway(stage.sources);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
});

/** Calls an endpoint, checks what every answer has, and validates the body against openapi.json. */
async function call(method: string, template: string, { name = "", query = "", status = 200 } = {}): Promise<any> {
  const response = await gateway.fetch(`${base}${template.replace(":name", name)}${query}`, { method });
  const text = await response.text();
  expect(response.status, text).toBe(status);
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  // What has a tag may be shown again, after asking.
  expect(response.headers.get("cache-control")).toBe(response.headers.has("etag") ? "private, no-cache" : "no-store");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  expect(text).not.toContain("canary-secret");
  const body = JSON.parse(text);
  assertFitsOpenApi(method, template, status, body);
  return body;
}

const keys = "id name role status health version commit_sha restarts host created_at started_at image ports".split(" ");
/** What the seed does not have comes after all that it has. */
const more = ["destination"];

/** The engine is shared: containers of other test files stand beside ours as accessories. */
function isMine({ name }: { name: string }): boolean {
  return name.startsWith(stage.service);
}

function expectedWeb() {
  return {
    id: stage.containers[0]?.slice(0, 12),
    name: `${stage.service}-web-latest`,
    role: "web",
    status: "running",
    health: "healthy",
    version: "deploy-20260110-130322-prod",
    commit_sha: "abc123",
    restarts: 0,
    host: stage.host,
    created_at: expect.stringMatching(rfc3339),
    started_at: expect.stringMatching(rfc3339),
    image: "ghcr.io/schoolable/wallet-core:latest",
    ports: [expect.stringMatching(/^0\.0\.0\.0:\d+$/)],
    destination: null,
  };
}

function toText<Data, Variables>(document: TypedDocumentNode<Data, Variables>): TypedDocument<Data, Variables> {
  return { toString: () => print(document) };
}

describe("the documented contract on real upstreams", () => {
  it("GET /containers: core containers alone, as in the seed's example", async () => {
    const body = await call("GET", "/containers");
    expect(body).toEqual([expectedWeb()]);
    expect(Object.keys(body[0])).toEqual([...keys, ...more]);
  });

  it("GET /containers with accessories and stats: the seed's containers", async () => {
    const query = "?env=staging&include_accessories=true&include_stats=true";
    const body = (await call("GET", "/containers", { query })).filter(isMine);
    const stats = { cpu_pct: expect.any(Number), mem_pct: expect.any(Number) };
    expect(body).toEqual([
      { ...expectedWeb(), ...stats },
      {
        ...expectedWeb(),
        ...stats,
        id: stage.containers[1]?.slice(0, 12),
        name: `${stage.service}-redis`,
        role: "redis",
        health: "none",
        version: "7-alpine",
        commit_sha: "",
        host: `${stage.service}-redis`,
        image: "redis:7-alpine",
      },
    ]);
    expect(Object.keys(body[0])).toEqual([...keys, "cpu_pct", "mem_pct", ...more]);
    expect(await call("GET", "/containers", { query: "?env=production" })).toEqual([]);
  });

  it("GET /containers/:name, /health-check, /logs; 404 for hidden ones", async () => {
    const name = `${stage.service}-web-latest`;
    expect(await call("GET", "/containers/:name", { name })).toMatchObject({
      ...expectedWeb(),
      mem_pct: expect.any(Number),
    });
    expect(await call("GET", "/containers/:name/health-check", { name })).toMatchObject({
      name,
      status: "running",
      health: "healthy",
      healthy: true,
      failing_streak: 0,
      checked_at: expect.stringMatching(rfc3339),
    });
    const logs = await call("GET", "/containers/:name/logs", { name });
    expect(logs).toMatchObject({ name, truncated: false });
    expect(logs.lines.map((line: any) => `${line.stream} ${line.message}`).toSorted()).toEqual([
      "stderr err-1",
      "stdout out-1",
      "stdout out-2",
    ]);
    expect(await call("GET", "/containers/:name/logs", { name, query: "?stream=stderr&tail=1" })).toMatchObject({
      lines: [{ stream: "stderr", message: "err-1" }],
    });
    for (const hidden of [
      `${stage.service}-redis`,
      `${name}_replaced_0123456789abcdef`,
      `${stage.service}-web-exec-latest-a1b2c3`,
      name.slice(0, -1),
    ]) {
      const isAccessory = hidden.endsWith("-redis");
      const hint = "; include_accessories=true (in GraphQL includeAccessories: true) finds it";
      const message = `No such container${isAccessory ? `: it is an accessory${hint}` : ""}`;
      const body = await call("GET", "/containers/:name", { name: hidden, status: 404 });
      expect(body).toEqual({
        message,
        error: { code: "container_not_found", message, request_id: expect.any(String) },
      });
    }
  });

  it("GET /queues: depths, rates and errors of the seed's example", async () => {
    const body = await call("GET", "/queues");
    expect(body.queues).toMatchObject([
      { name: "payouts", depth: 4, processed_per_sec: 1.2, failures_last_hour: 1 },
      { name: "pos_settlement", depth: 12, processed_per_sec: 0.6, failures_last_hour: 2 },
      { name: "webhook.aella.process", depth: 2, processed_per_sec: 0.4, failures_last_hour: 0 },
    ]);
    const error = { error: "pq: serialization failure", timestamp: expect.stringMatching(rfc3339) };
    expect(body.errors).toMatchObject([
      { queue: "pos_settlement", job_id: "job_123", ...error, count: 2 },
      { queue: "payouts", job_id: "job_456", ...error, error: "timeout contacting provider", count: 1 },
    ]);
    expect(body.sources.map((source: any) => [source.name, source.ok])).toEqual([
      ["runner", true],
      ["payouts", true],
      ["pos_settlement", true],
    ]);
  });

  it("GET /hosts: this machine, from the real node-exporter", async () => {
    const body = await call("GET", "/hosts");
    expect(Object.keys(body)).toEqual(["thresholds", "hosts", "updated_at"]);
    expect(body.thresholds).toEqual({ cpu: 0.85, mem: 0.85 });
    expect(body.hosts).toHaveLength(1);
    expect(Object.keys(body.hosts[0]).slice(0, 4)).toEqual(["name", "cpu_util", "mem_util", "alert"]);
    expect(body.hosts[0].mem_util).toBeGreaterThan(0);
    expect(body.hosts[0].mem_util).toBeLessThan(1);
  });

  it("GET /deploy-info: the file unchanged; 404 without one", async () => {
    expect(await call("GET", "/deploy-info")).toEqual(deployInfo);
    const path = join(stage.folder, "deploy_info.json");
    renameSync(path, `${path}.gone`);
    expect((await call("GET", "/deploy-info", { status: 404 })).error.code).toBe("deploy_info_missing");
    renameSync(`${path}.gone`, path);
    expect(await call("GET", "/deploy-info")).toEqual(deployInfo);
  });

  it("POST and GET .../restart restart, return the state and are recorded", async () => {
    const name = `${stage.service}-web-latest`;
    const [before] = await call("GET", "/containers");
    const body = await call("POST", "/containers/:name/restart", { name, query: "?reason=stuck%20worker" });
    expect(Object.keys(body)).toEqual(["name", "restarted", "status", "health", "started_at"]);
    expect(body).toMatchObject({ name, restarted: true, status: "running" });
    expect(body.started_at >= before.started_at).toBe(true);
    const deprecated = await gateway.fetch(`${base}/containers/${name}/restart`);
    expect(deprecated.status).toBe(200);
    expect(deprecated.headers.get("deprecation")).toBe("@1795478400");
    const [, explanation] = /^<([^>]+)>; rel="deprecation"/.exec(deprecated.headers.get("link") ?? "") ?? [];
    const { paths } = await (await gateway.fetch(new URL(explanation ?? "", deprecated.url).pathname)).json();
    expect(paths[`${base}/containers/{name}/restart`].get).toMatchObject({
      deprecated: true,
      description: expect.stringMatching(/^Deprecated: .* Use POST.* Deprecated since 2026-11-24\.$/),
    });
    const lines = readFileSync(stage.env.WALLET_CORE_OPS_AUDIT_FILE, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ outcome }) => outcome)).toEqual(["intent", "ok", "intent", "ok"]);
    expect(lines[0]).toMatchObject({
      action: "restart",
      container_name: name,
      container_id: stage.containers[0],
      reason: "stuck worker",
    });
  });

  it("the typed client gets the same data as REST", async () => {
    const client = createClient({ url: gateway.url, token });
    const flags = { includeAccessories: true, includeStats: false };
    // The restarts above are over when their health check says so.
    await until(async () =>
      (await call("GET", "/containers")).filter(isMine).every(({ health }: { health: string }) => health === "healthy"),
    );
    const { containers } = await client.query(toText(ContainersDocument), flags);
    const rest = await call("GET", "/containers", { query: "?include_accessories=true" });
    // GraphQL has enum values in capitals, REST in lower case.
    const inCapitals = (name: string) => (row: Record<string, string>) => ({
      ...row,
      [name]: row[name]?.toUpperCase(),
    });
    expect(containers?.filter(isMine)).toEqual(rest.filter(isMine).map(inCapitals("health")));
    const { queues, errors } = await client.query(toText(QueuesDocument));
    expect({ queues, errors }).toEqual(
      await call("GET", "/queues").then((body) => ({
        queues: body.queues.map(inCapitals("state")),
        errors: body.errors,
      })),
    );
    const { deployInfo: info } = await client.query(toText(DeployInfoDocument));
    expect(info).toMatchObject(deployInfo);
    const { thresholds } = await client.query(toText(HostsDocument));
    expect(thresholds).toEqual({ cpu: 0.85, mem: 0.85 });
  });

  it("GraphQL answers from the same upstreams, joins included", async () => {
    const { status, body } = await gateway.query(`{
      containers(includeAccessories: true) { name deploy { currentTag containers { name } } stats { memUsedBytes } }
      queues { name errors { jobId } } hosts { name diskUtil load1 } deployInfo { currentTag } engines { name ok } }`);
    expect(status).toBe(200);
    expect(body.errors).toBeUndefined();
    const name = `${stage.service}-web-latest`;
    expect(body.data.containers.filter(isMine)).toMatchObject([
      {
        name,
        deploy: { currentTag: deployInfo.current_tag, containers: [{ name }] },
        stats: { memUsedBytes: expect.any(Number) },
      },
      { name: `${stage.service}-redis`, deploy: null },
    ]);
    expect(body.data.queues[0]).toEqual({ name: "payouts", errors: [{ jobId: "job_456" }] });
    expect(body.data.hosts[0].diskUtil).toBeGreaterThan(0);
    expect(body.data.engines).toEqual([{ name: "local", ok: true }]);
  });

  it.each(endpoints.map(({ method, path }) => [method, path] as const))(
    "%s %s without a token is refused",
    async (method, path) => {
      const url = `${gateway.url}${base}${path.replace(":name", `${stage.service}-web-latest`)}`;
      const bodies = new Set<string>();
      for (const authorization of [
        undefined,
        "Bearer wrong-token-0123456789",
        "Basic dGVzdA==",
        "Bearer ",
        "bearer test-token-0123456789",
      ]) {
        const response = await fetch(url, {
          method,
          ...(authorization !== undefined && { headers: { authorization } }),
        });
        expect(response.status).toBe(401);
        expect(response.headers.get("www-authenticate")).toBe("Bearer");
        bodies.add(await response.text());
      }
      expect([...bodies]).toEqual([
        '{"message":"Missing or invalid Authorization header","error":{"code":"unauthorized","message":"Missing or invalid Authorization header"}}',
      ]);
    },
  );
});
