import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit.ts";
import type { EngineStatus } from "../../../src/containers/source.ts";
import type { DeployLog } from "../../../src/deploys/deploy.ts";
import type { Deploy } from "../../../src/deploys/state.ts";
import { createTimelineLoader } from "../../../src/graphql/timeline/loader.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { type TimelineKind, toEntry } from "../../../src/timeline/timeline.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleEngine } from "../../support/containers.ts";
import { sampleDeploy, sampleDeployLog } from "../../support/deploys.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const at = (minute: number) => `2026-01-13T10:${String(minute).padStart(2, "0")}:00Z`;
const [from, to] = [Date.parse(at(0)), Date.parse(at(59))];
const engine = (name: string, ok = true) => sampleEngine({ name, ok });
const toDeploy = (more: Partial<Deploy> = {}) =>
  sampleDeploy({ deployedAt: at(10), deployedBy: null, previousTag: "v1", ...more });

interface Stage {
  readonly deploys?: readonly Deploy[];
  readonly logs?: readonly DeployLog[];
  readonly engines?: readonly EngineStatus[];
  readonly caller?: ReturnType<typeof createCaller>;
  readonly env?: Environment | null;
}

function createStage({
  deploys = [],
  logs = [],
  engines = [engine("a")],
  caller = createCaller(),
  env = null,
}: Stage = {}) {
  const { sources, audited } = createMemorySources({}, { env });
  const containers = { engines: async () => ({ shown: engines, silent: [] }) };
  const load = createTimelineLoader(sources, caller, {
    deploys: { all: async () => deploys, logs: async () => logs } as never,
    containers: containers as never,
  });
  const ask = async (kinds: readonly TimelineKind[], more: { env?: Environment; from?: number; to?: number } = {}) => {
    const { entries, coverage } = await load({ from, to, env: null, kinds, ...more });
    return { entries: entries.toReversed(), coverage };
  };
  return { sources, audited, ask, timeline: sources.timeline };
}

const staging = () => createCaller(undefined, ["staging"]);

describe("deploys", () => {
  it.each<[Partial<Deploy>, string]>([
    [{}, "Deployed v2 (current)"],
    [{ deployedBy: "kim", state: "superseded" }, "Deployed v2 by kim (superseded)"],
    [{ destination: "beta", deployedBy: "kim" }, "Deployed v2 -d beta by kim (current)"],
    [{ command: "rollback" }, "Rolled back to v2 (current)"],
    [{ command: "rollback", state: "failed" }, "Failed to deploy v2"],
    [{ state: "failed", destination: "beta", deployedBy: "kim" }, "Failed to deploy v2 -d beta by kim"],
  ])("with %j are entries: %s", async (more, message) => {
    const deploy = toDeploy(more);
    const { entries } = await createStage({ deploys: [deploy] }).ask(["deploy"]);
    const { service, destination, env, deployedBy: who } = deploy;
    const group = { service, destination, env };
    expect(entries).toEqual([toEntry({ kind: "deploy", time: at(10), message, ...group, who, from: "v1", to: "v2" })]);
  });

  const error = { code: "deploy_info_unreadable", message: "cannot be read" };
  it.each<[string, Partial<DeployLog>[], string | null]>([
    ["files without trouble", [{}], null],
    ["no files", [], null],
    ["a file that cannot be read", [{ error }], "cannot be read"],
    ["a line that makes no sense", [{ skipped: 1 }], "invalid lines of history: 1"],
    ["older lines", [{ complete: false }], "history has older lines than are read"],
    [
      "troubles of several files",
      [
        { error, skipped: 2, complete: false },
        { origin: "kamal_audit", skipped: 3 },
      ],
      "cannot be read; invalid lines of history: 2; history has older " +
        "lines than are read; invalid lines of kamal_audit: 3",
    ],
  ])("of %s have a note", async (_what, logs, note) => {
    const deploys = [toDeploy({ deployedAt: at(20) }), toDeploy({ deployedAt: at(5) })];
    const known = createStage({ deploys, logs: logs.map((log) => sampleDeployLog([], log)) });
    expect((await known.ask(["deploy"])).coverage).toEqual([
      { kind: "deploy", known: true, since: at(5), sampled: false, note },
    ]);
  });

  it("are unknown if there are no records", async () => {
    expect(await createStage().ask(["deploy"])).toEqual({
      entries: [],
      coverage: [{ kind: "deploy", known: false, since: null, sampled: false, note: null }],
    });
  });
});

