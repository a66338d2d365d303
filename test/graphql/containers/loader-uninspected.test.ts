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
/** What the inspection of the container shows; null where it is gone, "hangs" where there is no answer. */
type Found = Partial<Container> | null | "hangs";
const engines = ["local", "b"].map((name) => ({ name, ok: true, error: null }));
const web = sampleContainer({ name: "web" });
/** As a list alone shows it. */
const listed = (more: Partial<Container>) => sampleContainer({ engine: "b", env: null, isInspected: false, ...more });

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
const unknown = "docker_timeout: A container that may be meant cannot be inspected, so nobody knows whose it is";
const silent = "docker_timeout: Docker engine b did not answer";

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
    [all, { env: "staging" }, ambiguous],
    [all, { env: "production" }, ambiguous],
    [all, null, "local"],
    [all, { env: "staging", name: "other" }, "local"],
    [all, "hangs", silent],
    [own, { env: "staging" }, ambiguous],
    [own, { env: "production" }, "local"],
    [own, null, "local"],
    [own, "hangs", unknown],
  ])("is inspected before an action on its name: %j, %j: %s", async (where, found, expected) => {
    const made = setUp([web, listed({ name: "web" })], found, where);
    expect(await one(made, { everyEngine: true })).toBe(expected);
    expect(await one(made, { everyEngine: true, engine: "local" })).toBe("local");
    expect(made.inspected).toEqual(["b web"]);
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

describe("a role of which one container was never inspected", () => {
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

  it("is restarted with it where its inspection shows that it belongs there", async () => {
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
    ];
    const done = await restart([first, ...others], "hangs", 'destination: "a", service: "wallet-core-staging"', own);
    expect(done).toEqual({ names: ["web-1"], refusal: "", inspected: [] });
  });
});
