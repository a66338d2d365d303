import { describe, expect, it, onTestFinished } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { removedStatus, toRemovedContainer } from "../../../src/containers/logs/history/removed.ts";
import type { LogLine, LogOptions } from "../../../src/containers/logs/log.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { toRoleCursor } from "../../../src/graphql/logs/paging.ts";
import { readRoleLogs, readStoredLogs, type RoleFilter } from "../../../src/graphql/logs/role-loader.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { escapeName } from "../../../src/lib/redact/names.ts";
import { createCaller } from "../../support/caller.ts";
import { collect } from "../../support/collect.ts";
import { replica } from "../../support/containers.ts";
import { facts, rulesOf } from "../../support/docker-facts.ts";
import { readPage } from "../../support/log-pages.ts";
import { at, line } from "../../support/logs.ts";
import { createMemoryLogHistory } from "../../support/memory-log-history.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

interface Stage {
  readonly containers?: readonly Container[];
  readonly retired?: readonly Container[];
  readonly removed?: readonly Container[];
  /** By name; of the engines. */
  readonly lines?: Readonly<Record<string, readonly LogLine[]>>;
  /** The same, of the history. */
  readonly older?: Readonly<Record<string, readonly LogLine[]>>;
  readonly caller?: ReturnType<typeof createCaller>;
}

function createStage({
  containers = [],
  retired = [],
  removed = [],
  lines = {},
  older = {},
  caller = createCaller(),
}: Stage) {
  onTestFinished(() => caller.budget.end());
  const { sources } = createMemorySources({ containers, retired });
  const { history, state } = createMemoryLogHistory();
  const all = [...containers, ...retired, ...removed];
  const nameOf = new Map(all.map(({ fullId, name }) => [fullId, name]));
  state.containers = [...all.filter(({ status }) => status === removedStatus), ...containers];
  state.logs = new Map(all.flatMap(({ fullId, name }) => (older[name] ? [[fullId, older[name]] as const] : [])));
  const ofEngine = ({ fullId }: { fullId: string }) => lines[nameOf.get(fullId) ?? ""] ?? [];
  Object.assign(sources.containers, {
    logs: async (ref: Container, options: LogOptions) => readPage(ofEngine(ref), options),
    logBeginning: async (ref: Container) => {
      const [first] = ofEngine(ref);
      if (!first) return null;
      const { timestamp, message } = first;
      return { stdout: { timestamp, messages: [message] }, stderr: { timestamp, messages: [] } };
    },
    async *stored(ref: Container) {
      yield { lines: ofEngine(ref), cutAt: null };
    },
  });
  const context = createContext({ ...sources, logHistory: history }, caller);
  const read = async (tail = 100, filter: Partial<RoleFilter> = {}, cursor: string | null = null) => {
    const given = filter.name || filter.names ? filter : { role: "web", ...filter };
    const turn = cursor === null ? null : ({ kind: "before", cursor } as const);
    const page = await readRoleLogs(context, { includeAccessories: false, ...given }, { tail }, turn);
    return {
      messages: page.lines.flatMap(({ kind, message }) => (kind === "line" ? message : [])),
      names: page.parts.map(({ container }) => container.name),
      truncated: page.truncated,
      historyError: page.historyError,
      start: toRoleCursor(page.start),
    };
  };
  return { read, state, context };
}

const gone = (name: string, createdSeconds: number, change: Partial<Container> = {}): Container => ({
  ...replica(name, "v0", createdSeconds),
  status: removedStatus,
  ...change,
});

