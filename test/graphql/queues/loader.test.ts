import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { toLength } from "../../../src/graphql/list-lengths.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";
import { sampleQueue } from "../../support/queues.ts";

const at = (minute: number) => `2026-01-13T09:${minute}:00Z`;
const failure = (queue: string, source: string, error: string, minute: number, worker: string | null = null) => {
  return { queue, source, jobId: "1", error, timestamp: at(minute), count: minute, worker };
};
const away = new OpsError("postgres_unavailable", "away");
const locked = new OpsError("queue_locked", "locked");

const sourcesOf: Memory["queueSources"] = [
  {
    name: "own",
    metrics: [{ name: "mail" }, { name: "calls", depth: 2 }],
    errors: [failure("mail", "own", "boom", 30), failure("calls", "own", "boom", 40)],
  },
  {
    name: "other",
    env: "production",
    metrics: [{ name: "mail", depth: 3 }, { name: "beta" }],
    errors: [failure("mail", "other", "bang", 50)],
  },
];
const failing: Memory["queueSources"] = [
  { name: "down", metrics: away, errors: locked },
  { name: "locked", metrics: locked, errors: away },
];

interface Stage extends Partial<Memory> {
  readonly env?: Environment | null;
  readonly caller?: ReturnType<typeof createCaller>;
}

function load({ env = "staging", caller = createCaller(), ...memory }: Stage = {}) {
  const made = createMemorySources({ queueSources: sourcesOf, ...memory }, { env });
  const context = createContext(made.sources, caller);
  return { ...made, loaders: context.loaders.queues, context };
}
const limited = (...where: Environment[]) => createCaller(undefined, where);

describe("sources of queues", () => {
  it.each<[Environment[], string[]]>([
    [
      ["staging", "production"],
      ["own", "other"],
    ],
    [["staging"], ["own"]],
    [["production"], ["other"]],
  ])("of %j are %j", async (where, names) => {
    expect((await load({ caller: limited(...where) }).loaders.visible()).map(({ name }) => name)).toEqual(names);
  });

  it("that are not the token's are refused, existing or not", async () => {
    const refusal = { code: "forbidden", message: "No queue belongs to an environment of this token" };
    const caller = limited("production");
    const own = sourcesOf.slice(0, 1);
    await expect(load({ caller, queueSources: own }).loaders.visible()).rejects.toMatchObject(refusal);
    await expect(load({ caller, queueSources: [] }).loaders.visible()).rejects.toMatchObject(refusal);
    const broken = load({ caller });
    broken.sources.queues.all = async () => Promise.reject(away);
    await expect(broken.loaders.visible()).rejects.toMatchObject(refusal);
    expect(await load({ queueSources: [] }).loaders.visible()).toEqual([]);
    const ours = load();
    ours.sources.queues.all = async () => Promise.reject(away);
    await expect(ours.loaders.visible()).rejects.toBe(away);
  });
});

describe("numbers of queues", () => {
  it("are those of all sources that answer, by name, read once", async () => {
    const { loaders, calls, sources, context } = load({ queueSources: [...sourcesOf, ...failing] });
    const rows = await loaders.all();
    expect(rows.map(({ name, source }) => [name, source])).toEqual([
      ["beta", "other"],
      ["calls", "own"],
      ["mail", "own"],
      ["mail", "other"],
    ]);
    expect(await loaders.all()).toBe(rows);
    expect(calls).toEqual({ metrics: 4 });
    expect(toLength("Queue", {}, { sources, principal: context.principal })).toBe(4);
  });

  const ambiguous = "queue_ambiguous: Several sources have a queue of this name; choose one by its source: other, own";
  it.each<[string, string, string | null, Environment[], string | null]>([
    ["has a name that one source has", "beta", null, ["staging", "production"], "other"],
    ["has a name that several have", "mail", null, ["staging", "production"], ambiguous],
    ["has such a name, in one source", "mail", "other", ["staging", "production"], "other"],
    ["has such a name, of which the token sees one", "mail", null, ["staging"], "own"],
    ["has a name that none has", "gone", null, ["staging", "production"], null],
    ["is in a source that the token does not see", "mail", "other", ["staging"], null],
  ])("are one queue, which %s", async (_, name, source, where, expected) => {
    const { loaders } = load({ caller: limited(...where) });
    const one = loaders.one(name, source).then(
      (queue) => queue && queue.source,
      ({ code, message }) => `${code}: ${message}`,
    );
    expect(await one).toBe(expected);
  });

  it("are one queue in the schema: an error names its sources", async () => {
    const { context } = load();
    const ask = (args: string) =>
      graphql({ schema: createSchema(), source: `{ queue(${args}) { source } }`, contextValue: context });
    const refused = await ask('name: "mail"');
    expect([refused.data, `queue_ambiguous: ${refused.errors?.[0]?.message}`]).toEqual([{ queue: null }, ambiguous]);
    expect(await ask('name: "mail", source: "own"')).toEqual({ data: { queue: { source: "own" } } });
  });

  it("fail if every source does, with all reasons", async () => {
    await expect(load({ queueSources: failing }).loaders.all()).rejects.toMatchObject({
      code: "queues_unavailable",
      message: "No queue source could be read (down: away; locked: locked)",
      cause: away,
    });
    expect(await load({ queueSources: [] }).loaders.all()).toEqual([]);
  });
});

