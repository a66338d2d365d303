import { describe, expect, it } from "vitest";
import { createDeployMemory } from "../../src/deploys/fate.ts";
import { findLatest } from "../../src/deploys/state.ts";
import { judgeDeploy } from "../../src/deploys/verdict/verdict.ts";
import { sampleContainer } from "../support/containers.ts";
import { findDrift, judgeDeploys, mergeDeploys } from "../support/deploy-steps.ts";
import { quietContainers, sampleRecord } from "../support/deploys.ts";

type Record = ReturnType<typeof sampleRecord>;
type Container = ReturnType<typeof sampleContainer>;

const at = (minute: number, second = 0) =>
  new Date(Date.UTC(2026, 0, 10, 13, minute, second)).toISOString().replace(".000", "");
const now = Date.parse(at(59)) / 1000;
/** A container that was made at a minute, and ended at another, or is live. */
const web = (version: string, made: number, ended: string | null = null, more: Partial<Container> = {}) =>
  sampleContainer({
    name: `web-${version}-${made}-${JSON.stringify(more)}`,
    version,
    commitSha: "",
    createdAt: at(made),
    startedAt: at(made),
    finishedAt: ended,
    status: ended === null ? "running" : "exited",
    ...more,
  });
const hook = (tag: string, minute: number, more: Partial<Record> = {}) =>
  sampleRecord({ tag, deployedAt: at(minute), booted: true, durationSeconds: 30, ...more });
/** What Kamal's audit log, or containers, tell of a deploy that no hook wrote down. */
const seen = (tag: string, minute: number, more: Partial<Record> = {}) =>
  sampleRecord({ origin: "containers", tag, deployedAt: at(minute), deployedBy: null, command: null, ...more });
const judge = (records: readonly Record[], containers: readonly Container[]) =>
  judgeDeploys(records, { containers, silent: false }, now);
const states = (records: readonly Record[], containers: readonly Container[]) =>
  judge(records, containers).map(({ tag, state }) => `${tag} ${state}`);

/**
 * Kamal boots v2 beside v1, gives up after half a minute, stops it, and leaves v1 running until v3
 * has booted.
 */
const old = web("v1", 1, at(31));
const broken = web("v2", 20, at(20, 32));
const next = web("v3", 30);