describe("the log of a role with a history", () => {
  it("continues with containers that no engine has any more", async () => {
    const stage = {
      containers: [replica("web-new", "v3", -10)],
      retired: [{ ...replica("web-old", "v2", -50), status: "exited" }],
      removed: [gone("web-gone", -90)],
      lines: { "web-new": [line(3)], "web-old": [line(-20_000)] },
      older: {
        "web-new": [line(-5000), line(3)],
        "web-old": [line(-40_000), line(-20_000)],
        "web-gone": [line(-80_000)],
      },
    };
    const { read, state } = createStage(stage);
    const page = await read();
    expect(page.messages).toEqual(["at -80000", "at -40000", "at -20000", "at -5000", "at 3"]);
    expect(page).toMatchObject({ names: ["web-new", "web-old", "web-gone"], truncated: false, historyError: null });
    expect(state.selectors).toMatchObject([{ role: "web", names: [], service: "wallet-core-staging" }]);
  });

  it("reads none that wrote only before the page", async () => {
    const lines = { web: Array.from({ length: 9 }, (_, n) => line(n * 1000)) };
    const stage = { containers: [replica("web", "v3", -10)], removed: [gone("web-gone", -90)], lines };
    const { read, state } = createStage({ ...stage, older: { "web-gone": [line(4500)] } });
    expect(await read(3)).toMatchObject({
      messages: ["at 6000", "at 7000", "at 8000"],
      names: ["web"],
      truncated: true,
    });
    expect([state.selectors.map(({ since }) => since), state.queries]).toEqual([[at(5000)], []]);
  });

  it("has the lines of one that ran beside those that run, page by page", async () => {
    const own = Array.from({ length: 40 }, (_, n) => line(n * 1000, `own ${n}`));
    const beside = Array.from({ length: 10 }, (_, n) => line(12_300 + n * 1000, `beside ${n}`));
    const stage = {
      containers: [replica("web-v2", "v2", -10)],
      removed: [gone("web-v1", -20)],
      lines: { "web-v2": own },
      older: { "web-v1": beside },
    };
    const expected = [...own, ...beside].toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
    const { read } = createStage(stage);
    const found: string[] = [];
    for (let page = await read(5); ; page = await read(5, {}, page.start)) {
      found.unshift(...page.messages);
      if (!page.truncated) break;
      expect(found.length).toBeLessThan(60);
    }
    expect(found).toEqual(expected.map(({ message }) => message));
  });

  it("includes other groups only of its service and no known env", async () => {
    const removed = [
      gone("unknown", -90, { env: null }),
      gone("production", -91, { env: "production" }),
      gone("shop", -92, { service: "shop" }),
      gone("beta", -93, { destination: "beta" }),
      gone("accessory", -94, { kind: "accessory" }),
    ];
    const { read } = createStage({ containers: [replica("web")], removed });
    expect((await read()).names).toEqual(["web", "unknown"]);
    expect((await read(100, { env: "staging" })).names).toEqual(["web", "unknown"]);
  });

  it("shows a token of staging no line of another or no environment", async () => {
    const removed = [
      gone("own", -90),
      gone("production", -91, { env: "production" }),
      gone("unknown", -92, { env: null }),
    ];
    const older = { own: [line(-90)], production: [line(-91, "secret")], unknown: [line(-92, "secret")] };
    const caller = createCaller(undefined, ["staging"]);
    const { read } = createStage({ removed, older, caller });
    expect(await read()).toMatchObject({ messages: ["at -90"], names: ["own"] });
    for (const name of ["production", "unknown"])
      await expect(read(100, { name })).rejects.toMatchObject({ code: "container_not_found" });
  });

  it("does not take a hidden container of an engine for a removed one", async () => {
    // The engine shows a contradiction that the labels do not.
    const hidden = replica("web-hidden", "v3", -10);
    const containers = [{ ...hidden, env: null }, replica("web", "v3", -10)];
    const caller = createCaller(undefined, ["staging"]);
    const { read, state } = createStage({ containers, older: { "web-hidden": [line(1, "secret")] }, caller });
    state.containers = [{ ...hidden, status: removedStatus }];
    expect(await read()).toMatchObject({ messages: [], names: ["web"] });
    await expect(read(100, { name: "web-hidden" })).rejects.toMatchObject({ code: "container_not_found" });
  });

  it("reads the newest hundred of those that the caller may see", async () => {
    const own = Array.from({ length: 101 }, (_, n) => gone(`own-${n}`, -90 - n));
    const others = own.map((one) => gone(`other-${one.name}`, -50, { env: "production" }));
    const caller = createCaller(undefined, ["staging"]);
    const { read } = createStage({ containers: [replica("web")], removed: [...others, ...own], caller });
    expect(await read()).toMatchObject({
      truncated: true,
      names: ["web", ...own.slice(0, 100).map(({ name }) => name)],
    });
  });

  it("is found by name only, also beside one that an engine has", async () => {
    const removed = [gone("web-gone", -90)];
    const stage = {
      containers: [replica("web")],
      removed,
      lines: { web: [line(5)] },
      older: { "web-gone": [line(-80)] },
    };
    expect(await createStage(stage).read(100, { names: ["web", "web-gone"] })).toMatchObject({
      messages: ["at -80", "at 5"],
    });
    expect(await createStage(stage).read(100, { name: "web-gone" })).toMatchObject({
      messages: ["at -80"],
      truncated: false,
    });
  });

  it("that fails leaves the engines' lines, and is named", async () => {
    const { read, state } = createStage({ containers: [replica("web", "v3", -10)], lines: { web: [line(5)] } });
    state.error = new OpsError("log_history_unavailable", "away");
    state.failAfter = 0;
    expect(await read()).toMatchObject({ messages: ["at 5"], truncated: true, historyError: state.error });
    await expect(read(100, { role: "cron" })).rejects.toBe(state.error);
  });
});

