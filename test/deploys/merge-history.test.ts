import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReleaseImage } from "../../src/containers/source.ts";
import { deployOrigins } from "../../src/deploys/deploy.ts";
import { toInfoRecord } from "../../src/deploys/merge.ts";
import { sampleContainer } from "../support/containers.ts";
import { fromContainers, fromImages, judgeDeploys, mergeDeploys } from "../support/deploy-steps.ts";
import { sampleRecord, sampleDeployInfo } from "../support/deploys.ts";

const at = (minute: number) => `2026-01-10T13:${String(minute).padStart(2, "0")}:00Z`;
const web = (version: string, more = {}) =>
  sampleContainer({ name: `web-${version}-${JSON.stringify(more)}`, version, commitSha: "", ...more });

describe("deploys from containers", () => {
  it("are one for each release, group and creation time", () => {
    const made = [
      web("v1", { createdAt: at(1) }),
      web("v2", { createdAt: at(20) }),
      web("v2", { createdAt: at(22), role: "worker", commitSha: "abcdef1" }),
      web("v1", { createdAt: at(40) }),
      web("v2", { createdAt: at(21), env: "production" }),
      web("v2", { createdAt: at(21), destination: "beta" }),
      web("v2", { createdAt: at(21), service: "shop" }),
      web("7-alpine", { kind: "accessory" }),
    ];
    const found = fromContainers(made).map(({ tag, deployedAt, service, destination, env, commitSha }) =>
      [tag, deployedAt, service, destination, env, commitSha].join(" "),
    );
    expect(found).toEqual([
      `v1 ${at(1)} wallet-core-staging  staging `,
      `v1 ${at(40)} wallet-core-staging  staging `,
      `v2 ${at(22)} wallet-core-staging  staging abcdef1`,
      `v2 ${at(21)} wallet-core-staging  production `,
      `v2 ${at(21)} wallet-core-staging beta staging `,
      `v2 ${at(21)} shop  staging `,
    ]);
  });
});

describe("a deploy from containers", () => {
  it("has their first known commit and newest creation time", () => {
    const made = [
      web("v2", { createdAt: at(12), commitSha: "bbbbbbb", destination: "beta" }),
      web("v2", { createdAt: at(2), destination: "beta" }),
      web("v2", { createdAt: at(10), commitSha: "aaaaaaa", destination: "beta" }),
      web("v2", { createdAt: "", destination: "beta" }),
      web("", { createdAt: at(11), destination: "beta" }),
    ];
    expect(fromContainers(made)).toEqual([
      {
        origin: "containers",
        tag: "v2",
        version: "v2",
        previousTag: null,
        commitSha: "aaaaaaa",
        deployedBy: null,
        deployedAt: at(12),
        durationSeconds: null,
        service: "wallet-core-staging",
        destination: "beta",
        env: "staging",
        ambiguous: false,
        booted: null,
        command: null,
      },
    ]);
  });

  it("lasts while each is created within ten minutes of the one before", () => {
    const times = (...createdAt: string[]) =>
      fromContainers(createdAt.map((time) => web("v2", { createdAt: time }))).length;
    expect(times(at(0), at(10), at(20), at(30))).toBe(1);
    expect(times(at(0), "2026-01-10T13:10:01Z")).toBe(2);
    expect(times(at(30), at(0))).toBe(2);
  });
});

