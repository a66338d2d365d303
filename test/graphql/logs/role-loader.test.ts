import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { type LogLine, type LogOptions, toLogPage } from "../../../src/containers/logs/log.ts";
import { createContext } from "../../../src/graphql/context.ts";
import {
  followRoleLogs,
  readRoleLogs,
  readStoredLogs,
  type RoleFilter,
} from "../../../src/graphql/logs/role-loader.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer, replica } from "../../support/containers.ts";
import { at, line } from "../../support/logs.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { collect } from "../../support/collect.ts";

type Logs = Readonly<Record<string, readonly LogLine[] | OpsError>>;

interface Stage {
  readonly containers?: readonly Container[];
  readonly retired?: readonly Container[];
  readonly logs?: Logs;
  readonly truncated?: readonly string[];
  readonly engines?: Parameters<typeof createMemorySources>[0] extends infer Memory ? NonNullable<Memory> : never;
  readonly caller?: ReturnType<typeof createCaller>;
}

function createStage({
  containers = [],
  retired = [],
  logs = {},
  truncated = [],
  engines = {},
  caller = createCaller(),
}: Stage) {
  onTestFinished(() => caller.budget.end());
  const memory = createMemorySources({ containers, retired, ...engines });
  const asked: [name: string, options: LogOptions][] = [];
  const nameOf = new Map([...containers, ...retired].map(({ fullId, name }) => [fullId, name]));
  Object.assign(memory.sources.containers, {
    logs: async ({ fullId }: Container, options: LogOptions) => {
      const name = nameOf.get(fullId) ?? "";
      asked.push([name, options]);
      const lines = logs[name] ?? [];
      if (lines instanceof OpsError) throw lines;
      return toLogPage({ lines, truncated: truncated.includes(name) });
    },
  });
  const context = createContext(memory.sources, caller);
  const read = async (options: LogOptions = { tail: 100 }, filter: Partial<RoleFilter> = {}) => {
    const page = await readRoleLogs(context, { role: "web", includeAccessories: false, ...filter }, options);
    const parts = page.parts.map(({ container, truncated: isCut, error }) => [container.name, isCut, error]);
    return { ...page, lines: page.lines.map(({ message }) => message), parts };
  };
  return { read, asked, context, calls: memory.calls };
}

const ofWeb = { role: "web", includeAccessories: false };
const stopped = (one: Container): Container => ({ ...one, status: "exited" });
const gone = new OpsError("docker_error", "no logs");