it("the stored lines of a role begin with those of the history", async () => {
  const stage = {
    containers: [replica("web", "v3", -10)],
    removed: [gone("web-gone", -90)],
    lines: { web: [line(3)] },
    older: { web: [line(-5000), line(3)], "web-gone": [line(-80_000)] },
  };
  const { context, state } = createStage(stage);
  const readAll = async (newest: number | null, since?: string) => {
    const signal = new AbortController().signal;
    const filter = { role: "web", includeAccessories: false };
    const batches = await collect(
      await readStoredLogs(context, filter, { newest, ...(since && { since }) }, () => signal),
    );
    const last = batches.at(-1);
    return {
      messages: batches.flatMap(({ lines }) => lines.flatMap(({ kind, message }) => (kind === "line" ? message : []))),
      cut: last?.parts.map(({ truncated }) => truncated),
      historyError: last?.historyError,
    };
  };
  expect(await readAll(null)).toEqual({
    messages: ["at -80000", "at -5000", "at 3"],
    cut: [false, false],
    historyError: null,
  });
  expect(await readAll(10)).toEqual({ messages: ["at 3"], cut: [true, true], historyError: null });
  // One that ran beside it.
  state.logs.set(state.containers[0]?.fullId ?? "", [line(2)]);
  expect(await readAll(null, at(1))).toEqual({ messages: ["at 2", "at 3"], cut: [false, false], historyError: null });
  state.error = new OpsError("log_history_unavailable", "away");
  state.failAfter = 0;
  expect(await readAll(null)).toEqual({ messages: ["at 3"], cut: [false], historyError: state.error });
});

describe("a removed container", () => {
  const raw = facts({ state: removedStatus, name: "wallet-core-web-beta-v7", createdAt: "2026-01-13T09:40:00.5Z" });
  const labels = { service: "wallet-core", role: "web", destination: "beta" };

  it("is mapped like a running one", () => {
    const rules = { ...rulesOf("wallet-core"), destinations: new Map([["beta", "staging" as const]]) };
    expect(toRemovedContainer({ ...raw, labels }, rules)).toMatchObject({
      kind: "core",
      role: "web",
      service: "wallet-core",
      destination: "beta",
      env: "staging",
      version: "v7",
      createdAt: "2026-01-13T09:40:00Z",
      status: removedStatus,
    });
  });

  it("has no environment that its labels do not name", () => {
    expect(toRemovedContainer({ ...raw, labels }, rulesOf("wallet-core")).env).toBeNull();
    expect(
      toRemovedContainer({ ...raw, labels: { service: "wallet-core", role: "web" } }, rulesOf("wallet-core")).env,
    ).toBeNull();
    const contradicting = { ...labels, destination: "staging", service: "wallet-core-production" };
    expect(toRemovedContainer({ ...raw, labels: contradicting }, rulesOf("wallet-core")).env).toBeNull();
  });

  it("has no environment that its labels do not name exactly", () => {
    for (const destination of ["staging\n", "sta\u200Bging", " staging", "\u001Bstaging"].map(escapeName)) {
      const given = { ...raw, labels: { ...labels, destination } };
      const shown = { destination, kind: "core", env: null, inferredEnv: null };
      expect(toRemovedContainer(given, rulesOf("wallet-core"))).toMatchObject(shown);
    }
    const service = escapeName("wallet-core-staging\u200B");
    const ofOther = { ...raw, labels: { service, role: "web" } };
    expect(toRemovedContainer(ofOther, rulesOf("wallet-core"))).toMatchObject({ service, kind: "other" });
  });
});
