import { execute, getNamedType, type GraphQLObjectType, type OperationDefinitionNode, parse, validate } from "graphql";
import { compileQuery } from "graphql-jit";
import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { compile } from "../../../src/graphql/compiled/compile.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { compileRow, unfit } from "../../../src/graphql/compiled/row.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleHost } from "../../support/hosts.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { sampleQueue } from "../../support/queues.ts";

const schema = createSchema();

type Variables = Readonly<Record<string, unknown>>;

/** The compiled answer, and graphql-js' answer. */
async function answer(text: string, containers: readonly Container[], variables: Variables = {}) {
  const document = parse(text);
  expect(validate(schema, document)).toEqual([]);
  const queueSources = [{ name: "jobs", metrics: [sampleQueue({ name: "mail" })], errors: [] }];
  const { sources } = createMemorySources({ containers, queueSources, hosts: [sampleHost({ name: "vm" })] });
  const context = () => createContext(sources, createCaller());
  const found = await compile(schema, document, null, "named")(undefined, context(), variables);
  const expected = await execute({ schema, document: parse(text), contextValue: context(), variableValues: variables });
  return { found: toPlain(found), expected: toPlain(expected) };
}

interface Plain {
  readonly message: string;
  readonly path?: unknown;
}

/**
 * Errors by text and place: fields of rows settle in turns, so the order of their errors varies.
 */
function toPlain({ data, errors = [] }: { readonly data?: unknown; readonly errors?: readonly Plain[] }) {
  const plain = JSON.parse(JSON.stringify({ data, errors })) as { data?: unknown; errors: readonly Plain[] };
  const byPlace = plain.errors.map(({ message, path }) => ({ message, path }));
  return { ...plain, errors: byPlace.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) };
}

const list = (fields: string) => `{ containers(includeAccessories: true) { ${fields} } }`;
const [web, worker] = [
  sampleContainer({ name: "web" }),
  sampleContainer({ name: "worker", health: "unhealthy", env: null }),
];

describe("a compiled query answers as graphql-js", () => {
  it.each([
    list("name"),
    list("id: shortId name role health kind env status restarts ports createdAt startedAt stale commit_sha: commitSha"),
    list("__typename name __typename"),
    list("name ...Facts } } fragment Facts on Container { health ... { image } ... on Container { ports }").replace(
      / }$/,
      "",
    ),
    list("name name"),
    list("name stats { cpuPct } cpuPct observedAt id"),
    list("name deploy { tag: currentTag }"),
    "{ a: containers(includeAccessories: true, env: STAGING) " +
      "{ name } b: containers(includeAccessories: false) { health } }",
    "{ ...Root } fragment Root on Query { containers(includeAccessories: true) { name } }",
    "{ containers(includeAccessories: true) { name } containers(includeAccessories: true) { health } }",
    '{ container(name: "web", includeAccessories: false) { name health ports } }',
    '{ container(name: "nothing", includeAccessories: false) { name } thresholds { cpu mem } }',
    "{ queues { name depth exact state paused } thresholds { cpu } queueSources { name error { code } } }",
    "{ hosts { name cpuUtil status } hostsUpdatedAt deployInfo { currentTag extra { key value } } }",
    "{ jobErrors(first: 5) { queue releases { version } jobIds } }",
  ])("%s", async (text) => {
    const { found, expected } = await answer(text, [web, worker]);
    expect(found).toEqual(expected);
    expect(found).not.toMatchObject({ data: null });
  });

  it.each<Partial<Record<keyof Container, unknown>>>([
    { name: null },
    { name: undefined },
    { name: 7 },
    { name: new RangeError("own") },
    { health: "dying" },
    { health: 1 },
    { env: "nowhere" },
    { restarts: 2 ** 40 },
    { restarts: 0.5 },
    { restarts: "3" },
    { restarts: undefined },
    { stale: 1 },
    { ports: null },
    { ports: ["a", null] },
    { ports: ["a", 1] },
    { startedAt: undefined },
  ])("also where a row has %j", async (broken) => {
    const fields = "name health env restarts stale ports startedAt";
    const { found, expected } = await answer(list(fields), [{ ...web, ...broken } as Container, worker]);
    expect(found).toEqual(expected);
  });

  it("if a row is an error with all its properties", async () => {
    const broken = Object.assign(new RangeError("lost"), web, { message: "lost" });
    const { found, expected } = await answer(list("health ports"), [broken, worker]);
    expect(found).toEqual(expected);
    expect(found).toMatchObject({ errors: [{ message: expect.stringContaining("lost") }] });
  });

  const oneCondition =
    "query ($more: Boolean = true) { containers(includeAccessories: false) " +
    "{ name health @include(if: $more) stats @skip(if: $more) { pids } } }";

  it.each<Variables>([{ more: true }, { more: false }, { more: null }, { more: "yes" }])(
    "with one condition and %j",
    async (variables) => {
      const { found, expected } = await answer(oneCondition, [web], variables);
      expect(found).toEqual(expected);
    },
  );

  it.each<Variables>([{ more: true }, { more: false }])("with nothing left to select, and %j", async (variables) => {
    const text =
      "query ($more: Boolean!) { containers(includeAccessories: false) " +
      "{ name @include(if: $more) } thresholds @skip(if: $more) { cpu } }";
    const none = "query ($more: Boolean!) { thresholds @skip(if: true) { cpu } hosts @include(if: $more) { name } }";
    for (const one of [text, none]) {
      const { found, expected } = await answer(one, [web], variables);
      expect(found).toEqual(expected);
    }
  });

  it.each([
    [true, false],
    [false, true],
    [true, true],
  ])("with two conditions, %j and %j", async (a, b) => {
    const text =
      "query ($a: Boolean!, $b: Boolean!) { containers(includeAccessories: false) " +
      "@include(if: $a) { name health @skip(if: $b) } thresholds @include(if: $b) { cpu } }";
    const { found, expected } = await answer(text, [web], { a, b });
    expect(found).toEqual(expected);
  });

  const shared = "fragment F on Container { name }";
  it.each([
    "query ($a: Boolean!, $b: Boolean!) { x: containers " +
      `{ role ...F @include(if: $a) } y: containers { role ...F @include(if: $b) } } ${shared}`,
    "query ($a: Boolean!, $b: Boolean!) " +
      `{ x: containers { role ...F @include(if: $a) ...F @include(if: $b) } } ${shared}`,
    "query ($a: Boolean!, $b: Boolean!) { x: containers { role ...F } " +
      `y: containers { kind ...F @include(if: $a) } hosts @include(if: $b) { name } } ${shared}`,
    "query ($a: Boolean!, $b: Boolean!) { x: containers { role stats { pids } ...F @skip(if: $a) } " +
      `y: containers { stats { pids } ...F @skip(if: $b) } } ${shared}`,
  ])("with conditions on one fragment: %s", async (text) => {
    for (const a of [true, false]) {
      for (const b of [true, false]) {
        const { found, expected } = await answer(text, [web, { ...worker, name: null as never }], { a, b });
        expect(found).toEqual(expected);
      }
    }
  });

  it("if another operation of the document was compiled before", async () => {
    const text =
      "subscription S { containers { changed { role ...F @skip(if: true) } } } " +
      `query Q { containers { role ...F kind stats { pids } } } ${shared}`;
    const document = parse(text);
    // graphql-jit writes notes on conditions into the nodes.
    compileQuery(schema, document, "S");
    const { sources } = createMemorySources({ containers: [web] });
    const { data } = await compile(
      schema,
      document,
      "Q",
      "named",
    )(undefined, createContext(sources, createCaller()), {});
    expect(data).toMatchObject({ containers: [{ role: web.role, name: "web", kind: "CORE" }] });
  });

  it("if the conditions of other operations are unknown", async () => {
    const text = "query A($x: Boolean!) { containers { name @include(if: $x) } } query B { containers { name } }";
    const { sources } = createMemorySources({ containers: [web] });
    const run = compile(schema, parse(text), "B", "named", 0);
    expect((await run(undefined, createContext(sources, createCaller()), {})).data).toEqual({
      containers: [{ name: "web" }],
    });
    expect(() => compile(schema, parse(text), "A", "named", 0)).toThrow("More than 0 variables in directives");
  });

  it("when the same document is compiled again, with other conditions", async () => {
    const document = parse(
      "query ($more: Boolean!) { containers(includeAccessories: false) " +
        "{ name ... @include(if: $more) { health } image @include(if: false) } }",
    );
    const { sources } = createMemorySources({ containers: [web] });
    for (const more of [false, true, false]) {
      const run = compile(schema, document, null, "named");
      for (const value of [more, !more]) {
        const { data } = await run(undefined, createContext(sources, createCaller()), { more: value });
        expect(data).toEqual({ containers: [{ name: "web", ...(value && { health: "HEALTHY" }) }] });
      }
    }
  });
});

