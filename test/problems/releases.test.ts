import { describe, expect, it } from "vitest";
import { type Drift } from "../../src/deploys/drift.ts";
import type { Deploy } from "../../src/deploys/state.ts";
import { judgeDeploy } from "../../src/deploys/verdict/verdict.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import type { Container } from "../../src/containers/container.ts";
import { createProblem, type CurrentProblem } from "../../src/problems/problem.ts";
import { toGroup } from "../../src/releases/service-group.ts";
import { findReleaseProblems, type ReleaseReadings, selectJudged } from "../../src/problems/releases.ts";
import { sampleContainer } from "../support/containers.ts";
import { findDrift } from "../support/deploy-steps.ts";
import { quietContainers, sampleDeploy, sampleDeployInfo } from "../support/deploys.ts";

const nowMs = Date.parse("2026-01-13T10:00:00Z");
const ago = (seconds: number) => formatRfc3339(nowMs - seconds * 1000);
const v2 = sampleDeploy({ tag: "v2", deployedAt: ago(1200) });
const v1 = sampleDeploy({ tag: "v1", deployedAt: ago(90_000), state: "previous" });
const none: ReleaseReadings = { nowMs, deploys: [], verdicts: new Map(), drift: [], infoError: null, info: null };
const find = (given: Partial<ReleaseReadings>, others: readonly CurrentProblem[] = []) =>
  findReleaseProblems({ ...none, ...given }, others);

describe("a deploy that made things worse", () => {
  const evidence = { windows: null, queues: [], newErrors: [], gaps: [] };
  const bad = judgeDeploy({ ...evidence, containers: { ...quietContainers, unhealthyNow: ["web-1"] } });
  const good = judgeDeploy({ ...evidence, containers: quietContainers });

  it("is critical, with the reasons of the verdict", () => {
    expect(bad.outcome).toBe("regressed");
    expect(find({ deploys: [v1, v2], verdicts: new Map([[v2, bad]]) })).toMatchObject([
      {
        kind: "deploy_regressed",
        severity: "critical",
        alert: "OpsFailuresUpSinceDeploy",
        title: "v2 of wallet-core-staging made things worse",
        since: ago(1200),
        service: "wallet-core-staging",
        env: "staging",
        deploy: v2,
        evidence: ["unhealthy now: web-1", "deployed 20 min ago by ops-user"],
      },
    ]);
  });

  it("is none by another verdict, without one, or later than an hour", () => {
    const late = { ...v2, deployedAt: ago(3601) };
    expect(find({ deploys: [v2], verdicts: new Map([[v2, good]]) })).toEqual([]);
    expect(find({ deploys: [v2], verdicts: new Map([[v2, null]]) })).toEqual([]);
    expect(find({ deploys: [late], verdicts: new Map([[late, bad]]) })).toEqual([]);
  });

  it("is judged if it is the newest of its group that has not failed", () => {
    const other = sampleDeploy({ tag: "v9", deployedAt: ago(60), destination: "beta" });
    const failed = sampleDeploy({ tag: "v3", deployedAt: ago(30), state: "failed" });
    const older = sampleDeploy({ tag: "v0", deployedAt: ago(1300) });
    expect(selectJudged([older, v1, v2, failed, other], nowMs)).toEqual([other, v2]);
    expect(selectJudged([{ ...v2, deployedAt: ago(3601) }], nowMs)).toEqual([]);
  });
});

describe("a failed deploy", () => {
  const failed = sampleDeploy({ tag: "v3", deployedAt: ago(600), state: "failed", deployedBy: null });

  it("is a warning while no other followed, for a day", () => {
    expect(find({ deploys: [v2, failed] })).toMatchObject([
      {
        kind: "deploy_failed",
        title: "The deploy of v3 of wallet-core-staging failed",
        severity: "warning",
        alert: null,
        deploy: failed,
        evidence: ["nothing of it went live", "deployed 10 min ago"],
      },
    ]);
    expect(find({ deploys: [failed, sampleDeploy({ tag: "v4", deployedAt: ago(300) })] })).toEqual([]);
    expect(find({ deploys: [{ ...failed, deployedAt: ago(86_401) }] })).toEqual([]);
  });
});

describe("an incomplete deploy", () => {
  const live = sampleContainer({ version: "v2" });
  const stopped = { ...live, status: "exited" };
  const incomplete: Deploy = { ...v2, state: "incomplete", containers: [live, stopped] };
  const drift: Drift = {
    kind: "leftover",
    message: "",
    role: "web",
    engine: "a",
    expected: null,
    found: [],
    containers: [],
    replacedAt: null,
    settling: true,
    service: v2.service,
    destination: null,
    env: v2.env,
  };

  it("is a warning after five minutes, if nothing else explains it", () => {
    expect(find({ deploys: [incomplete] })).toMatchObject([
      {
        kind: "deploy_incomplete",
        title: "The deploy of v2 of wallet-core-staging is incomplete",
        since: ago(1200),
        evidence: ["1 container runs it", "deployed 20 min ago by ops-user"],
      },
    ]);
    expect(find({ deploys: [{ ...incomplete, deployedAt: ago(299) }] })).toEqual([]);
    expect(find({ deploys: [incomplete], drift: [drift] })).toEqual([]);
    const elsewhere = [
      { ...drift, destination: "beta" },
      { ...drift, kind: "engine_unknown" as const },
    ];
    expect(find({ deploys: [incomplete], drift: elsewhere })).toHaveLength(1);
    const other = createProblem("container_unhealthy", "x", { ...toGroup(v2), title: "" });
    expect(find({ deploys: [incomplete] }, [other])).toHaveLength(1);
    expect(find({ deploys: [incomplete] }, [{ ...other, kind: "role_down" }])).toEqual([]);
  });

  it("is none for a moving tag that only a container shows", () => {
    const latest = { ...incomplete, tag: "latest", version: "latest" };
    expect(find({ deploys: [{ ...latest, origin: "containers" }] })).toEqual([]);
    expect(find({ deploys: [{ ...latest, origin: "history" }] })).toHaveLength(1);
    expect(find({ deploys: [{ ...incomplete, origin: "containers" }] })).toHaveLength(1);
  });
});

