import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { freePort } from "../../../script/services/process.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../../support/deploys.ts";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";
import { sampleHistory } from "../../support/queues.ts";
import { runCommand } from "../../support/terminal-run.ts";
import { until } from "../../support/until.ts";

const now = Math.floor(Date.now() / 1000);
const ago = (seconds: number) => `${new Date((now - seconds) * 1000).toISOString().slice(0, 19)}Z`;
const v1 = sampleRecord({ tag: "v1", deployedAt: ago(40_000) });
const v2 = sampleRecord({ tag: "v2", deployedAt: ago(1200), durationSeconds: 60 });
const shop = { service: "shop", destination: "beta", env: "production" as const };
const web = (version: string, more = {}) =>
  sampleContainer({ name: `web-${version}`, version, createdAt: ago(1300), ...more });

/** What ended before and after the deploy, succeeded and failed. */
interface Ends {
  before: [number, number];
  after: [number, number];
}

/** The services of `others` are not looked after. */
async function start(ends: Ends, more: Partial<Memory> = {}, others: readonly string[] = []) {
  const history = async (_: unknown, range: { from: number; step: number }) => {
    const [succeeded, failures] = range.from < now - 1260 ? ends.before : ends.after;
    return new Map([
      ["mail", sampleHistory({ depth: 0, processedPerSec: succeeded / range.step, failures, waitP95Seconds: 1 })],
    ]);
  };
  const { sources } = createMemorySources(
    {
      containers: [web("v2")],
      retired: [web("v1", { status: "exited", createdAt: ago(40_000), finishedAt: ago(1290) })],
      deploy: new OpsError("deploy_info_missing", "deploy_info.json not found on host"),
      deployLogs: [sampleDeployLog([v1, v2])],
      queueSources: [{ name: "jobs", env: "staging", metrics: [], errors: [], history }],
      ...more,
    },
    { isOwnService: (service) => !others.includes(service) },
  );
  return startGateway(sources);
}

const clean: Ends = { before: [398, 2], after: [397, 3] };
const worse: Ends = { before: [398, 2], after: [150, 50] };
const thin: Ends = { before: [398, 2], after: [3, 3] };

