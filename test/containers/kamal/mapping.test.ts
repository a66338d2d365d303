import { expect, onTestFinished, test, vi } from "vitest";
import { toContainer } from "../../../src/containers/kamal/mapping.ts";
import type { DeployInfo } from "../../../src/deploys/deploy.ts";
import { withDeploy } from "../../../src/deploys/release.ts";
import { toEngineContext } from "../../support/engine-context.ts";
import { sampleContainer } from "../../support/containers.ts";
import { app, context, facts, rulesOf } from "../../support/docker-facts.ts";

const deploy: DeployInfo = {
  currentTag: "deploy-20260110-130322-prod",
  previousTag: "deploy-20260109-101500-prod",
  commitSha: "abc123",
  deployedBy: "ops-user",
  deployedAt: "2026-01-10T13:15:00Z",
  service: null,
  destination: null,
  env: null,
  extra: [],
  stale: false,
  error: null,
};
const web = app("wallet-core-staging", "web", "latest", {
  hostname: "37.27.91.235-56703216100c",
  ports: [
    { hostIp: "0.0.0.0", hostPort: 8080, protocol: "tcp" },
    { hostIp: "::", hostPort: 8080, protocol: "tcp" },
  ],
  health: { status: "healthy", failingStreak: 0, failingSince: null, checkedAt: "2026-01-13T09:45:00Z", output: "ok" },
  createdAt: "2026-01-13T09:40:00Z",
  startedAt: "2026-01-13T09:40:10Z",
});
const redis = facts({
  name: "wallet-core-staging-redis",
  labels: { service: "wallet-core-staging-redis" },
  image: "redis:7-alpine",
  fullId: "def456def456".padEnd(64, "0"),
  hostname: "def456def456",
});

test("the contract's web container is mapped", () => {
  const seen = { observedAt: "2026-01-13T09:45:58Z", stale: false };
  const { engine, fullId } = web;
  // What the tests of the surfaces begin with.
  const expected = sampleContainer({ engine, fullId, id: "abc123abc123" });
  expect(withDeploy(toContainer(web, context(), seen), deploy)).toEqual(expected);
});

test("the contract's accessory is mapped", () => {
  const engine = toEngineContext([web, redis], { env: null, rules: rulesOf("wallet-core"), hostNames: [] });
  expect(withDeploy(toContainer(redis, engine), deploy)).toMatchObject({
    id: "def456def456",
    kind: "accessory",
    role: "redis",
    env: "staging",
    health: "none",
    version: "7-alpine",
    commitSha: "",
    host: "wallet-core-staging-redis",
    image: "redis:7-alpine",
  });
});

test("deploy_info names only what is current, moving and core", () => {
  const current = toContainer(web, context());
  expect(withDeploy(current, deploy).version).toBe(deploy.currentTag);
  const unchanged = [
    { ...current, kind: "accessory" as const },
    { ...current, status: "exited" },
    { ...current, replaced: true },
    { ...current, floating: false, version: "1.2.3" },
  ];
  for (const container of unchanged) expect(withDeploy(container, deploy)).toBe(container);
  expect(withDeploy(current, null)).toBe(current);
});

test("the commit of deploy_info counts for its own tag, never over another", () => {
  const pinned = toContainer(app("wallet-core", "web", deploy.currentTag), context());
  expect(withDeploy(pinned, deploy).commitSha).toBe("abc123");
  expect(withDeploy({ ...pinned, commitSha: "feed123" }, deploy)).toMatchObject({ commitSha: "feed123" });
  expect(withDeploy({ ...pinned, version: deploy.previousTag }, deploy).commitSha).toBe("");
});

test("a stopped container has no health, an unstarted one no start", () => {
  const stopped = facts({
    state: "exited",
    startedAt: "0001-01-01T00:00:00Z",
    health: { ...web.health!, status: "unhealthy" },
  });
  expect(toContainer(stopped, context())).toMatchObject({ health: "none", startedAt: null });
});

test.each([
  ["running", "healthy", "healthy"],
  ["running", "unhealthy", "unhealthy"],
  ["running", "starting", "starting"],
  ["running", "none", "none"],
  ["paused", "healthy", "none"],
  ["restarting", "unhealthy", "none"],
])("one that is %s and %s has the health %s", (state, status, health) => {
  expect(toContainer(facts({ state, health: { ...web.health!, status } }), context()).health).toBe(health);
});

test("the last probe is shown of a stopped one too; null before the first", () => {
  const probe = (health: object | null) =>
    toContainer(facts({ state: "exited", health: health && { ...web.health!, ...health } }), context()).probe;
  expect(
    probe({ failingStreak: 3, failingSince: null, output: "refused", checkedAt: "2026-01-13T10:45:00.5+01:00" }),
  ).toEqual({
    failingStreak: 3,
    failingSince: null,
    checkedAt: "2026-01-13T09:45:00Z",
    output: "refused",
  });
  expect(probe({ checkedAt: null, output: "" })).toEqual({
    failingStreak: 0,
    failingSince: null,
    checkedAt: null,
    output: "",
  });
  expect([probe(null), probe({ output: null })]).toEqual([null, null]);
});

const composed = (project: string | undefined, service: string) => ({
  "com.docker.compose.service": service,
  ...(project !== undefined && { "com.docker.compose.project": project }),
});