describe("the log of a role", () => {
  it("has its containers, then old releases, the newest first", async () => {
    const options = { tail: 100, search: "at" };
    const containers = [replica("web-b", "v3", -10), replica("web-a", "v3", -10)];
    const retired = [replica("old-b", "v1", -50), replica("old-c", "v2", -40), replica("old-a", "v1", -50)].map(
      stopped,
    );
    const logs = { "web-b": [line(4)], "web-a": [line(3)], "old-c": [line(2)], "old-a": [line(1)] };
    const { read, asked } = createStage({ containers, retired, logs });
    const { lines, parts, truncated, engines } = await read(options);
    expect(lines).toEqual(["at 1", "at 2", "at 3", "at 4"]);
    expect(parts).toEqual(["web-a", "web-b", "old-c", "old-a", "old-b"].map((name) => [name, false, null]));
    expect([truncated, engines.map(({ name }) => name)]).toEqual([false, ["local"]]);
    expect(asked.map(([name]) => name)).toEqual(["web-a", "web-b", "old-c", "old-a", "old-b"]);
    expect(asked.every(([, given]) => given === options)).toBe(true);
  });

  it("has no stopped one twice, nor one of another group, role or kind", async () => {
    const web = replica("web");
    const others = [
      { ...web, name: "beta", destination: "beta" },
      { ...web, name: "shop", service: "shop" },
      { ...web, name: "production", env: "production" as const },
      { ...web, name: "worker", role: "worker" },
      { ...web, name: "accessory", kind: "accessory" as const },
    ].map((one, index) => ({ ...stopped(one), fullId: `other-${index}` }));
    const own = stopped(replica("old"));
    const { read } = createStage({ containers: [web], retired: [...others, stopped(web), own] });
    expect((await read()).parts.map(([name]) => name)).toEqual(["web", "old"]);
    expect((await read({ tail: 1 }, { includeAccessories: true })).parts.map(([name]) => name)).toEqual([
      "web",
      "accessory",
      "old",
    ]);
    const alone = createStage({ retired: [own] });
    expect((await alone.read()).parts.map(([name]) => name)).toEqual(["old"]);
    await expect(createStage({ retired: [own, others[0] as Container] }).read()).rejects.toMatchObject({
      code: "role_ambiguous",
    });
  });

  it("is read no further back than the page after an omission", async () => {
    const containers = [replica("web", "v3", 0)];
    const retired = [
      replica("after", "v2", -1),
      replica("before", "v2", -2),
      { ...replica("broken", "v1", -3), fullId: "broken" },
    ].map(stopped);
    const logs = { web: [line(500, "dropped"), line(1000), line(2000)], before: [], broken: gone };
    const { read, asked } = createStage({ containers, retired, logs });
    const { lines, parts, truncated } = await read({ tail: 2 });
    // A second before the oldest line.
    const since = at(0);
    expect(asked.map(([name, options]) => [name, options.since])).toEqual([
      ["web", undefined],
      ["after", since],
      ["before", since],
      ["broken", since],
    ]);
    expect(asked[1]?.[1]).toEqual({ tail: 2, since: expect.any(String) });
    expect(parts).toEqual([
      ["web", false, null],
      ["after", true, null],
      ["before", true, null],
      ["broken", false, gone],
    ]);
    expect([lines, truncated]).toEqual([["at 1000", "at 2000"], true]);
  });

  it("of a container that began with the page is complete", async () => {
    const containers = [replica("web", "v3", 10)];
    const retired = [replica("same", "v2", 10), replica("before", "v2", 9)].map(stopped);
    const logs = { web: [line(10_500, "dropped"), line(11_000), line(12_000)] };
    expect((await createStage({ containers, retired, logs }).read({ tail: 2 })).parts).toEqual([
      ["web", false, null],
      ["same", false, null],
      ["before", true, null],
    ]);
  });

  it.each([
    [-5, "page"],
    [0, "asked"],
    [5, "asked"],
  ])("since %i s of the page's beginning is read as of the %s", async (seconds, whose) => {
    const given = at(10_000 + seconds * 1000);
    const containers = [replica("web", "v3", 10)];
    const retired = [stopped(replica("old", "v2", -100))];
    const logs = { web: [line(10_500, "dropped"), line(11_000), line(12_000)] };
    const { read, asked } = createStage({ containers, retired, logs });
    const { parts } = await read({ tail: 2, since: given });
    expect(asked.map(([, { since }]) => since)).toEqual([given, whose === "page" ? at(10_000) : given]);
    expect(parts[1]).toEqual(["old", whose === "page", null]);
  });

  it("is truncated if a container's is, and ends at a full page", async () => {
    const containers = [replica("web", "v3", 10)];
    const retired = [stopped(replica("old", "v2", -100))];
    const logs = { web: [line(11_000), line(12_000)] };
    const stage = { containers, retired, logs, truncated: ["web"] };
    const full = createStage(stage);
    expect(await full.read({ tail: 2 })).toMatchObject({
      truncated: true,
      parts: [
        ["web", true, null],
        ["old", true, null],
      ],
    });
    const part = createStage(stage);
    expect(await part.read({ tail: 3 })).toMatchObject({
      truncated: true,
      parts: [
        ["web", true, null],
        ["old", false, null],
      ],
    });
    expect(part.asked.map(([, { since }]) => since)).toEqual([undefined, undefined]);
    const whole = createStage({ containers, retired, logs });
    expect(await whole.read({ tail: 2 })).toMatchObject({
      truncated: false,
      parts: [
        ["web", false, null],
        ["old", false, null],
      ],
    });
  });

  it("survives an unreadable container, and fails if none can be read", async () => {
    const containers = [replica("web-a", "v2", -20), replica("web-b", "v2", -20)];
    const logs = { "web-a": gone, "web-b": [line(1)] };
    const { lines, parts, truncated } = await createStage({ containers, logs }).read();
    expect([lines, parts, truncated]).toEqual([
      ["at 1"],
      [
        ["web-a", false, gone],
        ["web-b", false, null],
      ],
      false,
    ]);
    const other = new OpsError("docker_timeout", "slow");
    await expect(createStage({ containers, logs: { "web-a": gone, "web-b": other } }).read()).rejects.toBe(gone);
  });

  it("has a marker for a release whose container cannot be read", async () => {
    const containers = [replica("web", "v2", 2), replica("broken", "v3", 3)];
    const logs = { web: [line(1000), line(4000)], broken: gone };
    const page = await createStage({ containers, logs }).read();
    expect(page.lines).toEqual([
      "at 1000",
      "release v2 begins: web on local",
      "release v3 begins: broken on local",
      "at 4000",
    ]);
    const until = at(2000);
    const early = await createStage({ containers, logs: { ...logs, web: [line(1000)] } }).read({ tail: 9, until });
    expect(early.lines).toEqual(["at 1000", "release v2 begins: web on local"]);
  });

  it("counts its text in the budget, and returns what it dropped", async () => {
    const caller = createCaller();
    const { read } = createStage({
      containers: [replica("web", "v3", 0)],
      logs: { web: [line(1), line(2), line(3)] },
      caller,
    });
    const [text, free] = [vi.spyOn(caller.budget, "text"), vi.spyOn(caller.budget, "free")];
    await read({ tail: 2 });
    expect(text.mock.calls).toEqual([[0], [8]]);
    expect(free.mock.calls).toEqual([[expect.any(Number)]]);
    expect(free.mock.calls[0]?.[0]).toBeGreaterThan(0);
  });
});

