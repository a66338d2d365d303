import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import {
  type ContainerFilter,
  createContainerFilter,
  isAtDestination,
  ofEngine,
  toEngineError,
} from "../../../src/graphql/containers/loader.ts";
import { createContext } from "../../../src/graphql/context.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer, sampleEngine } from "../../support/containers.ts";
import { sampleDeployInfo } from "../../support/deploys.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";

const web = sampleContainer({ name: "web" });
const redis = sampleContainer({ name: "redis", kind: "accessory" });
const production = sampleContainer({ name: "production", env: "production" });
const fine = { name: "local", ok: true, error: null };
const unlisted = { name: "b", ok: false, runs: null, error: { code: "docker_timeout", message: "b is slow" } };
const slow = { name: "b", ok: false, error: { code: "docker_timeout", message: "b is slow" } };
const down = { name: "c", ok: false, error: { code: "docker_unavailable", message: "c is down" } };
const staging = () => createCaller(undefined, ["staging"]);

function load(
  memory: Partial<Memory>,
  caller = createCaller(),
  change: (made: ReturnType<typeof createMemorySources>) => void = () => {},
) {
  const made = createMemorySources({ containers: [web, redis, production], ...memory });
  change(made);
  return { ...createContext(made.sources, caller).loaders.containers, calls: made.calls };
}
const names = (containers: readonly Container[]) => containers.map(({ name }) => name);
const one = { name: "web", includeAccessories: false };
const acting = { ...one, everyEngine: true };
const unsure =
  "docker_timeout: b is slow; it may run a container of this name too: choose one by its engine: engine=local";

describe("lists of containers", () => {
  it("have what the token may see, and accessories on request", async () => {
    expect(names(await load({}).all(false))).toEqual(["production", "web"]);
    expect(names(await load({}).all(true))).toEqual(["production", "web", "redis"]);
    expect(names(await load({}, staging()).all(true))).toEqual(["web", "redis"]);
    const { containers, engines } = await load({ engines: [fine, slow] }).known(false);
    expect(names(containers)).toEqual(["production", "web"]);
    expect(engines.shown.map(({ name, ok }) => [name, ok])).toEqual([
      ["local", true],
      ["b", false],
    ]);
  });

  it("query the engines once", async () => {
    const loaders = load({});
    const lists = [loaders.all(false), loaders.all(true), loaders.all(false), loaders.all(true), loaders.known(true)];
    const [core, all, coreAgain, allAgain] = await Promise.all(lists);
    expect([coreAgain === core, allAgain === all]).toEqual([true, true]);
    await loaders.one(one);
    expect(loaders.calls).toEqual({ list: 1 });
  });

  it.each<[string, Partial<Memory>, string | null]>([
    [
      "no engine answers and nothing is known",
      { containers: [], engines: [slow, down] },
      "docker_timeout: b is slow; c is down",
    ],
    ["no engine answers and something is known", { engines: [slow] }, null],
    ["some answer", { containers: [], engines: [fine, slow] }, null],
    ["there are no engines", { containers: [], engines: [] }, null],
  ])("with %s are refused with %j", async (_what, memory, refusal) => {
    const answer = load(memory)
      .all(false)
      .then(
        () => null,
        (error: OpsError) => `${error.code}: ${error.message}`,
      );
    expect(await answer).toBe(refusal);
  });

  it("have releases named by their deploy, as the same object each time", async () => {
    const floating = sampleContainer({ name: "floating", version: "latest", floating: true, commitSha: "" });
    const { sources, calls } = createMemorySources({ containers: [floating, web] });
    const list = () => createContext(sources, createCaller()).loaders.containers.all(false);
    const [first, again] = [await list(), await list()];
    expect(first.map(({ version }) => version)).toEqual([sampleDeployInfo.currentTag, web.version]);
    expect(first[0]).toBe(again[0]);
    expect(calls["deploy"]).toBe(2);
    sources.deploy.read = async () => ({ ...sampleDeployInfo, currentTag: "v9" });
    expect((await list()).map(({ version }) => version)).toEqual(["v9", web.version]);
  });

  it("read no deploy if every release is known", async () => {
    const loaders = load({});
    await loaders.all(true);
    expect(loaders.calls["deploy"]).toBeUndefined();
  });
});

describe("containers of old releases", () => {
  const retired = [
    sampleContainer({ name: "old", status: "exited" }),
    sampleContainer({ name: "never", status: "created" }),
    sampleContainer({ name: "old-redis", status: "exited", kind: "accessory" }),
    sampleContainer({ name: "old-production", status: "exited", env: "production" }),
  ];
  it("have run, except for deploys, and are the token's", async () => {
    expect(names(await load({ retired }).listRetired(false))).toEqual(["old", "old-production"]);
    expect(names(await load({ retired }).listRetired(true))).toEqual(["old", "old-redis", "old-production"]);
    expect(names(await load({ retired }, staging()).listRetired(true))).toEqual(["old", "old-redis"]);
    expect(names(await load({ retired }).listRetiredOfDeploys())).toEqual(["old", "never", "old-production"]);
    expect(names(await load({ retired }, staging()).listRetiredOfDeploys())).toEqual(["old", "never"]);
  });
});