describe("restarts", () => {
  const record: Omit<AuditRecord, "seq"> = {
    at: at(30),
    intent: 1,
    action: "restart",
    outcome: "ok",
    subject: "kim",
    kid: "kid",
    auth: "token",
    scopes: [],
    args: {},
    requestId: "request",
    clientRequestId: null,
    traceId: null,
    ip: null,
    engine: "a",
    containerId: "0123456789abcdef",
    containerName: "web-1",
    image: "image",
    env: "staging",
    reason: null,
    detail: null,
    code: null,
    dockerStatus: null,
    keyHash: null,
    durationMs: null,
    job: null,
    hash: "",
  };
  const others = "those of others than gateways only from the engines' events";
  const audit = (stage: ReturnType<typeof createStage>, ...records: Partial<AuditRecord>[]) => {
    for (const [index, more] of records.entries()) stage.audited.push({ ...record, seq: index + 1, ...more });
  };

  it.each<[Partial<AuditRecord>, string]>([
    [{}, "web-1 was restarted by kim"],
    [{ outcome: "failed", reason: "stuck" }, "web-1 could not be restarted by kim: stuck"],
    [{ outcome: "unknown", reason: "" }, "web-1 may have been restarted by kim"],
  ])("of the record with %j are entries: %s", async (more, message) => {
    const stage = createStage();
    audit(stage, more);
    const container = {
      fullId: "0123456789abcdef",
      id: "0123456789ab",
      name: "web-1",
      engine: "a",
      role: null,
      version: null,
      kind: null,
    };
    const { outcome = "ok" } = more;
    expect((await stage.ask(["restart"])).entries).toEqual([
      toEntry({
        kind: "restart",
        time: at(30),
        message,
        env: "staging",
        who: "kim",
        container,
        to: outcome,
        requested: true,
      }),
    ]);
  });

  it("are the last visible outcomes of the range", async () => {
    const stage = createStage({ caller: staging() });
    audit(
      stage,
      { intent: 1, outcome: "unknown", subject: "first" },
      { intent: 1, subject: "second" },
      { intent: null, outcome: "intent", subject: "intent" },
      { intent: null, subject: "no intent" },
      { intent: 3, subject: "other", action: "probe" },
      { intent: 4, subject: "elsewhere", env: "production" },
      { intent: 5, subject: "before", at: "2026-01-13T09:59:59Z" },
      { intent: 6, subject: "begin", at: at(0) },
      { intent: 7, subject: "end", at: at(59) },
      { intent: 8, subject: "after", at: "2026-01-13T10:59:01Z" },
      { intent: 9, outcome: "intent", subject: "its intent" },
    );
    const asked: number[] = [];
    const read = stage.sources.audit.read.bind(stage.sources.audit);
    stage.sources.audit.read = (query) => {
      asked.push(query.first);
      return read({ ...query, first: 4 });
    };
    const { entries, coverage } = await stage.ask(["restart"]);
    expect(entries.map(({ who }) => who)).toEqual(["begin", "second", "end"]);
    expect(coverage).toEqual([
      { kind: "restart", known: true, since: null, sampled: false, note: `${others}; not heard: a` },
    ]);
    expect(asked).toEqual([1000]);
  });

  it("seen by engines stand beside the record, alone without ops:operate", async () => {
    const seen = toEntry({ kind: "restart", time: at(40), message: "seen", env: "staging" });
    const begin = { name: "a", env: null, since: at(1) };
    const note = "who restarted is for tokens with ops:operate";
    const reader = createStage({ caller: createCaller(["ops:read"]) });
    audit(reader, {});
    reader.timeline.add(seen);
    reader.timeline.begin("restart", begin);
    expect(await reader.ask(["restart"])).toEqual({
      entries: [seen],
      coverage: [{ kind: "restart", known: true, since: at(1), sampled: false, note }],
    });
    const operator = createStage();
    audit(operator, {});
    operator.timeline.add(seen);
    operator.timeline.begin("restart", begin);
    const { entries, coverage } = await operator.ask(["restart"]);
    expect(entries.map(({ message }) => message)).toEqual(["web-1 was restarted by kim", "seen"]);
    expect(coverage).toEqual([{ kind: "restart", known: true, since: null, sampled: false, note: others }]);
    operator.sources.audit.read = () => Promise.reject(new OpsError("audit_unavailable", "the record cannot be read"));
    expect(await operator.ask(["restart"])).toEqual({
      entries: [seen],
      coverage: [{ kind: "restart", known: true, since: at(1), sampled: false, note: "the record cannot be read" }],
    });
  });

  it("without engines, or with unheard ones, have a note", async () => {
    const coverage = async (stage: Stage) => (await createStage(stage).ask(["restart"])).coverage[0]?.note;
    const caller = createCaller(["ops:read"]);
    const note = "who restarted is for tokens with ops:operate";
    expect(await coverage({ caller, engines: [] })).toBe(
      `nothing was asked yet since the gateway was started; ${note}`,
    );
    expect(await coverage({ caller })).toBe(`not heard: a; ${note}`);
  });
});

