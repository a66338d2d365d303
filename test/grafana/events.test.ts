import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeToken } from "../../src/cli/token.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../support/deploys.ts";
import { startGateway } from "../support/gateway.ts";
import { panelBody } from "../support/grafana-panel.ts";
import { column, readFrames } from "../support/grafana-read.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const begin = Date.UTC(2026, 0, 1);
const at = (minute: number) => new Date(begin + minute * 60_000).toISOString();
const container = sampleContainer();
const away = new OpsError("prometheus_unavailable", "Prometheus does not answer");
const memory = createMemorySources({
  engines: [{ name: "local", ok: false, error: { code: "docker_timeout", message: "no answer" } }],
  hosts: away,
  deploy: new OpsError("deploy_info_missing", "There is none"),
  deployLogs: [
    sampleDeployLog(
      Array.from({ length: 150 }, (_, index) => sampleRecord({ tag: `v${index}`, deployedAt: at(index) })),
    ),
  ],
});
memory.sources.timeline.add(
  toEntry({
    kind: "restart",
    time: at(10.01),
    env: "staging",
    message: "was restarted",
    container: toTimelineContainer(container),
    requested: false,
  }),
);
memory.audited.push({
  action: "restart",
  containerName: container.name,
  containerId: container.fullId,
  engine: "local",
  env: "staging",
  subject: "kim",
  reason: null,
  at: at(10),
  seq: 2,
  outcome: "ok",
  intent: 1,
} as never);

for (const [kind, message] of [
  ["container_death", "web ended: 137"],
  ["oom_kill", "web ran out of memory"],
] as const)
  memory.sources.timeline.add(
    toEntry({
      kind,
      time: at(30),
      env: "staging",
      message,
      container: toTimelineContainer(container),
      requested: false,
    }),
  );

const reader = makeToken({
  subject: "grafana",
  scopes: ["ops:read"],
  environments: ["staging", "production"],
  expiresAt: new Date(Date.now() + 3_600_000),
});
const folder = mkdtempSync(join(tmpdir(), "ops-events-"));
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  const tokensFile = join(folder, "tokens.json");
  writeFileSync(tokensFile, JSON.stringify([reader.entry]));
  gateway = await startGateway(memory.sources, { tokensFile });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function post(targets: readonly object[], from: string, to: string, as?: string) {
  const body = panelBody(targets, { range: { from, to }, panelId: undefined });
  const headers = { "content-type": "application/json", ...(as && { authorization: `Bearer ${as}` }) };
  const response = await gateway.fetch("/grafana/query", { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}
async function query(target: string, from: string, to: string, payload: object = {}, as?: string) {
  const { status, body } = await post([{ refId: "Anno", target, payload }], from, to, as);
  expect(status, JSON.stringify(body)).toBe(200);
  return readFrames(body);
}

describe("deploys of annotations", () => {
  it("have their time, text and tags, of the range alone", async () => {
    const [frame] = await query("deploys", at(3), at(5));
    expect(column(frame, "time")).toEqual([3, 4, 5].map((minute) => Date.parse(at(minute))));
    expect(column(frame, "text")).toEqual(["v3 by ops-user", "v4 by ops-user", "v5 by ops-user"]);
    expect(column(frame, "tags")[0]).toMatch(/^deploy,/);
    expect(column(frame, "title")[0]).toBe("Deploy");
    expect(frame?.meta?.notices).toBeUndefined();
    expect(await query("deploys", at(200), at(300))).toEqual([]);
  });

  it("say where there may be more than are shown", async () => {
    const [frame] = await query("deploys", at(0), at(200));
    expect(column(frame, "text")).toHaveLength(100);
    expect(column(frame, "text")[0]).toBe("v50 by ops-user");
    expect(frame?.meta?.notices).toEqual([{ severity: "info", text: "Only the newest 100 of this range" }]);
    expect((await query("deploys", at(0), at(98)))[0]?.meta?.notices).toBeUndefined();
  });
});

describe("restarts of annotations", () => {
  it("are found by role and by who asked for them", async () => {
    const [frame] = await query("restarts", at(0), at(20), { role: "web" });
    expect([column(frame, "who"), column(frame, "role"), column(frame, "version")]).toEqual([
      ["kim"],
      ["web"],
      [container.version],
    ]);
    const [other] = await query("restarts", at(0), at(20), { role: "worker" });
    expect(other?.length ?? 0).toBe(0);
  });
});

describe("a token that may not operate", () => {
  it("sees restarts from events, and why nobody is named", async () => {
    const [frame] = await query("restarts", at(0), at(20), {}, reader.token);
    expect([column(frame, "text"), column(frame, "who")]).toEqual([["was restarted"], [null]]);
    const notices = frame?.meta?.notices?.map(({ text }) => text) ?? [];
    expect(notices.filter((text) => text.includes("who restarted is for tokens with ops:operate"))).toHaveLength(1);
  });

  it("gets that reason where there is no restart at all", async () => {
    const [frame] = await query("restarts", at(100), at(200), {}, reader.token);
    expect(frame?.length).toBe(0);
    expect(frame?.meta?.notices?.[0]?.text).toContain("who restarted is for tokens with ops:operate");
  });
});

describe("deaths and OOM kills of annotations", () => {
  it("have time, title, text and tags, of one environment and kind", async () => {
    const seen = async (payload: object) => {
      const [frame] = await query("alerts", at(0), at(60), payload);
      if (!frame || frame.length === 0) return [];
      const columns = ["time", "title", "text", "tags"].map((name) => column(frame, name) ?? []);
      return columns[0]?.map((_, index) => columns.map((cells) => cells[index]));
    };
    const [death, kill] = [
      [Date.parse(at(30)), "Container ended", "web ended: 137", "container_death"],
      [Date.parse(at(30)), "Out of memory", "web ran out of memory", "oom_kill"],
    ];
    expect(await seen({ env: "STAGING" })).toEqual([death, kill]);
    expect(await seen({ env: "staging", kind: "container_death" })).toEqual([death]);
    expect(await seen({ env: "production" })).toEqual([]);
  });
});

it.each(["restarts", "alerts", "deploys"])("%s: a range of no length has no events", async (name) => {
  const [frame] = await query(name, at(500), at(500));
  expect(frame?.length ?? 0).toBe(0);
});

describe("up counts without an answer", () => {
  const now = () => [new Date(Date.now() - 3_600_000).toISOString(), new Date().toISOString()] as const;

  it("are null for what could not be counted, with the reason", async () => {
    const [frame] = await query("up", ...now());
    const legends = frame?.fields.slice(1).map(({ labels, name, values }) => [labels?.["kind"], name, values.at(-1)]);
    expect(legends).toEqual(
      expect.arrayContaining([
        ["host", "up", null],
        ["container", "up", null],
        ["engine", "up", 0],
      ]),
    );
    expect(frame?.meta?.notices?.map(({ severity, text }) => [severity, text])).toEqual([
      ["warning", "host: Prometheus does not answer"],
      ["warning", expect.stringMatching(/^container: .*no answer/)],
    ]);
  });

  it("are an error when nothing could be counted", async () => {
    const { status, body } = await post([{ refId: "A", target: "up", payload: { kind: ["host"] } }], ...now());
    expect([status, body.error.code]).toEqual([503, "prometheus_unavailable"]);
  });
});
