import { describe, expect, it } from "vitest";
import { mergeDeploys } from "../../src/domain/deploy-merge.ts";
import { findLatest, judgeDeploys } from "../../src/domain/deploy-state.ts";
import { judgeDeploy } from "../../src/domain/deploy-verdict.ts";
import { findDrift } from "../../src/domain/drift.ts";
import { quietContainers, sampleRecord } from "../support/deploys.ts";
import { sampleContainer } from "../support/memory-sources.ts";

type Record = ReturnType<typeof sampleRecord>;
type Container = ReturnType<typeof sampleContainer>;

const at = (minute: number, second = 0) => new Date(Date.UTC(2026, 0, 10, 13, minute, second)).toISOString().replace(".000", "");
const now = Date.parse(at(59)) / 1000;
/** A container that was made at a minute, and ended at another, or is live. */
const web = (version: string, made: number, ended: string | null = null, more: Partial<Container> = {}) =>
  sampleContainer({
    name: `web-${version}-${made}-${JSON.stringify(more)}`,
    version,
    commitSha: "",
    createdAt: at(made),
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

/** Kamal boots v2 beside v1, gives up after half a minute, stops it, and leaves v1 running until v3 has booted. */
const old = web("v1", 1, at(31));
const broken = web("v2", 20, at(20, 32));
const next = web("v3", 30);

describe("a deploy that never went live", () => {
  it("has failed: it is not what a rollback would lead to, nor the one before another", () => {
    const judged = judge([hook("v1", 1), seen("v2", 20), hook("v3", 30)], [old, broken, next]);
    expect(judged.map(({ tag, state, previousTag }) => [tag, state, previousTag])).toEqual([
      ["v3", "current", "v1"],
      ["v2", "failed", "v1"],
      ["v1", "previous", null],
    ]);
    expect(judged[1]?.containers).toEqual([broken]);
  });

  it("is not the newest release: what runs on is", () => {
    const failed = judge([hook("v1", 1), seen("v2", 20, { origin: "kamal_audit" })], [web("v1", 1), broken]);
    expect(failed.map(({ tag, state }) => `${tag} ${state}`)).toEqual(["v2 failed", "v1 current"]);
    expect(findLatest(failed).map(({ tag }) => tag)).toEqual(["v1"]);
    // Kamal's audit log names v2, which should not run.
    expect(findDrift([web("v1", 1)], [], failed, now)).toEqual([]);
  });

  it("rolls nothing back", () => {
    const again = web("v1", 40, at(40, 30));
    const replaced = web("v1", 1, at(31), { replaced: true });
    const records = [hook("v1", 1), hook("v2", 30), seen("v1", 40, { command: "rollback" })];
    expect(states(records, [replaced, web("v2", 30), again])).toEqual(["v1 failed", "v2 current", "v1 previous"]);
  });

  it("of the version that runs has failed too, where the container of before was renamed and runs on", () => {
    const running = web("v1", 1, null, { replaced: true });
    expect(states([hook("v1", 1), seen("v1", 20)], [running, web("v1", 20, at(20, 32))])).toEqual(["v1 failed", "v1 current"]);
  });

  it("has failed where its container never started, but not while it starts", () => {
    const created = (made: string) => web("v2", 20, null, { status: "created", createdAt: made, startedAt: null });
    expect(states([seen("v2", 20)], [created(at(20))])).toEqual(["v2 failed"]);
    expect(states([seen("v2", 58)], [created(at(58, 30))])).toEqual(["v2 incomplete"]);
  });

  it("is known by what runs on, also after that was started again", () => {
    const restarted = web("v1", 1, null, { startedAt: at(50) });
    expect(states([hook("v1", 1), seen("v2", 20)], [restarted, broken])[0]).toBe("v2 failed");
  });

  it("starts no verdict", () => {
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
      reasons: ["this deploy failed: nothing of it went live"],
    });
  });
});

describe("a deploy that has not failed, or of which that is not known", () => {
  const around = (own: Partial<Record>, ...containers: Container[]) =>
    states([hook("v1", 1), seen("v2", 20, own), hook("v3", 30)], [next, ...containers])[1];

  it("lived until the next one was made, or for more than ten minutes", () => {
    expect(around({}, web("v2", 20, at(30)), web("v1", 1, at(40)))).toBe("v2 previous");
    expect(around({}, web("v2", 15, at(25, 1)), web("v1", 1, at(40)))).toBe("v2 previous");
    expect(around({}, web("v2", 15, at(25)), web("v1", 1, at(40)))).toBe("v2 failed");
  });

  it("took over: the container of before ended first", () => {
    expect(around({}, broken, web("v1", 1, at(20, 31)))).toBe("v2 previous");
  });

  it("has lost its containers, or those of before, or they are of other roles, engines or groups", () => {
    expect(around({})).toBe("v2 previous");
    expect(around({}, broken)).toBe("v2 previous");
    for (const more of [{ role: "worker" }, { engine: "web-2" }, { destination: "beta" }]) {
      expect(around({}, broken, web("v1", 1, at(31), more))).toBe("v2 previous");
    }
    // An engine's list does not say when a container ended.
    expect(around({}, { ...broken, finishedAt: null }, old)).toBe("v2 previous");
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

  it("ended well by Kamal's run time, whatever its containers look like", () => {
    expect(around({ booted: true }, broken, old)).toBe("v2 previous");
  });
});

describe("what Kamal's audit log says", () => {
  it("is enough where no container is left", () => {
    const says = (booted: boolean | null) => states([hook("v1", 1), seen("v2", 20, { booted }), hook("v3", 30)], [next])[1];
    expect(says(false)).toBe("v2 failed");
    expect(says(null)).toBe("v2 previous");
    expect(says(true)).toBe("v2 previous");
  });

  it("of a first attempt is not of the second", () => {
    const attempt = (minute: number, booted: boolean) => seen("v2", minute, { origin: "kamal_audit", booted });
    const merged = mergeDeploys([attempt(5, false), attempt(20, true), sampleRecord({ tag: "v2", deployedAt: at(21) })], now);
    expect(merged).toMatchObject([{ tag: "v2", booted: true }]);
  });
});

describe("the tag before", () => {
  it("is the recorded one, whatever else was deployed meanwhile; else the newest that has not failed", () => {
    const between = [hook("v1", 1), seen("v2", 20, { booted: false }), seen("v2b", 25)];
    const before = (more: Partial<Record>) => judge([...between, hook("v3", 30, more)], [next])[0]?.previousTag;
    expect(before({ previousTag: "v1" })).toBe("v1");
    expect(before({ previousTag: null })).toBe("v2b");
  });
});
