import { describe, expect, it } from "vitest";
import {
  fromInspect,
  imageInspectAnswer,
  imageAnswer,
  inspectAnswer,
  listAnswer,
  toListedContainer,
} from "../../../../src/containers/docker/http/answers.ts";
import { fullId, inspected, listed } from "../../../support/docker-fake.ts";

const id = fullId("a");
const fromList = (change: object = {}) => toListedContainer(listAnswer.parse(listed(id, "web-a", change)), "web-1");
const inspectWith = (change: object) =>
  fromInspect(inspectAnswer.parse({ ...inspected(id, "web-a"), ...change }), "web-1");
const ofConfig = (config: object) => fromInspect(inspectAnswer.parse(inspected(id, "web-a", config)), "web-1");

describe("an entry of a list", () => {
  it("has all its fields", () => {
    const answer = {
      Id: id,
      Names: ["/web/link", "/web-a"],
      Image: "registry/x:1",
      Labels: { service: "wallet-core" },
      State: "exited",
      Status: "Up 2 hours (healthy)",
      Created: 1_768_297_200,
      Ports: [
        { IP: "0.0.0.0", PublicPort: 8080, Type: "tcp" },
        { IP: null, Type: "udp" },
      ],
      HostConfig: { NetworkMode: "host" },
    };
    expect(toListedContainer(listAnswer.parse(answer), "web-1")).toEqual({
      recent: false,
      raw: {
        engine: "web-1",
        fullId: id,
        name: "web-a",
        labels: { service: "wallet-core" },
        state: "exited",
        image: "registry/x:1",
        createdAt: "2026-01-13T09:40:00.000Z",
        startedAt: null,
        finishedAt: null,
        ports: [
          { hostIp: "0.0.0.0", hostPort: 8080, protocol: "tcp" },
          { hostIp: "", hostPort: 0, protocol: "udp" },
        ],
        health: { status: "healthy", failingStreak: 0, failingSince: null, checkedAt: null, output: null },
        hostname: null,
        hostNetwork: true,
        restarts: null,
        variables: null,
      },
    });
  });

  it.each([
    ["left out", undefined],
    ["null", null],
    ["of another kind", 7],
  ])("has null where its details are %s", (_, value) => {
    const change = { Labels: value, Ports: value, HostConfig: value };
    expect(fromList(change).raw).toMatchObject({ labels: {}, ports: [], hostNetwork: false });
  });

  it.each([undefined, null])("has empty texts where it says %s", (value) => {
    const { raw, recent } = fromList({ Image: value, Status: value, HostConfig: { NetworkMode: value } });
    expect([raw.image, raw.health, raw.hostNetwork, recent]).toEqual(["", null, false, false]);
  });

  it.each([
    ["Id", id.slice(1)],
    ["Id", `${id}a`],
    ["Id", `x${id}`],
    ["Id", id.toUpperCase()],
    ["State", undefined],
    ["Created", -1],
    ["Created", 253_402_300_800],
    ["Image", 7],
  ])("is invalid with the %s %s", (field, value) => {
    expect(listAnswer.safeParse(listed(id, "web-a", { [field]: value })).success).toBe(false);
  });

  it.each([
    [0, "1970-01-01T00:00:00.000Z"],
    [253_402_300_799, "9999-12-31T23:59:59.000Z"],
  ])("may be created at %i", (Created, expected) => {
    expect(fromList({ Created }).raw.createdAt).toBe(expected);
  });

  it.each([
    [undefined, "aaaaaaaaaaaa"],
    [null, "aaaaaaaaaaaa"],
    [[], "aaaaaaaaaaaa"],
    [["/bad\nname"], "aaaaaaaaaaaa"],
    [["/-begins-with-a-dash"], "aaaaaaaaaaaa"],
    [["//two"], "aaaaaaaaaaaa"],
    [["/with space"], "aaaaaaaaaaaa"],
    [["bare"], "bare"],
    [["/x"], "x"],
    [["/A9_.-z"], "A9_.-z"],
    [["/other/db", "/db", "/later"], "db"],
  ])("with the names %j is called %s", (Names, name) => {
    expect(fromList({ Names }).raw.name).toBe(name);
  });

  it.each([
    ["Up 3 seconds", true],
    ["Up 1 second", true],
    ["Up Less than a second", true],
    ["Up About a minute", true],
    ["Exited (0) 59 seconds ago", true],
    ["Up 2 minutes", false],
    ["Exited (1) 2 hours ago", false],
    ["", false],
  ])("that says %j is recent: %s", (Status, recent) => {
    expect(fromList({ Status }).recent).toBe(recent);
  });

  it.each([
    ["Up 2 hours (healthy)", "healthy"],
    ["Up 2 hours (unhealthy)", "unhealthy"],
    ["Up 2 hours (health: starting)", "starting"],
    ["Up 2 hours (Paused)", undefined],
    ["Up 2 hours (healthy) x", undefined],
    ["Up 2 hours healthy", undefined],
  ])("that says %j has the health %s", (Status, status) => {
    expect(fromList({ Status }).raw.health?.status).toBe(status);
  });

  it.each([
    ["host", true],
    ["bridge", false],
    ["hosts", false],
  ])("of the network mode %s shares that of its host: %s", (NetworkMode, shared) => {
    expect(fromList({ HostConfig: { NetworkMode } }).raw.hostNetwork).toBe(shared);
  });
});