describe("deploys from images", () => {
  const image = (version: string, more: Partial<ReleaseImage> = {}): ReleaseImage => ({
    engine: "web-1",
    service: "wallet-core-staging",
    env: "staging",
    version,
    commitSha: "",
    builtAt: at(0),
    taggedAt: null,
    ...more,
  });
  const told = [
    sampleRecord({ tag: "v2", deployedAt: at(30) }),
    sampleRecord({ tag: "v2", deployedAt: at(5), env: "production" }),
  ];
  /** What runs on the engines, of which follows what an image is of. */
  const running = ["web-1", "web-2"].flatMap((engine) =>
    (["staging", "production"] as const).map((env) => web("v2", { engine, env })),
  );
  const tell = (...images: ReleaseImage[]) =>
    fromImages(images, told, running).map(({ tag, env, deployedAt, commitSha }) => [tag, env, deployedAt, commitSha]);

  it("have the time of the last tag on any engine, else of the build", () => {
    const twice = [
      image("v1", { taggedAt: at(3) }),
      image("v1", { taggedAt: at(4), engine: "web-2", commitSha: "abcdef1" }),
    ];
    expect(tell(...twice, image("v0"))).toEqual([
      ["v1", "staging", at(4), "abcdef1"],
      ["v0", "staging", at(0), ""],
    ]);
    expect(fromImages([...twice, image("v0")], told, running).map(({ tag, booted }) => [tag, booted])).toEqual([
      ["v1", true],
      ["v0", null],
    ]);
  });

  it("have all that the images contain", () => {
    const images = [
      image("v1", { builtAt: "2026-01-10T13:00:00.9Z", taggedAt: "2026-01-10T13:04:00.5Z" }),
      image("v1", { taggedAt: "2026-01-10T13:02:00Z", commitSha: "abcdef1" }),
      image("v1", { builtAt: at(29), engine: "web-2", commitSha: "bbbbbbb" }),
    ];
    expect(fromImages(images, told, running)).toEqual([
      {
        origin: "images",
        tag: "v1",
        version: "v1",
        previousTag: null,
        commitSha: "abcdef1",
        deployedBy: null,
        deployedAt: "2026-01-10T13:04:00Z",
        durationSeconds: null,
        service: "wallet-core-staging",
        destination: null,
        env: "staging",
        ambiguous: false,
        booted: true,
        command: null,
      },
    ]);
    expect(fromImages([image("v0", { builtAt: at(2) }), image("v0", { builtAt: at(7) })], told, running)).toMatchObject(
      [{ deployedAt: at(7), booted: null }],
    );
  });

  it("count only when older than the newest deploy of their group", () => {
    const tagged = (minute: number) => tell(image("v1", { taggedAt: at(minute) })).length;
    expect([tagged(29), tagged(30)]).toEqual([1, 0]);
    const older = sampleRecord({ tag: "v0", deployedAt: at(1) });
    expect(fromImages([image("v1", { taggedAt: at(3) })], [...told, older], running)).toHaveLength(1);
    // The service's accessories do not say whose it is.
    const beside = [
      web("v2", { engine: "web-1" }),
      web("7", { engine: "web-1", kind: "accessory", destination: "beta" }),
    ];
    expect(fromImages([image("v1", { taggedAt: at(3) })], told, beside)).toHaveLength(1);
  });

  it("exclude future releases and otherwise unknown environments", () => {
    expect(tell(image("v3", { builtAt: at(31) }), image("v3", { env: "production", taggedAt: at(6) }))).toEqual([]);
    expect(tell(image("v1", { env: null }))).toEqual([]);
  });

  it("belong to the only group of the service on the engine, else to none", () => {
    const beta = web("v2", { engine: "web-1", service: "wallet-core", destination: "beta", env: null });
    const deployed = sampleRecord({ service: "wallet-core", destination: "beta", env: null, deployedAt: at(30) });
    const one = image("v1", { service: "wallet-core", env: null });
    const find = (containers: readonly ReturnType<typeof web>[]) => fromImages([one], [deployed], containers);
    expect(find([beta])).toMatchObject([{ tag: "v1", service: "wallet-core", destination: "beta", env: null }]);
    expect(find([beta, { ...beta, destination: "production", env: "production" }])).toEqual([]);
    expect(find([{ ...beta, engine: "web-2" }])).toEqual([]);
    expect(find([{ ...beta, service: "shop" }])).toEqual([]);
  });

  it("are another deploy of a release only when tagged: builds do not count", () => {
    expect(tell(image("v2"))).toEqual([]);
    expect(tell(image("v2", { taggedAt: at(2) }))).toEqual([["v2", "staging", at(2), ""]]);
  });

  it("are merged with other records of the same deploy", () => {
    const images = fromImages([image("v2", { taggedAt: at(29) })], told, running);
    expect(mergeDeploys([...told, ...images])).toHaveLength(2);
  });
});