describe("a deploy that never went live", () => {
  it("has failed: it is no previous release and no rollback's target", () => {
    const judged = judge([hook("v1", 1), seen("v2", 20), hook("v3", 30)], [old, broken, next]);
    expect(judged.map(({ tag, state, previousTag }) => [tag, state, previousTag])).toEqual([
      ["v3", "current", "v1"],
      ["v2", "failed", "v1"],
      ["v1", "previous", null],
    ]);
    expect(judged[1]?.containers).toEqual([broken]);
  });

  it("is not the newest release; the running one is", () => {
    const failed = judge([hook("v1", 1), seen("v2", 20, { origin: "kamal_audit" })], [web("v1", 1), broken]);
    expect(failed.map(({ tag, state }) => `${tag} ${state}`)).toEqual(["v2 failed", "v1 current"]);
    expect(findLatest(failed).map(({ tag }) => tag)).toEqual(["v1"]);
    // Kamal's audit log names v2, which should not run.
    expect(findDrift([web("v1", 1)], [], failed, now)).toEqual([]);
  });

  it("may be the only known one beside what runs", () => {
    expect(states([seen("v2", 20, { booted: false })], [web("v9", 1)])).toEqual(["v2 failed"]);
    expect(states([], [web("v9", 1)])).toEqual([]);
  });

  it("rolls nothing back", () => {
    const again = web("v1", 40, at(40, 30));
    const replaced = web("v1", 1, at(31), { replaced: true });
    const records = [hook("v1", 1), hook("v2", 30), seen("v1", 40, { command: "rollback" })];
    expect(states(records, [replaced, web("v2", 30), again])).toEqual(["v1 failed", "v2 current", "v1 previous"]);
  });

  it("of the running version has failed if the old container runs on", () => {
    const running = web("v1", 1, null, { replaced: true });
    expect(states([hook("v1", 1), seen("v1", 20)], [running, web("v1", 20, at(20, 32))])).toEqual([
      "v1 failed",
      "v1 current",
    ]);
  });

  it("has failed if its container never started, but not while it starts", () => {
    const created = (made: string) => web("v2", 20, null, { status: "created", createdAt: made, startedAt: null });
    expect(states([seen("v2", 20)], [created(at(20))])).toEqual(["v2 failed"]);
    expect(states([seen("v2", 58)], [created(at(58))])).toEqual(["v2 incomplete"]);
    expect(states([seen("v2", 57)], [created(at(57, 59))])).toEqual(["v2 failed"]);
  });

  it("may have run for any time beside the one that served", () => {
    const records = [hook("v1", 1), seen("v2", 5), seen("v3", 30)];
    expect(states(records, [old, web("v2", 5, at(29)), next])).toEqual(["v3 current", "v2 failed", "v1 previous"]);
    // The one of before was started by a rollback just then.
    expect(states(records, [{ ...old, startedAt: at(5) }, web("v2", 5, at(29)), next])[1]).toBe("v2 failed");
  });

  it("has failed on each engine where another served", () => {
    const onNew = { engine: "web-2" };
    const failed = [web("v2", 20, at(20, 32)), web("v2", 20, at(20, 33), onNew)];
    const records = [seen("v1", 1), seen("v2", 20)];
    const before = judge(records, [web("v1", 1), ...failed]);
    expect(before.map(({ tag, state }) => `${tag} ${state}`)).toEqual(["v2 failed", "v1 current"]);
    expect(findLatest(before).map(({ tag }) => tag)).toEqual(["v1"]);
    const after = [old, ...failed, next, web("v3", 30, null, onNew)];
    expect(states([...records, seen("v3", 30)], after)).toEqual(["v3 current", "v2 failed", "v1 previous"]);
    // What the engine of a container that ended did not say yet may show that it served.
    const unread = [web("v1", 1), web("v2", 20, at(20, 32)), { ...web("v2", 20, at(20, 33), onNew), finishedAt: null }];
    expect(states(records, unread)[0]).toBe("v2 incomplete");
  });

  it("has no verdict", () => {
    const verdict = judgeDeploy({
      failed: true,
      windows: null,
      queues: [],
      containers: quietContainers,
      newErrors: null,
      gaps: [],
    });
    expect(verdict).toMatchObject({
      outcome: "not_enough_data",
      reasons: ["this deploy failed: no container of it went live"],
    });
  });
});

