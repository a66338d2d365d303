import * as fc from "fast-check";
import { parse } from "graphql";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { environments } from "../../../src/lib/environment.ts";
import { scopes } from "../../../src/auth/principal.ts";
import { createContext } from "../../../src/graphql/context.ts";
import type { Sources } from "../../../src/graphql/sources.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { weigh } from "../../../src/graphql/yoga/limits.ts";
import { createPostHandler } from "../../../src/graphql/yoga/post.ts";
import { createSubscribe } from "../../../src/graphql/yoga/subscriptions.ts";
import { createMaskError } from "../../../src/graphql/yoga/yoga.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { toComparable } from "../../support/ask-world.ts";
import { createCaller } from "../../support/caller.ts";
import { startGateway } from "../../support/gateway.ts";
import { generateDocuments } from "../../support/generated-documents.ts";
import { documents } from "../../support/hostile-requests.ts";
import { createTokens } from "../../support/tokens.ts";
import { worldValues } from "../../support/world-values.ts";
import { createWorld, worldNow } from "../../support/world.ts";

const schema = createSchema();
const patient = 600_000;
const all = { scopes, environments };
const reader = { scopes: ["ops:read"], environments: ["staging"] } as const;
/** One token may have 200 documents compiled at once. */
const [perToken, count] = [150, 20];
const holders = (name: "all" | "reader", rights: typeof all | typeof reader) =>
  Array.from({ length: count }, (_, index) => [`${name}-${index}`, rights] as const);
let tokens: ReturnType<typeof createTokens<string>>;
// The clock stands still, so that two answers can be compared byte by byte.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: worldNow });
  tokens = createTokens(Object.fromEntries([...holders("all", all), ...holders("reader", reader)]));
});
afterAll(() => {
  tokens[Symbol.dispose]();
  vi.useRealTimers();
});

/** What a client sends. */
interface Sent {
  readonly body: string;
  readonly accept?: string;
  readonly strict?: boolean;
}

interface Problem {
  readonly path?: readonly (string | number)[];
}

/**
 * Excludes the errors of fields whose object is null: graphql-js returns those that occurred before
 * the object's, graphql-jit all. Both are allowed (GraphQL, section 6.4.4). Errors are in the order
 * in which their fields ended, which differs from run to run. `hasMoot`: a strict status may then
 * come from one of them.
 */
function withoutMoot(headers: readonly [string, string][], text: string) {
  if (!text.startsWith("{") || !text.includes('"path":')) return { left: headers, answer: text, hasMoot: false };
  const { errors = [], ...data } = JSON.parse(text) as { data?: unknown; errors?: readonly Problem[] };
  const isMoot = ({ path = [] }: Problem) =>
    path.slice(0, -1).some((_, index) => readPath(data.data, path.slice(0, index + 1)) === null);
  const owners = [...new Set(errors.filter(isMoot).map(({ path = [] }) => String(path[0])))].toSorted();
  const others = errors.filter((error) => !isMoot(error)).map((error) => JSON.stringify(error));
  const left = owners.length === 0 ? headers : headers.filter(([name]) => name !== "content-length");
  return { left, answer: JSON.stringify({ ...data, errors: others.toSorted(), owners }), hasMoot: owners.length > 0 };
}

function readPath(data: unknown, path: readonly (string | number)[]): unknown {
  let found = data;
  for (const key of path) found = (found as Record<string, unknown> | null | undefined)?.[key];
  return found;
}

/** Headers that differ in each answer. */
const unstable = new Set(["date", "x-request-id", "retry-after", "connection", "keep-alive"]);