const silentEngines = [
  { name: "local", ok: true, error: null },
  { name: "b", ok: false, error: { code: "docker_timeout", message: "slow" } },
];

describe.each([
  ["read", (stage: Stage, filter: Partial<RoleFilter>) => createStage(stage).read({ tail: 1 }, filter)],
  [
    "followed",
    (stage: Stage, filter: Partial<RoleFilter>) =>
      followRoleLogs(
        createStage(stage).context,
        { role: "web", includeAccessories: false, ...filter },
        { tail: 1 },
        () => {
          throw new Error("opened");
        },
      ),
  ],
])("a role that is %s", (how, ask) => {
  it("is not followed or read if a requested name does not exist", async () => {
    const stage = { containers: [replica("web")], retired: [stopped(replica("old"))] };
    const byName = (names: readonly string[]) => ask(stage, { role: null, names });
    await expect(byName(["web", "gone"])).rejects.toMatchObject({
      code: "container_not_found",
      message: "No such container: names[1]",
    });
    // Only containers that may write again are followed.
    const outcome = await byName(["old"]).then(
      () => "found",
      (error: unknown) => (error as OpsError).code,
    );
    expect(outcome).toBe(how === "read" ? "found" : "container_not_found");
    const found = await ask({ containers: [replica("web")] }, { role: null, name: "web" }).then(() => "read", String);
    // It reached the stream.
    expect(found).toBe(how === "read" ? "read" : "Error: opened");
  });

  const worker = sampleContainer({ name: "worker", role: "worker" });
  it.each<[string, Stage, Partial<RoleFilter>, string, string]>([
    ["without a name", { containers: [worker] }, { role: "" }, "invalid_request", "role must not be empty"],
    ["of no container", { containers: [worker] }, {}, "container_not_found", "No container of this role"],
    [
      "that a silent engine may run",
      { containers: [worker], engines: { engines: silentEngines } },
      {},
      "docker_timeout",
      "slow",
    ],
    [
      "that another engine may run",
      { containers: [worker], engines: { engines: silentEngines } },
      { engine: "local" },
      "container_not_found",
      "No container of this role",
    ],
    [
      "of an environment that is not the token's",
      { containers: [worker], caller: createCaller(undefined, ["staging"]) },
      { env: "production" },
      "forbidden",
      "This token does not cover production",
    ],
  ])("%s is refused", async (_what, stage, filter, code, message) => {
    await expect(ask(stage, filter)).rejects.toMatchObject({ code, message });
  });

  it("of several groups is refused", async () => {
    const containers = [replica("a"), { ...replica("b"), destination: "beta" }];
    await expect(ask({ containers }, {})).rejects.toMatchObject({ code: "role_ambiguous" });
  });
});

