import { type DocumentNode, getOperationAST, parse } from "graphql";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Scope } from "../../src/auth/principal.ts";
import { ContainersDocument } from "../../src/generated/rest.ts";
import { metricDocuments } from "../../src/grafana/metrics.ts";
import { createExecute, createFollow, toFailure } from "../../src/graphql/execute.ts";
import { Loaders } from "../../src/graphql/context.ts";
import { createFindInputs, type FindInputs } from "../../src/graphql/inputs.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { listEnginesNow } from "../../src/graphql/containers/engines-now.ts";
import type { Environment } from "../../src/lib/environment.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { versionOf } from "../../src/lib/version.ts";
import { endpoints } from "../../src/rest/endpoints.ts";
import { createCaller } from "../support/caller.ts";
import { collect } from "../support/collect.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployInfo } from "../support/deploys.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";

const schema = createSchema();
const ofContainers = createFindInputs(schema, ContainersDocument, null) as FindInputs;
const web = sampleContainer({ name: "web" });
const worker = sampleContainer({ name: "worker" });
const floating = sampleContainer({ name: "floating", floating: true });
const now = Date.parse("2026-01-13T10:00:00Z");

describe("the inputs of the list of containers", () => {
  interface Stage {
    readonly memory?: Partial<Memory>;
    readonly scopes?: readonly Scope[];
    readonly where?: readonly Environment[];
    readonly isWarm?: boolean;
  }
  const create = ({ memory = {}, isWarm = true }: Stage) => {
    const { sources } = createMemorySources({ containers: [web], ...memory });
    const listing = sources.containers.listCached();
    return { ...sources, containers: { ...sources.containers, listCached: () => (isWarm ? listing : null) } };
  };
  const find = (stage: Stage = {}, variables: { env?: Environment; includeStats?: boolean } = {}) => {
    const given = { includeStats: false, includeAccessories: false, ...variables };
    return ofContainers(given, create(stage), createCaller(stage.scopes, stage.where));
  };

  it.each<[string, Stage, Parameters<typeof find>[1]]>([
    ["with stats that nobody has sampled", {}, { includeStats: true }],
    ["without the scope", { scopes: ["ops:logs", "ops:operate"] }, {}],
    ["before the first list", { isWarm: false }, {}],
    ["of no engine", { memory: { engines: [] } }, {}],
    ["of engines that do not answer", { memory: { engines: [{ name: "local", ok: false, error: null }] } }, {}],
  ])("%s are not known", (_what, stage, variables) => {
    expect(find(stage, variables)).toBeNull();
  });

  it("of another token's environment are in a separate view", async () => {
    const [all, staging] = await Promise.all([
      find({}, { env: "production" }),
      find({ where: ["staging"] }, { env: "production" }),
    ]);
    expect(staging?.view).toBe("staging");
    expect(all?.view).not.toBe("staging");
  });

  it.each<[Environment[], string]>([
    [["production", "staging"], "production,staging"],
    [["staging"], "staging"],
  ])("of a token for %j have the view %j", async (where, view) => {
    const inputs = await find({ scopes: ["ops:read"], where }, { env: "staging" });
    expect(
      inputs?.view
        .split(",")
        .toSorted((a, b) => (a < b ? -1 : 1))
        .join(),
    ).toBe(view);
  });

  it("are the list itself, and the deploy only if a row needs it", async () => {
    vi.useFakeTimers({ now, toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const error = { code: "docker_timeout", message: "slow" };
    const engines = [
      { name: "local", ok: true, error: null, contactAt: now - 1500 },
      { name: "b", ok: false, error },
    ];
    const sources = create({ memory: { engines } });
    const variables = { includeStats: false };
    const inputs = ofContainers(variables, sources, createCaller());
    const rows = sources.containers.listCached()?.containers;
    expect(inputs).toMatchObject({ version: `${versionOf(rows)}` });
    expect(listEnginesNow(sources, createCaller())).toEqual([
      { name: "local", ageSeconds: 1.5, code: null },
      { name: "b", ageSeconds: null, code: "docker_timeout" },
    ]);
    const named = find({ memory: { containers: [web, floating] } });
    expect(named).toBeInstanceOf(Promise);
    expect((await named)?.version).toMatch(new RegExp(`^\\d+ ${versionOf(sampleDeployInfo)}$`));
    const missing = find({ memory: { containers: [floating], deploy: new OpsError("deploy_info_missing", "none") } });
    expect((await missing)?.version).toMatch(/^\d+ 0$/);
  });
});

describe("the inputs of a query", () => {
  const own = [...endpoints.map(({ document }) => document), ...metricDocuments];
  const nameOf = (document: DocumentNode) => getOperationAST(document)?.name?.value;

  it("are known for documents that read only versioned data", () => {
    const known = own.filter((document) => createFindInputs(schema, document, null) !== null).map(nameOf);
    expect(known).toEqual([
      "Containers",
      "Container",
      "Queues",
      "Hosts",
      "DeployInfo",
      "GrafanaContainers",
      "GrafanaQueues",
      "GrafanaQueueErrors",
      "GrafanaHosts",
    ]);
  });

  it("have the problems of rows once they were read", async () => {
    const { sources } = createMemorySources({ containers: [web] });
    const text = "{ containers { name problems { title container { name } } } }";
    const inputsOf = createFindInputs(schema, parse(text), null) as FindInputs;
    const caller = createCaller();
    const variables = { includeStats: false };
    expect(inputsOf(variables, sources, caller)).toBeNull();
    await new Loaders(sources, caller).problems(null);
    expect(await inputsOf(variables, sources, caller)).toMatchObject({ version: expect.stringMatching(/^\d+ \d+$/) });
  });

  it.each([
    "{ containers { name observedAt } }",
    "{ containers { problems { engine { ageSeconds } } } }",
    "{ containers { timeline { message } } }",
    "{ containers { stats { cpuPct } } }",
    "{ containers { name } deploys { tag } }",
    "{ engines { name ageSeconds } }",
    "{ queues { errors(first: 1) { error } } }",
    'mutation { restartContainer(name: "web") { name } }',
    "subscription { containers { ended } }",
  ])("of %s are unknown without running it", (text) => {
    expect(createFindInputs(schema, parse(text), null)).toBeNull();
  });

  const measured = (samples: ReadonlyMap<object, number>) => {
    const { sources } = createMemorySources({ containers: [web, worker] });
    const statsVersion = (refs: readonly object[]) => refs.reduce((sum, ref) => sum + (samples.get(ref) ?? 0), 0);
    return { ...sources, containers: { ...sources.containers, statsVersion } };
  };
  const versionsIn = async (text: string, variables: Record<string, unknown>) => {
    const find = createFindInputs(schema, parse(text), null);
    const ask = async (ofWeb: number, ofWorker: number) => {
      const sources = measured(
        new Map([
          [web, ofWeb],
          [worker, ofWorker],
        ]),
      );
      return (await find?.(variables, sources, createCaller()))?.version.split(" ")[1];
    };
    return Promise.all([ask(1, 1), ask(1, 2), ask(2, 1)]);
  };

  it.each([
    ["{ containers { cpuPct } }", {}, ["2", "3", "3"]],
    ["query ($on: Boolean!) { containers { cpuPct @include(if: $on) } }", { on: true }, ["2", "3", "3"]],
    [
      "query ($on: Boolean!) { containers { cpuPct @include(if: $on) } }",
      { on: false },
      [undefined, undefined, undefined],
    ],
    ["query ($on: Boolean!) { containers { memPct @skip(if: $on) } }", { on: true }, [undefined, undefined, undefined]],
    ["{ containers { ...part } } fragment part on Container { memPct }", {}, ["2", "3", "3"]],
    ['{ container(name: "worker") { memPct } }', {}, ["1", "2", "1"]],
    ["query ($of: String!) { container(name: $of) { cpuPct } }", { of: "web" }, ["1", "1", "2"]],
  ])("include the samples that it reads: %s with %j", async (text, variables, versions) => {
    expect(await versionsIn(text, variables)).toEqual(versions);
  });

  it("are unknown for a missing container", async () => {
    const find = createFindInputs(schema, parse('{ container(name: "gone") { name } }'), null);
    expect(await find?.({}, measured(new Map()), createCaller())).toBeNull();
  });
});

describe("our own documents", () => {
  const document = parse("query ($name: String!) { host(name: $name) { name } containers { name } }");
  const { sources } = createMemorySources({ containers: [web], hosts: [sampleHost({ name: "a" })] });
  const run = async (variables: Record<string, unknown>, given = sources, caller = createCaller()) => {
    onTestFinished(() => caller.budget.end());
    return createExecute(schema, given, [document])(document as never, variables, caller).run();
  };

  it("return data, with an error for each field that fails", async () => {
    expect(await run({ name: "a" })).toEqual({
      data: { host: { name: "a" }, containers: [{ name: "web" }] },
      errors: [],
    });
    const error = new OpsError("prometheus_unavailable", "down");
    const failing = createMemorySources({ containers: [web], hosts: error }).sources;
    expect(await run({ name: "a" }, failing)).toEqual({
      data: { host: null, containers: [{ name: "web" }] },
      errors: [error],
    });
    const odd = createMemorySources({ hosts: new TypeError("secret") }).sources;
    expect((await run({ name: "a" }, odd)).errors).toMatchObject([{ code: "internal", message: "Internal error" }]);
  });

  it("have no data for a variable that does not fit", async () => {
    const { data, errors } = await run({ name: { not: "a text" } });
    expect(data).toBeNull();
    expect(errors).toMatchObject([
      { code: "invalid_request", message: "A parameter has an invalid value", cause: expect.any(Error) },
    ]);
  });

  it("wait for their turn, and end when the time is up", async () => {
    const caller = createCaller();
    const wait = Promise.withResolvers<void>();
    const turn = vi.spyOn(caller.budget, "turn").mockReturnValueOnce(wait.promise);
    const list = vi.spyOn(sources.containers, "list");
    const answer = run({ name: "a" }, sources, caller);
    await new Promise((resolve) => setImmediate(resolve));
    expect([turn.mock.calls.length, list.mock.calls.length]).toEqual([1, 0]);
    wait.resolve();
    expect((await answer).errors).toEqual([]);
    list.mockRestore();
    const late = createCaller();
    late.budget.check(Number.POSITIVE_INFINITY);
    await expect(run({ name: "a" }, sources, late)).rejects.toMatchObject({ code: "query_timeout" });
  });

  it("must be registered, and fit the schema", () => {
    const execute = createExecute(schema, sources, [document]);
    expect(() => execute(parse("{ __typename }") as never, {}, createCaller())).toThrow("Document was not registered");
    const invalid = parse("{ nothing nowhere }");
    const error = expect.objectContaining({
      message: expect.stringMatching(
        /^Cannot query field "nothing" on type "Query"\.[^]*\nCannot query field "nowhere"/,
      ),
      errors: [expect.any(Error), expect.any(Error)],
    });
    expect(() => createExecute(schema, sources, [document, invalid])).toThrow(error);
    expect(() => createFollow(schema, sources, [invalid])).toThrow(error);
  });

  it("have the first of their errors as that of the whole", () => {
    const [first, second] = [new OpsError("forbidden", "a"), new OpsError("not_found", "b")];
    expect(toFailure([first, second])).toBe(first);
    expect(toFailure([])).toMatchObject({ code: "internal", message: "Internal error" });
  });
});

describe("our own subscriptions", () => {
  const document = parse("subscription ($name: String!) { containerLogs(name: $name) { lines { message } } }");
  const { sources } = createMemorySources({ containers: [web] });
  const follow = createFollow(schema, sources, [document]);
  const open = (variables: object, granted?: readonly Scope[]) => {
    const abort = new AbortController();
    const caller = createCaller(granted);
    onTestFinished(() => caller.budget.end());
    const opened = follow(document, variables, {
      ...caller,
      openStream: () => ({ signal: abort.signal, recheck: () => {} }),
    });
    return { opened, abort };
  };

  it("pass on the source's messages", async () => {
    const { opened, abort } = open({ name: "web" });
    const batches = await opened;
    abort.abort("shutdown");
    const message = `from ${web.fullId}`;
    const all = await collect(batches);
    expect(all.map(({ lines, ended }) => [lines.map((line) => line.message), ended])).toEqual([
      [[message, message], null],
      [[], "shutdown"],
    ]);
  });

  it("are refused as their field is", async () => {
    await expect(open({ name: "x" }).opened).rejects.toMatchObject({ code: "container_not_found" });
    await expect(open({ name: "web" }, ["ops:read"]).opened).rejects.toMatchObject({ code: "forbidden" });
    await expect(open({}).opened).rejects.toMatchObject({
      code: "internal",
      message: "Internal error",
      cause: expect.any(Error),
    });
    await expect(follow(parse("subscription { containers { ended } }"), {}, createCaller())).rejects.toThrow(
      "Document was not registered",
    );
  });
});
