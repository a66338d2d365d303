import * as graphql from "graphql";
import { afterEach, expect, it, vi } from "vitest";
import { findClosedUrl, says, startFleet, startStub } from "../support/fleet.ts";
import { graphqlHeaders, startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTokens } from "../support/tokens.ts";

// Everything that works on the document or the variables of a request.
vi.mock("graphql", async (load) => {
  const actual = await load<typeof graphql>();
  const { parse, validate, getVariableValues } = actual;
  return {
    ...actual,
    parse: vi.fn<typeof parse>(parse),
    validate: vi.fn<typeof validate>(validate),
    getVariableValues: vi.fn<typeof getVariableValues>(getVariableValues),
  };
});
const workOf = () =>
  [graphql.parse, graphql.validate, graphql.getVariableValues].map((one) => vi.mocked(one).mock.calls.length);

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

const refuses = says({ message: "x", error: { code: "unauthorized", message: "Missing or invalid" } }, 401);
const data = { data: { hosts: [] } };
const query = "query ($names: [String!]) { hosts(regions: $names) { name } }";

/**
 * A fleet over one gateway, so that what is parsed is the fleet's own: the gateway's process would
 * be another one.
 */
async function startOver(accept: Parameters<typeof startStub>[1]) {
  const eu = stack.use(await startStub(says(data), accept));
  const fleet = stack.use(await startFleet({ eu: eu.url }));
  vi.clearAllMocks(); // A fleet parses its schema when it starts.
  const post = async (
    authorization: string,
    body: string = JSON.stringify({ query, variables: { names: ["eu"] } }),
  ) => {
    const response = await fleet.fetch("/graphql", {
      method: "POST",
      body,
      headers: { ...graphqlHeaders, authorization },
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  return { eu, post, fleet };
}

it("random tokens never reach the parser, and no region works for them", async () => {
  const { eu, fleet } = await startOver(refuses);
  const statuses: number[] = [];
  const given = new AbortController();
  const send = async () => {
    const random = Array.from({ length: 16 }, () => Math.floor(Math.random() * 36).toString(36)).join("");
    const headers = { ...graphqlHeaders, authorization: `Bearer ${random}` };
    const body = JSON.stringify({ query, variables: { names: ["eu"] } });
    statuses.push((await fleet.fetch("/graphql", { method: "POST", body, headers, signal: given.signal })).status);
  };
  // Beyond 100 at once 200 of them wait; more are refused.
  const sent = Promise.allSettled(Array.from({ length: 400 }, send));
  await expect.poll(() => new Set(statuses), { timeout: 20_000 }).toEqual(new Set([401, 429]));
  given.abort();
  await sent;
  expect(workOf()).toEqual([0, 0, 0]);
  expect(eu.received).toEqual([]);
  expect(eu.acceptance.length).toBeGreaterThanOrEqual(statuses.filter((status) => status === 401).length);
});

it("an accepted token reaches the parser", async () => {
  const { post } = await startOver(undefined);
  expect((await post(`Bearer ${token}`)).body).toEqual(data);
  expect(workOf().every((count) => count > 0)).toBe(true);
});

it("neither the size nor the form of a body is looked at for a stranger", async () => {
  const { post } = await startOver(refuses);
  for (const body of ["{", "[1]", "", `{"query":"{${"a".repeat(60_000)}}"}`, "x".repeat(100_000)]) {
    const { status, headers, body: answer } = await post("Bearer 0123456789abcdef", body);
    expect([status, headers.get("www-authenticate"), answer.error.code]).toEqual([401, "Bearer", "unauthorized"]);
  }
  expect(workOf()).toEqual([0, 0, 0]);
});

it("a region is asked once about a token for all its requests of a minute", async () => {
  const { eu, post } = await startOver(undefined);
  for (let index = 0; index < 30; index += 1) expect((await post(`Bearer ${token}`)).status).toBe(200);
  expect(eu.acceptance.map(({ body, headers }) => [body, headers.authorization, headers["user-agent"]])).toEqual([
    [{ query: "{__typename}", variables: {} }, `Bearer ${token}`, "wallet-core-ops-fleet"],
  ]);
});

it("a token is refused with 401 by real gateways that do not know it", async () => {
  using tokens = createTokens({ all: { scopes: ["ops:read"] } });
  const { sources } = createMemorySources({});
  const [eu, us] = [
    stack.use(await startGateway(sources)),
    stack.use(await startGateway(sources, { tokensFile: tokens.file })),
  ];
  const fleet = stack.use(await startFleet({ eu: eu.url, us: us.url, away: await findClosedUrl() }));
  const ask = async (bearer: string) =>
    (await fleet.query("{ __typename }", undefined, { authorization: `Bearer ${bearer}` })).status;
  expect(await Promise.all([ask(token), ask(tokens.of("all")), ask("0123456789abcdef")])).toEqual([200, 200, 401]);
});

it("no region that can be asked is 503 auth_unavailable, not 401", async () => {
  const replies: Record<string, Parameters<typeof startStub>[1]> = {
    closed: (response) => void response.destroy(),
    "500": says({}, 500),
    "429": says({}, 429),
    "page of a proxy": (response) => void response.end("<html>"),
    redirect: (response) => void response.writeHead(307, { location: "http://127.0.0.1:1/graphql" }).end(),
    "no data": says({ errors: [{ message: "x" }] }),
    endless: (response) => void response.write("x".repeat(100_000)),
    silent: () => {},
  };
  for (const [title, reply] of Object.entries(replies)) {
    const eu = stack.use(await startStub(says(data), reply));
    const fleet = stack.use(await startFleet({ eu: eu.url }, { timeoutMs: title === "silent" ? 200 : 8000 }));
    vi.clearAllMocks();
    const { status, body } = await fleet.query(query);
    expect([title, status, (body as { readonly error?: { readonly code: string } }).error?.code]).toEqual([
      title,
      503,
      "auth_unavailable",
    ]);
    expect([eu.acceptance.length, eu.received, workOf()]).toEqual([1, [], [0, 0, 0]]);
  }
});

it("a token that is revoked is refused by the regions at once", async () => {
  let isRevoked = false;
  const eu = stack.use(await startStub((response) => (isRevoked ? refuses : says(data))(response)));
  const fleet = stack.use(await startFleet({ eu: eu.url }));
  expect((await fleet.query(query)).body).toEqual(data);
  isRevoked = true;
  const { body } = await fleet.query(query);
  expect(body.data).toEqual({ hosts: null });
  expect(body.errors).toMatchObject([{ extensions: { code: "unauthorized", status: 401, region: "eu" } }]);
});