/** One gateway's answers to a new document, and to the same document repeatedly. */
async function askRepeatedly(holder: "all" | "reader", broken: boolean, sent: readonly Sent[]): Promise<string[]> {
  const { sources } = createWorld({ env: "staging", halves: ["staging", "production", "unknown"], broken });
  await using gateway = await startGateway(sources, { tokensFile: tokens.file });
  const ask = async (
    { body, accept = "application/graphql-response+json", strict = false }: Sent,
    index: number,
  ): Promise<string> => {
    const headers = {
      accept,
      "content-type": "application/json",
      authorization: `Bearer ${tokens.of(`${holder}-${Math.floor(index / perToken) % count}`)}`,
      ...(strict && { "x-ops-strict": "1" }),
    };
    const response = await fetch(`${gateway.url}/graphql`, { method: "POST", headers, body });
    const text = await response.text();
    // Whether it is refused in part or as a whole depends on what is read in the same turn.
    if (text.includes('"code":"answer_too_large"')) return "answer_too_large";
    // The compressed length depends on the order of the errors, which may differ.
    const isEncoded = response.headers.has("content-encoding");
    const stable = [...response.headers].filter(
      ([name]) => !unstable.has(name) && !(isEncoded && name === "content-length"),
    );
    const { left, answer, hasMoot } = withoutMoot(stable, text);
    const status = strict && hasMoot ? "" : response.status;
    return toComparable(`${status}\n${left.map((header) => header.join(": ")).join("\n")}\n${answer}`);
  };
  // The step of a series depends on how many queues were read so far.
  await ask({ body: JSON.stringify({ query: "{ queues { name } hosts { name } }" }) }, 0);
  const differences: string[] = [];
  for (const [index, one] of sent.entries()) {
    const [first, ...others] = [await ask(one, index), await ask(one, index), await ask(one, index)];
    for (const other of others) if (other !== first) differences.push(`${JSON.stringify(one)}\n${first}\n${other}`);
  }
  return differences;
}

const reads = generateDocuments(schema, worldValues).filter(({ operation }) => operation === "query");