describe("a row", () => {
  const toAnswer = (type: string, text: string, leaves: "named" | "own" = "named") => {
    const document = parse(text);
    const { selectionSet } = document.definitions[0] as OperationDefinitionNode;
    return compileRow(document, getNamedType(schema.getType(type) as GraphQLObjectType), selectionSet, leaves);
  };

  it.each([
    ["Container", "{ name shortId ports health }"],
    ["Queue", "{ name depth paused }"],
    ["DeployInfo", "{ currentTag error { code } }"],
    ["Container", "{ __typename }"],
  ])("of %s is made without executing %s", (type, text) => {
    expect(toAnswer(type, text)).toBeInstanceOf(Function);
  });

  it.each([
    ["Container", "{ name stats { pids } }", "has a resolver"],
    ["Container", "{ id }", "its id is made"],
    ["Queue", "{ name state }", "has a resolver"],
    ["Container", "{ name name }", "its key is repeated"],
    ["JobError", "{ releases { version } }", "the rows of a list count in the budget"],
    ["Container", "{ ... on Node { id } }", "it is selected by another type"],
    ["Environment", "{ name }", "it has no fields"],
    ["Container", "{ ...A ...A } fragment A on Container { name }", "its fragment is used twice"],
  ])("of %s is executed for %s: %s", (type, text) => {
    expect(toAnswer(type, text)).toBeNull();
  });

  it("has enums by their names, or as the words of our code", () => {
    expect(toAnswer("Container", "{ health env }")?.(worker)).toEqual({ health: "UNHEALTHY", env: null });
    expect(toAnswer("Container", "{ health env }", "own")?.(web)).toEqual({ health: "healthy", env: "staging" });
  });

  it.each([[null], [undefined], ["text"], [7], [new Error("lost")]])("is not made of %s: it is executed", (row) => {
    for (const text of ["{ name }", "{ __typename }", "{ health }"])
      expect(() => toAnswer("Container", text)?.(row)).toThrow(unfit);
  });

  it("is a new object, with lists of its own", () => {
    const made = toAnswer("Container", "{ ports }")?.(web) as { ports: string[] };
    expect(made.ports).toEqual(web.ports);
    expect(made.ports).not.toBe(web.ports);
  });
});

it("a document that does not fit the schema cannot be compiled", () => {
  expect(() => compile(schema, parse("subscription { nothing }"), "other", "named")).toThrow(
    "There is no such operation",
  );
});