describe("observations of containers", () => {
  it("are known since the last engine answered", async () => {
    const stage = createStage({ engines: [engine("a"), engine("b"), engine("c"), engine("d", false)] });
    for (const [name, minute] of [
      ["a", 3],
      ["b", 9],
      ["d", 4],
      ["hidden", 30],
    ] as const) {
      stage.timeline.begin("oom_kill", { name, env: null, since: at(minute) });
    }
    expect((await stage.ask(["oom_kill"])).coverage).toEqual([
      { kind: "oom_kill", known: true, since: at(9), sampled: false, note: "not heard: c, d" },
    ]);
  });

  it("are unknown if no engine answered, and these are named", async () => {
    expect((await createStage().ask(["health"])).coverage).toEqual([
      { kind: "health", known: false, since: null, sampled: false, note: "not heard: a" },
    ]);
    expect((await createStage({ engines: [] }).ask(["health"])).coverage).toEqual([
      {
        kind: "health",
        known: false,
        since: null,
        sampled: false,
        note: "nothing was asked yet since the gateway was started",
      },
    ]);
  });

  it("begin where the token's last dropped entry was", async () => {
    const stage = createStage({ caller: staging() });
    stage.timeline.begin("gap", { name: "a", env: null, since: at(1) });
    stage.timeline.begin("health", { name: "a", env: null, since: at(1) });
    const add = (kind: TimelineKind, minute: number, place: { env?: Environment; engine?: string }) => {
      const entry = toEntry({ kind, time: at(minute), message: "", ...place });
      for (let index = 0; index < 1001; index++) stage.timeline.add(entry);
    };
    add("health", 20, { env: "production" });
    add("gap", 21, { engine: "hidden" });
    const since = async () => (await stage.ask(["health", "gap"])).coverage.map((one) => one.since);
    expect(await since()).toEqual([at(1), at(1)]);
    add("health", 22, { env: "staging" });
    add("gap", 23, { engine: "a" });
    expect(await since()).toEqual([at(22), at(23)]);
  });

  it("have the gaps of the token's engines, and of all, in any environment", async () => {
    const stage = createStage({ caller: staging() });
    for (const name of ["a", "hidden", null]) {
      stage.timeline.add(toEntry({ kind: "gap", time: at(5), message: `gap of ${name}`, engine: name }));
    }
    const messages = async (env?: Environment) =>
      (await stage.ask(["gap"], env ? { env } : {})).entries.map(({ message }) => message);
    expect(await messages()).toEqual(["gap of a", "gap of null"]);
    expect(await messages("staging")).toEqual(["gap of a", "gap of null"]);
  });

  it("have entries of the token's environments, and of the requested one", async () => {
    const container = { fullId: "1", id: "1", name: "x", engine: "a", role: null, version: null };
    const fill = (stage: ReturnType<typeof createStage>) => {
      for (const env of ["staging", "production", null] as const) {
        stage.timeline.add(
          toEntry({
            kind: "health",
            time: at(5),
            message: `core ${env}`,
            env,
            container: { ...container, kind: "core" },
          }),
        );
        stage.timeline.add(
          toEntry({
            kind: "health",
            time: at(6),
            message: `other ${env}`,
            env,
            container: { ...container, kind: "other" },
          }),
        );
        stage.timeline.add(toEntry({ kind: "health", time: at(7), message: `none ${env}`, env }));
      }
      return stage;
    };
    const messages = async (stage: ReturnType<typeof createStage>, env?: Environment) =>
      (await stage.ask(["health"], env ? { env } : {})).entries.map(({ message }) => message);
    expect(await messages(fill(createStage({ caller: staging() })))).toEqual(["core staging", "none staging"]);
    expect(await messages(fill(createStage()), "production")).toEqual([
      "core production",
      "other production",
      "none production",
    ]);
    expect(await messages(fill(createStage()))).toHaveLength(9);
    await expect(createStage({ caller: staging() }).ask([], { env: "production" })).rejects.toMatchObject({
      code: "forbidden",
    });
  });
});