describe("one container", () => {
  const twin = sampleContainer({ name: "web", engine: "b" });
  const twins = { containers: [web, twin], engines: [fine, { ...fine, name: "b" }] };
  const missing = "container_not_found: No such container";
  const only = ": there is no engine of this name, only ";
  const needs = "; include_accessories=true (in GraphQL includeAccessories: true) finds it";
  const many = Array.from({ length: 12 }, (_, index) => ({ ...fine, name: `e${index}` }));
  it.each<[string, Partial<Memory>, Parameters<ReturnType<typeof load>["one"]>[0], string]>([
    ["by its name", {}, one, "local"],
    ["by the start of its name", {}, { ...one, name: "we" }, missing],
    ["that is an accessory", {}, { ...one, name: "redis" }, `${missing}: it is an accessory${needs}`],
    [
      "that is another product's",
      { containers: [{ ...web, kind: "other" }] },
      one,
      `${missing}: it is not part of the product${needs}`,
    ],
    ["that is an accessory of another engine", twins, { ...one, name: "redis", engine: "b" }, missing],
    ["among accessories", {}, { ...one, name: "redis", includeAccessories: true }, "local"],
    [
      "of several engines",
      twins,
      one,
      "container_ambiguous: Several engines run a container of this name; choose one by its engine: local, b",
    ],
    ["of one of several engines", twins, { ...one, engine: "b" }, "b"],
    ["of another engine", {}, { ...one, engine: "b" }, `${missing}${only}local`],
    ["of no engine of several", twins, { ...one, engine: "typo" }, `${missing}${only}local, b`],
    [
      "of no engine of many",
      { engines: many },
      { ...one, engine: "typo" },
      `${missing}${only}e0, e1, e2, e3, e4, e5, e6, e7, e8, e9 and 2 more`,
    ],
    [
      "of no engine where there is none",
      { engines: [] },
      { ...one, engine: "typo" },
      `${missing}: there is no engine of this name`,
    ],
    ["of any engine", {}, { ...one, engine: "" }, "local"],
    ["while an engine is silent", { engines: [fine, slow] }, one, "local"],
    ["that a silent engine may run", { containers: [], engines: [fine, slow] }, one, "docker_timeout: b is slow"],
    [
      "of an engine while another is silent",
      { containers: [], engines: [fine, slow] },
      { ...one, engine: "local" },
      missing,
    ],
    [
      "of a silent engine",
      { containers: [], engines: [fine, slow] },
      { ...one, engine: "b" },
      "docker_timeout: b is slow",
    ],
    ["for an action while an engine is silent that never ran it", { engines: [fine, slow] }, acting, "local"],
    ["for an action while an engine is silent that was never listed", { engines: [fine, unlisted] }, acting, unsure],
    ["for an action while an engine is silent that ran it too", { ...twins, engines: [fine, slow] }, acting, unsure],
    [
      "for an action while two engines are silent",
      {
        ...twins,
        engines: [fine, slow, { ...unlisted, name: "c", error: { code: "docker_timeout", message: "c is slow" } }],
      },
      acting,
      unsure.replace("b is slow", "b is slow; c is slow"),
    ],
    [
      "for an action that only a silent engine ran",
      { containers: [{ ...web, engine: "b" }], engines: [fine, slow] },
      acting,
      "docker_timeout: b is slow",
    ],
    [
      "for an action on an engine while another is silent",
      { engines: [fine, slow] },
      { ...one, everyEngine: true, engine: "local" },
      "local",
    ],
  ])("%s is found or refused", async (_what, memory, query, expected) => {
    const found = load(memory)
      .one(query)
      .then(
        ({ engine }) => engine,
        (error: OpsError) => `${error.code}: ${error.message}`,
      );
    expect(await found).toBe(expected);
  });

  it("of another environment does not exist", async () => {
    const none = { code: "container_not_found", message: "No such container" };
    await expect(load({}, staging()).one({ ...one, name: "production" })).rejects.toMatchObject(none);
    const hidden = sampleContainer({ name: "cache", kind: "accessory", env: "production" });
    await expect(load({ containers: [hidden] }, staging()).one({ ...one, name: "cache" })).rejects.toMatchObject(none);
  });

  it.each<[string, Partial<Container> | null, boolean]>([
    ["as it was", {}, true],
    ["stopped", { status: "exited" }, true],
    ["gone", null, false],
    ["of another name", { name: "other" }, false],
    ["an accessory", { kind: "accessory" }, false],
    ["of another environment", { env: "production" as Environment }, false],
  ])("for an action is looked up again: %s", async (_what, now, isFound) => {
    const loaders = load({}, staging(), ({ sources }) => {
      sources.containers.inspectNow = async () => {
        if (now === null) throw new OpsError("container_not_found", "gone");
        return { container: { ...web, ...now }, protectedBy: null };
      };
    });
    expect(await loaders.one(one)).toBe((await loaders.all(false))[0]);
    const found = loaders.one({ ...one, everyEngine: true }).catch((error: OpsError) => error.code);
    expect(await found).toEqual(isFound ? { ...web, ...now } : "container_not_found");
  });

  it("may be an accessory at the second lookup", async () => {
    const query = { name: "redis", includeAccessories: true, everyEngine: true };
    expect(await load({}).one(query)).toEqual(redis);
  });
});

