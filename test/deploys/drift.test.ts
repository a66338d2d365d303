import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import type { SilentEngine } from "../../src/containers/source.ts";
import { sampleContainer } from "../support/containers.ts";
import { findDrift, judgeDeploys } from "../support/deploy-steps.ts";
import { sampleRecord } from "../support/deploys.ts";

const now = Date.parse("2026-01-13T10:00:00Z");
const at = (minute: number, second = 0) =>
  `2026-01-13T09:${String(minute).padStart(2, "0")}:${String(second).padStart(2, "0")}Z`;
let made = 0;
const web = (version: string, engine: string, more: Partial<Container> = {}) =>
  sampleContainer({
    name: `web-${version}-${engine}-${made++}`,
    version,
    engine,
    commitSha: "",
    createdAt: at(20),
    ...more,
  });
const deploy = sampleRecord({ tag: "v2", deployedAt: at(21) });
const find = (containers: readonly Container[], silent: readonly SilentEngine[] = [], records = [deploy]) =>
  findDrift(containers, silent, judgeDeploys(records, { containers, silent: false }), now).map(
    ({ kind, role, engine, expected, found, containers: own, settling }) => ({
      kind,
      role,
      engine,
      expected,
      found,
      count: own.length,
      settling,
    }),
  );
const kinds = (...given: Parameters<typeof find>) => find(...given).map(({ kind }) => kind);

