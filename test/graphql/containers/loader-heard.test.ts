import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { type Environment, environments } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const schema = createSchema();
/** The result of inspecting the container; null if it is gone, "hangs" for no answer. */
type Found = Partial<Container> | null | "hangs";
const engines = ["local", "b"].map((name) => ({ name, ok: true, error: null, isInspected: true }));
const first = sampleContainer({ name: "web-1" });
/** As only its first event describes it. */
const toHeard = (more: Partial<Container> = {}) =>
  sampleContainer({
    fullId: "b".repeat(64),
    name: "web-1",
    engine: "b",
    env: null,
    isInspected: false,
    labelledEnv: null,
    ...more,
  });

/** The list has the container once it was inspected, unless no list shows it. */
function setUp(containers: readonly Container[], heard: Container, found: Found, isListed = true) {
  const { sources, setContainers } = createMemorySources({ containers, engines }, { restartEnabled: true });
  const inspected: string[] = [];
  let isKnown = false;
  const inspect = sources.containers.inspectNow.bind(sources.containers);
  sources.containers.heard = () => (isKnown ? [] : [heard]);
  sources.containers.inspectNow = async (ref, caller) => {
    if (ref.fullId !== heard.fullId || isKnown) return inspect(ref, caller);
    inspected.push(heard.name);
    if (found === "hangs") throw new OpsError("docker_timeout", "Docker engine b did not answer");
    isKnown = true;
    if (found === null) throw new OpsError("container_not_found", "No such container");
    const container = { ...heard, isInspected: true, ...found };
    if (isListed) setContainers([...containers, container]);
    return { container, protectedBy: null };
  };
  const context = (own: readonly Environment[] = environments) => createContext(sources, createCaller(undefined, own));
  return { inspected, context };
}

const staging: Found = { env: "staging" };
const hung = "docker_timeout: web-1: Docker engine b did not answer";

describe("a container that was just created", () => {
  it.each<[string, readonly Container[], Found, boolean, boolean, string]>([
    ["an action", [], staging, true, true, "b"],
    ["an action", [first], staging, true, true, "container_ambiguous"],
    ["an action", [first], null, true, true, "local"],
    ["an action", [first], "hangs", true, true, `${hung}; choose one by its engine: engine=local`],
    ["an action", [], "hangs", true, true, hung],
    ["an action", [], staging, false, true, "container_not_found"],
    ["a reader", [], staging, true, false, "b"],
    ["a reader", [], null, true, false, "container_not_found"],
    ["a reader", [], "hangs", true, false, hung],
  ])("is found by its name for %s: %#", async (_, containers, found, isListed, everyEngine, expected) => {
    const { context } = setUp(containers, toHeard(), found, isListed);
    const query = { name: "web-1", includeAccessories: false, everyEngine };
    const outcome = await context()
      .loaders.containers.one(query)
      .then(
        ({ engine }) => engine,
        ({ code, message }: OpsError) => (code.startsWith("docker_") ? `${code}: ${message}` : code),
      );
    expect(outcome).toBe(expected);
  });

  it("delays no lookup that cannot match it or that has a match", async () => {
    const query = { name: "web-1", includeAccessories: false };
    const others = [{ name: "web-2" }, { kind: "accessory" }, { labelledEnv: "production" }] as const;
    for (const other of others) {
      const { context, inspected } = setUp([first], toHeard(other), "hangs");
      const { containers } = context(["staging"]).loaders;
      expect((await containers.one({ ...query, everyEngine: true })).engine).toBe("local");
      expect(inspected).toEqual([]);
    }
    const { context, inspected } = setUp([first], toHeard(), "hangs");
    expect((await context().loaders.containers.one(query)).engine).toBe("local");
    expect(inspected).toEqual([]);
  });

  it.each<[Found, readonly string[] | string]>([
    [staging, ["web-1", "web-2"]],
    [{ env: "staging", status: "created" }, ["web-1"]],
    [{ env: "production" }, ["web-1"]],
    [null, ["web-1"]],
    ["hangs", "docker_timeout"],
  ])("is restarted with its role, unless it is not of it: %j", async (found, expected) => {
    const { context } = setUp([first], toHeard({ name: "web-2" }), found);
    const { data, errors } = await graphql({
      schema,
      source: `mutation { restartRole(role: "web", env: STAGING, reason: "leak") { steps { container { name } } } }`,
      contextValue: context(),
    });
    const { steps } = (data?.["restartRole"] ?? { steps: [] }) as { steps: { container: { name: string } }[] };
    const { code } = (errors?.[0]?.originalError ?? {}) as Partial<OpsError>;
    expect(code ?? steps.map(({ container }) => container.name)).toEqual(expected);
  });

  it.each<[Found, readonly string[] | string]>([
    [staging, ["web-2"]],
    [null, "container_not_found"],
    ["hangs", "docker_timeout"],
  ])("has a log at once: %j", async (found, expected) => {
    const { context } = setUp([first], toHeard({ name: "web-2" }), found);
    const { data, errors } = await graphql({
      schema,
      source: `{ logs(name: "web-2", tail: 9) { containers { container { name } } } }`,
      contextValue: context(),
    });
    const { containers } = (data?.["logs"] ?? { containers: [] }) as { containers: { container: { name: string } }[] };
    const { code } = (errors?.[0]?.originalError ?? {}) as Partial<OpsError>;
    expect(code ?? containers.map(({ container }) => container.name)).toEqual(expected);
  });
});

