import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { environments } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const schema = createSchema();
/** The result of inspecting the container; null if it is gone, "hangs" for no answer. */
type Found = Partial<Container> | null | "hangs";
const engines = ["local", "b"].map((name) => ({ name, ok: true, error: null, isInspected: name !== "b" }));
const web = sampleContainer({ name: "web" });
/** As only a list describes it. */
const listed = (more: Partial<Container>) =>
  sampleContainer({ engine: "b", env: null, isInspected: false, labelledEnv: null, ...more });

function setUp(containers: readonly Container[], found: Found, where: readonly Environment[]) {
  const { sources } = createMemorySources({ containers, engines }, { restartEnabled: true });
  const inspected: string[] = [];
  const inspect = sources.containers.inspectNow.bind(sources.containers);
  sources.containers.inspectNow = async (ref, caller) => {
    const known = await inspect(ref, caller);
    if (known.container.isInspected) return known;
    inspected.push(`${ref.engine} ${known.container.name}`);
    if (found === "hangs") throw new OpsError("docker_timeout", "Docker engine b did not answer");
    if (found === null) throw new OpsError("container_not_found", "No such container");
    return { ...known, container: { ...known.container, isInspected: true, ...found } };
  };
  const context = () => createContext(sources, createCaller(undefined, where));
  return { inspected, context };
}

const all = environments;
const own: readonly Environment[] = ["staging"];
const [ambiguous, missing] = ["container_ambiguous", "container_not_found"];
const unknown = "docker_timeout: A container that may be meant cannot be inspected, so its environment is unknown";
const silent = "docker_timeout: web-2: Docker engine b did not answer";

describe("a container that was never inspected", () => {
  const one = async (
    { context }: ReturnType<typeof setUp>,
    more: { readonly everyEngine?: boolean; readonly engine?: string },
  ) =>
    context()
      .loaders.containers.one({ name: "web", includeAccessories: false, ...more })
      .then(
        ({ engine }) => engine,
        ({ code, message }: OpsError) => (code.startsWith("docker_") ? `${code}: ${message}` : code),
      );

  it.each<[readonly Environment[], Found, string]>([
    [own, { env: "staging" }, ambiguous],
    [own, { env: "production" }, "local"],
    [own, { env: "staging", name: "other" }, "local"],
    [own, null, "local"],
    [own, "hangs", `${unknown}; choose one by its engine: engine=local`],
  ])("is inspected before an action on its name: %j, %j: %s", async (where, found, expected) => {
    const made = setUp([web, listed({ name: "web" })], found, where);
    expect(await one(made, { everyEngine: true })).toBe(expected);
    expect(await one(made, { everyEngine: true, engine: "local" })).toBe("local");
    expect(made.inspected).toEqual(["b web"]);
  });

  it.each([null, "hangs", { env: "production" }] as const)(
    "appears unchanged to a token for all environments: %j",
    async (found) => {
      const made = setUp([web, listed({ name: "web" })], found, all);
      expect(await one(made, { everyEngine: true })).toBe(ambiguous);
      expect(made.inspected).toEqual([]);
    },
  );

  it.each<[Environment | null, string, number]>([
    [null, ambiguous, 1],
    ["staging", ambiguous, 1],
    ["production", "local", 0],
  ])("is inspected as far as its labels do not rule it out: %j", async (labelledEnv, expected, count) => {
    const made = setUp([web, listed({ name: "web", labelledEnv })], { env: "staging" }, own);
    expect(await one(made, { everyEngine: true })).toBe(expected);
    expect(made.inspected).toHaveLength(count);
  });

  it.each<[readonly Environment[], Found, string, number]>([
    [all, "hangs", "b", 0],
    [own, { env: "staging" }, "b", 1],
    [own, { env: "production" }, missing, 1],
    [own, null, missing, 1],
    [own, "hangs", unknown, 1],
  ])("is inspected for a reader who may not see it yet: %j, %j: %s", async (where, found, expected, count) => {
    const made = setUp([listed({ name: "web" })], found, where);
    expect(await one(made, {})).toBe(expected);
    expect(made.inspected).toHaveLength(count);
  });

  it("is not inspected for another name or kind, or while its engine is lost", async () => {
    const others = [
      listed({ name: "other" }),
      listed({ name: "web", kind: "accessory" }),
      listed({ name: "web", stale: true }),
    ];
    for (const other of others) {
      const made = setUp([web, other], "hangs", own);
      expect(await one(made, { everyEngine: true })).toBe("local");
      expect(made.inspected).toEqual([]);
    }
  });
});