describe("an inspection", () => {
  it("has all its fields", () => {
    const answer = {
      Id: id,
      Name: "/web-a",
      Created: "2026-01-13T09:40:00.123Z",
      RestartCount: 3,
      State: {
        Status: "exited",
        StartedAt: "2026-01-13T09:40:10Z",
        FinishedAt: "2026-01-13T09:50:10Z",
        Health: {
          Status: "unhealthy",
          FailingStreak: 4,
          Log: [
            { End: "2026-01-13T09:44:00Z", Output: "before" },
            { End: "2026-01-13T09:45:00Z", Output: "no answer" },
          ],
        },
      },
      Config: {
        Image: "registry/x:1",
        Hostname: "host-1",
        Labels: { service: "wallet-core" },
        Env: ["KAMAL_VERSION=v7", "KAMAL_HOST=10.0.0.1", "KAMAL_DESTINATION=staging", "GIT_SHA=abc", "SECRET=x"],
      },
      HostConfig: { NetworkMode: "host" },
      NetworkSettings: {
        Ports: {
          "80/tcp": [
            { HostIp: "0.0.0.0", HostPort: "8080" },
            { HostIp: "::", HostPort: "8081" },
          ],
          "53/udp": [{ HostIp: "10.0.0.1", HostPort: "" }],
          "443/tcp": null,
          "9000": [{ HostIp: null, HostPort: "9001" }],
        },
      },
    };
    expect(fromInspect(inspectAnswer.parse(answer), "web-1")).toEqual({
      engine: "web-1",
      fullId: id,
      name: "web-a",
      labels: { service: "wallet-core" },
      state: "exited",
      image: "registry/x:1",
      createdAt: "2026-01-13T09:40:00.123Z",
      startedAt: "2026-01-13T09:40:10Z",
      finishedAt: "2026-01-13T09:50:10Z",
      // Keys that are numbers come first.
      ports: [
        { hostIp: "", hostPort: 9001, protocol: "tcp" },
        { hostIp: "0.0.0.0", hostPort: 8080, protocol: "tcp" },
        { hostIp: "::", hostPort: 8081, protocol: "tcp" },
        { hostIp: "10.0.0.1", hostPort: 0, protocol: "udp" },
      ],
      health: {
        status: "unhealthy",
        failingStreak: 4,
        failingSince: "2026-01-13T09:42:00Z",
        checkedAt: "2026-01-13T09:45:00Z",
        output: "no answer",
      },
      hostname: "host-1",
      hostNetwork: true,
      restarts: 3,
      variables: { kamalVersion: "v7", kamalHost: "10.0.0.1", kamalDestination: "staging", commitSha: "abc" },
    });
  });

  it.each([
    ["left out", undefined],
    ["null", null],
    ["of another kind", 7],
  ])("has null where its details are %s", (_, value) => {
    const answer = {
      Id: id,
      Name: "/web-a",
      Created: null,
      RestartCount: value === 7 ? "7" : value,
      State: { Status: "running", StartedAt: null, FinishedAt: value, Health: value },
      Config: { Labels: value, Env: value },
      HostConfig: value,
      NetworkSettings: value,
    };
    expect(fromInspect(inspectAnswer.parse(answer), "web-1")).toEqual({
      engine: "web-1",
      fullId: id,
      name: "web-a",
      labels: {},
      state: "running",
      image: "",
      createdAt: "",
      startedAt: "",
      finishedAt: null,
      ports: [],
      health: null,
      hostname: "",
      hostNetwork: false,
      restarts: null,
      variables: {},
    });
  });

  it.each([
    [{ NetworkSettings: {} }, []],
    [{ NetworkSettings: { Ports: null } }, []],
    [{ NetworkSettings: { Ports: { "80/tcp": [] } } }, []],
  ])("of %j has the ports %j", (change, ports) => {
    expect(inspectWith(change).ports).toEqual(ports);
  });

  it.each([
    ["a healthy container", 0, [0, 10, 20], null],
    ["the only check", 1, [30], 30],
    ["a streak that began after a success", 2, [0, 10, 20], 10],
    ["a streak of all stored checks", 3, [0, 10, 20], 0],
    ["a longer streak, by the distance of its checks", 7, [600, 610, 620, 630, 640], 580],
    ["a longer streak of which one check is stored", 7, [600], null],
    ["a streak without a check", 2, [], null],
  ])("dates a failing health check: %s", (_, FailingStreak, seconds, since) => {
    const at = (second: number) => `2026-01-13T09:${new Date(second * 1000).toISOString().slice(14, 19)}Z`;
    const Log = seconds.map((second) => ({ End: at(second), Output: "" }));
    const State = { Status: "running", StartedAt: "", Health: { Status: "unhealthy", FailingStreak, Log } };
    expect(inspectWith({ State }).health?.failingSince).toBe(since === null ? null : at(since));
  });

  it("that was never probed has a health without an output", () => {
    const State = { Status: "running", StartedAt: "", Health: { Status: "starting", FailingStreak: null, Log: [] } };
    expect(inspectWith({ State }).health).toEqual({
      status: "starting",
      failingStreak: 0,
      failingSince: null,
      checkedAt: null,
      output: null,
    });
    for (const Log of [null, undefined, 7]) {
      const health = inspectWith({ State: { ...State, Health: { ...State.Health, Log } } }).health;
      expect(health).toEqual({
        status: "starting",
        failingStreak: 0,
        failingSince: null,
        checkedAt: null,
        output: null,
      });
    }
  });

  it.each([
    [499, 499],
    [500, 494],
    [501, 501],
    [4095, 4095],
    [4096, 4090],
  ])("with an output of %i bytes shows %i: truncated ones lose a word", (size, shown) => {
    const Output = `${"x".repeat(size - 6)} abcde`;
    const Health = { Status: "healthy", Log: [{ End: "", Output }] };
    const { output } = inspectWith({ State: { Status: "running", StartedAt: "", Health } }).health ?? {};
    expect(output?.trimEnd()).toHaveLength(shown);
  });

  it.each([
    [["GIT_SHA=a", "COMMIT_SHA=b", "SOURCE_COMMIT=c"], { commitSha: "a" }],
    [["SOURCE_COMMIT=c", "COMMIT_SHA=b"], { commitSha: "b" }],
    [["SOURCE_COMMIT=c"], { commitSha: "c" }],
    [["GIT_SHA=", "COMMIT_SHA=b"], { commitSha: "b" }],
    [["KAMAL_VERSION=a=b"], { kamalVersion: "a=b" }],
    [["XKAMAL_VERSION=no", "KAMAL_VERSIONS=no", "KAMAL_VERSION"], {}],
    [["KAMAL_HOST=h", "KAMAL_HOST=later"], { kamalHost: "h" }],
    [["KAMAL_DESTINATION="], {}],
    [[], {}],
  ])("of the variables %j reads %j", (Env, variables) => {
    expect(ofConfig({ Env }).variables).toEqual(variables);
  });

  it.each([
    [{ Name: undefined }, false],
    [{ State: { StartedAt: "" } }, false],
    [{ Id: "short" }, false],
    [{ RestartCount: 2 ** 31 }, true],
  ])("with %j is valid: %s", (change, isOne) => {
    expect(inspectAnswer.safeParse({ ...inspected(id, "web-a"), ...change }).success).toBe(isOne);
  });

  it.each([
    [2 ** 31 - 1, 2 ** 31 - 1],
    [2 ** 31, null],
    [0, 0],
    [0.5, null],
  ])("that counts %d restarts has %d", (RestartCount, restarts) => {
    expect(inspectWith({ RestartCount }).restarts).toBe(restarts);
  });
});