describe("an action on a name queries the engines that answer", () => {
  const at = (engine: string, more: Partial<Container> = {}) =>
    sampleContainer({ fullId: engine.padEnd(64, "0"), name: "web-1", engine, ...more });
  const act = async (
    listed: readonly Container[],
    byName: Readonly<Record<string, Container | "hangs">>,
    more: {
      readonly engine?: string;
      readonly where?: readonly Environment[];
      readonly seen?: readonly Container[];
    } = {},
  ) => {
    const { sources, setContainers } = createMemorySources({ containers: listed, engines }, { restartEnabled: true });
    const asked: string[] = [];
    sources.containers.everSeen = () => more.seen ?? [];
    sources.containers.findByName = async (_name, engine) => {
      asked.push(engine);
      const found = byName[engine];
      if (found === "hangs") throw new OpsError("docker_timeout", `Docker engine ${engine} did not answer`);
      if (!found) return [];
      // From now on, a just created container is listed, a stopped one is not.
      if (found.status === "running") setContainers([...listed, found]);
      return [found];
    };
    const { containers } = createContext(sources, createCaller(undefined, more.where ?? environments)).loaders;
    const query = { name: "web-1", includeAccessories: false, everyEngine: true, engine: more.engine };
    const outcome = await containers.one(query).then(
      ({ engine }) => engine,
      ({ code, message }: OpsError) => `${code}: ${message}`,
    );
    return { outcome, asked: asked.toSorted() };
  };
  const chosen = "choose one by its engine: local, b";

  it.each<[string, readonly Container[], Readonly<Record<string, Container | "hangs">>, string]>([
    ["has it", [], { b: at("b") }, "b"],
    [
      "has one too",
      [at("local")],
      { b: at("b") },
      `container_ambiguous: Several engines run a container of this name; ${chosen}`,
    ],
    [
      "has a stopped one",
      [at("local")],
      { b: at("b", { status: "exited" }) },
      `container_ambiguous: Several engines have a container of this name; ${chosen}`,
    ],
    ["has one of another environment", [at("local")], { b: at("b", { status: "exited", env: "production" }) }, "local"],
    ["has an accessory", [at("local")], { b: at("b", { status: "exited", kind: "accessory" }) }, "local"],
    [
      "has a new one alone",
      [],
      { b: at("b", { status: "created" }) },
      "container_not_found: No such container: it was created and never started, and others of its role are there",
    ],
    [
      "has a stopped one alone",
      [],
      { b: at("b", { status: "exited" }) },
      "container_not_found: No such container: it is exited, and others of its role are there",
    ],
    ["hangs and never had it", [at("local")], { b: "hangs" }, "local"],
  ])("before their events: one %s", async (_, listed, byName, outcome) => {
    expect(await act(listed, byName, { where: ["staging"] })).toEqual({ outcome, asked: ["b", "local"] });
  });

  it("an action is refused while an engine that had the name hangs", async () => {
    const { outcome } = await act([at("local")], { b: "hangs" }, { seen: [at("b")] });
    expect(outcome).toBe("docker_timeout: Docker engine b did not answer; choose one by its engine: engine=local");
  });

  it("an action queries only the named engine", async () => {
    expect(await act([at("local")], { b: at("b") }, { engine: "local" })).toEqual({
      outcome: "local",
      asked: ["local"],
    });
  });
});
