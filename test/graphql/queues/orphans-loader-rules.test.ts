import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import type { EngineStatus } from "../../../src/containers/source.ts";
import { selectEngines } from "../../../src/graphql/containers/loader.ts";
import { findBlindSpot, findOrphans, orphanGraceSeconds } from "../../../src/graphql/queues/orphans-loader.ts";
import type { WorkerJobs } from "../../../src/queues/queue.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer, sampleEngine } from "../../support/containers.ts";

const jobs = (host: string | null, more: Partial<WorkerJobs> = {}): WorkerJobs => ({
  queue: "payouts",
  source: "jobs",
  host,
  count: 1,
  oldestAgeSeconds: 600,
  ...more,
});
const web = sampleContainer({ host: "37.27.91.235-56703216100c", hostNames: ["37.27.91.235", "web-1"] });
const hostsOf = (asked: readonly WorkerJobs[]) => findOrphans(asked, [web]).map(({ host }) => host);

describe("findOrphans", () => {
  it("returns jobs of workers whose host is no live container", () => {
    expect(hostsOf([jobs("gone"), jobs(web.host), jobs(web.id), jobs("37_27_91_235-56703216100c")])).toEqual(["gone"]);
    expect(findOrphans([jobs("37_27_91_235-56703216100c")], [])).toHaveLength(1);
  });

  it("a worker without a name, or with a live machine's name, is no orphan", () => {
    expect(hostsOf([jobs(null), jobs("37.27.91.235"), jobs("37_27_91_235"), jobs("web-1"), jobs("web-2")])).toEqual([
      "web-2",
    ]);
  });

  it("a worker with a live container's name as Erlang cuts it is no orphan", () => {
    expect(hostsOf([jobs("37"), jobs("38"), jobs("37.27")])).toEqual(["38", "37.27"]);
    const web1 = sampleContainer({ host: "web-1.example.com-56703216100c", hostNames: [] });
    expect(findOrphans([jobs("web-1"), jobs("web-2")], [web1]).map(({ host }) => host)).toEqual(["web-2"]);
  });

  it("a worker whose oldest job is younger than the grace time is no orphan", () => {
    const young = { oldestAgeSeconds: orphanGraceSeconds - 1 };
    expect(hostsOf([jobs("new", young), jobs("new", { ...young, queue: "emails" })])).toEqual([]);
    expect(hostsOf([jobs("old", young), jobs("old", { queue: "emails" })])).toEqual(["old", "old"]);
    expect(hostsOf([jobs("ageless", { oldestAgeSeconds: null })])).toEqual(["ageless"]);
  });
});

describe("findBlindSpot", () => {
  const { principal } = createCaller();
  const staging = createCaller(undefined, ["staging"]).principal;
  const engine = sampleEngine({ name: "web-1", runs: new Set() });
  const find = (containers: readonly Container[], engines: readonly EngineStatus[], who = principal) =>
    findBlindSpot(containers, selectEngines(who, engines), who);

  it("is a silent engine, or a container without a known host name", () => {
    expect(find([web], [engine])).toBeNull();
    const silent = {
      ...engine,
      name: "web-2",
      ok: false,
      error: { code: "docker_timeout", message: "took longer than 2 s" },
    };
    expect(find([web], [engine, silent])).toBe("engine web-2 does not answer: took longer than 2 s");
    const wedged = sampleContainer({ isInspected: false });
    expect(find([web, wedged], [engine])).toContain(`container ${wedged.id} on engine local`);
    expect(find([], [])).toBe("no configured engine may run them");
  });

  it("ignores other environments, and names nothing of an unknown one", () => {
    const own = { ...engine, env: "staging" as const };
    const error = { code: "docker_timeout", message: "Docker engine db-7: no answer" };
    const production: EngineStatus = { ...engine, name: "db-7", env: "production", ok: false, error };
    const wedged = (env: Container["env"]) =>
      sampleContainer({ name: "wedged", env, isInspected: false, engine: "db-7" });
    expect(find([web, wedged("production")], [own, production], staging)).toBeNull();
    expect(find([web, wedged("production")], [own], principal)).toContain("on engine db-7");
    expect(find([web, wedged(null)], [own, production], staging)).toBe(
      "a container that this token may not see cannot be inspected",
    );
    expect(find([web, wedged("staging")], [own, production], staging)).toContain("on engine db-7 cannot be inspected");
    expect(find([web], [own, { ...production, env: null, runs: null }], staging)).toBe(
      "an engine does not answer: An engine without a configured environment does not answer",
    );
    expect(find([web], [own, { ...production, env: null }], staging)).toBeNull();
    expect(find([web], [production], staging)).toBe("no configured engine may run them");
  });
});

it("a worker is an orphan from the exact end of its grace on", () => {
  const ages = (...seconds: readonly (number | null)[]) =>
    hostsOf(seconds.map((oldestAgeSeconds) => jobs("x", { oldestAgeSeconds }))).length;
  expect([ages(29.9), ages(30), ages(0, 30), ages(30, 0), ages(null, 0), ages(0, 29)]).toEqual([0, 1, 2, 2, 2, 0]);
  expect(orphanGraceSeconds).toBe(30);
});

it("an unnamed engine that does not answer has its reason", () => {
  const silent = [{ name: null, message: "too late" }];
  const { principal } = createCaller();
  expect(findBlindSpot([], { shown: [], silent } as never, principal)).toBe("an engine does not answer: too late");
  expect(findBlindSpot([], { shown: [{}], silent: [] } as never, principal)).toBeNull();
  const wedged = sampleContainer({ isInspected: false, engine: "e" });
  expect(findBlindSpot([wedged], { shown: [{}], silent: [] } as never, principal)).toBe(
    `container ${wedged.id} on engine e cannot be inspected`,
  );
});
