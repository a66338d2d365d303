import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getIntrospectionQuery, parse, validate } from "graphql";
import { serverAudits } from "graphql-http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSchema } from "../../../src/graphql/schema.ts";
import { rootFieldsRule } from "../../../src/graphql/yoga/limits.ts";
import { makeToken } from "../../../src/cli/token.ts";
import { sampleContainer } from "../../support/containers.ts";
import { readEvents } from "../../support/events.ts";
import { graphqlHeaders, startGateway, token } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const containers = Array.from({ length: 30 }, (_, index) =>
  sampleContainer({ name: `wallet-core-staging-web-${index}` }),
);
const memory = createMemorySources({ containers });
const reader = makeToken({
  subject: "reader",
  scopes: ["ops:read"],
  environments: ["staging", "production"],
  expiresAt: new Date(Date.now() + 3_600_000),
});
const folder = mkdtempSync(join(tmpdir(), "ops-limits-"));
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  const tokensFile = join(folder, "tokens.json");
  writeFileSync(tokensFile, JSON.stringify([reader.entry]));
  gateway = await startGateway(memory.sources, { tokensFile });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const nested = (depth: number): string => (depth === 0 ? "{ name }" : `{ deploy { containers ${nested(depth - 1)} } }`);
const fragments = Array.from(
  { length: 12 },
  (_, level) => `fragment F${level} on Query { ${`...F${level + 1} `.repeat(2)} }`,
).join(" ");

const times = (count: number, text: string) => `${text} `.repeat(count);
const aliases = (count: number, text: string) =>
  Array.from({ length: count }, (_, index) => `a${index}: ${text}`).join(" ");
const deep = (last: string) => `deploy { containers { deploy { containers { deploy { ${last} } } } } }`;
const changed = (fields: string, beside = "") => `subscription { containers { changed { ${fields} } ${beside} } }`;
const included = "name @include(if: true)";
const logs = (tail: number) => `logs(tail: ${tail}) { lines { message } }`;

/** A document exactly at each limit, one just above it, and the text that names only this limit. */
const boundaries: readonly (readonly [limit: string, most: string, above: string, reason: string])[] = [
  [
    "depth",
    `{ container(name: "${containers[0]?.name}") { ${deep("containers { name }")} } }`,
    `{ container(name: "${containers[0]?.name}") { ${deep("containers { deploy { currentTag } }")} } }`,
    "depth limit of 8 exceeded, found 9",
  ],
  [
    "aliases",
    `{ ${aliases(15, "deployInfo { currentTag }")} }`,
    `{ ${aliases(16, "deployInfo { currentTag }")} }`,
    "Aliases limit of 15 exceeded, found 16",
  ],
  [
    "directives",
    `{ containers { ${times(20, included)} } }`,
    `{ containers { ${times(21, included)} } }`,
    "Directives limit of 20 exceeded, found 21",
  ],
  [
    "root fields",
    `{ ${times(20, "__typename")} }`,
    `{ ${times(21, "__typename")} }`,
    "21 root fields, at most 20 in a query",
  ],
  [
    "root fields of a mutation",
    "mutation { __typename }",
    "mutation { __typename __typename }",
    "2 root fields, at most 1 in a mutation",
  ],
  ["fields", `{ queues { ${times(119, "name")} } }`, `{ queues { ${times(120, "name")} } }`, "121 fields, at most 120"],
  [
    "complexity",
    `{ containers { name ${logs(1616)} } deployInfo { ${times(8, "currentTag")} } }`,
    `{ containers { name ${logs(1616)} } deployInfo { ${times(9, "currentTag")} } }`,
    "complexity 100001, at most 100000",
  ],
  [
    "complexity of a role's log",
    `{ logs(role: "web", tail: 4975) { lines { ${times(19, "message")} } } }`,
    `{ logs(role: "web", tail: 4976) { lines { ${times(19, "message")} } } }`,
    "complexity 100020, at most 100000",
  ],
  [
    "complexity of a timeline",
    `{ timeline(first: 493) { nodes { ${times(60, "message")} } } ` +
      `containers { name ${logs(1108)} } deployInfo { ${times(15, "currentTag")} } }`,
    `{ timeline(first: 493) { nodes { ${times(60, "message")} } } ` +
      `containers { name ${logs(1108)} } deployInfo { ${times(16, "currentTag")} } }`,
    "complexity 100001, at most 100000",
  ],
  [
    "depth of a subscription",
    changed(deep("currentTag")),
    changed(deep("containers { name }")),
    "depth limit of 8 exceeded, found 9",
  ],
  [
    "aliases of a subscription",
    changed(aliases(15, "name")),
    changed(aliases(16, "name")),
    "Aliases limit of 15 exceeded, found 16",
  ],
  [
    "directives of a subscription",
    changed(times(20, included)),
    changed(times(21, included)),
    "Directives limit of 20 exceeded, found 21",
  ],
  ["fields of a subscription", changed(times(118, "name")), changed(times(119, "name")), "121 fields, at most 120"],
  [
    "complexity of a subscription",
    changed(`name ${logs(1614)}`, times(29, "snapshot")),
    changed(`name ${logs(1614)}`, times(30, "snapshot")),
    "complexity 100001, at most 100000",
  ],
];