describe("deploys of several origins", () => {
  it("are one for one release at about one time", () => {
    const merged = mergeDeploys([
      sampleRecord({ origin: "containers", deployedAt: at(14), deployedBy: null, command: null, commitSha: "abcdef1" }),
      sampleRecord({ origin: "kamal_audit", deployedAt: at(13), deployedBy: "kim" }),
      sampleRecord({ origin: "history", deployedBy: "", durationSeconds: 90 }),
      sampleRecord({ origin: "containers", tag: "v1", deployedAt: at(2), deployedBy: null }),
    ]);
    expect(merged).toMatchObject([
      {
        origin: "history",
        tag: "v2",
        deployedBy: "kim",
        durationSeconds: 90,
        commitSha: "abcdef1",
        deployedAt: at(15),
      },
      { origin: "containers", tag: "v1" },
    ]);
  });

  it("are completed from each other, field by field", () => {
    const best = sampleRecord({
      tag: "v2",
      version: "latest",
      commitSha: "",
      deployedBy: "",
      command: null,
      deployedAt: at(15),
      previousTag: null,
    });
    const other = sampleRecord({
      origin: "info",
      tag: "v2",
      version: "sha2",
      previousTag: "v1",
      commitSha: "abcdef1",
      deployedBy: "kim",
      durationSeconds: 61,
      booted: true,
      command: "redeploy",
      deployedAt: at(16),
    });
    const whole = { ...other, origin: "history", deployedAt: at(15) };
    expect(mergeDeploys([best, other])).toEqual([whole]);
    expect(mergeDeploys([other, best])).toEqual([whole]);
    // What the best one says stays.
    const said = {
      ...whole,
      version: "v2",
      previousTag: "v0",
      commitSha: "fffffff",
      deployedBy: "lee",
      durationSeconds: 0,
    };
    const first = sampleRecord({ ...said, origin: "history", booted: false, command: "deploy" });
    expect(mergeDeploys([first, other])).toEqual([{ ...first, booted: true }]);
  });

  it.each([
    [null, null, "info", null],
    [null, false, "info", false],
    [false, null, "info", false],
    [false, true, "info", true],
    [true, false, "info", true],
    [false, false, "info", false],
    [null, true, "images", null],
    [false, true, "images", false],
    [true, null, "images", true],
  ] as const)("with the results %s and %s, by %s, are %s", (own, others, origin, booted) => {
    const records = [sampleRecord({ booted: own }), sampleRecord({ origin, booted: others })];
    expect(mergeDeploys(records)).toEqual([{ ...records[0], booted }]);
  });

  it("are one by their tag, version or commit, within half an hour", () => {
    const own = sampleRecord({ tag: "v2", version: "s2", commitSha: "abcdef1234", deployedAt: at(15) });
    const count = (more: Parameters<typeof sampleRecord>[0]) =>
      mergeDeploys([own, sampleRecord({ origin: "info", tag: "x", version: "y", deployedAt: at(15), ...more })]).length;
    expect([count({}), count({ tag: "v2" }), count({ version: "s2" }), count({ commitSha: "abcdef1" })]).toEqual([
      2, 1, 1, 1,
    ]);
    expect([count({ tag: "s2" }), count({ version: "main" })]).toEqual([2, 1]);
    expect([
      count({ tag: "v2", deployedAt: at(45) }),
      count({ tag: "v2", deployedAt: "2026-01-10T13:45:01Z" }),
    ]).toEqual([1, 2]);
    expect(count({ tag: "v2", deployedAt: "2026-01-10T13:46:00Z", durationSeconds: 60 })).toBe(1);
  });

  it("are one with the nearest in time", () => {
    const around = [10, 30].map((minute) => sampleRecord({ deployedAt: at(minute), deployedBy: null }));
    const by = (minute: number) =>
      mergeDeploys([...around, sampleRecord({ origin: "info", deployedAt: at(minute), deployedBy: "kim" })]).map(
        ({ deployedBy }) => deployedBy,
      );
    expect([by(19), by(21), by(20)]).toEqual([
      [null, "kim"],
      ["kim", null],
      [null, "kim"],
    ]);
  });

  it("of VERSION=latest are those in the file, by their times", () => {
    const floating = { origin: "containers" as const, tag: "latest", deployedBy: null };
    const merged = mergeDeploys([
      sampleRecord({ tag: "rel-2", deployedAt: at(40) }),
      sampleRecord({ tag: "rel-1", deployedAt: at(15) }),
      sampleRecord({ ...floating, deployedAt: at(38) }),
      sampleRecord({ ...floating, deployedAt: at(14) }),
    ]);
    expect(merged.map(({ tag, origin }) => [tag, origin])).toEqual([
      ["rel-2", "history"],
      ["rel-1", "history"],
    ]);
  });

  it("of one origin stay two, except for two names of one host", () => {
    expect(mergeDeploys([sampleRecord(), sampleRecord({ deployedAt: at(16) })])).toHaveLength(2);
    expect(mergeDeploys([sampleRecord(), sampleRecord()])).toHaveLength(1);
    expect(mergeDeploys([sampleRecord(), sampleRecord({ env: "production" })])).toHaveLength(2);
  });

  it("of two groups, or of one that is ambiguous, are never one", () => {
    const audited = sampleRecord({ origin: "kamal_audit", deployedAt: at(14) });
    const count = (more: Parameters<typeof sampleRecord>[0]) =>
      mergeDeploys([{ ...audited, ...more }, sampleRecord()]).length;
    expect(count({})).toBe(1);
    expect(count({ destination: "beta" })).toBe(2);
    expect(count({ destination: "beta", env: null })).toBe(2);
    expect(count({ service: "shop" })).toBe(2);
    expect(count({ env: null })).toBe(2);
    expect(count({ ambiguous: true })).toBe(2);
  });

  it("are one when containers were created during a long deploy", () => {
    const long = sampleRecord({ deployedAt: at(55), durationSeconds: 50 * 60 });
    const made = [7, 20].map((minute) =>
      sampleRecord({ origin: "containers", deployedAt: at(minute), deployedBy: null }),
    );
    const again = sampleRecord({ deployedAt: at(59), durationSeconds: 120 });
    expect(mergeDeploys([long, ...made])).toEqual([long]);
    expect(mergeDeploys([long, again, sampleRecord({ origin: "containers", deployedAt: at(58) })])).toHaveLength(2);
    // Half an hour before it began is another.
    const before = sampleRecord({ origin: "containers", deployedAt: "2026-01-10T12:34:00Z" });
    expect(mergeDeploys([long, before])).toHaveLength(2);
  });

  it("have no future time, but their containers' or an interpolated one", () => {
    const now = Date.parse(at(50)) / 1000;
    const times = (...records: ReturnType<typeof sampleRecord>[]) =>
      mergeDeploys(records, now).map(({ tag, deployedAt }) => [tag, deployedAt]);
    const ahead = (tag: string) => sampleRecord({ tag, deployedAt: "2027-01-10T13:00:00Z" });
    const [v1, v3] = [sampleRecord({ tag: "v1", deployedAt: at(10) }), sampleRecord({ tag: "v3", deployedAt: at(40) })];
    expect(times(v1, ahead("v2"), v3)).toEqual([
      ["v3", at(40)],
      ["v2", "2026-01-10T13:39:59Z"],
      ["v1", at(10)],
    ]);
    expect(times(v1, ahead("v2"))).toEqual([
      ["v2", at(50)],
      ["v1", at(10)],
    ]);
    expect(times(ahead("v1"), ahead("v2")).map(([tag]) => tag)).toEqual(["v2", "v1"]);
    const made = sampleRecord({ tag: "v2", origin: "containers", deployedAt: at(30) });
    expect(times(v1, ahead("v2"), made)).toEqual([
      ["v2", at(30)],
      ["v1", at(10)],
    ]);
    // Made for a deploy of before the last line: this one goes back to it.
    expect(times(v1, ahead("v2"), { ...made, deployedAt: at(5) })[0]).toEqual(["v2", at(50)]);
    // Clocks are a little apart.
    expect(times(v1, sampleRecord({ deployedAt: at(51) }))[0]).toEqual(["v2", at(51)]);
    expect(times(v1, sampleRecord({ deployedAt: "2026-01-10T13:51:01Z" }))[0]).toEqual(["v2", at(50)]);
    // The latest that fits, of another origin and the same release; the lines around it are those
    // of its own file.
    const info = { ...made, origin: "info" as const };
    expect(times(v1, ahead("v2"), { ...made, deployedAt: at(30) }, { ...info, deployedAt: at(31) })[0]).toEqual([
      "v2",
      at(31),
    ]);
    expect(times(v1, ahead("v2"), { ...made, tag: "v9", version: "v9", deployedAt: at(30) })[0]).toEqual([
      "v2",
      at(50),
    ]);
    expect(times(v1, ahead("v2"), v3, { ...made, deployedAt: at(40) })[1]).toEqual(["v2", "2026-01-10T13:39:59Z"]);
    expect(times(v1, ahead("v2"), { ...made, deployedAt: at(10) })[0]).toEqual(["v2", at(50)]);
    expect(times(v1, ahead("v2"), { ...v3, origin: "info" })[0]).toEqual(["v2", at(50)]);
    expect(times({ ...v1, origin: "info" }, ahead("v2"), { ...made, deployedAt: at(5) })[0]).toEqual(["v1", at(10)]);
    // Now is now where nobody says when.
    const [late] = mergeDeploys([sampleRecord({ deployedAt: "2999-01-10T13:00:00Z" })]);
    expect(Math.abs(Date.parse(late?.deployedAt ?? "") - Date.now())).toBeLessThan(60_000);
    // Containers come in no order.
    const unordered = { ...ahead("v2"), origin: "containers" as const };
    expect(times(unordered, { ...v3, origin: "containers" })[0]).toEqual(["v2", at(50)]);
    expect(times(ahead("v1"), ahead("v2"), ahead("v3"))).toEqual([
      ["v3", at(50)],
      ["v2", "2026-01-10T13:49:59Z"],
      ["v1", "2026-01-10T13:49:58Z"],
    ]);
  });

  it("keep all of the best origin, newest first, in any input order", () => {
    const record = fc
      .record({
        origin: fc.constantFrom(...deployOrigins),
        tag: fc.constantFrom("v1", "v2", "latest"),
        minute: fc.integer({ min: 0, max: 59 }),
        env: fc.constantFrom("staging" as const, "production" as const, null),
      })
      .map(({ minute, ...more }) => sampleRecord({ ...more, deployedAt: at(minute) }));
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), (records) => {
        const merged = mergeDeploys(records);
        const keys = (own: typeof records) =>
          own.filter(({ origin }) => origin === "history").map(({ tag, deployedAt }) => `${tag} ${deployedAt}`);
        expect(new Set(keys(merged))).toEqual(new Set(keys(records)));
        expect(merged.length).toBeLessThanOrEqual(records.length);
        expect(merged.map(({ deployedAt }) => deployedAt)).toEqual(
          merged
            .map(({ deployedAt }) => deployedAt)
            .toSorted()
            .toReversed(),
        );
      }),
    );
  });

  it.each([
    ["0", 0],
    ["61.25", 61.25],
    ["86400", 86_400],
    ["86401", null],
    ["123456", null],
    ["-1", null],
    ["1e3", null],
    [" 61", null],
    ["61 ", null],
    ["61.", null],
    ["", null],
    [undefined, null],
  ])("have a run time of %j as %s s, which shows success", (value, durationSeconds) => {
    const extra = value === undefined ? [] : [{ key: "runtime_seconds", value }];
    expect(toInfoRecord({ ...sampleDeployInfo, extra })).toMatchObject({
      version: sampleDeployInfo.currentTag,
      durationSeconds,
      booted: durationSeconds === null ? null : true,
    });
  });

  it("have all of deploy_info.json, and no more", () => {
    const info = {
      ...sampleDeployInfo,
      currentTag: "v2",
      previousTag: "",
      commitSha: "abcdef1",
      deployedBy: "kim",
      deployedAt: at(3),
      service: "shop",
      destination: "beta",
      env: "production" as const,
      extra: [{ key: "version", value: "" }],
    };
    expect(toInfoRecord(info)).toEqual({
      origin: "info",
      tag: "v2",
      version: "v2",
      previousTag: null,
      commitSha: "abcdef1",
      deployedBy: "kim",
      deployedAt: at(3),
      durationSeconds: null,
      booted: null,
      command: null,
      service: "shop",
      destination: "beta",
      env: "production",
      ambiguous: false,
    });
  });

  it("have deploy_info.json's data, and Kamal's version of its release", () => {
    const extra = [
      { key: "version", value: "latest" },
      { key: "runtime_seconds", value: "61" },
      { key: "command", value: "redeploy" },
    ];
    expect(toInfoRecord({ ...sampleDeployInfo, extra })).toMatchObject({
      origin: "info",
      tag: sampleDeployInfo.currentTag,
      version: sampleDeployInfo.currentTag,
      previousTag: sampleDeployInfo.previousTag,
      durationSeconds: 61,
      command: "redeploy",
    });
    expect(toInfoRecord({ ...sampleDeployInfo, extra: [{ key: "version", value: "0123abc" }] }).version).toBe(
      "0123abc",
    );
  });
});