test.each([
  ["w", app("w", "web", "1")],
  ["wallet-core-redis", facts({ name: "wallet-core-redis", labels: { service: "wallet-core-redis" } })],
  ["wallet-core", facts({ labels: composed("wallet-core", "web") })],
  [null, facts({ labels: composed("wallet-core", "db") })],
  [null, facts({ labels: composed("shop", "web") })],
  [null, facts({ name: "by-hand", labels: { service: "wallet-core" } })],
  [null, facts({ name: "kamal-proxy", labels: { service: "wallet-core" } })],
] as const)("the service %s", (service, container) => {
  expect(toContainer(container, context()).service).toBe(service);
});

test("a container that is selected without a project has no service", () => {
  const rules = { ...rulesOf(), core: [new Map([["core", null]])] };
  const container = facts({ labels: { ...composed(undefined, "web"), core: "" } });
  expect(toContainer(container, context({ rules }))).toMatchObject({ kind: "core", service: null });
});

test("the destination is that of the label, else of the variable", () => {
  const destination = (label: string, variable?: string) =>
    toContainer(
      app("w", "web", "1", {
        destination: label,
        variables: variable === undefined ? null : { kamalDestination: variable },
      }),
      context(),
    ).destination;
  expect([destination("beta", "x"), destination("", "beta"), destination("", ""), destination("")]).toEqual([
    "beta",
    "beta",
    null,
    null,
  ]);
});

test("times and restarts are the engine's; a live container has no end", () => {
  const times = {
    createdAt: "",
    startedAt: "2026-01-13T10:40:10.5+01:00",
    finishedAt: "2026-01-13T09:50:00Z",
    restarts: 7,
  };
  const map = (state: string) => {
    const { status, createdAt, startedAt, finishedAt, restarts } = toContainer(facts({ ...times, state }), context());
    return { status, createdAt, startedAt, finishedAt, restarts };
  };
  const expected = { createdAt: "", startedAt: "2026-01-13T09:40:10Z", restarts: 7 };
  for (const status of ["running", "paused", "restarting"])
    expect(map(status)).toEqual({ ...expected, status, finishedAt: null });
  expect(map("exited")).toEqual({ ...expected, status: "exited", finishedAt: "2026-01-13T09:50:00Z" });
});

test("the observation time is now by default", () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-13T09:45:58.9Z") });
  onTestFinished(() => void vi.useRealTimers());
  expect(toContainer(web, context())).toMatchObject({ observedAt: "2026-01-13T09:45:58Z", stale: false });
  const seen = { observedAt: "2026-01-13T09:00:00Z", stale: true };
  expect(toContainer(web, context(), seen)).toMatchObject(seen);
});

test("an engine's context has its apps' services once, longest first", () => {
  const engine = { env: "staging" as const, rules: rulesOf("wallet-core"), hostNames: ["eng"] };
  const services = ["w", "wallet", "w-eu", "wallet"].map((service) => app(service, "web", "1"));
  expect(toEngineContext([...services, redis], engine)).toEqual({
    ...engine,
    appServices: ["wallet", "w-eu", "w"],
    appsEnv: null,
    isForeign: true,
  });
});

test.each([
  ["accessory", []],
  ["accessory", [app("wallet-core", "web", "1")]],
  ["accessory", [app("shop", "web", "1"), app("wallet-core-staging", "web", "1")]],
  ["accessory", [facts({ labels: composed("shop", "web") })]],
  ["other", [app("shop", "web", "1")]],
  ["other", [app("shop", "web", "1"), facts({ labels: composed("wallet-core", "web") })]],
] as const)("a proxy is %s where its apps are those of %j", (kind, apps) => {
  const engine = { env: null, rules: rulesOf("wallet-core"), hostNames: [] };
  const proxy = facts({ name: "kamal-proxy" });
  expect(toContainer(proxy, toEngineContext([...apps, proxy], engine)).kind).toBe(kind);
});

const host = (hostname: string | null) => toContainer(facts({ hostname }), context()).host;

test("the host is the configured host name, not Docker's default", () => {
  expect(host("10.0.0.7-0123456789ab")).toBe("10.0.0.7-0123456789ab");
  expect(host("abc123abc123")).toBe("some-name");
  expect(host("")).toBe("some-name");
  expect(host(null)).toBe("some-name");
});

const names = (change: Parameters<typeof facts>[0]) =>
  toContainer(facts(change), context({ hostNames: ["eng"] })).hostNames;

test("host names are KAMAL_HOST, Kamal's, the network's, the engine's", () => {
  expect(names({ variables: { kamalHost: "web-1.example" }, hostname: "10.0.0.7-0123456789ab" })).toEqual([
    "web-1.example",
    "10.0.0.7",
    "eng",
  ]);
  // Cut by Kamal at 51 characters: no name of anything.
  expect(names({ hostname: `${"a".repeat(51)}-0123456789ab` })).toEqual(["eng"]);
  expect(names({ hostname: "node7", hostNetwork: true })).toEqual(["node7", "eng"]);
  expect(names({ hostname: "node7" })).toEqual(["eng"]);
  // Each once, and no empty one.
  expect(names({ variables: { kamalHost: "10.0.0.7" }, hostname: "10.0.0.7-0123456789ab" })).toEqual([
    "10.0.0.7",
    "eng",
  ]);
  expect(names({ variables: { kamalHost: "" }, hostname: "", hostNetwork: true })).toEqual(["eng"]);
  expect(names({ variables: null, hostname: null, hostNetwork: true })).toEqual(["eng"]);
  expect(names({ hostname: "web-1-0123456789abc" })).toEqual(["eng"]);
  expect(names({ hostname: `${"a".repeat(50)}-0123456789ab` })).toEqual(["a".repeat(50), "eng"]);
});