/** The errors of a query, or of the first message of a subscription. */
async function errorsOf(
  query: string,
  operationName?: string,
): Promise<readonly { message: string; extensions: { code: string } }[]> {
  const accept = query.startsWith("subscription") ? "text/event-stream" : graphqlHeaders.accept;
  const body = JSON.stringify({ query, operationName });
  const response = await gateway.fetch("/graphql", { method: "POST", body, headers: { ...graphqlHeaders, accept } });
  if (response.headers.get("content-type") !== "text/event-stream") return (await response.json()).errors ?? [];
  for await (const { data } of readEvents(response)) return data.errors ?? [];
  return [];
}

describe("limits of /graphql", () => {
  it.each(boundaries)("%s: the limit passes, one more is refused by its name", async (_limit, most, above, reason) => {
    expect(await errorsOf(most)).toEqual([]);
    const before = { ...memory.calls };
    expect(await errorsOf(above)).toMatchObject([
      { message: expect.stringContaining(reason), extensions: { code: "query_too_complex" } },
    ]);
    expect(memory.calls).toEqual(before);
  });

  const sendWith = async (query: string, variables: object) => (await gateway.query(query, variables)).body;
  const ofEnvs = `query ($e: [Environment!]) { queueDepth(env: $e, from: "2026-01-01", to: "2026-01-02") { time } }`;
  const filled = (count: number, value: unknown) => Array.from({ length: count }, () => value);
  const levels = (depth: number): unknown => (depth === 0 ? 1 : [levels(depth - 1)]);

  it("characters: 20000 of a document pass, one more is refused", async () => {
    const padded = (length: number) => "{ __typename }".padEnd(length);
    expect(await errorsOf(padded(20_000))).toEqual([]);
    expect(await errorsOf(padded(20_001))).toMatchObject([
      { message: "Query is too complex: 20001 characters, at most 20000", extensions: { code: "query_too_complex" } },
    ]);
  });

  it.each(["\n", "\r", "\r\n"])("lines: 2000 of a document pass, one more is refused (%j)", async (end) => {
    expect(await errorsOf(`{ __typename }${end.repeat(1999)}`)).toEqual([]);
    expect(await errorsOf(`{ __typename }${end.repeat(2000)}`)).toMatchObject([
      { message: "Query is too complex: more than 2000 lines", extensions: { code: "query_too_complex" } },
    ]);
  });

  it("variables: 2000 values and 32 levels pass, one more is refused", async () => {
    const typename = "{ __typename }";
    expect((await sendWith(typename, { e: filled(1999, 1) })).errors).toBeUndefined();
    expect((await sendWith(typename, { e: levels(31) })).errors).toBeUndefined();
    expect((await sendWith(typename, { e: filled(2000, 1) })).errors).toMatchObject([
      {
        message: "Query is too complex: variables with more than 2000 values",
        extensions: { code: "query_too_complex" },
      },
    ]);
    expect(await gateway.query(typename, { e: levels(32) })).toMatchObject({
      status: 400,
      body: { errors: [{ message: "Query is too complex: variables with more than 32 levels" }] },
    });
  });

  it("extensions: counted as variables are", async () => {
    const body = JSON.stringify({ query: "{ __typename }", extensions: { a: filled(2000, 1) } });
    const response = await gateway.fetch("/graphql", { method: "POST", body, headers: graphqlHeaders });
    expect(await response.json()).toMatchObject({
      errors: [{ message: "Query is too complex: extensions with more than 2000 values" }],
    });
  });

  it("errors: an answer names ten at most, of a document and of variables", async () => {
    const unknown = await errorsOf(`{ ${times(50, "unknown")} }`);
    expect(unknown).toHaveLength(11);
    expect(unknown.at(-1)?.message).toBe("Too many validation errors, error limit reached. Validation aborted.");
    const wrong = (await sendWith(ofEnvs, { e: filled(1900, "STAGIN") })).errors ?? [];
    expect(wrong.length).toBeLessThanOrEqual(11);
    expect(wrong[0].message).toBe('Variable "$e" has an invalid value.');
  });

  it("the schema: the query of tools passes, more than 20000 values do not", async () => {
    expect(await errorsOf(getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true }))).toEqual([]);
    const reason =
      "Query is too complex: more than 20000 values of the schema: ask for fewer types, or for one by its name";
    const selected = "types { name fields { name description args { name type { name } } type { name } } }";
    const several = aliases(6, `__schema { ${selected} }`);
    const spread =
      "{ ...A ...B } fragment A on Query " +
      "{ a: __schema { ...S } b: __schema { ...S ...S } } fragment B on Query { ...A c: __schema { ...S } }";
    for (const query of [`{ ${several} }`, `${spread} fragment S on __Schema { ${selected} t: ${selected} }`]) {
      expect(await errorsOf(query)).toMatchObject([{ message: reason, extensions: { code: "query_too_complex" } }]);
    }
  });

  it("tokens: 1000 of a document pass, unselected operations included", async () => {
    const others = Array.from({ length: 198 }, (_, index) => `query Q${index} { __typename }`).join(" ");
    expect(await errorsOf(`${others} query A { ${times(6, "__typename")} }`, "Q1")).toEqual([]);
    expect(await errorsOf(`${others} query A { ${times(7, "__typename")} }`, "Q1")).toMatchObject([
      { message: expect.stringContaining("more that 1000 tokens"), extensions: { code: "GRAPHQL_PARSE_FAILED" } },
    ]);
  });

  it.each([
    ["depth through a field named like introspection", `{ __schema: containers ${nested(4)} }`, "depth limit"],
    [
      "complexity of lists in lists",
      "{ containers { deploy { containers { deploy { containers { stats { cpuPct } } } } } } }",
      "complexity",
    ],
    [
      "root fields in fragments",
      `{ ...R ... on Query { ${times(10, "__typename")} } } fragment R on Query { ${times(11, "__typename")} }`,
      "21 root fields",
    ],
    [
      "root fields behind fragments",
      `{ ...F0 } ${fragments} fragment F12 on Query { containers { name } }`,
      "4096 root fields",
    ],
    [
      "logs of every container beside a field that costs less than nothing",
      '{ logs(role: "x", tail: -2000000000) { truncated } containers { logs(tail: 5000) { lines { message } } } }',
      "complexity",
    ],
    [
      "the same with a page of less than nothing",
      "{ auditLog(first: -100000) { nodes { seq } } containers { logs(tail: 5000) { lines { message } } } }",
      "complexity",
    ],
    [
      "logs of as many containers as there are, that ten would have had",
      "{ containers { name logs(tail: 4000) { lines { message } } } }",
      "complexity",
    ],
    ["logs of every container", "{ containers { logs(tail: 5000) { lines { message } } } }", "complexity"],
  ])("refuse %s", async (_what, query, reason) => {
    const before = { ...memory.calls };
    const { status, body } = await gateway.query(query);
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([
      { message: expect.stringContaining(reason), extensions: { code: "query_too_complex" } },
    ]);
    expect(body.data ?? null).toBeNull();
    expect(memory.calls).toEqual(before);
  });

  it("only the selected one of several operations is weighed", async () => {
    const heavy = `query Heavy { containers { ${logs(5000)} } }`;
    const both = `query Light { deployInfo { currentTag } } ${heavy}`;
    expect(await errorsOf(both, "Light")).toEqual([]);
    expect(await errorsOf(both, "Heavy")).toMatchObject([{ message: expect.stringContaining("complexity") }]);
    expect(await errorsOf(heavy)).toMatchObject([{ message: expect.stringContaining("complexity") }]);
  });

  it("fragments that spread each other are refused", async () => {
    const query = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A deployInfo { currentTag } }";
    expect(await errorsOf(query)).toMatchObject([{ message: expect.stringContaining("Cannot spread fragment") }]);
  });

  it("variables that do not fit are named in a 400 request error", async () => {
    const { status, body } = await gateway.query("query ($name: String!) { container(name: $name) { name } }");
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([
      {
        message: expect.stringContaining("$name"),
        locations: [{ line: 1, column: 8 }],
        extensions: { code: "GRAPHQL_VALIDATION_FAILED" },
      },
    ]);
  });

  it("allow a dashboard's queries", async () => {
    const { status } = await gateway.query(`{
      containers(includeAccessories: true) { id name role status health version
        stats { cpuPct memPct } deploy { currentTag } hostMetrics { cpuUtil } }
      queues { name depth processedPerSec failuresLastHour errors(first: 5) { error count timestamp } }
      hosts { name cpuUtil memUtil alert } deployInfo { currentTag containers { name } } }`);
    expect(status).toBe(200);
  });

  it("allow the schema only with introspection, and hide names otherwise", async () => {
    const ask = async (query: string, bearer: string, more: Record<string, string> = {}) => {
      const headers = { ...graphqlHeaders, authorization: `Bearer ${bearer}`, ...more };
      return gateway.fetch("/graphql", { method: "POST", body: JSON.stringify({ query }), headers });
    };
    expect((await ask(getIntrospectionQuery(), token)).status).toBe(200);
    for (const query of [
      getIntrospectionQuery(),
      '{ __type(name: "Container") { name } }',
      "{ a: __schema { queryType { name } } }",
    ]) {
      const refused = await ask(query, reader.token);
      expect(refused.status).toBe(400);
      const { errors } = await refused.json();
      const told = new Set(errors.map((error: any) => `${error.extensions.code}: ${error.message}`));
      expect(told).toEqual(new Set(["forbidden: This token lacks the scope ops:introspect"]));
      expect((await ask(query, reader.token, { "x-ops-strict": "1" })).status).toBe(403);
    }
    expect(await (await ask("{ __typename }", reader.token)).json()).toEqual({ data: { __typename: "Query" } });
    expect(await (await ask("{ container }", reader.token)).text()).not.toContain("Did you mean");
    expect(await (await ask("{ contianers { name } }", reader.token)).text()).not.toContain("containers");
  });
});