it.each<[string, (context: ReturnType<typeof createStage>["context"], open: () => AbortSignal) => Promise<object>]>([
  ["followed", (context, open) => followRoleLogs(context, ofWeb, { tail: 1 }, open)],
  ["stored", (context, open) => readStoredLogs(context, ofWeb, { newest: null }, open)],
])("the %s lines of more than 200 containers at once are refused", async (_what, ask) => {
  const containers = Array.from({ length: 201 }, (_, index) => replica(`web-${index}`));
  const open = vi.fn<() => AbortSignal>(() => new AbortController().signal);
  await expect(ask(createStage({ containers }).context, open)).rejects.toMatchObject({
    code: "answer_too_large",
    message: "A stream reads the logs of at most 200 running containers; 201 match: choose an engine, or give names",
  });
  expect(open).not.toHaveBeenCalled();
  await ask(createStage({ containers: containers.slice(1) }).context, open);
  expect(open).toHaveBeenCalledOnce();
});

describe("the stored lines of a role", () => {
  it("come from containers and old releases that wrote in that time", async () => {
    const containers = [replica("web", "v3", 100), replica("later", "v3", 300)];
    const retired = [
      stopped(replica("other", "v1", 0)),
      { ...stopped(replica("ended", "v1", 0)), finishedAt: at(10_000) },
      { ...stopped(replica("old", "v2", 50)), finishedAt: at(99_000) },
    ].map((one) => (one.name === "other" ? { ...one, service: "shop" } : one));
    const { context } = createStage({ containers, retired });
    const opened: object[] = [];
    Object.assign(context.sources.containers, {
      async *stored({ name }: Container, options: object) {
        opened.push({ name, ...options });
        yield { lines: [line(150_000, name)], cutAt: null };
      },
    });
    const [since, until] = [at(90_000), at(200_000)];
    const filter = { role: "web", includeAccessories: false };
    const options = { since, until, newest: 7, search: "w" };
    const batches = await collect(await readStoredLogs(context, filter, options, () => new AbortController().signal));
    expect(opened).toEqual([
      { name: "old", ...options },
      { name: "web", ...options },
    ]);
    expect(
      batches.map(({ parts, engines }) => [
        parts.map(({ container }) => container.name),
        engines.map(({ name }) => name),
      ]),
    ).toEqual([[["web", "old"], ["local"]]]);
  });

  it("reject as the page does, before a stream is opened", async () => {
    const openLease = vi.fn<() => AbortSignal>();
    const filter = { role: "web", includeAccessories: false };
    const none = createStage({}).context;
    await expect(readStoredLogs(none, filter, { newest: null }, openLease)).rejects.toMatchObject({
      code: "container_not_found",
    });
    const two = [replica("web"), { ...replica("shop"), service: "shop" }];
    await expect(
      readStoredLogs(createStage({ containers: two }).context, filter, { newest: null }, openLease),
    ).rejects.toMatchObject({
      code: "role_ambiguous",
    });
    expect(openLease).not.toHaveBeenCalled();
  });
});
