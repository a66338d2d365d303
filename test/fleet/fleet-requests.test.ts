import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { sampleContainer } from "../support/containers.ts";
import { findClosedUrl, says, startFleet, startStub } from "../support/fleet.ts";
import { graphqlHeaders, startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTokens } from "../support/tokens.ts";

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

/** Two regions that record what they are asked, and a fleet over them. */
async function startStubs(data: object = {}) {
  const [eu, us] = [stack.use(await startStub(says({ data }))), stack.use(await startStub(says({ data })))];
  const fleet = stack.use(await startFleet({ eu: eu.url, us: `${us.url}/behind/` }));
  return { eu, us, fleet };
}

describe("what a region gets", () => {
  it("the token, traceparent and the request's id, and no other header", async () => {
    const { eu, us, fleet } = await startStubs({ hosts: [] });
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const authorization = "Bearer a-token-of-somebody-else";
    const more = { cookie: "a=b", "x-forwarded-for": "1.2.3.4", "x-request-id": "mine", traceparent };
    await fleet.query("{ hosts { name } }", undefined, { authorization, ...more });
    expect(us.received[0]?.path).toBe("/behind/graphql");
    expect(eu.received[0]?.headers).toEqual({
      host: new URL(eu.url).host,
      connection: "keep-alive",
      authorization,
      traceparent,
      "content-type": "application/json",
      "content-length": expect.any(String),
      accept: "application/graphql-response+json, application/json",
      "user-agent": "wallet-core-ops-fleet",
      "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it("one request for all fields, as the client wrote them", async () => {
    const { eu, us, fleet } = await startStubs({ a: [], hosts: [], thing: null, server: null });
    const query = `query Q($names: [String!], $env: Environment, $n: String!, $unused: Int) {
      a: containers(env: $env, regions: $names) { ...Row region }
      hosts(regions: ["eu"]) { region }
      thing: queue(name: $n, region: "us") { name }
      regions { name }
      __schema { queryType { name } }
    }
    fragment Row on Container { name }
    fragment Unused on Container { name }`
      .replace(", $unused: Int", "")
      .replace(/\n.*fragment Unused.*$/, "");
    const variables = { names: ["eu"], env: "STAGING", n: "webhooks" };
    expect((await fleet.query(query, variables)).body.errors).toBe(undefined);
    expect([eu.received.length, us.received.length]).toEqual([1, 1]);
    expect(eu.received[0]?.body).toEqual({
      query:
        "query Q($env:Environment){a:containers(env:$env){...Row}hosts{__typename}server{version}}fragment Row on Container{name}",
      variables: { env: "STAGING" },
    });
    expect(us.received[0]?.body).toEqual({
      query: "query Q($n:String!){thing:queue(name:$n){name}server{version}}",
      variables: { n: "webhooks" },
    });
  });

  it("comes over connections that stay open", async () => {
    const { eu, fleet } = await startStubs({ hosts: [] });
    for (let round = 0; round < 3; round += 1) await fleet.query("{ hosts { name } }");
    expect(new Set(eu.received.map(({ port }) => port)).size).toBe(1);
  });
});

describe("a request without a bearer token", () => {
  const one = "Bearer 0123456789abcdef";
  it.each([
    {},
    { authorization: "Basic eDp5" },
    { authorization: "Bearer short" },
    { authorization: `${one}, ${one}` },
  ])("is refused with 401, and no region is asked: %j", async (headers) => {
    const { eu, us, fleet } = await startStubs();
    const response = await fleet.fetch("/graphql", {
      method: "POST",
      headers: { ...graphqlHeaders, ...headers },
      body: "{}",
    });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect([...eu.received, ...us.received]).toEqual([]);
  });
});

it("each token sees what its region lets it see", async () => {
  using tokens = createTokens({
    all: { scopes: ["ops:read"] },
    staging: { scopes: ["ops:read"], environments: ["staging"] },
    logs: { scopes: ["ops:logs"] },
  });
  const containers = [
    sampleContainer({ name: "beta", env: "staging", fullId: "a".repeat(64) }),
    sampleContainer({ name: "live", env: "production", fullId: "b".repeat(64) }),
  ];
  const { sources } = createMemorySources({ containers });
  const strict = stack.use(await startGateway(sources, { tokensFile: tokens.file }));
  const other = stack.use(await startGateway(sources));
  const fleet = stack.use(await startFleet({ strict: strict.url, other: other.url }));
  const ask = async (bearer: string) => {
    const { body } = await fleet.query("{ containers { name region } }", undefined, {
      authorization: `Bearer ${bearer}`,
    });
    return [
      body.data.containers?.map(({ name, region }: { name: string; region: string }) => `${region} ${name}`) ?? null,
      body.errors?.map(({ extensions }) => `${extensions.region} ${extensions.code}`) ?? [],
    ];
  };
  expect(await ask(tokens.of("all"))).toEqual([["strict beta", "strict live"], ["other unauthorized"]]);
  expect(await ask(tokens.of("staging"))).toEqual([["strict beta"], ["other unauthorized"]]);
  expect(await ask(tokens.of("logs"))).toEqual([null, ["strict forbidden", "other unauthorized"]]);
  expect(await ask(token)).toEqual([["strict beta", "strict live", "other beta", "other live"], []]);
});

it("the log names a region that failed, and has no token", async () => {
  const lines: string[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const fleet = stack.use(await startFleet({ eu: await findClosedUrl() }, { logger }));
  await fleet.query("{ hosts { name } }");
  await expect.poll(() => lines.map((line) => JSON.parse(line).msg)).toEqual(["region failed", "request"]);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    region: "eu",
    code: "unreachable",
    err: { code: "ECONNREFUSED" },
  });
  expect(lines.join("")).not.toContain(token);
});

it("the log has little of what a region says, and no echo of a token", async () => {
  const lines: string[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const secret = "a-token-of-somebody-else";
  const message = `${secret}\u001b[31m\n${"x".repeat(5000)}`;
  const echo = stack.use(
    await startStub(says({ error: { code: `Bearer ${secret} ${"y".repeat(5000)}`, message } }, 500)),
  );
  const fleet = stack.use(await startFleet({ eu: echo.url }, { logger }));
  await fleet.query("{ hosts { name } }", undefined, { authorization: `Bearer ${secret}` });
  const line = lines.find((one) => one.includes("region failed")) ?? "";
  expect(line.length).toBeLessThan(900);
  expect(line).not.toMatch(/a-token|stack|u001b/);
  expect(JSON.parse(line).reason).toMatch(/^\[redacted\] x+$/);
});

it("errors have no status, delay or field that a gateway has not", async () => {
  const extensions = { code: "docker_unavailable", status: 99_999, retryAfter: -5, http: { status: 500 }, name: "x" };
  const one = stack.use(
    await startStub(says({ data: { hosts: null }, errors: [{ message: "m", path: ["hosts"], extensions }] })),
  );
  const two = stack.use(await startStub(says({}, 429, { "retry-after": "99999999" })));
  const fleet = stack.use(await startFleet({ one: one.url, two: two.url }));
  const { body } = await fleet.query('{ hosts { name } mars: hosts(regions: ["mars"]) { name } }');
  expect(body.errors?.map((error) => error.extensions)).toEqual([
    { code: "docker_unavailable", status: 503, region: "one" },
    { code: "rate_limited", status: 429, region: "two" },
    { code: "invalid_request", status: 400 },
  ]);
});

it("a fleet is no region, not even of itself", async () => {
  const { eu, us, fleet } = await startStubs({ hosts: [] });
  const outer = stack.use(await startFleet({ inner: fleet.url, us: us.url }));
  const { body } = await outer.query("{ hosts { name } regions { name ok } }");
  const message = "This is a fleet, and takes no questions of fleets: name gateways as regions";
  expect(body.errors).toMatchObject([{ message, extensions: { code: "invalid_request", region: "inner" } }]);
  const regions = [
    { name: "inner", ok: false },
    { name: "us", ok: true },
  ];
  expect(body.data).toEqual({ hosts: [], regions });
  expect([...eu.received, ...eu.acceptance]).toEqual([]);
});

describe("a mutation", () => {
  const mutation = `mutation ($region: String!, $key: String) {
    restartContainer(region: $region, name: "web", reason: "it hangs", idempotencyKey: $key) { ok: restarted container { id region } }
  }`;

  it("reaches exactly its region, with all arguments", async () => {
    const { eu, us, fleet } = await startStubs({ restartContainer: { ok: true, container: { id: "abc" } } });
    const { body } = await fleet.query(mutation, { region: "us", key: "key-1" });
    expect(body).toEqual({ data: { restartContainer: { ok: true, container: { id: "us.abc", region: "us" } } } });
    expect(eu.received).toEqual([]);
    expect(us.received.map(({ body: sent }) => sent)).toEqual([
      {
        query:
          'mutation($key:String){restartContainer(name:"web" reason:"it hangs" idempotencyKey:$key){ok:restarted container{id}}}',
        variables: { key: "key-1" },
      },
    ]);
  });

  it("of an unknown region, or without one, reaches nobody", async () => {
    const { eu, us, fleet } = await startStubs();
    const unknown = await fleet.query(mutation, { region: "mars" });
    expect(unknown.body.errors).toMatchObject([
      { path: ["restartContainer"], extensions: { code: "invalid_request" } },
    ]);
    const without = await fleet.query('mutation { restartContainer(name: "web") { restarted } }');
    expect(without.status).toBe(400);
    expect(without.body.errors?.[0].message).toMatch(/argument "region" of type "String!" is required/);
    expect([...eu.received, ...us.received]).toEqual([]);
  });

  it("without an answer says that it may have been made", async () => {
    const broken = stack.use(await startStub((response) => void response.destroy()));
    const fleet = stack.use(await startFleet({ eu: broken.url }));
    const { body } = await fleet.query(mutation, { region: "eu" });
    const message = "eu cannot be reached: look whether the change was made before you try again";
    expect(body.data).toEqual({ restartContainer: null });
    expect(body.errors).toMatchObject([
      { message, path: ["restartContainer"], extensions: { code: "unreachable", region: "eu" } },
    ]);
    expect(broken.received).toHaveLength(1);
  });

  it.each([
    ["of no field", says({ data: {} }), "not_a_gateway"],
    ["that does not fit", says({ data: { restartContainer: { ok: null } } }), "not_a_gateway"],
    ["of null", says({ data: { restartContainer: null } }), "not_a_gateway"],
    ["too large", says({ data: { restartContainer: { ok: "x".repeat(6_000_000) } } }), "answer_too_large"],
  ])("with an answer %s says that it may have been made", async (_title, reply, code) => {
    const bad = stack.use(await startStub(reply));
    const fleet = stack.use(await startFleet({ eu: bad.url }));
    const { body } = await fleet.query(mutation, { region: "eu" });
    expect(body.data).toEqual({ restartContainer: null });
    const message = expect.stringMatching(/: look whether the change was made before you try again$/);
    expect(body.errors).toMatchObject([{ message, path: ["restartContainer"], extensions: { code, region: "eu" } }]);
  });

  it("that runs at a stop is answered that it may have been made", async () => {
    const slow = stack.use(await startStub(() => {}));
    const fleet = await startFleet({ eu: slow.url }, { timeoutMs: 300 });
    const asked = fleet.query(mutation, { region: "eu" });
    await expect.poll(() => slow.received.length).toBe(1);
    await fleet[Symbol.asyncDispose]();
    const message = "eu did not answer before the fleet stopped: look whether the change was made before you try again";
    expect((await asked).body.errors).toMatchObject([{ message, extensions: { code: "timeout", region: "eu" } }]);
  });

  it("that hangs is not in the way of queries, however many do", async () => {
    const region = stack.use(
      await startStub((response, { body }) => {
        if (!body.query.startsWith("mutation")) says({ data: { hosts: [] } })(response);
      }),
    );
    const fleet = stack.use(await startFleet({ eu: region.url }, { timeoutMs: 1000 }));
    const headers = (index: number) => ({ authorization: `Bearer a-token-of-number-${index % 16}-0123` });
    const changes = Array.from({ length: 64 }, (_, index) => fleet.query(mutation, { region: "eu" }, headers(index)));
    await expect.poll(() => region.received.length).toBe(64);
    expect((await fleet.query("{ hosts { name } }")).body).toEqual({ data: { hosts: [] } });
    await region[Symbol.asyncDispose]();
    await Promise.all(changes);
  });

  it("may take longer than a query", async () => {
    const slow = stack.use(
      await startStub(
        (response) => void setTimeout(() => says({ data: { restartContainer: { ok: true } } })(response), 400),
      ),
    );
    const fleet = stack.use(await startFleet({ eu: slow.url }, { timeoutMs: 100 }));
    const { body } = await fleet.query(mutation, { region: "eu" });
    expect(body).toEqual({ data: { restartContainer: { ok: true, container: null } } });
    expect((await fleet.query("{ hosts { name } }")).body.errors).toMatchObject([{ extensions: { code: "timeout" } }]);
  });
});

describe("limits hold before a region is asked", () => {
  const deep = "{ containers { engine { a { b { c { d { e { f } } } } } } } }";
  const many = (count: number, field: (index: number) => string) =>
    `{ ${Array.from({ length: count }, (_, index) => field(index)).join(" ")} }`;
  const series = (index: number) => `a${index}: hostLoad1(from: "2026-01-01", to: "2026-01-02") { value }`;
  it.each([
    ["depth", deep],
    ["aliases", many(16, (index) => `a${index}: hosts { name }`)],
    ["tokens", many(400, () => "hosts { name }")],
    ["root fields", many(21, () => "__typename")],
    [
      "mutations",
      'mutation { a: retryJob(region: "eu", source: "a", jobId: "1", reason: "x") { __typename } b: retryJob(region: "us", source: "a", jobId: "1", reason: "x") { __typename } }',
    ],
    ["an unknown field", "{ hosts { nonsense } }"],
  ])("%s", async (_title, query) => {
    const { eu, us, fleet } = await startStubs();
    const { status, body } = await fleet.query(query);
    expect([status, body.data]).toEqual([400, undefined]);
    expect([...eu.received, ...us.received]).toEqual([]);
  });

  it("cost counts each region that is asked", async () => {
    const one = stack.use(await startStub(says({ data: {} })));
    const urls = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`r${index}`, one.url]));
    const fleet = stack.use(await startFleet(urls));
    const refused = await fleet.query(many(10, series));
    expect(refused.body.errors).toMatchObject([{ extensions: { code: "query_too_complex" } }]);
    expect(one.received).toEqual([]);
    const allowed = await fleet.query(many(10, series).replaceAll("(from", '(regions: ["r1"], from'));
    expect([allowed.status, one.received.length]).toEqual([200, 1]);
  });

  it("a body has at most 64 KiB", async () => {
    const { fleet } = await startStubs();
    const response = await fleet.fetch("/graphql", {
      method: "POST",
      headers: { ...graphqlHeaders, authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: `{ hosts { name } } #${"x".repeat(70_000)}` }),
    });
    expect(response.status).toBe(413);
  });
});