describe("drift", () => {
  const web = (version: string, engine: string, seconds = 4000) =>
    sampleContainer({
      name: `web-${version}-${engine}`,
      version,
      engine,
      commitSha: "",
      createdAt: ago(seconds),
      startedAt: ago(seconds),
    });

  it("is a problem for each finding, with what was deployed", () => {
    const containers = [web("v2", "a"), web("v1", "b"), web("v1", "a")];
    const found = find({ deploys: [v2, v1], drift: findDrift(containers, [], [v2, v1], nowMs) });
    expect(
      found.map(({ kind, title, since, deploy, containers: own }) => [
        kind,
        title,
        since,
        deploy?.tag ?? null,
        own.length,
      ]),
    ).toEqual([
      ["leftover", "An old release of web of wallet-core-staging still runs on a", null, null, 1],
      ["mixed_releases", "web of wallet-core-staging runs several releases", null, null, 2],
      ["unexpected_release", "web of wallet-core-staging does not run what was deployed", ago(1200), "v2", 1],
      ["missing_on_engine", "b missed the last deploy of web of wallet-core-staging", ago(1200), "v2", 1],
    ]);
    expect(new Set(found.map(({ severity, alert }) => `${severity} ${alert}`))).toEqual(
      new Set(["warning OpsReleaseDrift"]),
    );
    expect(found[2]).toMatchObject({
      evidence: [expect.stringContaining("web-v1-b runs v1, but v2 was deployed at"), "v2 was deployed", "found v1"],
      container: { name: "web-v1-b" },
    });
  });

  it("of a leftover lasts since it was replaced", () => {
    const since = (...containers: Container[]) =>
      find({ drift: findDrift(containers, [], [], nowMs) }).map((problem) => [problem.kind, problem.since]);
    const left = web("v1", "a", 9000);
    expect(since(left, web("v3", "a", 1000), web("v2", "b", 5000))).toContainEqual(["leftover", ago(1000)]);
    expect(since({ ...left, replaced: true })).toEqual([["leftover", null]]);
  });

  it("lasts since the first container that was created after the deploy", () => {
    const containers = [web("v2", "a"), web("v1", "b", 1000), web("v1", "c", 800), web("v1", "d", 900)];
    const found = find({ deploys: [v2], drift: findDrift(containers, [], [v2], nowMs) });
    const other = found.find(({ kind }) => kind === "unexpected_release");
    expect([other?.since, other?.id]).toEqual([
      ago(1000),
      'unexpected_release:["wallet-core-staging",null,"staging","web",null]',
    ]);
    expect(other?.containers.map(({ engine }) => engine)).toEqual(["b", "c", "d"]);
  });

  it("has one id for an engine that missed a deploy, whatever its roles", () => {
    const worker = sampleContainer({ ...web("v1", "b"), name: "worker", role: "worker" });
    const idsOf = (...more: readonly Container[]) =>
      find({ deploys: [v2], drift: findDrift([web("v2", "a"), web("v1", "b"), ...more], [], [v2], nowMs) })
        .filter(({ kind }) => kind === "missing_on_engine")
        .map(({ id, title }) => [id, title]);
    const id = 'missing_on_engine:["wallet-core-staging",null,"staging",null,"b"]';
    expect(idsOf()).toEqual([[id, "b missed the last deploy of web of wallet-core-staging"]]);
    expect(idsOf(worker)).toEqual([[id, "b missed the last deploy of wallet-core-staging"]]);
  });

  it("is none while it settles, nor if an engine is unknown", () => {
    const silent = [{ name: "c", code: "docker_timeout", message: "no answer" }];
    const drift = findDrift([web("v2", "a"), web("v1", "b", 200)], silent, [v2], nowMs);
    expect(drift.length).toBe(4);
    expect(find({ deploys: [v2], drift })).toEqual([]);
  });
});

describe("deploy_info.json", () => {
  it("that cannot be read is a warning, with its last good version", () => {
    expect(find({ infoError: "not valid JSON", info: sampleDeployInfo })).toMatchObject([
      {
        id: "deploy_info_unreadable:",
        kind: "deploy_info_unreadable",
        severity: "warning",
        alert: "OpsDeployInfoUnreadable",
        evidence: ["not valid JSON", "its last good version has deploy-20260110-130322-prod"],
      },
    ]);
    expect(find({ infoError: "not valid JSON" })).toMatchObject([{ evidence: ["not valid JSON"] }]);
    expect(find({ info: sampleDeployInfo })).toEqual([]);
  });
});