describe("samples of the timeline", () => {
  it("exist only while clients request them, of the token's sources", async () => {
    const stage = createStage({ caller: staging(), env: "staging" });
    stage.timeline.begin("queue_state", { name: "own", env: "staging", since: at(2) });
    stage.timeline.begin("queue_state", { name: "other", env: "production", since: at(9) });
    stage.timeline.begin("host_alert", { name: "other", env: "production", since: at(9) });
    const note = "seen only while somebody asks";
    expect((await stage.ask(["queue_state", "host_alert"])).coverage).toEqual([
      { kind: "queue_state", known: true, since: at(2), sampled: true, note },
      {
        kind: "host_alert",
        known: false,
        since: null,
        sampled: true,
        note: `nothing was asked yet since the gateway was started; ${note}`,
      },
    ]);
  });

  it("of hosts are for tokens of their environment", async () => {
    const stage = createStage({ caller: staging(), env: "production" });
    stage.timeline.begin("host_alert", { name: "prometheus", env: "staging", since: at(2) });
    stage.timeline.add(toEntry({ kind: "host_alert", time: at(5), message: "", env: "staging" }));
    const note = "the hosts belong to no environment of this token";
    expect(await stage.ask(["host_alert"])).toEqual({
      entries: [],
      coverage: [{ kind: "host_alert", known: false, since: null, sampled: true, note }],
    });
    const own = createStage({ caller: staging(), env: "staging" });
    own.timeline.add(toEntry({ kind: "host_alert", time: at(5), message: "hot", env: "staging" }));
    own.timeline.add(toEntry({ kind: "queue_state", time: at(4), message: "slow", env: "staging" }));
    const { entries } = await own.ask(["queue_state", "host_alert"]);
    expect(entries.map(({ message }) => message)).toEqual(["slow", "hot"]);
  });
});

it("unrequested kinds are absent; without any all are present", async () => {
  const stage = createStage();
  const kinds = async (...asked: TimelineKind[]) => (await stage.ask(asked)).coverage.map(({ kind }) => kind);
  const all = ["deploy", "restart", "container_death", "oom_kill", "health", "queue_state", "host_alert", "gap"];
  expect(await kinds()).toEqual(all);
  expect(await kinds("gap", "deploy")).toEqual(["deploy", "gap"]);
});