describe("the state of a deploy", () => {
  const first = sampleRecord({ tag: "v1", deployedAt: at(10) });
  const second = sampleRecord({ tag: "v2", deployedAt: at(20) });
  const third = sampleRecord({ tag: "v3", deployedAt: at(30) });
  const states = (
    records: readonly ReturnType<typeof sampleRecord>[],
    containers: readonly ReturnType<typeof web>[],
    silent = false,
  ) => judgeDeploys(records, { containers, silent }).map(({ tag, state }) => `${tag} ${state}`);

  it("is current, previous or superseded, with containers and previous tag", () => {
    const old = web("v2", { status: "exited" });
    const judged = judgeDeploys([first, second, third], { containers: [web("v3"), old], silent: false });
    expect(judged.map(({ tag, state, previousTag }) => [tag, state, previousTag])).toEqual([
      ["v3", "current", "v2"],
      ["v2", "previous", "v1"],
      ["v1", "superseded", null],
    ]);
    expect(judged.map(({ containers }) => containers.length)).toEqual([1, 1, 0]);
  });

  it("is incomplete beside another release, unknown with a silent engine", () => {
    expect(states([first, second], [web("v2"), web("v1")])[0]).toBe("v2 incomplete");
    expect(states([first, second], [web("v1")])).toEqual(["v2 incomplete", "v1 current"]);
    expect(states([first, second], [])).toEqual(["v2 incomplete", "v1 previous"]);
    expect(states([first, second], [web("v1")], true)).toEqual(["v2 unknown", "v1 previous"]);
    expect(states([first, second], [web("latest", { floating: true })])[0]).toBe("v2 unknown");
    expect(
      states([first, second], [web("v2"), web("v1", { status: "exited" }), web("v1", { env: "production" })])[0],
    ).toBe("v2 current");
  });

  it("is current for the newest that runs, if the newest does not", () => {
    expect(states([first, second, third], [web("v1"), web("v2")])).toEqual([
      "v3 incomplete",
      "v2 current",
      "v1 previous",
    ]);
    // Accessories run no release.
    expect(states([first, second], [web("v2"), web("v1", { kind: "accessory" })])).toEqual([
      "v2 current",
      "v1 previous",
    ]);
  });

  it("is unknown while its container may start: a minute", () => {
    const created = (createdAt: string) => web("v1", { status: "created", createdAt, startedAt: null });
    const state = (createdAt: string) => states([{ ...first, origin: "containers" }], [created(createdAt)]);
    expect([state(new Date().toISOString()), state(at(10))]).toEqual([["v1 incomplete"], ["v1 failed"]]);
  });

  it("is rolled back, by Kamal's word or by an older deploy", () => {
    const back = sampleRecord({ tag: "v1", deployedAt: at(40), command: null });
    expect(states([first, second, back], [web("v1")])).toEqual(["v1 current", "v2 rolled_back", "v1 superseded"]);
    const rollback = sampleRecord({ tag: "v0", deployedAt: at(40), command: "rollback" });
    expect(states([second, rollback], [web("v0")])).toEqual(["v0 current", "v2 rolled_back"]);
    const same = sampleRecord({ tag: "v2", deployedAt: at(40), command: "rollback" });
    expect(states([first, second, same], [web("v2")])).toEqual(["v2 current", "v2 superseded", "v1 previous"]);
    // Deployed again is no way back.
    expect(states([first, { ...first, deployedAt: at(12) }], [web("v1")])).toEqual(["v1 current", "v1 superseded"]);
  });

  it("ignores containers of another destination or service", () => {
    const others = [web("v1", { destination: "beta" }), web("v1", { service: "shop" })];
    expect(states([first, second], [web("v2"), ...others])).toEqual(["v2 current", "v1 previous"]);
    const beta = sampleRecord({ tag: "v1", destination: "beta", deployedAt: at(25) });
    const [newest, ...older] = judgeDeploys([first, second, beta], {
      containers: [web("v2"), ...others],
      silent: false,
    });
    expect(newest).toMatchObject({ destination: "beta", state: "current", containers: [{ destination: "beta" }] });
    expect(older.map(({ tag, state }) => `${tag} ${state}`)).toEqual(["v2 current", "v1 previous"]);
  });

  it("is unknown for a service that the gateway does not look after", () => {
    const ofShop = sampleRecord({ tag: "v2", service: "shop", deployedAt: at(20) });
    const judge = (containers: readonly ReturnType<typeof web>[]) =>
      judgeDeploys([ofShop], { containers, silent: false, isOwnService: (service) => service !== "shop" })[0]?.state;
    expect(judge([web("v2", { service: "shop", kind: "other" })])).toBe("unknown");
    expect(judge([])).toBe("unknown");
    // Selected by its labels.
    expect(judge([web("v2", { service: "shop" })])).toBe("current");
    expect(judge([web("v1", { service: "shop" })])).toBe("incomplete");
    expect(judgeDeploys([first], { containers: [], silent: false, isOwnService: () => true })[0]?.state).toBe(
      "incomplete",
    );
  });

  it("is unknown for an ambiguous group, and others are judged without it", () => {
    const judged = judgeDeploys([{ ...second, ambiguous: true }, first], {
      containers: [web("v2"), web("v1")],
      silent: false,
    });
    expect(judged).toMatchObject([
      { tag: "v2", state: "unknown", containers: [] },
      { tag: "v1", state: "incomplete" },
    ]);
  });

  it("is by environment: at most one current and one previous in each", () => {
    const record = fc
      .record({
        tag: fc.constantFrom("v1", "v2", "v3"),
        minute: fc.integer({ min: 0, max: 59 }),
        env: fc.constantFrom("staging" as const, "production" as const),
        command: fc.constantFrom("deploy", "rollback", null),
      })
      .map(({ minute, ...more }) => sampleRecord({ ...more, deployedAt: at(minute) }));
    const container = fc
      .record({
        version: fc.constantFrom("v1", "v2", "v3"),
        status: fc.constantFrom("running", "exited"),
        env: fc.constantFrom("staging" as const, "production" as const),
      })
      .map(({ version, ...more }) => web(version, more));
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 8 }),
        fc.array(container, { maxLength: 4 }),
        fc.boolean(),
        (records, containers, silent) => {
          const judged = judgeDeploys(records, { containers, silent });
          expect(judged).toHaveLength(records.length);
          for (const env of ["staging", "production"] as const) {
            for (const state of ["current", "incomplete", "unknown", "previous"]) {
              expect(judged.filter((one) => one.env === env && one.state === state).length).toBeLessThanOrEqual(1);
            }
          }
        },
      ),
    );
  });
});
