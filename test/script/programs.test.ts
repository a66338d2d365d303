import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { startAnswering } from "../support/answering.ts";
import { installClient } from "../support/client-package.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../support/deploys.ts";
import { startGateway, token } from "../support/gateway.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { sampleHistory } from "../support/queues.ts";

const folder = mkdtempSync(join(tmpdir(), "ops-programs-"));
const programs = globSync("docs/programs/*.mjs");
const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString().replace(/\.\d+/, "");

beforeAll(async () => {
  await installClient(folder);
  for (const program of programs) copyFileSync(program, join(folder, basename(program)));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(program: string, args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [join(folder, program), ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: child.exitCode, out, err };
}

/** A deploy 15 minutes ago. Before it a queue ran without failures; `failures` after it. */
function stage(
  failures: number,
  more: Parameters<typeof createMemorySources>[0] = {},
  options: Parameters<typeof createMemorySources>[1] = {},
) {
  const deployedAt = ago(890);
  const record = { previousTag: "v1", deployedBy: "kim", durationSeconds: 30 };
  const deployLogs = [
    sampleDeployLog([
      sampleRecord({ tag: "v1", deployedAt: ago(40_000) }),
      sampleRecord({ tag: "v2", deployedAt, ...record }),
    ]),
  ];
  const boundary = Date.parse(deployedAt) / 1000;
  const { sources } = createMemorySources(
    {
      containers: [
        sampleContainer({
          name: "wallet-core-staging-web-v2",
          version: "v2",
          createdAt: ago(900),
          startedAt: ago(900),
        }),
      ],
      deployLogs,
      queueSources: [
        {
          name: "jobs",
          metrics: [{ name: "mail", depth: 1 }],
          errors: [],
          history: async (_, { from, step }) => {
            const point = { depth: 0, processedPerSec: 600 / step, failures: from < boundary - 1 ? 0 : failures };
            return new Map([["mail", sampleHistory(point)]]);
          },
        },
      ],
      ...more,
    },
    options,
  );
  return startGateway(sources);
}

it("docs/client.md shows the text of each program", () => {
  const page = readFileSync("docs/client.md", "utf8");
  const blocks = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, block]) => block);
  expect(programs.length).toBe(3);
  for (const program of programs) expect(blocks).toContain(readFileSync(program, "utf8"));
});

it("the Slack line says what went live and what is wrong", async () => {
  await using gateway = await stage(0, {
    containers: [
      sampleContainer({
        name: "web-<1>",
        version: "v2",
        health: "unhealthy",
        createdAt: ago(900),
        startedAt: ago(900),
      }),
    ],
  });
  await using slack = await startAnswering((response) => response.end("ok"));
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token, SLACK_WEBHOOK: `${slack.url}/services/T0` };
  expect(await run("slack-after-deploy.mjs", [], env)).toEqual({ code: 0, out: "", err: "" });
  expect(slack.received.map(({ path }) => path)).toEqual(["/services/T0"]);
  const { text: line } = JSON.parse(slack.received[0]?.body ?? "") as { text: string };
  expect(line).toMatch(
    /^v2 on wallet-core-staging staging, by kim, is current; 2 critical, 0 warnings: web-&lt;1&gt; on \S+ is unhealthy; v2 of /,
  );
});

it("the Slack line is not sent when the gateway or Slack refuses", async () => {
  await using gateway = await stage(0);
  await using slack = await startAnswering((response) => response.writeHead(404).end());
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token, SLACK_WEBHOOK: slack.url };
  expect(await run("slack-after-deploy.mjs", [], env)).toEqual({ code: 1, out: "", err: "Slack answered 404 \n" });
  const { code, err } = await run("slack-after-deploy.mjs", [], { ...env, OPS_TOKEN: "wrong" });
  expect([code, err, slack.received.length]).toEqual([1, expect.stringContaining("wallet-core-ops token"), 1]);
});

it.each([
  [0, 0, /^CLEAN\n$/],
  [300, 1, /^REGRESSED\n {2}.*mail/],
])("the gate with %i failures after the deploy exits with %i", async (failures, code, out) => {
  await using gateway = await stage(failures);
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token };
  expect(await run("verdict-gate.mjs", ["v2", "0"], env)).toEqual({ code, out: expect.stringMatching(out), err: "" });
});