describe("a deploy that has served", () => {
  const around = (own: Partial<Record>, ...containers: Container[]) =>
    states([hook("v1", 1), seen("v2", 20, own), hook("v3", 30)], [next, ...containers])[1];

  it("lived until the next one was made, or for more than an hour", () => {
    expect(around({}, web("v2", 20, at(30)), web("v1", 1, at(40)))).toBe("v2 previous");
    const long = (second: number) => web("v2", 0, at(25, second), { createdAt: "2026-01-10T12:25:00Z" });
    expect(around({}, long(1))).toBe("v2 previous");
    expect(around({}, long(0))).toBe("v2 unknown");
  });

  it("took over: the previous container ended first", () => {
    expect(around({}, broken, web("v1", 1, at(20, 31)))).toBe("v2 previous");
    expect(around({}, broken, web("v1", 1, at(19, 59)))).toBe("v2 unknown");
  });

  it("went live on one of its engines", () => {
    const there = [web("v2", 20, at(31), { engine: "web-2" }), web("v3", 30, null, { engine: "web-2" })];
    expect(around({}, broken, old)).toBe("v2 failed");
    expect(around({}, broken, old, ...there)).toBe("v2 previous");
    expect(around({ booted: false }, broken, old, ...there)).toBe("v2 previous");
  });

  it("is beside an older replica of the same release", () => {
    expect(states([seen("v2", 20), seen("v2", 40)], [web("v2", 20), web("v2", 40, at(41))])[0]).toBe("v2 current");
  });

  it("succeeded by Kamal's run time, whatever its containers look like", () => {
    expect(around({ booted: true }, broken, old)).toBe("v2 previous");
  });

  it("was recorded by another pipeline, or named as the previous one", () => {
    for (const origin of ["history", "info"] as const) expect(around({ origin }, broken)).toBe("v2 previous");
    const named = [hook("v1", 1), seen("v2", 20), hook("v3", 30, { previousTag: "v2" })];
    expect(states(named, [broken, old, next])[1]).toBe("v2 previous");
  });

  it("was rolled back by an unrecorded start of the old container", () => {
    const back = (more: Partial<Container> = {}) => web("v1", 1, null, { startedAt: at(25), ...more });
    const v2 = web("v2", 20, at(25, 5));
    for (const own of [seen("v2", 20), hook("v2", 20), hook("v2", 20, { booted: null })]) {
      const judged = judge([seen("v0", 0), seen("v1", 1), own], [web("v0", 0, at(1, 10)), back(), v2]);
      expect(judged.map(({ tag, state }) => `${tag} ${state}`)).toEqual([
        "v2 rolled_back",
        "v1 current",
        "v0 previous",
      ]);
    }
    // The one of before serves again until the next one comes.
    const ended = judge(
      [seen("v1", 1), seen("v2", 20), seen("v3", 30)],
      [{ ...back(), status: "exited", finishedAt: at(31) }, v2, next],
    );
    expect(ended.map(({ tag, state, previousTag }) => [tag, state, previousTag])).toEqual([
      ["v3", "current", "v1"],
      ["v2", "rolled_back", "v1"],
      ["v1", "previous", null],
    ]);
    // Recorded after all.
    const recorded = judge([seen("v1", 1), seen("v2", 20), seen("v1", 26, { origin: "kamal_audit" })], [back(), v2]);
    expect(recorded.map(({ tag, state, previousTag }) => [tag, state, previousTag])).toEqual([
      ["v1", "current", "v2"],
      ["v2", "rolled_back", "v1"],
      ["v1", "superseded", null],
    ]);
    // The restart policy is no rollback.
    expect(states([seen("v1", 1), seen("v2", 20)], [back({ restarts: 1 }), v2])).toEqual([
      "v2 incomplete",
      "v1 current",
    ]);
  });
});