describe("the engines of a query", () => {
  const [a, b] = [sampleEngine({ name: "a" }), sampleEngine({ name: "b" })];
  const silent = ["a", null].map((name) => ({ name, code: "docker_timeout", message: String(name) }));
  it.each<[string | null | undefined, string[], (string | null)[]]>([
    [null, ["a", "b"], ["a", null]],
    [undefined, ["a", "b"], ["a", null]],
    ["", ["a", "b"], ["a", null]],
    ["a", ["a"], ["a"]],
    ["b", ["b"], []],
    ["hidden", [], [null]],
  ])("for %j are %j, silent of them %j", (engine, shown, mute) => {
    const found = ofEngine({ shown: [a, b], silent }, engine);
    expect([found.shown.map(({ name }) => name), found.silent.map(({ name }) => name)]).toEqual([shown, mute]);
  });

  it("make one error with the code of the first", () => {
    expect(toEngineError(silent)).toMatchObject({ code: "docker_timeout", message: "a; null" });
    expect(toEngineError([])).toMatchObject({ code: "docker_unavailable", message: "" });
  });
});

describe("a filter of containers", () => {
  const container = sampleContainer({
    name: "n",
    engine: "e",
    role: "r",
    service: "s",
    destination: "d",
    env: "staging",
  });
  const all: ContainerFilter = { includeAccessories: false };
  it.each<[Partial<ContainerFilter>, Partial<Container>, boolean]>([
    [{}, {}, true],
    [{ env: null, engine: "", name: "", role: "", service: "", destination: null }, {}, true],
    [{ env: "staging", engine: "e", name: "n", role: "r", service: "s", destination: "d" }, {}, true],
    [{}, { kind: "accessory" }, false],
    [{ includeAccessories: true }, { kind: "accessory" }, true],
    [{ env: "production" }, {}, false],
    [{ env: "staging" }, { env: null, inferredEnv: "staging" }, true],
    [{ env: "staging" }, { env: null, inferredEnv: null }, false],
    [{ env: "production" }, { env: "staging", inferredEnv: "production" }, false],
    [{ engine: "x" }, {}, false],
    [{ name: "x" }, {}, false],
    [{ role: "x" }, {}, false],
    [{ service: "x" }, {}, false],
    [{ destination: "x" }, {}, false],
    [{ destination: "" }, {}, false],
    [{ destination: "" }, { destination: null }, true],
  ])("with %j accepts what is %j: %j", (filter, more, isWanted) => {
    const accepts = createContainerFilter({ ...all, ...filter }, createCaller().principal);
    expect(accepts({ ...container, ...more })).toBe(isWanted);
  });

  it("accepts only the token's, and refuses other environments", () => {
    const { principal } = staging();
    expect([container, production, { ...web, env: null }].map(createContainerFilter(all, principal))).toEqual([
      true,
      false,
      false,
    ]);
    expect(() => createContainerFilter({ ...all, env: "production" }, principal)).toThrow(
      "This token does not cover production",
    );
    expect([isAtDestination(container, undefined), isAtDestination(container, "d")]).toEqual([true, true]);
  });
});

const mayRun =
  "An engine that may run such a container does not answer; it may run a " +
  "container of this name too: choose one by its engine: engine=local";
it.each<[string, Partial<Container>, boolean, string]>([
  ["had a container of the name", {}, true, mayRun],
  ["had it in an environment that the token may not see", { env: "production" }, true, "local"],
  ["had it where its environment is not sure", { env: null, kind: "other" }, false, mayRun],
  ["had another name", { name: "other" }, false, "local"],
])("an action while an engine is silent that %s: %s", async (_what, other, isInspected, expected) => {
  const seen = { ...web, engine: "b", isInspected, ...other };
  const found = load({ engines: [fine, slow] }, staging(), ({ sources }) => {
    sources.containers.everSeen = () => [seen];
  })
    .one(acting)
    .then(
      ({ engine }) => engine,
      ({ message }: Error) => message,
    );
  expect(await found).toBe(expected);
});