describe("images", () => {
  it("are listed with their labels, if they have any", () => {
    const list = [
      { Id: "sha256:a", Created: 5, Labels: { service: "x" }, Size: 1 },
      { Id: "sha256:b", Created: 6, Labels: null },
    ];
    expect(list.map((image) => imageAnswer.parse(image))).toEqual([
      { Id: "sha256:a", Created: 5, Labels: { service: "x" } },
      { Id: "sha256:b", Created: 6, Labels: {} },
    ]);
  });

  it("have no details where these are null or of another kind", () => {
    const bare = { RepoTags: null, Created: null, Config: 7, Metadata: 7 };
    expect(imageInspectAnswer.parse(bare)).toEqual({ RepoTags: null, Created: "", Config: null, Metadata: null });
    const full = { RepoTags: ["a:1"], Created: "2026", Config: { Labels: 7 }, Metadata: { LastTagTime: null } };
    expect(imageInspectAnswer.parse(full)).toEqual({ ...full, Config: { Labels: {} }, Metadata: { LastTagTime: "" } });
  });
});

describe("texts made of characters that are written out", () => {
  // As others may choose them: U+202E is written as eight characters.
  const hostile = "\u202e".repeat(400_000);
  const most = 1024 * 8 + 10;
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`l${index}`, hostile.slice(0, 100)]));

  it.each([
    ["one label", { Labels: { note: hostile } }],
    ["many labels", { Labels: many }],
    ["a variable that is read", { Env: [`KAMAL_VERSION=${hostile}`] }],
    ["an image", { Image: hostile }],
    ["a host name", { Hostname: hostile }],
  ])("are cut in %s", (_, config) => {
    const { labels, variables, image, hostname } = ofConfig(config);
    const texts = [...Object.values(labels), ...Object.values(variables ?? {}), image, hostname];
    expect(texts.filter((text) => text?.includes("<U+202E>"))).not.toEqual([]);
    expect(texts.join("").length).toBeLessThan(most + 2 * Object.keys(labels).length + 100);
  });

  it("are cut in the labels of a list", () => {
    const { raw } = fromList({ Labels: { note: hostile, role: "web" } });
    expect(raw.labels["role"]).toBe("web");
    expect(raw.labels["note"]?.length).toBeLessThan(most);
  });

  it("do not shorten a plain one, of which 1024 characters are read", () => {
    const plain = "日本 web".repeat(50_000);
    const { a, b, c } = fromList({ Labels: { a: hostile, b: plain, c: plain.slice(0, 1024) } }).raw.labels;
    expect(a).toBe(`${"<U+202E>".repeat(1024)}…`);
    expect([b, c]).toEqual([`${plain.slice(0, 1024)}…`, plain.slice(0, 1024)]);
  });
});

it("labels that no rule reads are dropped", () => {
  const Labels = { service: "shop", note: "x" };
  const kept = new Set(["service"]);
  const listedOne = toListedContainer(listAnswer.parse(listed(id, "web-a", { Labels })), "web-1", kept);
  const inspectedOne = fromInspect(inspectAnswer.parse(inspected(id, "web-a", { Labels })), "web-1", kept);
  expect([listedOne.raw.labels, inspectedOne.labels]).toEqual([{ service: "shop" }, { service: "shop" }]);
});