describe("drift", () => {
  it("is empty when all run the deploy; accessories and stopped are ignored", () => {
    const accessory = web("7-alpine", "a", { kind: "accessory", role: "redis" });
    expect(
      find([web("v2", "a"), web("v2", "b"), web("v1", "a", { status: "exited", createdAt: at(1) }), accessory]),
    ).toEqual([]);
  });

  it("is empty without a recorded deploy, and for an older image's release", () => {
    const records = [
      sampleRecord({ origin: "containers", tag: "v2", deployedAt: at(20) }),
      sampleRecord({ origin: "images", tag: "v1", deployedAt: at(1) }),
    ];
    expect(find([web("v2", "a"), web("v2", "b")], [], records)).toEqual([]);
  });

  it("is mixed releases and an engine that missed the deploy", () => {
    expect(find([web("v2", "a"), web("v1", "b", { createdAt: at(1) })])).toEqual([
      {
        kind: "mixed_releases",
        role: "web",
        engine: null,
        expected: null,
        found: ["v1", "v2"],
        count: 2,
        settling: false,
      },
      {
        kind: "unexpected_release",
        role: "web",
        engine: "b",
        expected: "v2",
        found: ["v1"],
        count: 1,
        settling: false,
      },
      { kind: "missing_on_engine", role: "web", engine: "b", expected: "v2", found: ["v1"], count: 1, settling: false },
    ]);
  });

  it("is a leftover beside its replacement, and then no mixture", () => {
    const leftover = { kind: "leftover", role: "web", engine: "a", expected: null, count: 1, settling: false };
    expect(find([web("v2", "a"), web("v1", "a", { createdAt: at(1) })])).toEqual([{ ...leftover, found: ["v1"] }]);
    const latest = { version: "latest", floating: true };
    expect(find([web("v2", "a"), web("latest", "a", { ...latest, replaced: true })])).toEqual([
      { ...leftover, found: ["latest"] },
    ]);
    expect(find([web("latest", "a", latest)])).toEqual([]);
  });

  it("treats a container that a rollback started as current", () => {
    const fleet = [web("v1", "a", { createdAt: at(1), startedAt: at(40) }), web("v2", "a", { startedAt: at(20) })];
    const rollback = sampleRecord({ tag: "v1", deployedAt: at(41), command: "rollback" });
    expect(find(fleet, [], [rollback, deploy])).toMatchObject([{ kind: "leftover", found: ["v2"] }]);
    // Where nothing tells of it, the older one may be left and restarted as well.
    expect(kinds(fleet, [], [])).toEqual(["mixed_releases"]);
    expect(kinds(fleet, [], [{ ...deploy, origin: "containers" }])).toEqual(["mixed_releases"]);
    const unstarted = fleet.map((container) => ({ ...container, startedAt: null }));
    expect(find(unstarted, [], [])).toMatchObject([{ kind: "leftover", found: ["v1"] }]);
  });

  it("names no leftover where an older one was started after the last deploy", () => {
    const fleet = [web("v1", "a", { createdAt: at(1), startedAt: at(40) }), web("v2", "a", { startedAt: at(20) })];
    expect(kinds(fleet)).toEqual(["mixed_releases", "unexpected_release"]);
    // The restart policy's starts do not count.
    const looping = fleet.map((container) => ({ ...container, restarts: 3 }));
    expect(find(looping)).toMatchObject([{ kind: "leftover", found: ["v1"] }]);
  });

  it.each<[string, Partial<Container>, Partial<Container>, string]>([
    ["the old one is the leftover", {}, {}, "leftover"],
    ["so it is without a health check", {}, { health: "none" }, "leftover"],
    ["so it is beside one that restarted long ago", {}, { restarts: 1, startedAt: at(45) }, "leftover"],
    ["none is beside one that restarts now and again", {}, { restarts: 1, startedAt: at(46) }, "mixed_releases"],
    ["none is beside one that was never inspected", {}, { restarts: null, startedAt: null }, "mixed_releases"],
    ["none is before the new one serves", {}, { health: "starting" }, "mixed_releases"],
    ["none is where the new one failed", {}, { health: "unhealthy" }, "mixed_releases"],
    ["none is where the new one loops", {}, { status: "restarting" }, "mixed_releases"],
    ["none is where the old one restarted", { startedAt: at(50) }, {}, "mixed_releases"],
    ["none is where it restarted seconds later", { startedAt: at(40, 21) }, {}, "mixed_releases"],
    ["none is so if the new one took a while", { startedAt: at(40, 40) }, { startedAt: at(40, 20) }, "mixed_releases"],
    ["both started with their host", { startedAt: at(50) }, { startedAt: at(50) }, "leftover"],
    ["the old one last of both", { startedAt: at(50, 40) }, { startedAt: at(50) }, "leftover"],
  ])("without any record: %s", (_what, old, young, expected) => {
    const fleet = [
      web("v1", "a", { startedAt: at(20), ...old }),
      web("v2", "a", { createdAt: at(40), startedAt: at(40), ...young }),
    ];
    expect(find(fleet, [], []).map(({ kind, found }) => `${kind} ${found.join()}`)).toEqual([
      expected === "leftover" ? "leftover v1" : "mixed_releases v1,v2",
    ]);
    // Beside the recorded release a newer one may be of an aborted deploy: nobody should remove
    // either.
    const recorded = sampleRecord({ tag: "v1", deployedAt: at(21) });
    expect(kinds(fleet, [], [recorded])).toEqual(["mixed_releases", "unexpected_release"]);
  });

  it.each([
    ["created after the recorded release had started", 22, "mixed_releases"],
    ["created before the recorded release started", 20, "leftover"],
  ])("of a record of the same minute is one %s", (_what, minute, expected) => {
    const recorded = sampleRecord({ tag: "v1", deployedAt: at(21) });
    const other = web("v2", "a", { createdAt: at(minute), startedAt: at(minute) });
    for (const startedAt of [at(21), at(50)]) {
      const own = web("v1", "a", { createdAt: at(21), startedAt });
      expect(kinds([own, other], [], [recorded])[0]).toBe(expected);
    }
  });

  it("is the same at each moment of a restart loop", () => {
    const old = web("v1", "a", { startedAt: at(20) });
    for (const records of [[], [sampleRecord({ tag: "v1", deployedAt: at(21) })]]) {
      const seen = ["running", "restarting"].map((status) =>
        kinds(
          [old, web("v2", "a", { createdAt: at(40), startedAt: at(59), restarts: 9, status, health: "none" })],
          [],
          records,
        ),
      );
      expect(new Set(seen.map(String)).size).toBe(1);
      expect(seen.flat()).not.toContain("leftover");
    }
  });

  it("is a release unlike a recorded deploy, not unlike a container's", () => {
    expect(kinds([web("v1", "a")])).toEqual(["unexpected_release"]);
    expect(kinds([web("v1", "a")], [], [{ ...deploy, origin: "containers" }])).toEqual([]);
    expect(kinds([web("v1", "a", { env: "production" })])).toEqual([]);
    expect(kinds([web("x", "a", { commitSha: "0123456789" })], [], [{ ...deploy, commitSha: "0123456" }])).toEqual([]);
  });

  it("compares containers of one service and destination alone", () => {
    const at2 = (destination: string | null, version: string, more: Partial<Container> = {}) =>
      web(version, "a", { destination, ...more });
    const fleet = [at2(null, "v2"), at2("beta", "v3"), at2("production", "v1"), at2(null, "v4", { service: "shop" })];
    // Without deploys they would be leftovers of each other, with them unlike the last one.
    expect(find(fleet, [], [])).toEqual([]);
    const deployed = [
      deploy,
      sampleRecord({ tag: "v3", destination: "beta", deployedAt: at(40) }),
      sampleRecord({ tag: "v1", destination: "production", deployedAt: at(2) }),
    ];
    expect(find(fleet, [], deployed)).toEqual([]);
    // Another engine runs a destination that was not deployed there: it has missed nothing.
    expect(find([...fleet, web("v1", "b", { destination: "production" })], [], deployed)).toEqual([]);
    expect(find([...fleet, web("v0", "b", { destination: "beta" })], [], deployed).map(({ kind }) => kind)).toEqual([
      "mixed_releases",
      "unexpected_release",
      "missing_on_engine",
    ]);
  });

  it("names the service and the destination", () => {
    const fleet = [web("v1", "a", { destination: "beta" }), web("v2", "b", { destination: "beta" })];
    const found = findDrift(fleet, [], [], now);
    expect(found).toMatchObject([
      { kind: "mixed_releases", service: "wallet-core-staging", destination: "beta", env: "staging" },
    ]);
    expect(found[0]?.message).toBe("Replicas of web of wallet-core-staging -d beta (staging) run 2 releases: v1, v2");
  });

  it("reports leftovers by engine, of one or several", () => {
    const [one, two, other] = ["a", "a", "b"].map((engine) => web("v1", engine, { createdAt: at(1) })) as [
      Container,
      Container,
      Container,
    ];
    const found = findDrift([web("v2", "a"), web("v2", "b"), one, other, two], [], [], now);
    expect(found.map(({ kind, engine, message, containers }) => [kind, engine, message, containers])).toEqual([
      ["leftover", "a", `${one.name}, ${two.name} on a: still live beside their replacements`, [one, two]],
      ["leftover", "b", `${other.name} on b: still live beside its replacement`, [other]],
    ]);
  });

  it("reports a missed deploy by engine, and by role where there is one", () => {
    const judged = judgeDeploys([deploy], { containers: [], silent: false }, now / 1000);
    const old = { createdAt: at(1) };
    const [web1, worker1, web0] = [
      web("v1", "c", old),
      web("v1", "c", { ...old, role: "worker" }),
      web("v0", "d", old),
    ];
    const found = findDrift([web("v2", "b"), web("v2", "a"), web1, worker1, web0], [], judged, now);
    const group = { service: "wallet-core-staging", destination: null, env: "staging" };
    const text = "of wallet-core-staging (staging), which a, b run";
    expect(found.slice(1)).toEqual([
      {
        ...group,
        kind: "unexpected_release",
        message: `${web1.name}, ${web0.name} run v0, v1, but v2 was deployed at ${at(21)}`,
        role: "web",
        engine: null,
        expected: "v2",
        found: ["v0", "v1"],
        containers: [web1, web0],
        replacedAt: null,
        settling: false,
      },
      {
        ...group,
        kind: "unexpected_release",
        message: `${worker1.name} runs v1, but v2 was deployed at ${at(21)}`,
        role: "worker",
        engine: "c",
        expected: "v2",
        found: ["v1"],
        containers: [worker1],
        replacedAt: null,
        settling: false,
      },
      {
        ...group,
        kind: "missing_on_engine",
        message: `c does not run v2 ${text}`,
        role: null,
        engine: "c",
        expected: "v2",
        found: ["v1"],
        containers: [web1, worker1],
        replacedAt: null,
        settling: false,
      },
      {
        ...group,
        kind: "missing_on_engine",
        message: `d does not run v2 ${text}`,
        role: "web",
        engine: "d",
        expected: "v2",
        found: ["v0"],
        containers: [web0],
        replacedAt: null,
        settling: false,
      },
    ]);
  });

  it("ignores replaced containers and moving tags", () => {
    const replaced = web("v2", "b", { replaced: true, startedAt: at(40) });
    // Its replaced container of the release is no hit.
    expect(kinds([web("v2", "a"), web("v1", "b"), replaced])).toEqual([
      "leftover",
      "mixed_releases",
      "unexpected_release",
      "missing_on_engine",
    ]);
    const latest = { version: "latest", floating: true };
    expect(kinds([web("v2", "a"), web("latest", "b", latest)])).toEqual([]);
    // What was started last is not what the others are left over from.
    expect(find([web("v3", "b", { startedAt: at(20) }), replaced], [], [])).toMatchObject([
      { kind: "leftover", found: ["v2"] },
    ]);
    expect(
      find([web("v3", "b", { startedAt: at(20) }), web("latest", "b", { ...latest, startedAt: at(40) })], [], []),
    ).toEqual([]);
  });

  it("names the silent engine and why", () => {
    const reason = { code: "docker_timeout", message: "no answer in 5 s" };
    const unknown = {
      kind: "engine_unknown",
      service: null,
      destination: null,
      env: null,
      role: null,
      expected: null,
      found: [],
      containers: [],
      replacedAt: null,
      settling: false,
    };
    expect(
      findDrift(
        [],
        [
          { ...reason, name: "b" },
          { ...reason, name: null },
        ],
        [],
        now,
      ),
    ).toEqual([
      { ...unknown, engine: "b", message: "Engine b does not answer, so what it runs is unknown: no answer in 5 s" },
      { ...unknown, engine: null, message: "An engine does not answer, so what it runs is unknown: no answer in 5 s" },
    ]);
  });

  it("ignores a deploy that may belong to several groups", () => {
    expect(find([web("v1", "a")], [], [{ ...deploy, ambiguous: true }])).toEqual([]);
  });

  it("of a silent engine is unknown, and its containers do not count", () => {
    const gone = { name: "b", code: "docker_unavailable", message: "refused" };
    expect(find([web("v2", "a"), web("v1", "b", { stale: true })], [gone])).toEqual([
      { kind: "engine_unknown", role: null, engine: "b", expected: null, found: [], count: 0, settling: false },
    ]);
  });

  it("is settling while a container is young or just started by a person", () => {
    const settling = (...fleet: readonly Container[]) => new Set(find(fleet).map((drift) => drift.settling));
    const old = web("v1", "a", { createdAt: at(1) });
    expect(settling(web("v2", "a", { createdAt: at(58) }), old)).toEqual(new Set([true]));
    expect(settling(web("v2", "a"), { ...old, startedAt: at(58) })).toEqual(new Set([true]));
    expect(settling(web("v2", "a"), { ...old, startedAt: at(58), restarts: 3 })).toEqual(new Set([false]));
    expect(settling(web("v2", "a"), { ...old, createdAt: at(58), restarts: 3 })).toEqual(new Set([true]));
    expect(settling(web("v2", "a"), { ...old, startedAt: at(55) })).toEqual(new Set([false]));
    const missed = [web("v2", "a", { startedAt: at(58) }), web("v1", "b", { createdAt: at(1), role: "worker" })];
    expect(find(missed).map((drift) => [drift.kind, drift.settling])).toEqual([
      ["unexpected_release", false],
      ["missing_on_engine", true],
    ]);
  });

  it("exists between replicas alone: never in one release, always in two", () => {
    const container = fc.record({
      version: fc.constantFrom("v1", "v2"),
      engine: fc.constantFrom("a", "b"),
      minute: fc.integer({ min: 0, max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(container, { maxLength: 6 }), (fleet) => {
        const containers = fleet.map(({ version, engine, minute }) => web(version, engine, { createdAt: at(minute) }));
        const found = findDrift(containers, [], [], now);
        expect(found.length > 0).toBe(new Set(fleet.map(({ version }) => version)).size > 1);
        // Nothing is two things of these at once.
        const all = found.flatMap((drift) => drift.containers.map(({ name }) => name));
        expect(new Set(all).size).toBe(all.length);
      }),
    );
  });
});
