import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../support/deploys.ts";
import { startGateway } from "../support/gateway.ts";
import { createGateHooks } from "../support/kamal-gates.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";
import { createMemoryJobs, sampleHistory, sampleJob } from "../support/queues.ts";

const now = Math.floor(Date.now() / 1000);
const ago = (seconds: number) => `${new Date((now - seconds) * 1000).toISOString().slice(0, 19)}Z`;
const group = { service: "wallet-core", destination: "staging" };
const fleet = [
  sampleContainer({ ...group, name: "web-1", version: "v2", host: "h1", createdAt: ago(1300) }),
  sampleContainer({ ...group, name: "worker-1", role: "worker", version: "v2", host: "h2", createdAt: ago(1300) }),
];
const busy = createMemoryJobs([sampleJob({ jobId: "7", queue: "mail", state: "running", host: "h2", worker: "h2" })]);

/** What ends after the deploy, succeeded and failed; 398 and 2 did before. */
async function start(after: readonly [number, number], more: Partial<Memory> = {}) {
  const history = async (_: unknown, range: { from: number; step: number }) => {
    const [succeeded, failures] = range.from < now - 1260 ? [398, 2] : after;
    return new Map([
      ["mail", sampleHistory({ depth: 0, processedPerSec: succeeded / range.step, failures, waitP95Seconds: 1 })],
    ]);
  };
  const source = {
    name: "jobs",
    env: "staging" as const,
    metrics: [],
    errors: [],
    jobs: createMemoryJobs([]),
    history,
  };
  const releases = [
    sampleRecord({ ...group, tag: "v1", deployedAt: ago(40_000) }),
    sampleRecord({ ...group, tag: "v2", deployedAt: ago(1200), durationSeconds: 60 }),
  ];
  const { sources } = createMemorySources({
    containers: fleet,
    deploy: new OpsError("deploy_info_missing", "deploy_info.json not found on host"),
    deployLogs: [sampleDeployLog(releases)],
    queueSources: [source],
    ...more,
  });
  const gateway = await startGateway(sources);
  const folder = mkdtempSync(join(tmpdir(), "ops-gates-"));
  onTestFinished(async () => {
    await gateway[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  const hooks = createGateHooks(folder, gateway.url);
  const run = (name: "pre-deploy" | "post-deploy", values: Readonly<Record<string, string>> = {}) =>
    hooks.run(name, { KAMAL_DESTINATION: "staging", OPS_WAIT: "0", OPS_VERDICT_WAIT: "0", ...values });
  return { ...hooks, run, folder };
}

describe("the pre-deploy gate", () => {
  it("lets a deploy pass that kills no job", async () => {
    const { run } = await start([397, 3]);
    expect(await run("pre-deploy", { OPS_HEALTHY_BEFORE: "web,worker" })).toEqual({
      status: 0,
      stdout: "",
      stderr:
        "looking once: no job runs in any container of worker (wallet-core, staging)\nit holds\nlooking once: every container of web, worker (wallet-core, staging) is healthy\nit holds\n",
    });
  });

  it("stops one that would kill a job; not a rollback, not when off", async () => {
    const { run } = await start([397, 3], {
      queueSources: [{ name: "jobs", env: "staging", metrics: [], errors: [], jobs: busy }],
    });
    const stopped = await run("pre-deploy");
    expect(stopped).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("job 7 (mail) runs in worker-1 since"),
    });
    expect(stopped.stderr).toContain("pre-deploy: the deploy is stopped (OPS_GATES=off goes around this)\n");
    expect(await run("pre-deploy", { KAMAL_COMMAND: "rollback" })).toMatchObject({ status: 0, stderr: "" });
    expect(await run("pre-deploy", { OPS_GATES: "off" })).toMatchObject({ status: 0 });
    expect(await run("pre-deploy", { OPS_IDLE_ROLES: "web" })).toMatchObject({ status: 0 });
  });

  it("holds for what is not known with OPS_IGNORE_UNKNOWN alone", async () => {
    const error = { code: "docker_unavailable", message: "gone" } as const;
    const { run } = await start([397, 3], {
      engines: [
        { name: "local", ok: true, error: null },
        { name: "far", ok: false, error },
      ],
    });
    for (const [hook, text] of [
      ["pre-deploy", "the deploy is stopped"],
      ["post-deploy", "it does not run healthily everywhere"],
    ] as const) {
      expect(await run(hook)).toMatchObject({ status: 1, stderr: expect.stringContaining(text) });
      const { stderr } = await run(hook, { OPS_IGNORE_UNKNOWN: "on" });
      expect(stderr).toMatch(/\nit holds\n/);
    }
  });

  it("stops a deploy when it is not configured, or nothing answers", async () => {
    const { run } = await start([397, 3]);
    expect(await run("pre-deploy", { OPS_TOKEN: "" })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("OPS_TOKEN"),
    });
    expect((await run("pre-deploy", { OPS_URL: "http://127.0.0.1:1", OPS_WAIT: "1s" })).stderr).toContain(
      "cannot be reached",
    );
  });
});

describe("the post-deploy gate", () => {
  it("passes a release that runs and is not worse, after recording it", async () => {
    const { run, hooks, folder } = await start([397, 3]);
    writeFileSync(join(hooks, "write-deploy-info"), `#!/bin/sh\necho "$KAMAL_VERSION" >'${folder}/recorded'\n`, {
      mode: 0o755,
    });
    const { status, stdout, stderr } = await run("post-deploy");
    expect([status, stderr]).toEqual([
      0,
      "looking once: every container (wallet-core, staging) is healthy; every container (wallet-core, staging) runs v2\nit holds\n",
    ]);
    expect(readFileSync(join(folder, "recorded"), "utf8")).toBe("v2\n");
    expect(stdout).toMatch(/^v2: clean \(wallet-core, staging, staging, current/);
  });

  it("fails for a release that does not run everywhere", async () => {
    const { run } = await start([397, 3]);
    const late = await run("post-deploy", { KAMAL_VERSION: "v3" });
    expect(late).toMatchObject({
      status: 1,
      stdout: "",
      stderr: expect.stringContaining("web-1 runs v2; worker-1 runs v2"),
    });
    expect(late.stderr).toContain(
      "post-deploy: v3 is deployed, but it does not run healthily everywhere. Its way back: kamal rollback VERSION\n",
    );
    expect(await run("post-deploy", { KAMAL_VERSION: "v3", OPS_GATES: "off" })).toMatchObject({ status: 0 });
  });

  it("fails for a release that is worse than the one before", async () => {
    const { run } = await start([150, 50]);
    const { status, stdout, stderr } = await run("post-deploy", { OPS_ROLES: "web" });
    expect([status, stdout]).toEqual([
      1,
      expect.stringContaining("worse: mail: 25 % of its jobs fail, 0.5 % did before"),
    ]);
    expect(stderr).toContain("v2: regressed\npost-deploy: v2 is deployed, but made things worse, or cannot be judged.");
  });

  it("needs to be run by Kamal", async () => {
    const { run } = await start([397, 3]);
    expect(await run("post-deploy", { KAMAL_VERSION: "" })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("KAMAL_VERSION is not set"),
    });
  });
});
