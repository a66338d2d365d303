import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createSources } from "../../src/sources.ts";
import { type FakeEngine, fullId, inspected, json, listed, startFakeEngine } from "../support/docker-fake.ts";
import { startGateway } from "../support/gateway.ts";
import { panelBody } from "../support/grafana-panel.ts";
import { column, readFrames } from "../support/grafana-read.ts";

const start = Math.floor(Date.now() / 1000) - 3 * 3600;
const at = (minute: number, second = 0) =>
  new Date((start + minute * 60 + second) * 1000).toISOString().replace(".000", "");

/**
 * A container as Docker tells of it: Kamal's name, labels and variables, when it was made, and when
 * it ended.
 */
interface Made {
  readonly version: string;
  readonly made: string;
  readonly ended?: string;
}

function place(engine: FakeEngine, containers: readonly Made[]): void {
  const rows = containers.map(({ version, made, ended }, index) => {
    const [id, name] = [fullId(String(index + 1)), `wallet-core-web-${version}`];
    const labels = { service: "wallet-core", role: "web", destination: "" };
    const state = ended ? "exited" : "running";
    const Config = {
      Image: `a/wallet-core:${version}`,
      Hostname: `h-${index}`,
      Labels: labels,
      Env: [`KAMAL_VERSION=${version}`],
    };
    const State = { Status: state, StartedAt: made, FinishedAt: ended ?? "0001-01-01T00:00:00Z" };
    engine.on(`${id}/json`, json({ ...inspected(id, name, Config), Created: made, State }));
    return listed(id, name, {
      Labels: labels,
      State: state,
      Status: ended ? "Exited (1) 2 hours ago" : "Up 2 hours",
      Created: Date.parse(made) / 1000,
    });
  });
  engine.on("/containers/json", json(rows));
}

const written = (tag: string, previous: string, minute: number) => ({
  current_tag: tag,
  previous_tag: previous,
  commit_sha: "",
  deployed_by: "kim",
  deployed_at: at(minute),
  service: "wallet-core",
  version: tag,
  command: "deploy",
  runtime_seconds: "40",
});

let engine: FakeEngine;
let folder: string;
beforeEach(async () => {
  engine = await startFakeEngine();
  folder = mkdtempSync(join(tmpdir(), "ops-failed-"));
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function open(...deploys: ReturnType<typeof written>[]) {
  writeFileSync(join(folder, "deploy_info.json"), JSON.stringify(deploys.at(-1)));
  writeFileSync(join(folder, "deploy_history.jsonl"), deploys.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const { address } = engine.options;
  const config = parseConfig(
    {
      WALLET_CORE_OPS_TOKEN: "a-token-of-some-length-0123456789",
      WALLET_CORE_OPS_DOCKER_HOSTS: `web-1=unix://${address.kind === "unix" ? address.socketPath : ""}`,
      WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "deploy_info.json"),
      WALLET_CORE_OPS_AUDIT_FILE: join(folder, "audit.jsonl"),
    },
    () => "",
  );
  const sources = createSources(config, silentLogger);
  const gateway = await startGateway(sources);
  return {
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await sources.close();
    },
  };
}

/**
 * The list alone does not say when a container ended: an engine that is slow is asked about each of
 * them later.
 */
async function inspectedAll(gateway: Awaited<ReturnType<typeof open>>["gateway"], count: number) {
  const countStarted = async () => {
    const { body } = await gateway.query("{ deploys { nodes { containers { startedAt } } } }");
    const containers = body.data.deploys.nodes.flatMap(
      (one: { containers: { startedAt: string | null }[] }) => one.containers,
    );
    return containers.filter(({ startedAt }: { startedAt: string | null }) => startedAt !== null).length;
  };
  await expect.poll(countStarted).toBe(count);
}

const query = `{
  deploys { nodes { tag state previousTag origin } }
  latestDeploys { tag }
  timeline(from: "4h", kinds: [DEPLOY]) { nodes { message } }
}`;

it("a deploy that Kamal gave up is failed, and nothing links to it", async () => {
  place(engine, [
    { version: "v1", made: at(0), ended: at(61) },
    { version: "v2", made: at(30), ended: at(30, 35) },
    { version: "v3", made: at(60) },
  ]);
  await using opened = await open(written("v1", "v0", 1), written("v3", "v1", 61));
  const { gateway } = opened;
  await inspectedAll(gateway, 3);
  const { body } = await gateway.query(query);
  expect(body.data.deploys.nodes).toEqual([
    { tag: "v3", state: "CURRENT", previousTag: "v1", origin: "HISTORY" },
    { tag: "v2", state: "FAILED", previousTag: "v1", origin: "CONTAINERS" },
    { tag: "v1", state: "PREVIOUS", previousTag: "v0", origin: "HISTORY" },
  ]);
  expect(body.data.timeline.nodes.toReversed().map(({ message }: { message: string }) => message)).toEqual([
    "Deployed v1 by kim (previous)",
    "Failed to deploy v2",
    "Deployed v3 by kim (current)",
  ]);
  const info = await gateway.fetch("/api/v1/admin/ops/deploy-info");
  expect(await info.json()).toMatchObject({ current_tag: "v3", previous_tag: "v1" });

  const answer = await gateway.fetch("/grafana/query", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(
      panelBody([{ refId: "A", target: "deploys" }], { range: { from: at(-10), to: at(180) }, panelId: undefined }),
    ),
  });
  const [frame] = readFrames(await answer.json());
  expect(column(frame, "tags")).toEqual(["deploy,previous", "deploy,failed", "deploy,current"]);
  expect(column(frame, "title")).toEqual(["Deploy", "Failed deploy", "Deploy"]);
});