it("root fields are counted in time if fragments double them", { timeout: 5000 }, async () => {
  const levels = Array.from(
    { length: 60 },
    (_, level) => `fragment F${level} on Query { ...F${level + 1} ...F${level + 1} }`,
  );
  const query = `{ ...F0 } ${levels.join(" ")} fragment F60 on Query { __typename }`;
  const document = parse(query);
  const errors = validate(createSchema(), document, [rootFieldsRule]);
  expect(errors.map(({ message }) => message)).toEqual([
    "Query is too complex: 1152921504606847000 root fields, at most 20 in a query",
  ]);
});

describe("GraphQL over HTTP", () => {
  it.each(["at first", "with its documents compiled", "from memory"])("passes the whole server audit, %s", async () => {
    const audits = serverAudits({
      url: `${gateway.url}/graphql`,
      fetchFn: (url: string, init: RequestInit = {}) => {
        const headers = new Headers(init.headers);
        headers.set("authorization", `Bearer ${token}`);
        return fetch(url, { ...init, headers });
      },
    });
    const results = await Promise.all(audits.map((audit) => audit.fn()));
    const missed = results.filter((result) => result.status !== "ok").map(({ name, status }) => `${status} ${name}`);
    expect(missed).toEqual([]);
    expect(results).toHaveLength(61);
  });
});