describe("a deploy of which nothing shows whether it served", () => {
  const around = (...containers: Container[]) => {
    const [v3, v2, v1] = judge([seen("v1", 1), seen("v2", 20), seen("v3", 30)], [next, ...containers]);
    return `${v3?.previousTag}, v2 ${v2?.state}, v1 ${v1?.state}`;
  };

  it("is unknown and not the previous one when containers are gone", () => {
    const served = web("v1", 1, at(10), { createdAt: "2026-01-10T12:00:00Z", startedAt: "2026-01-10T12:00:00Z" });
    expect(around()).toBe("null, v2 unknown, v1 unknown");
    expect(around(broken)).toBe("null, v2 unknown, v1 unknown");
    expect(around(broken, served)).toBe("v1, v2 unknown, v1 previous");
    // An engine's list does not say when a container started or ended.
    expect(around({ ...broken, finishedAt: null }, served)).toBe("v1, v2 unknown, v1 previous");
    expect(around(broken, { ...old, finishedAt: null })).toBe("null, v2 unknown, v1 unknown");
    expect(around(broken, { ...old, startedAt: null })).toBe("v1, v2 unknown, v1 previous");
    // The one of before may have served on, or again.
    expect(around(broken, { ...old, startedAt: at(25) })).toBe("v1, v2 unknown, v1 previous");
  });

  it("is not judged by containers of other roles, engines or groups", () => {
    for (const more of [{ role: "worker" }, { engine: "web-2" }, { destination: "beta" }]) {
      expect(around(broken, web("v1", 1, at(31), more))).toMatch(/^null, v2 unknown, v1 /);
    }
  });

  it("stays unknown after Kamal removed the old containers: five failures", () => {
    const failures = [2, 3, 4, 5, 6];
    const containers = failures.map((minute) => web(`v${minute}`, minute, at(minute, 32)));
    const records = failures.map((minute) => seen(`v${minute}`, minute));
    const judged = judge([...records, seen("v7", 30)], [...containers, web("v7", 30)]);
    expect(judged.map(({ tag, state, previousTag }) => `${tag} ${state} ${previousTag}`)).toEqual([
      "v7 current null",
      ...["v6", "v5", "v4", "v3", "v2"].map((tag) => `${tag} unknown null`),
    ]);
  });

  it("is the first one, which may have failed", () => {
    const judged = judge([seen("v1", 1), hook("v2", 30)], [web("v1", 1, at(1, 32)), web("v2", 30)]);
    expect(judged.map(({ tag, state, previousTag }) => [tag, state, previousTag])).toEqual([
      ["v2", "current", null],
      ["v1", "unknown", null],
    ]);
  });

  it("is an image that was never tagged; one tagged latest has booted", () => {
    const image = (tag: string, minute: number, booted: true | null) => seen(tag, minute, { origin: "images", booted });
    const pulled = [image("v1", 1, true), image("v2", 20, null)];
    expect(states([...pulled, seen("v3", 30)], [next])).toEqual(["v3 current", "v2 unknown", "v1 previous"]);
    const tagged = [hook("v1", 1), image("v2", 20, true), seen("v3", 30)];
    expect(states(tagged, [next])).toEqual(["v3 current", "v2 superseded", "v1 previous"]);
    const merged = mergeDeploys([seen("v2", 20), image("v2", 21, true)], now);
    expect(merged).toMatchObject([{ tag: "v2", booted: null }]);
  });
});

describe("what the old containers showed", () => {
  it("is remembered after they are removed, until one runs again", () => {
    const memory = createDeployMemory();
    const records = [seen("v1", 1), seen("v2", 20), seen("v3", 30)];
    const look = (...containers: Container[]) =>
      judgeDeploys(records, { containers: [next, ...containers], silent: false, memory }, now)[1]?.state;
    expect(look(broken)).toBe("unknown");
    expect(look(broken, old)).toBe("failed");
    expect(look(broken)).toBe("failed");
    expect(look(broken, { ...old, startedAt: at(29) })).toBe("failed");
    expect(look({ ...broken, finishedAt: at(25) })).toBe("unknown");
    // Left running by a deploy that was broken off.
    const left = web("v2", 20, at(29), { createdAt: "2026-01-10T12:20:00Z", engine: "web-2" });
    const beside = { engine: "web-2", createdAt: "2026-01-10T12:00:00Z", startedAt: "2026-01-10T12:00:00Z" };
    expect(look(left)).toBe("previous");
    expect(look(left, { ...old, ...beside })).toBe("failed");
    expect(look(left)).toBe("failed");
  });
});