describe("a query that was sent before", () => {
  it.each([
    ["all", false],
    ["all", true],
    ["reader", false],
    ["reader", true],
  ] as const)(
    "has the same answer, to a token of %s, broken upstreams: %s",
    async (holder, broken) => {
      const sent = reads.map(({ text }, index) => ({
        body: JSON.stringify({ query: text }),
        accept: index % 3 === 0 ? "application/json" : "application/graphql-response+json, application/json",
        strict: index % 5 === 0,
      }));
      expect(await askRepeatedly(holder, broken, sent)).toEqual([]);
    },
    patient,
  );

  it(
    "has the same answer, whatever an attacker writes",
    async () => {
      const sent = fc
        .sample(documents(schema), { numRuns: 200, seed: 13 })
        .map((query) => ({ body: JSON.stringify({ query }) }));
      expect(await askRepeatedly("all", false, sent)).toEqual([]);
    },
    patient,
  );

  it("has the same answer, with variables that are nested deeply", { timeout: patient }, async () => {
    const nested = `${'{"a":'.repeat(8000)}1${"}".repeat(8000)}`;
    const sent = [{ body: `{"query":"{ hosts { name } }","variables":{"a":${nested}}}` }];
    expect(await askRepeatedly("all", false, sent)).toEqual([]);
  });

  it("has the same answer, whatever form the request has", { timeout: patient }, async () => {
    const named =
      'query A($name: String = "ownmark-web", $env: Environment) ' +
      "{ container(name: $name) { name } containers(env: $env) { name } } query B { hosts { name } }";
    const forms = [
      { query: named, operationName: "A" },
      { query: named, operationName: "A", variables: { env: "STAGING" } },
      { query: named, operationName: "A", variables: { env: "staging" } },
      { query: named, operationName: "A", variables: { name: 7 } },
      { query: named, operationName: "A", variables: { name: null } },
      { query: named, operationName: "A", variables: { other: 1 } },
      { query: named, operationName: "A", variables: [] },
      { query: named, operationName: "A", variables: "x" },
      { query: named, operationName: "A", variables: null, extensions: {} },
      { query: named, operationName: "B" },
      { query: named, operationName: "C" },
      { query: named, operationName: "" },
      { query: named, operationName: 7 },
      { query: named },
      { query: "{ hosts { name } }", other: 1 },
      { query: "{ hosts { name } }", other: null },
      { query: "{ hosts { name } }", extensions: 7 },
      { query: "{ hosts { name } }", operationName: null },
      { query: "{ __proto__: hosts { name } }" },
      { query: "{ __typename hosts { __typename name } }" },
      { query: "{ __schema { queryType { name } } }" },
      { query: "{ hosts { nmae } }" },
      { query: "{ hosts { name }" },
      { query: '# a\r\n{\r\n hosts { name }\n\tcontainer(name: "none") { name }\r queues(env: PRODUCTION) { name } }' },
      {
        query:
          "query ($yes: Boolean = true, $no: Boolean!) { hosts { name @include(if: $yes) status @skip(if: $no) } }",
        variables: { no: false },
      },
      { query: "query ($no: Boolean!) { hosts { name status @skip(if: $no) } }" },
      {
        query:
          "{ containers { ...A ...A } } fragment A on Container { name ...B } fragment B on Container { name env }",
      },
      { query: 7 },
      { query: "" },
      {},
    ];
    const accepts = [
      "application/json",
      "*/*",
      "application/graphql-response+json",
      "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
      "application/json;charset=latin1",
      "application/json, text/event-stream",
      "text/event-stream",
      "text/html",
      "multipart/mixed, application/json",
      "application/*",
      "APPLICATION/JSON",
    ];
    const bodies = [
      ...forms.map((form) => JSON.stringify(form)),
      "",
      "{",
      "null",
      "[]",
      "7",
      '"x"',
      '{"query":"{ hosts { name } }","query":"{ __typename }"}',
    ];
    const sent = bodies.flatMap((body) => accepts.map((accept) => ({ body, accept })));
    for (const broken of [false, true]) expect(await askRepeatedly("all", broken, sent)).toEqual([]);
  });

  /**
   * Calls the handler directly, as one caller after another; with a `kid` each, they are several
   * tokens.
   */
  function createAsk(sources: Sources) {
    const options = { parsed: parse, maskError: createMaskError(silentLogger), subscribe: createSubscribe() };
    const post = createPostHandler(schema, sources, options);
    return async (query: string, kid = "test") => {
      const caller = createCaller();
      const request = {
        ...caller,
        principal: { ...caller.principal, kid },
        headers: { accept: "application/json" },
      } as never;
      const answer = await post(request, Buffer.from(JSON.stringify({ query })));
      caller.budget.end();
      return answer;
    };
  }

  it("is answered without Yoga, unless it is too costly", async () => {
    const { sources } = createWorld({ env: "staging", halves: ["staging"] });
    const ask = createAsk(sources);
    const replies: string[] = [];
    const others: number[] = [];
    for (const [index, { text }] of reads.entries()) {
      const answer = await ask(text, `test-${index}`);
      if (answer && "status" in answer) replies.push(text);
      const contextValue = createContext(sources, createCaller());
      if (!answer) others.push(Number(weigh({ schema, document: parse(text), variableValues: {}, contextValue })));
    }
    expect(others.filter((cost) => !(cost > 20_000))).toEqual([]);
    expect(replies.length).toBeGreaterThan(reads.length / 2);
  });

  it("is not compiled if its fragments double at each level", { timeout: 5000 }, async () => {
    const ask = createAsk(createWorld({ env: "staging", halves: ["staging"] }).sources);
    const levels = Array.from(
      { length: 60 },
      (_, level) => `fragment F${level} on Container { ...F${level + 1} ...F${level + 1} }`,
    );
    const query = `{ containers { ...F0 } } ${levels.join(" ")} fragment F60 on Container { name }`;
    expect(await ask(query)).toBeNull();
  });

  it("is answered while one token has 200 queries compiled at once", async () => {
    const ask = createAsk(createWorld({ env: "staging", halves: ["staging"] }).sources);
    const answered: number[] = [];
    for (let index = 0; index < 300; index += 1) if (await ask(`{ a${index}: hosts { name } }`)) answered.push(index);
    expect(answered.length).toBeGreaterThanOrEqual(200);
    expect(answered.length).toBeLessThan(250);
  });
});