describe("verdict", () => {
  it("of a good release is clean", async () => {
    await using gateway = await start(clean);
    const run = await runCommand(gateway.url, ["verdict", "--fail-on", "regressed", "--fail-on", "not-enough-data"]);
    expect(run).toEqual({
      code: 0,
      out: expect.stringMatching(
        /^v2: clean \(wallet-core-staging, staging, current, deployed 20 min ago\)\n {2}compared: .* before and after\n/,
      ),
      err: "",
    });
    expect(run.out).toContain("  queues clean: mail (jobs)\n");
  });

  it("of a bad release says why, and ends with 3 on request", async () => {
    await using gateway = await start(worse);
    const plain = await runCommand(gateway.url, ["verdict"]);
    expect([plain.code, plain.err]).toEqual([0, ""]);
    expect(plain.out).toContain("  worse: mail: 25 % of its jobs fail, 0.5 % did before\n");
    expect(plain.out).toContain("  queues regressed: mail (jobs)\n");
    const gate = await runCommand(gateway.url, [
      "verdict",
      "--env",
      "staging",
      "--fail-on",
      "regressed",
      "-o",
      "json",
      "--color",
      "always",
    ]);
    expect([gate.code, gate.err]).toEqual([3, "v2: regressed\n"]);
    expect(JSON.parse(gate.out)).toMatchObject([
      { tag: "v2", verdict: { outcome: "REGRESSED", queues: [{ queue: "mail" }] } },
    ]);
    expect(gate.out).not.toContain("\u001b");
    const yaml = await runCommand(gateway.url, ["verdict", "-o", "yaml", "--fail-on", "not-enough-data"]);
    expect([yaml.code, parse(yaml.out)]).toEqual([0, [expect.objectContaining({ tag: "v2" })]]);
  });

  it("without enough data fails on request alone, after the wait", async () => {
    await using gateway = await start(thin);
    const run = await runCommand(gateway.url, ["verdict", "--fail-on", "regressed"]);
    expect([run.code, run.out]).toEqual([0, expect.stringContaining("v2: not enough data")]);
    const gate = await runCommand(gateway.url, ["verdict", "--fail-on", "not-enough-data", "--wait", "1s"]);
    expect([gate.code, gate.err]).toEqual([3, expect.stringMatching(/^not yet: v2: .*\nv2: not enough data\n$/)]);
  });

  it("--wait ends as soon as the outcome is out", async () => {
    const ends = { ...thin };
    await using gateway = await start(ends);
    const stderr: string[] = [];
    const waiting = runCommand(gateway.url, ["verdict", "--wait", "1m", "--fail-on", "regressed"], {
      onError: (text) => stderr.push(text),
    });
    await until(async () => stderr.length > 0);
    ends.after = worse.after;
    expect(await waiting).toMatchObject({ code: 3, err: expect.stringContaining("v2: regressed\n") });
  });

  it("of a tag is that of its last deploy, of no other group", async () => {
    const deployLogs = [sampleDeployLog([v1, v2, sampleRecord({ ...shop, tag: "s1", deployedAt: ago(900) })])];
    await using gateway = await start(worse, { deployLogs });
    const tags = async (...args: string[]) => {
      const { code, out, err } = await runCommand(gateway.url, ["verdict", ...args, "-o", "json"]);
      return code === 0
        ? JSON.parse(out)
            .map(({ tag }: { tag: string }) => tag)
            .toSorted()
        : err;
    };
    expect(await tags()).toEqual(["s1", "v2"]);
    expect(await tags("v1")).toEqual(["v1"]);
    expect(await tags("--env", "production")).toEqual(["s1"]);
    expect(await tags("--destination", "beta")).toEqual(["s1"]);
    expect(await tags("--destination", "", "--service", "wallet-core-staging")).toEqual(["v2"]);
    expect(await tags("v9")).toContain("No deploy of v9 is known (not_found)");
    expect(await tags("s1", "--env", "staging")).toContain("No deploy of s1 is known");
  });

  it("of a service of another gateway is not waited for, and not passed", async () => {
    const records = [v1, v2, sampleRecord({ ...shop, tag: "v2", deployedAt: ago(900) })];
    await using gateway = await start(worse, { deployLogs: [sampleDeployLog(records)] }, ["shop"]);
    const gate = ["verdict", "v2", "--wait", "1h", "--fail-on", "regressed"];
    const own = await runCommand(gateway.url, gate);
    expect([own.code, own.err]).toEqual([
      3,
      "left out, of services of other gateways: v2 (shop, beta, production)\nv2: regressed\n",
    ]);
    expect(own.out).not.toContain("shop");
    const foreign = await runCommand(gateway.url, [...gate, "--service", "shop"]);
    const reason = "this gateway is not responsible for its service (SERVICE): its own gateway judges it";
    expect([foreign.code, foreign.err]).toEqual([3, `v2: never judged: ${reason}\n`]);
    expect(foreign.out).toBe(
      `v2: never judged (shop, beta, production, unknown, deployed 15 min ago)\n  why: ${reason}\n`,
    );
    // Without --fail-on it is no gate.
    const shown = await runCommand(gateway.url, ["verdict", "v2", "--service", "shop", "--wait", "1h"]);
    expect([shown.code, shown.err]).toEqual([0, ""]);
  });

  it("of a deploy that failed is not waited for, and not passed", async () => {
    const containers = [web("v1", { createdAt: ago(40_000) })];
    const retired = [
      web("v2", { status: "exited", createdAt: ago(1200), startedAt: ago(1190), finishedAt: ago(1100) }),
    ];
    await using gateway = await start(clean, { containers, retired, deployLogs: [sampleDeployLog([v1])] });
    const run = await runCommand(gateway.url, ["verdict", "v2", "--wait", "1h", "--fail-on", "regressed"]);
    const reason = "this deploy failed: no container of it went live";
    expect([run.code, run.err]).toEqual([3, `v2: never judged: ${reason}\n`]);
  });

  it("names the places of several deploys of one tag", async () => {
    const records = [v1, v2, sampleRecord({ ...shop, tag: "v2", deployedAt: ago(900) })];
    await using gateway = await start(thin, { deployLogs: [sampleDeployLog(records)] });
    const run = await runCommand(gateway.url, ["verdict", "v2", "--fail-on", "not-enough-data"]);
    expect([run.code, run.err]).toEqual([
      3,
      "v2 (shop, beta, production): not enough data, v2 (wallet-core-staging, staging): not enough data\n",
    ]);
  });

  it.each([
    [["a", "b"], "One tag at most"],
    [["--window", "30s"], "--window must be from 1m to 24h"],
    [["--fail-on", "clean"], "--fail-on must be one of regressed, not-enough-data, not 'clean'"],
    [["--wait", "x"], "--wait must be a time such as"],
  ])("%j is an error of usage", async (args, message) => {
    const run = await runCommand("http://127.0.0.1:1", ["verdict", ...args]);
    expect([run.code, run.err]).toEqual([2, expect.stringContaining(message)]);
  });

  it("fails where the gateway cannot be reached, after the wait", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const run = await runCommand(url, ["verdict", "--wait", "1s"]);
    expect([run.code, run.out, run.err]).toEqual([1, "", expect.stringContaining("(unreachable)")]);
  });
});
