import { execute, type GraphQLField, type GraphQLObjectType, isObjectType, parse } from "graphql";
import { describe, expect, it, onTestFinished } from "vitest";
import { createContext, type OpsContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";

type Field = GraphQLField<unknown, OpsContext>;

/** The schema, and the fields of rows ("Type.field") whose resolvers returned a promise. */
function createStage(memory: Partial<Memory>) {
  const schema = createSchema();
  const types = Object.values(schema.getTypeMap()).filter(isObjectType);
  const promised: string[] = [];
  const watch = (type: GraphQLObjectType, field: Field) => {
    const { resolve } = field;
    if (!resolve) return;
    field.resolve = (...args) => {
      const value: unknown = resolve(...args);
      if (value instanceof Promise) promised.push(`${type.name}.${field.name}`);
      return value;
    };
  };
  // Before resolvers check scopes.
  const isAsync = ({ extensions }: Field) =>
    (extensions["pothosOptions"] as { resolve?: unknown } | undefined)?.resolve?.constructor.name === "AsyncFunction";
  const asyncNames = types.flatMap((type) =>
    Object.values(type.getFields()).flatMap((field) => (isAsync(field) ? `${type.name}.${field.name}` : [])),
  );
  for (const type of types.filter(({ name }) => name === "Container" || name === "ContainerStats")) {
    for (const field of Object.values(type.getFields())) watch(type, field);
  }
  const made = createMemorySources(memory);
  const run = async (source: string, caller = createCaller(), variableValues: Record<string, unknown> = {}) => {
    onTestFinished(() => caller.budget.end());
    const contextValue = createContext(made.sources, caller);
    const { data, errors = [] } = await execute({ schema, document: parse(source), contextValue, variableValues });
    return { data: JSON.parse(JSON.stringify(data)), errors: errors.map(({ message }) => message) };
  };
  return { run, promised, asyncNames, calls: made.calls };
}

const containers = Array.from({ length: 300 }, (_, index) => sampleContainer({ name: `web-${index}` }));
const hosts = [sampleHost({})];

describe("fields of a container that are loaded", () => {
  const source = `{ containers {
    id observedAt deploy { version } hostMetrics { name } cpuPct memPct
    stats { cpuPct pids cpuPeriods networkReceiveBytes blockWriteBytes } healthCheck { healthy }
  } }`;

  it("are loaded once for a whole list, and no row has a promise", async () => {
    const { run, promised, calls } = createStage({ containers, hosts });
    const { data, errors } = await run(source);
    expect(errors).toEqual([]);
    expect(data.containers).toHaveLength(300);
    expect(data.containers[299]).toMatchObject({
      cpuPct: expect.any(Number),
      stats: { pids: expect.any(Number) },
      healthCheck: { healthy: expect.anything() },
    });
    expect(promised).toEqual([]);
    expect(calls).toMatchObject({ stats: 300, hosts: 1 });
  });

  it("are the same as those of one container, and of two fields", async () => {
    const { run, calls } = createStage({ containers: containers.slice(0, 1), hosts });
    const one = await run(source.replace("containers {", 'container(name: "web-0") {'));
    const { data } = await run(`${source.slice(0, -1)} again: ${source.slice(2)}`);
    expect([data.containers, data.again]).toEqual([[one.data.container], [one.data.container]]);
    expect(calls).toMatchObject({ stats: 2 });
  });

  it("are not loaded when they are skipped", async () => {
    const { run, calls } = createStage({ containers, hosts });
    await run("{ containers { name cpuPct @skip(if: true) stats @include(if: false) { pids } } }");
    expect(calls["stats"]).toBeUndefined();
    const { data } = await run("{ containers { cpuPct @skip(if: false) } }");
    expect(data.containers[0].cpuPct).toEqual(expect.any(Number));
  });

  it.each([
    ["cpuPct @include(if: true)", {}],
    ["cpuPct @skip(if: false) @include(if: true)", {}],
    ["... @include(if: true) { cpuPct }", {}],
    ["cpuPct @include(if: $on)", { on: true }],
    ["cpuPct @skip(if: $on)", { on: false }],
    ["cpuPct @include(if: $default)", {}],
    ["...A @skip(if: $on)", { on: false }],
  ])("are loaded once with %s too", async (fields, variables) => {
    const { run, promised, calls } = createStage({ containers });
    const conditional = `query ($on: Boolean = true, $default: Boolean! = true) {
      a: containers { ${fields} } b: containers { name cpuPct @skip(if: $on) @skip(if: $default) }
    } fragment A on Container { cpuPct }`;
    const { data, errors } = await run(
      conditional.replace(/ fragment.*/s, (text) => (fields[3] === "A" ? text : "")),
      createCaller(),
      variables,
    );
    expect(errors).toEqual([]);
    expect(data.a[299].cpuPct).toEqual(expect.any(Number));
    expect([promised, calls["stats"]]).toEqual([[], 300]);
  });

  it("fail only in their own rows", async () => {
    const down = Object.assign(new Error("down"), { code: "prometheus_unavailable" });
    const { run, promised } = createStage({ containers, hosts: down });
    const { data, errors } = await run("{ containers { name hostMetrics { name } } }");
    expect(data.containers[7]).toEqual({ name: "web-104", hostMetrics: null });
    expect(errors).toHaveLength(300);
    expect(promised).toEqual([]);
  });

  it("are found through fragments and inner objects", async () => {
    const { run, promised } = createStage({ containers });
    const { errors } = await run(
      "{ containers { ...A ... on Container { memPct } } } " +
        "fragment A on Container { stats { ... { ...B } } } fragment B on ContainerStats { pids }",
    );
    expect([errors, promised]).toEqual([[], []]);
  });
});

it("fields with a promise in each row are async functions, which count", async () => {
  const { run, promised, asyncNames } = createStage({ containers, hosts });
  await run('{ containers { history(from: "10m") { since } logs(tail: 1) { message } } }');
  expect(promised.length).toBe(600);
  expect(asyncNames).toEqual(expect.arrayContaining([...new Set(promised)]));
});