it.each<[string, readonly Environment[], Found, readonly string[] | string]>([
  ['role: "web"', own, { env: "staging" }, ["web-1", "web-2"]],
  ['role: "web"', own, { env: "production" }, ["web-1"]],
  ['role: "web"', own, "hangs", ["web-1"]],
  ['role: "web", destination: "b"', all, { env: "staging", destination: "b" }, ["web-2"]],
  ['names: ["web-1", "web-2"]', own, { env: "staging" }, ["web-1", "web-2"]],
  ['name: "web-2"', own, { env: "staging" }, ["web-2"]],
  ['name: "web-2"', own, { env: "production" }, `${missing}: No such container`],
  ['name: "web-2"', own, null, `${missing}: No such container`],
  ['name: "web-2"', own, "hangs", unknown],
])("logs of %s have what an inspection shows: %j, %j: %j", async (args, where, found, expected) => {
  const made = setUp([sampleContainer({ name: "web-1" }), listed({ name: "web-2" })], found, where);
  const { data, errors } = await graphql({
    schema,
    source: `{ logs(${args}, tail: 9) { containers { container { name } } } }`,
    contextValue: made.context(),
  });
  const { code, message } = (errors?.[0]?.originalError ?? {}) as Partial<OpsError>;
  const { containers } = (data?.["logs"] ?? { containers: [] }) as { containers: { container: { name: string } }[] };
  const names = containers.map(({ container }) => container.name);
  expect(code ? `${code}: ${message}` : names).toEqual(expected);
});

it.each<[Partial<Container>, string, boolean]>([
  [{}, 'destination: "b"', true],
  [{}, "env: STAGING", true],
  [{ labelledEnv: "staging" }, "env: STAGING", true],
  [{ labelledEnv: "production" }, "env: STAGING", false],
  [{ destination: "a" }, 'destination: "b"', false],
  [{ role: "job" }, 'destination: "b"', false],
])("a silent engine that had %j may have what is asked for: %s: %j", async (seen, args, isRefused) => {
  const mine = sampleContainer({ name: "web-1", destination: "b" });
  const down = { name: "b", ok: false, error: { code: "docker_timeout", message: "b is slow" } };
  const memory = { containers: [mine], engines: [{ name: "local", ok: true, error: null }, down] };
  const { sources } = createMemorySources(memory, { restartEnabled: true });
  const everSeen = sources.containers.everSeen.bind(sources.containers);
  sources.containers.everSeen = (engine) =>
    engine === "b" ? [listed({ name: "web-2", stale: true, ...seen })] : everSeen(engine);
  const { data, errors } = await graphql({
    schema,
    source: `mutation { restartRole(role: "web", reason: "leak", ${args}) { complete } }`,
    contextValue: createContext(sources, createCaller()),
  });
  const { code } = (errors?.[0]?.originalError ?? {}) as Partial<OpsError>;
  expect([code, data?.["restartRole"]]).toEqual(
    isRefused ? ["docker_unavailable", null] : [undefined, { complete: true }],
  );
});

describe("a role with one uninspected container", () => {
  const first = sampleContainer({ name: "web-1", destination: "a" });
  const restart = async (
    containers: readonly Container[],
    found: Found,
    args: string,
    where: readonly Environment[] = all,
  ) => {
    const { context, inspected } = setUp(containers, found, where);
    const { data, errors } = await graphql({
      schema,
      source: `mutation { restartRole(role: "web", reason: "leak", ${args}) { steps { container { name } } } }`,
      contextValue: context(),
    });
    const { steps } = (data?.["restartRole"] ?? { steps: [] }) as { steps: { container: { name: string } }[] };
    const { code, message } = (errors?.[0]?.originalError ?? {}) as Partial<OpsError>;
    return {
      names: steps.map(({ container }) => container.name),
      refusal: code ? `${code}: ${message}` : "",
      inspected,
    };
  };

  it.each<[string, readonly Environment[], Found, readonly string[], string]>([
    ["env: STAGING", all, { env: "staging", destination: "b" }, [], "role_ambiguous"],
    ["env: STAGING", own, { env: "staging", destination: "b" }, [], "role_ambiguous"],
    ["env: STAGING", own, { env: "production", destination: "b" }, ["web-1"], ""],
    ["env: STAGING", own, null, ["web-1"], ""],
    ["env: STAGING", own, "hangs", [], unknown],
    ["env: STAGING", all, "hangs", [], silent],
    ['destination: "a"', own, { env: "staging", destination: "b" }, ["web-1"], ""],
    ['destination: ""', own, { env: "staging", destination: "b" }, [], missing],
    ['destination: "a"', own, "hangs", [], unknown],
  ])("is not restarted by half: %s, %j, %j: %j %s", async (args, where, found, names, refusal) => {
    const done = await restart([first, listed({ name: "web-2" })], found, args, where);
    expect(done.names).toEqual(names);
    expect(done.refusal).toContain(refusal);
    expect(done.inspected).toEqual(["b web-2"]);
  });

  it("is restarted with it if its inspection shows that it belongs", async () => {
    const found = { env: "staging", destination: "a" } as const;
    const { names, refusal } = await restart([first, listed({ name: "web-2" })], found, 'destination: "a"', own);
    expect([names, refusal]).toEqual([["web-1", "web-2"], ""]);
  });

  it("waits for none that another role, destination or state rules out", async () => {
    const others = [
      listed({ name: "web-2", role: "job" }),
      listed({ name: "web-2", destination: "b" }),
      listed({ name: "web-2", status: "exited" }),
      listed({ name: "web-2", service: "other" }),
      listed({ name: "web-2", labelledEnv: "production" }),
    ];
    const done = await restart([first, ...others], "hangs", 'destination: "a", service: "wallet-core-staging"', own);
    expect(done).toEqual({ names: ["web-1"], refusal: "", inspected: [] });
  });
});
