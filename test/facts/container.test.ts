import { describe, expect, it } from "vitest";
import {
  formatHealth,
  formatState,
  groupByRole,
  toContainerState,
  toRoleMean,
  toServicePlace,
  toStatusTone,
  toShortName,
} from "../../src/facts/container.ts";

const running = { status: "running", health: "HEALTHY", stale: false, kind: "CORE" };

describe("toContainerState", () => {
  it.each([
    ["ok", "healthy", {}],
    ["ok", "running", { health: "NONE" }],
    ["warn", "starting", { health: "STARTING" }],
    ["bad", "unhealthy", { health: "UNHEALTHY" }],
    ["bad", "restarting", { status: "restarting", health: "STARTING" }],
    ["bad", "exited", { status: "exited" }],
    ["neutral", "exited", { status: "exited", kind: "ACCESSORY" }],
    ["warn", "paused", { status: "paused", health: "UNHEALTHY" }],
    ["warn", "created", { status: "created", health: "NONE" }],
    ["neutral", "stale", { health: "UNHEALTHY", stale: true }],
  ])("is %s, %s, of %j", (tone, word, change) => {
    expect(toContainerState({ ...running, ...change })).toMatchObject({ tone, word });
  });

  it("gives the last known state of a silent engine", () => {
    expect(toContainerState({ ...running, stale: true }).title).toContain("Last known: running");
  });

  it("never calls an unknown status good", () => {
    expect(toStatusTone({ ...running, status: "frozen" })).toBe("neutral");
  });
});

describe("a list of containers", () => {
  it("writes status and health, without a health check the status alone", () => {
    expect(formatState(running)).toBe("running, healthy");
    expect(formatState({ ...running, stale: true })).toBe("was running, healthy");
    expect(formatState({ ...running, health: "none" })).toBe("running");
    expect([formatHealth("NONE"), formatHealth("STARTING")]).toEqual(["–", "starting"]);
  });
});

describe("groupByRole", () => {
  const row = (name: string, role: string, service: string | null, status = "running") => ({
    name,
    role,
    service,
    status,
    destination: null,
    env: "STAGING",
  });

  it("keeps the same role of two services apart, each by name", () => {
    const rows = [
      row("b", "web", "shop"),
      row("c", "web", "billing"),
      row("a", "web", "shop"),
      row("d", "job", "shop"),
    ];
    const groups = groupByRole(rows).map((group) => [group.role, group.service, group.rows.map(({ name }) => name)]);
    expect(groups).toEqual([
      ["job", "shop", ["d"]],
      ["web", "billing", ["c"]],
      ["web", "shop", ["a", "b"]],
    ]);
  });

  it("takes the mean over running replicas with a value", () => {
    const rows = [row("a", "web", null), row("b", "web", null), row("c", "web", null, "exited"), row("d", "web", null)];
    const used = new Map<string, number | null>([
      ["a", 80],
      ["b", 40],
      ["c", 0],
      ["d", null],
    ]);
    expect(toRoleMean(rows, ({ name }) => used.get(name))).toBe(60);
    expect(toRoleMean([], () => 1)).toBeNull();
  });
});

it("a place is the destination, else the environment", () => {
  expect(toServicePlace({ service: "shop", destination: null, env: "STAGING" })).toBe("shop staging");
  expect(toServicePlace({ service: null, destination: "eu", env: "STAGING" })).toBe("eu");
});

const named = (name: string, version = "0a1b2c3", service: string | null = "wallet-core") => ({
  name,
  version,
  service,
});

describe("the short name of a container", () => {
  it.each([
    ["wallet-core-web-staging-0a1b2c3", "web-staging", "web-R"],
    ["wallet-core-web-0a1b2c3", "web", "web-R"],
    ["wallet-core-web-staging-0a1b2c3-2", "web-staging-2", "web-R-2"],
    ["wallet-core-web-staging-0a1b2c3_replaced_9f", "web-staging-0a1b2c3_replaced_9f", "web-R_replaced_9f"],
    ["other-web-staging-0a1b2c3", "other-web-staging", "other-web-R"],
    ["wallet-core", "wallet-core", "wallet-core"],
  ])("%s is %s, and %s with another release and no destination", (name, short, other) => {
    expect(toShortName(named(name))).toBe(short);
    expect(toShortName(named(name), { destination: "staging", release: "R" })).toBe(other);
  });

  it("stays whole without service and release", () => {
    expect(toShortName(named("redis-1", "", null))).toBe("redis-1");
  });
});
