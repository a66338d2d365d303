import { describe, expect, it } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createRest } from "../support/rest.ts";

const web = sampleContainer({ fullId: "abc123".padEnd(64, "0"), id: "abc123" });
const redis = sampleContainer({
  fullId: "def456".padEnd(64, "0"),
  id: "def456",
  name: "wallet-core-staging-redis",
  kind: "accessory",
  role: "redis",
  health: "none",
  version: "7-alpine",
  commitSha: "",
  host: "wallet-core-staging-redis",
  createdAt: "2026-01-13T09:10:00Z",
  startedAt: "2026-01-13T09:10:05Z",
  image: "redis:7-alpine",
  ports: ["0.0.0.0:6379"],
});
const queue = (name: string, depth: number, processedPerSec: number, failuresLastHour: number) => ({
  name,
  source: "jobs",
  depth,
  processedPerSec,
  failuresLastHour,
});
const failure = (name: string, jobId: string, error: string, timestamp: string, count: number) => ({
  queue: name,
  source: "jobs",
  jobId,
  error,
  timestamp,
  count,
});
const jobs = {
  name: "jobs",
  metrics: [
    queue("webhook.aella.process", 2, 0.4, 0),
    queue("payouts", 4, 1.2, 0),
    queue("pos_settlement", 12, 0.6, 1),
  ],
  errors: [
    failure("payouts", "job_456", "timeout contacting provider", "2026-01-13T09:41:10Z", 1),
    failure("pos_settlement", "job_123", "pq: serialization failure", "2026-01-13T09:45:12Z", 2),
  ],
};

/** The seed's example, byte for byte in its own order of keys. */
const seedWeb =
  '{"id":"abc123","name":"wallet-core-staging-web-latest","role":"web","status":"running","health":"healthy",' +
  '"version":"deploy-20260110-130322-prod","commit_sha":"abc123","restarts":0,"host":"37.27.91.235-56703216100c",' +
  '"created_at":"2026-01-13T09:40:00Z","started_at":"2026-01-13T09:40:10Z","image":"ghcr.io/schoolable/wallet-core:latest",' +
  '"ports":["0.0.0.0:8080"]';
const seedRedis =
  '{"id":"def456","name":"wallet-core-staging-redis","role":"redis","status":"running","health":"none","version":"7-alpine",' +
  '"commit_sha":"","restarts":0,"host":"wallet-core-staging-redis","created_at":"2026-01-13T09:10:00Z",' +
  '"started_at":"2026-01-13T09:10:05Z","image":"redis:7-alpine","ports":["0.0.0.0:6379"]';
const stats = ',"cpu_pct":12.4,"mem_pct":34.1';
/** What the seed does not have comes after all that it has. */
const more = ',"destination":null';

