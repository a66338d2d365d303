import { describe, expect, it } from "vitest";
import { runsRelease, sameCommit } from "../../src/deploys/groups.ts";
import {
  describeGroup,
  isSameGroup,
  listGroups,
  type ServiceGroup,
  toGroup,
  toGroupKey,
  toReleaseKey,
  toRoleKey,
} from "../../src/releases/service-group.ts";
import {
  createContainerOf,
  createReleaseOf,
  toErlangHost,
  toRiverHost,
  toWorkerNames,
} from "../../src/releases/worker.ts";
import { sampleContainer } from "../support/containers.ts";
import { finish } from "../support/steps.ts";

const group: ServiceGroup = { service: "wallet-core", destination: "beta", env: "staging" };
const others: ServiceGroup[] = [
  { ...group, service: "shop" },
  { ...group, service: null },
  { ...group, destination: null },
  { ...group, env: "production" },
  { ...group, env: null },
];

describe("a group", () => {
  it("is a service, a destination and an environment, with their key", () => {
    expect(toGroup({ ...group, more: 1 } as ServiceGroup)).toEqual(group);
    expect(toGroupKey(group)).toBe('["wallet-core","beta","staging"]');
    expect(toRoleKey({ ...group, role: "web" })).toBe('["wallet-core","beta","staging","web"]');
    expect(toReleaseKey({ ...group, version: "v1" })).toBe('["wallet-core","beta","staging","v1"]');
    expect(isSameGroup(group, { ...group })).toBe(true);
    for (const other of others) expect(isSameGroup(group, other)).toBe(false);
  });

  it("is listed once, with its members in their order", () => {
    const members = [group, ...others, { ...group }].map((each, index) => ({ ...each, index }));
    const groups = finish(listGroups(members));
    expect(groups.map((each) => each.members.map(({ index }) => index))).toEqual([[0, 6], [1], [2], [3], [4], [5]]);
    expect(groups[0]).toEqual({ ...group, members: [members[0], members[6]] });
    expect(finish(listGroups([]))).toEqual([]);
  });

  it.each([
    [group, "wallet-core -d beta (staging)"],
    [{ service: null, destination: null, env: null }, "unknown service (unknown environment)"],
    [{ ...group, destination: "" }, "wallet-core -d  (staging)"],
  ])("%j is described as %s", (each, text) => {
    expect(describeGroup(each)).toBe(text);
  });
});

describe("the release of a container", () => {
  const container = sampleContainer({ version: "v1", commitSha: "abc1234" });
  it.each([
    [{ tag: "v1", version: "x", commitSha: "" }, true],
    [{ tag: "x", version: "v1", commitSha: "" }, true],
    [{ tag: "x", version: "x", commitSha: "abc1234def" }, true],
    [{ tag: "x", version: "x", commitSha: "abc1235" }, false],
    [{ tag: "x", version: "x", commitSha: "" }, false],
  ])("matches %j: %s", (release, runs) => {
    expect(runsRelease(container, release)).toBe(runs);
    expect(runsRelease({ ...container, kind: "accessory" }, release)).toBe(false);
  });

  it.each([
    ["abc1234", "abc1234", true],
    ["abc1234", "abc12345", true],
    ["abc12345", "abc1234", true],
    ["abc123", "abc1234", false],
    ["abc1234", "abc123", false],
    ["abc1234", "xabc1234", false],
    ["", "", false],
  ])("of the commits %j and %j is one: %s", (a, b, same) => {
    expect(sameCommit(a, b)).toBe(same);
  });
});

describe("a worker", () => {
  it.each([
    ["a.b.c", "a_b_c"],
    ["x".repeat(61), "x".repeat(60)],
    ["plain", "plain"],
  ])("on %s is of %s for River", (host, name) => {
    expect(toRiverHost(host)).toBe(name);
  });

  it.each([
    ["a.b.c", "a"],
    ["plain", "plain"],
    ["", ""],
    [".x", ""],
  ])("on %j is of %j for Erlang", (host, name) => {
    expect(toErlangHost(host)).toBe(name);
  });

  it("has the names of its host, its id and River's, each once", () => {
    expect(toWorkerNames({ host: "a.b", id: "123" })).toEqual(["a.b", "123", "a_b"]);
    expect(toWorkerNames({ host: "ab", id: "ab" })).toEqual(["ab"]);
  });

  const on = (host: string, version: string, id = host) =>
    sampleContainer({ name: host, host, version, id, env: "staging" });
  it("runs the release of the only container with its name", () => {
    const containers = [
      on("one.x", "v1"),
      on("two.y", "v1", "i2"),
      on("two.z", "v2", "i3"),
      on("three", "v1", "i4"),
      on("three", "v2", "i5"),
      on("four", "v1", "i6"),
      on("four", "v1", "i7"),
      on("five", "", "i8"),
      on("five", "v1", "i9"),
      on("six", "", "i10"),
    ];
    const releaseOf = finish(createReleaseOf(containers));
    const versions = (...hosts: readonly (string | null)[]) => hosts.map((host) => releaseOf(host)?.version ?? null);
    expect(versions("one.x", "one_x", "one", "i2", "two.y", "two_z")).toEqual(["v1", "v1", "v1", "v1", "v1", "v2"]);
    // Cut names of two releases, full ones of two, of one twice, of an unknown one.
    expect(versions("two", "three", "four", "five", "i9", "six")).toEqual([null, null, "v1", null, "v1", null]);
    expect(versions(null, "", "nobody")).toEqual([null, null, null]);
  });

  it("runs in the only container with its name", () => {
    const containers = [
      on("one.x", "v1"),
      on("two.y", "v1", "i2"),
      on("two.z", "v2", "i3"),
      on("four", "", "i6"),
      on("four", "", "i7"),
    ];
    const containerOf = finish(createContainerOf(containers));
    const names = (...hosts: readonly (string | null)[]) => hosts.map((host) => containerOf(host)?.name ?? null);
    expect(names("one.x", "one_x", "one", "i2", "i6")).toEqual(["one.x", "one.x", "one.x", "two.y", "four"]);
    expect(names("two", "four", null, "", "nobody")).toEqual([null, null, null, null, null]);
  });
});