it.each([
  ["another gateway's service alone", "wallet-core-staging", 300, 3, /^OTHER_SERVICE\n {2}wallet-core-staging: this /],
  ["another gateway's service beside an own one", "bother", 300, 1, /^REGRESSED\n {2}wallet-core-staging: mail/],
  ["the same where the own one is well", "bother", 0, 0, /^CLEAN\n$/],
])("the gate does not wait for %s", async (_, other, failures, code, out) => {
  const both = ["wallet-core-staging", "bother"].flatMap((service) =>
    service === "bother" && other !== service
      ? []
      : [
          sampleRecord({ tag: "v1", service, deployedAt: ago(40_000) }),
          // The one of the other service is the newest.
          sampleRecord({ tag: "v2", service, deployedAt: ago(service === other ? 880 : 890), durationSeconds: 30 }),
        ],
  );
  const isOwnService = (service: string) => service !== other;
  await using gateway = await stage(failures, { deployLogs: [sampleDeployLog(both)] }, { isOwnService });
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token };
  expect(await run("verdict-gate.mjs", ["v2", "20"], env)).toEqual({ code, out: expect.stringMatching(out), err: "" });
});

it("the gate on a deploy that failed exits with 1 at once", async () => {
  const web = (version: string, more = {}) => sampleContainer({ name: `web-${version}`, version, ...more });
  const times = { createdAt: ago(900), startedAt: ago(890), finishedAt: ago(800) };
  await using gateway = await stage(0, {
    containers: [web("v1", { createdAt: ago(40_000) })],
    retired: [web("v2", { status: "exited", ...times })],
    deployLogs: [sampleDeployLog([sampleRecord({ tag: "v1", deployedAt: ago(40_000) })])],
  });
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token };
  const { code, out } = await run("verdict-gate.mjs", ["v2", "20"], env);
  expect([code, out]).toEqual([1, expect.stringMatching(/^FAILED\n {2}\S+: this deploy failed/)]);
});

it("the gate on an unknown deploy exits with 3 in time", async () => {
  await using gateway = await stage(0);
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token };
  const { code, out, err } = await run("verdict-gate.mjs", ["v9", "0"], env);
  expect([code, out, err]).toEqual([3, "", "No deploy of v9 is known \n"]);
  const missing = await run("verdict-gate.mjs", ["v9", "0"], { OPS_URL: gateway.url });
  expect([missing.code, missing.err]).toEqual([3, expect.stringContaining("The token is empty")]);
  // 1 would say that the deploy made things worse.
  expect(await run("verdict-gate.mjs", [], env)).toEqual({ code: 3, out: "", err: "Give the tag of the deploy \n" });
  expect((await run("verdict-gate.mjs", ["v9", "0"], { OPS_URL: "ops", OPS_TOKEN: token })).code).toBe(3);
});

it("the nightly report names what happened and what is not known", async () => {
  const errors = [{ queue: "mail", source: "jobs", jobId: "1", error: "smtp\nrefused", timestamp: ago(60), count: 2 }];
  const queueSources = [{ name: "jobs", metrics: [{ name: "mail" }], errors }];
  await using gateway = await stage(0, {
    queueSources,
    hosts: new OpsError("prometheus_unavailable", "Prometheus is down"),
  });
  const env = { OPS_URL: gateway.url, OPS_TOKEN: token };
  const { code, out, err } = await run("nightly-report.mjs", [], env);
  expect([code, err]).toEqual([0, ""]);
  const sections = Object.fromEntries(
    out.split("\n## ").map((section) => section.trim().split("\n\n") as [string, string]),
  );
  expect(sections["Deploys"]).toMatch(/^- \S+ v2 by kim: current\n- \S+ v1 by ops-user: previous$/);
  expect(sections["Errors of jobs in the last hour"]).toBe("- 2 x smtp refused (mail)");
  expect(sections["Hosts"]).toBe("- not known: Prometheus is down");
  expect(sections["Restarts and deaths"]).toBe("none");
  await using healthy = await stage(0, { hosts: [sampleHost({ memUtil: null })] });
  const report = await run("nightly-report.mjs", [], { ...env, OPS_URL: healthy.url });
  expect(report.out).toContain("- staging-host-1: up, CPU 72 %, memory ?, disk 50 %");
});

it("the nightly report is not written without a gateway", async () => {
  const { code, out, err } = await run("nightly-report.mjs", [], { OPS_URL: "http://127.0.0.1:1", OPS_TOKEN: token });
  expect([code, out, err]).toEqual([1, "", expect.stringContaining("cannot be reached")]);
});