describe("the seed's examples", () => {
  const hosts = [
    sampleHost(),
    sampleHost({ name: "staging-host-2", instance: "b", cpuUtil: 0.91, memUtil: 0.88, alert: true }),
  ];
  const { get } = createRest(createMemorySources({ containers: [redis, web], queueSources: [jobs], hosts }).sources);

  it("GET /containers is a bare array in the seed's key order, no stats", async () => {
    expect((await get("/containers")).body).toBe(`[${seedWeb}${more}}]`);
  });

  it("GET /containers with accessories and stats is the seed's example", async () => {
    const { body, headers } = await get("/containers", "env=staging&include_accessories=true&include_stats=1");
    expect(body).toBe(`[${seedWeb}${stats}${more}},${seedRedis}${stats}${more}}]`);
    expect(headers).toEqual({
      "content-type": "application/json; charset=utf-8",
      etag: expect.stringMatching(/^"[\w-]{27}"$/),
      vary: "Accept-Encoding",
      "x-ops-engines": '"local"',
    });
  });

  it("GET /containers/:name has stats, and accessories on request only", async () => {
    expect((await get("/containers/wallet-core-staging-web-latest")).body).toBe(`${seedWeb}${stats}${more}}`);
    expect((await get("/containers/wallet-core-staging-redis", "include_accessories=true")).body).toBe(
      `${seedRedis}${stats}${more}}`,
    );
    await expect(get("/containers/wallet-core-staging-redis")).rejects.toMatchObject({ code: "container_not_found" });
  });

  it("GET /queues has the seed's queues by name and errors newest first", async () => {
    const body = JSON.parse((await get("/queues")).body);
    expect(Object.keys(body)).toEqual(["queues", "errors", "sources"]);
    // What the contract documents comes first, as it is documented; more follows.
    const begin = (rows: object[], length: number) =>
      rows.map((row) => Object.fromEntries(Object.entries(row).slice(0, length)));
    const documented = begin(body.queues, 4);
    expect(JSON.stringify(documented)).toBe(
      '[{"name":"payouts","depth":4,"processed_per_sec":1.2,"failures_last_hour":0},' +
        '{"name":"pos_settlement","depth":12,"processed_per_sec":0.6,"failures_last_hour":1},' +
        '{"name":"webhook.aella.process","depth":2,"processed_per_sec":0.4,"failures_last_hour":0}]',
    );
    expect(JSON.stringify(begin(body.errors, 5))).toBe(
      '[{"queue":"pos_settlement","job_id":"job_123","error":"pq: serialization failure","timestamp":"2026-01-13T09:45:12Z","count":2},' +
        '{"queue":"payouts","job_id":"job_456","error":"timeout contacting provider","timestamp":"2026-01-13T09:41:10Z","count":1}]',
    );
    expect(body.sources).toEqual([{ name: "jobs", ok: true, error: null }]);
  });

  it("GET /hosts starts with the documented fields", async () => {
    const body = JSON.parse((await get("/hosts")).body);
    expect(Object.keys(body)).toEqual(["thresholds", "hosts", "updated_at"]);
    expect(JSON.stringify(body.thresholds)).toBe('{"cpu":0.85,"mem":0.85}');
    expect(JSON.stringify(body.hosts[0])).toMatch(
      /^\{"name":"staging-host-1","cpu_util":0\.72,"mem_util":0\.64,"alert":false,/,
    );
    expect(JSON.stringify(body.hosts[1])).toMatch(
      /^\{"name":"staging-host-2","cpu_util":0\.91,"mem_util":0\.88,"alert":true,/,
    );
    expect(body.updated_at).toBe("2026-01-13T09:46:00Z");
  });

  it("GET /deploy-info is the seed's example, byte for byte", async () => {
    expect((await get("/deploy-info")).body).toBe(
      '{"current_tag":"deploy-20260110-130322-prod","previous_tag":"deploy-20260109-101500-prod","commit_sha":"abc123",' +
        '"deployed_by":"ops-user","deployed_at":"2026-01-10T13:15:00Z"}',
    );
  });

  it("has the documented error codes when an upstream is down", async () => {
    const gone = createMemorySources({
      hosts: new OpsError("prometheus_unavailable", "down"),
      deploy: new OpsError("deploy_info_missing", "no file"),
      queueSources: [{ ...jobs, metrics: new OpsError("postgres_unavailable", "down") }],
      engines: [{ name: "local", ok: false, error: { code: "docker_unavailable", message: "down" } }],
    });
    const rest = createRest(gone.sources);
    await expect(rest.get("/hosts")).rejects.toMatchObject({ code: "prometheus_unavailable", status: 503 });
    await expect(rest.get("/deploy-info")).rejects.toMatchObject({ code: "deploy_info_missing", status: 404 });
    await expect(rest.get("/queues")).rejects.toMatchObject({ code: "queues_unavailable", status: 503 });
    await expect(rest.get("/containers")).rejects.toMatchObject({ code: "docker_unavailable", status: 503 });
    await expect(rest.get("/containers/any")).rejects.toMatchObject({ code: "docker_unavailable", status: 503 });
  });

  it("GET /queues names an unreadable source beside the others' queues", async () => {
    const broken = { name: "broken", metrics: new OpsError("schema_mismatch", "no column state"), errors: [] };
    const locked = { name: "locked", metrics: [queue("c", 1, 0, 0)], errors: new OpsError("queue_locked", "locked") };
    const rest = createRest(createMemorySources({ queueSources: [jobs, broken, locked] }).sources);
    const body = JSON.parse((await rest.get("/queues")).body);
    expect(body.queues.map(({ name }: { name: string }) => name)).toEqual([
      "c",
      "payouts",
      "pos_settlement",
      "webhook.aella.process",
    ]);
    expect(body.errors).toHaveLength(2);
    expect(body.sources).toEqual([
      { name: "jobs", ok: true, error: null },
      { name: "broken", ok: false, error: { code: "schema_mismatch", message: "no column state" } },
      { name: "locked", ok: false, error: { code: "queue_locked", message: "locked" } },
    ]);
  });
});