it("the previous deploy stays current, and verdicts are about it", async () => {
  place(engine, [
    { version: "v1", made: at(0) },
    { version: "v2", made: at(30), ended: at(30, 35) },
  ]);
  await using opened = await open(written("v1", "v0", 1));
  await inspectedAll(opened.gateway, 2);
  const { body } = await opened.gateway.query(`{
    deploys { nodes { tag state verdict { outcome reasons } } }
    latestDeploys { tag }
    drift { kind }
  }`);
  expect(body.data.deploys.nodes[0]).toEqual({
    tag: "v2",
    state: "FAILED",
    verdict: { outcome: "NOT_ENOUGH_DATA", reasons: ["this deploy failed: no container of it went live"] },
  });
  expect(body.data.deploys.nodes[1]).toMatchObject({ tag: "v1", state: "CURRENT" });
  expect(body.data.latestDeploys).toEqual([{ tag: "v1" }]);
  expect(body.data.drift).toEqual([]);
});

it("the hook's record names failed deploys after Kamal removed containers", async () => {
  const failures = [2, 3, 4].map((minute) => ({ version: `v${minute}`, made: at(minute), ended: at(minute, 35) }));
  place(engine, [...failures, { version: "v7", made: at(60) }]);
  const look = async (...deploys: ReturnType<typeof written>[]) => {
    await using opened = await open(...deploys);
    await inspectedAll(opened.gateway, 4);
    const { body } = await opened.gateway.query(query);
    const states = body.data.deploys.nodes.map(
      (one: Record<string, string>) => `${one["tag"]} ${one["state"]} ${one["previousTag"]}`,
    );
    return [states, body.data.timeline.nodes.toReversed().map(({ message }: { message: string }) => message)];
  };
  expect(await look(written("v1", "", 1), written("v7", "v1", 61))).toEqual([
    ["v7 CURRENT v1", "v4 FAILED v1", "v3 FAILED v1", "v2 FAILED v1", "v1 PREVIOUS null"],
    [
      "Deployed v1 by kim (previous)",
      ...["v2", "v3", "v4"].map((tag) => `Failed to deploy ${tag}`),
      "Deployed v7 by kim (current)",
    ],
  ]);
  expect(await look(written("v7", "", 61))).toEqual([
    ["v7 CURRENT null", "v4 UNKNOWN null", "v3 UNKNOWN null", "v2 UNKNOWN null"],
    [...["v2", "v3", "v4"].map((tag) => `Deployed ${tag} (unknown)`), "Deployed v7 by kim (current)"],
  ]);
});