describe("the previous release that the hook recorded", () => {
  const failures = [2, 3, 4, 5, 6];
  const containers = [...failures.map((minute) => web(`v${minute}`, minute, at(minute, 32))), web("v7", 30)];
  const records = [...failures.map((minute) => seen(`v${minute}`, minute)), hook("v7", 30, { previousTag: "v1" })];
  const failed = ["v6", "v5", "v4", "v3", "v2"].map((tag) => `${tag} failed v1`);

  it("shows that releases in between failed, also after a clean-up", () => {
    const judged = judge([hook("v1", 1), ...records], containers);
    expect(judged.map(({ tag, state, previousTag }) => `${tag} ${state} ${previousTag}`)).toEqual([
      "v7 current v1",
      ...failed,
      "v1 previous null",
    ]);
  });

  it("excludes any other when nothing else is known of it", () => {
    expect(states(records, containers)).toEqual([
      "v7 current",
      ...failed.map((text) => text.replace("failed v1", "unknown")),
    ]);
  });

  it("is the previous one, though it stopped before the next one failed", () => {
    const stopped = [web("v1", 1, at(10)), broken, next];
    const judged = judge([hook("v1", 1), seen("v2", 20), hook("v3", 30, { previousTag: "v1" })], stopped);
    expect(judged.map(({ tag, state, previousTag }) => [tag, state, previousTag])).toEqual([
      ["v3", "current", "v1"],
      ["v2", "failed", "v1"],
      ["v1", "previous", null],
    ]);
  });

  it("is of the successful attempt, and no evidence against a served one", () => {
    const again = [
      hook("v1", 1),
      hook("v2", 10, { previousTag: "v1" }),
      seen("v2", 20, { booted: false }),
      hook("v3", 30, { previousTag: "v2" }),
    ];
    expect(states(again, [next])).toEqual(["v3 current", "v2 failed", "v2 previous", "v1 superseded"]);
    const served = [hook("v1", 1), seen("v2", 20), hook("v3", 30, { previousTag: "v1" })];
    expect(states(served, [web("v2", 20, at(31)), next])).toEqual(["v3 current", "v2 superseded", "v1 previous"]);
    const recorded = [hook("v1", 1), hook("v2", 20, { booted: null }), hook("v3", 30, { previousTag: "v1" })];
    expect(states(recorded, [broken, next])).toEqual(["v3 current", "v2 superseded", "v1 previous"]);
    // Nothing is left of its containers.
    expect(states(served, [next])).toEqual(["v3 current", "v2 unknown", "v1 previous"]);
  });

  it("may be Kamal's version of a release that has another tag", () => {
    const tagged = [hook("rel-1", 1, { version: "v1" }), seen("v2", 20), hook("v3", 30, { previousTag: "v1" })];
    expect(states(tagged, [next])).toEqual(["v3 current", "v2 unknown", "rel-1 previous"]);
  });

  it("was rolled back when its containers show that", () => {
    const back = web("v1", 1, at(31), { startedAt: at(25) });
    const deploys = [hook("v1", 1), hook("v2", 20), hook("v3", 30, { previousTag: "v2" })];
    expect(states(deploys, [back, web("v2", 20, at(25, 5)), next])).toEqual([
      "v3 current",
      "v2 rolled_back",
      "v1 previous",
    ]);
  });

  it("leads on to the one before when it was rolled back", () => {
    const back = [
      hook("v0", 0),
      hook("v1", 1, { previousTag: "v0" }),
      hook("v2", 20, { previousTag: "v1" }),
      hook("v1", 30, { previousTag: "v2", command: "rollback" }),
    ];
    expect(states(back, [web("v1", 1)])).toEqual(["v1 current", "v2 rolled_back", "v1 superseded", "v0 previous"]);
  });
});