describe("errors of queues", () => {
  it("are newest first, of all sources that answer, read once", async () => {
    const { loaders, calls } = load({ queueSources: [...sourcesOf, ...failing] });
    const groups = await loaders.errors();
    expect(groups.map(({ queue, source, count }) => [queue, source, count])).toEqual([
      ["mail", "other", 50],
      ["calls", "own", 40],
      ["mail", "own", 30],
    ]);
    expect(await loaders.errors()).toBe(groups);
    expect(calls).toEqual({ errors: 4 });
    await expect(load({ queueSources: failing }).loaders.errors()).rejects.toMatchObject({
      message: "No queue source could be read (down: locked; locked: away)",
    });
  });

  it("over all queues are of the requested environment", async () => {
    const { loaders } = load();
    const errors = async (env: Environment | null) =>
      (await loaders.errorGroups(env)).map(({ error, count }) => `${error} ${count}`).toSorted();
    expect(await errors(null)).toEqual(["bang 50", "boom 70"]);
    expect(await errors("staging")).toEqual(["boom 70"]);
    expect(await errors("production")).toEqual(["bang 50"]);
    await expect(load({ caller: limited("staging") }).loaders.errorGroups("production")).rejects.toMatchObject({
      code: "forbidden",
    });
  });

  it("of one queue are of its source, and fail as that does", async () => {
    const { loaders } = load({ queueSources: [...sourcesOf, ...failing] });
    const errors = (name: string, source: string) => loaders.errorsByQueue.load(sampleQueue({ name, source }));
    const counts = async (...args: [string, string]) => (await errors(...args)).map(({ count }) => count);
    expect(
      await Promise.all([counts("mail", "own"), counts("mail", "other"), counts("calls", "own"), counts("x", "own")]),
    ).toEqual([[30], [50], [40], []]);
    expect(await counts("mail", "nowhere")).toEqual([]);
    await expect(errors("mail", "down")).rejects.toBe(locked);
  });
});

describe("releases of failures", () => {
  const web = sampleContainer({ name: "web", host: "worker-1", version: "v1", env: "staging" });
  const old = sampleContainer({ name: "old", host: "worker-0", version: "v0", status: "exited" });
  const stage = (...workers: (string | null)[]): Stage => ({
    containers: [web],
    retired: [old],
    queueSources: [
      {
        name: "own",
        metrics: [],
        errors: workers.map((worker, index) =>
          failure(index === 9 ? "other" : "mail", "own", "boom", 30 + index, worker),
        ),
      },
    ],
  });

  it("are of containers by the host names of workers, old ones too", async () => {
    const { loaders } = load(stage("worker-1", "worker-0", null, "unknown"));
    const releases = await loaders.releases(sampleQueue({ name: "mail", source: "own" }));
    expect(releases.map(({ version, count }) => [version, count])).toEqual([
      [null, 65],
      ["v0", 31],
      ["v1", 30],
    ]);
    expect(await loaders.releases(sampleQueue({ name: "calls", source: "own" }))).toEqual([]);
    expect(await loaders.releases(sampleQueue({ name: "mail", source: "nowhere" }))).toEqual([]);
  });

  it("query no engine if nobody named a worker", async () => {
    const { loaders, calls } = load(stage(null, null));
    expect((await loaders.releases(sampleQueue({ name: "mail", source: "own" }))).map(({ count }) => count)).toEqual([
      61,
    ]);
    await loaders.errors();
    expect(calls).toEqual({ errors: 1 });
    const named = load(stage(null, "worker-1"));
    await Promise.all([named.loaders.errors(), named.loaders.errorGroups(null)]);
    expect(named.calls["list"]).toBe(1);
  });

  it("are unknown while an engine fails", async () => {
    const { loaders, sources } = load(stage("worker-1"));
    sources.containers.list = async () => Promise.reject(away);
    const releases = await loaders.releases(sampleQueue({ name: "mail", source: "own" }));
    expect(releases.map(({ version }) => version)).toEqual([null]);
  });
});

describe("states of sources", () => {
  it("cover numbers and errors, each read once", async () => {
    const half = { name: "half", metrics: [], errors: away };
    const { loaders, calls } = load({ queueSources: [...sourcesOf, half, ...failing.slice(0, 1)] });
    const read = async () =>
      Promise.all(
        (await loaders.statuses()).map(async (one) => [
          one.name,
          one.kind,
          one.env,
          await one.numbersOk(),
          await one.error(),
        ]),
      );
    const expected = [
      ["own", "table", "staging", true, null],
      ["other", "table", "production", true, null],
      ["half", "table", "staging", true, { code: "postgres_unavailable", message: "away" }],
      ["down", "table", "staging", false, { code: "postgres_unavailable", message: "away" }],
    ];
    expect([await read(), await read()]).toEqual([expected, expected]);
    expect(calls).toEqual({ metrics: 4, errors: 4 });
  });

  it("name unsupported systems, for tokens of their environment", async () => {
    const statuses = async (caller?: ReturnType<typeof createCaller>) => {
      const { loaders, sources } = load(caller ? { caller } : {});
      sources.queues.unsupported = async () => [{ name: "old", kind: "delayed_job", reason: "it is old" }];
      const found = (await loaders.statuses()).filter(({ name }) => name === "old");
      return Promise.all(found.map(async (one) => [one.kind, one.env, await one.numbersOk(), await one.error()]));
    };
    const problem = { code: "queue_unsupported", message: "Detected, but not supported, because it is old" };
    expect(await statuses()).toEqual([["delayed_job", "staging", null, problem]]);
    expect(await statuses(limited("production"))).toEqual([]);
  });

  it("are empty if nothing is configured, and fail otherwise", async () => {
    const statuses = async (unconfigured: boolean) => {
      const { loaders, sources } = load();
      sources.queues.all = async () => Promise.reject(new OpsError("queues_unavailable", "none", { unconfigured }));
      return loaders.statuses();
    };
    expect(await statuses(true)).toEqual([]);
    await expect(statuses(false)).rejects.toMatchObject({ code: "queues_unavailable" });
  });
});