describe("what has no evidence", () => {
  const tags = (records: readonly Record[], containers: readonly Container[]) =>
    judge(records, containers).map(({ tag, state, previousTag }) => `${tag} ${state} ${previousTag}`);

  it("has not failed before the release that was recorded", () => {
    const records = [seen("v0", 0), hook("v1", 10), hook("v3", 30, { previousTag: "v1" })];
    expect(tags(records, [web("v0", 0, at(0, 30)), next])).toEqual([
      "v3 current v1",
      "v1 previous null",
      "v0 unknown null",
    ]);
  });

  it("may be the tag of a release with another version in Kamal", () => {
    const records = [hook("rel-1", 1, { version: "v1" }), hook("rel-2", 10, { version: "v2" })];
    const after = [...records, hook("v3", 30, { previousTag: "rel-1" })];
    expect(tags(after, [next])).toEqual(["v3 current rel-1", "rel-2 superseded rel-1", "rel-1 previous null"]);
  });

  it("did not serve because the next one goes back behind it", () => {
    const records = [hook("v0", 1), seen("v1", 10), hook("v0", 20)];
    expect(tags(records, [web("v0", 20)])).toEqual(["v0 current null", "v1 rolled_back v0", "v0 superseded null"]);
  });

  it("has another tag as previous, also after several deploys of its own", () => {
    const again = [hook("v0", 1), hook("v1", 10), hook("v1", 20), hook("v1", 30), hook("v2", 40)];
    const fleet = [web("v2", 40)];
    expect(tags(again, fleet).map((text) => text.replace(/ \w+ /, " "))).toEqual([
      "v2 v1",
      "v1 v0",
      "v1 v0",
      "v1 v0",
      "v0 null",
    ]);
  });

  it("is served again by a release that failed in between", () => {
    const back = web("v1", 1, at(45), { startedAt: at(25) });
    const records = [hook("v1", 1), hook("v2", 20), seen("v3", 30, { booted: false }), hook("v3", 44)];
    expect(tags(records, [back, web("v2", 20, at(26)), web("v3", 44)])).toEqual([
      "v3 current v1",
      "v3 failed v1",
      "v2 rolled_back v1",
      "v1 previous null",
    ]);
  });

  it("includes containers whose creation time is unknown", () => {
    expect(tags([seen("v1", 1), hook("v3", 30)], [web("v1", 1, null, { createdAt: "" }), next])).toEqual([
      "v3 incomplete null",
      "v1 unknown null",
    ]);
  });

  it("has not failed if one of its containers' end times is unknown", () => {
    const records = [hook("v1", 1), seen("v2", 20), hook("v3", 30, { previousTag: "v1" })];
    const unknown = web("v2", 20, null, { status: "exited", engine: "web-2" });
    expect(tags(records, [broken, next])[1]).toBe("v2 failed v1");
    expect(tags(records, [broken, unknown, next])[1]).toBe("v2 unknown v1");
  });

  it("has not failed while one of its containers may still start", () => {
    const created = (second: number, engine: string) =>
      web("v2", 58, null, { status: "created", startedAt: null, createdAt: at(57, second), engine });
    // It is 13:59:00; a container starts within a minute.
    expect(states([seen("v2", 58)], [created(59, "a"), created(59, "b")])).toEqual(["v2 failed"]);
    const young = { ...created(0, "b"), createdAt: at(58) };
    expect(states([seen("v2", 58)], [created(59, "a"), young])).toEqual(["v2 incomplete"]);
  });
});

describe("Kamal's audit log", () => {
  it("is enough where no container is left", () => {
    const says = (booted: boolean | null) =>
      states([hook("v1", 1), seen("v2", 20, { booted }), hook("v3", 30)], [next])[1];
    expect(says(false)).toBe("v2 failed");
    expect(says(null)).toBe("v2 unknown");
    expect(says(true)).toBe("v2 previous");
  });

  it("of a first attempt says nothing about the second", () => {
    const attempt = (minute: number, booted: boolean) => seen("v2", minute, { origin: "kamal_audit", booted });
    const merged = mergeDeploys(
      [attempt(5, false), attempt(20, true), sampleRecord({ tag: "v2", deployedAt: at(21) })],
      now,
    );
    expect(merged).toMatchObject([{ tag: "v2", booted: true }]);
  });
});

describe("the previous tag", () => {
  it("is the recorded one, else the newest that is known to have served", () => {
    const between = [hook("v1", 1), seen("v2", 20, { booted: false }), hook("v2b", 25), seen("v2c", 26)];
    const before = (more: Partial<Record>) => judge([...between, hook("v3", 30, more)], [next])[0]?.previousTag;
    expect(before({ previousTag: "v1" })).toBe("v1");
    expect(before({ previousTag: null })).toBe("v2b");
  });
});
