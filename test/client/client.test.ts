import { afterEach, describe, expect, it } from "vitest";
import {
  createClient,
  type OpsClient,
  OpsError,
  Containers,
  Hosts,
  RestartContainer,
  Viewer,
} from "../../src/client/client.ts";
import { freePort } from "../../script/services/process.ts";
import { OpsError as GatewayError } from "../../src/lib/errors.ts";
import { type Answering, sendJson, startAnswering } from "../support/answering.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTokens } from "../support/tokens.ts";

const answer = { engines: [] };
const secret = "secret-token-0123456789";

const stack: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of stack.splice(0)) await one[Symbol.asyncDispose]();
});

async function answerWith(...args: Parameters<typeof startAnswering>): Promise<Answering> {
  const server = await startAnswering(...args);
  stack.push(server);
  return server;
}

async function serve(...args: Parameters<typeof startGateway>) {
  const gateway = await startGateway(...args);
  stack.push(gateway);
  return gateway;
}

/** The error that a call ends with. */
async function refused(call: Promise<unknown>): Promise<OpsError> {
  const error = await call.then(
    () => "no error",
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OpsError);
  return error as OpsError;
}

const page = (status: number, headers = {}) =>
  answerWith((response) =>
    response.writeHead(status, { "content-type": "text/html", ...headers }).end("<h1>nginx</h1>"),
  );

describe("questions to a gateway", () => {
  it("the data has the types of the document", async () => {
    const { url } = await serve(createMemorySources({ containers: [sampleContainer({ name: "web-1" })] }).sources);
    const { containers, engines } = await createClient({ url, token }).query(Containers, { env: "STAGING" });
    expect(containers?.map(({ name, status }) => [name, status])).toEqual([["web-1", "running"]]);
    expect(engines?.map(({ name, ok }) => [name, ok])).toEqual([["local", true]]);
  });

  it("the errors of a part stand beside the others", async () => {
    const hosts = new GatewayError("prometheus_unavailable", "Prometheus does not answer");
    const { url } = await serve(createMemorySources({ hosts }).sources);
    const client = createClient({ url, token });
    const own = "{ hosts { name } server { version } }";
    const { data, errors } = await client.queryPartial(own);
    expect(data).toMatchObject({ hosts: null, server: { version: expect.any(String) } });
    const [error] = errors;
    expect([errors.length, error?.code, error?.path, error?.status]).toEqual([
      1,
      "prometheus_unavailable",
      "hosts",
      503,
    ]);
    expect(error?.remedy).toBe("Check Prometheus: `wallet-core-ops check` on the gateway's machine says more.");
    expect(await refused(client.query(own))).toMatchObject({ code: "prometheus_unavailable", path: "hosts" });
  });

  it("nothing but errors is an error also of a partial question", async () => {
    const hosts = new GatewayError("prometheus_unavailable", "Prometheus does not answer");
    const { url } = await serve(createMemorySources({ hosts }).sources);
    const { code, message } = await refused(createClient({ url, token }).queryPartial(Hosts));
    expect([code, message]).toEqual(["prometheus_unavailable", "Prometheus does not answer"]);
  });

  it("an answer of null without errors is data", async () => {
    const { url } = await answerWith((response) => sendJson(response, { data: { container: null } }));
    expect(await createClient({ url, token }).query("{ container { id } }")).toEqual({ container: null });
  });

  it("an invalid document is refused with its reason", async () => {
    const { url } = await serve(createMemorySources().sources);
    const error = await refused(createClient({ url, token }).query("{ nothingLikeIt }"));
    expect([error.status, error.message]).toEqual([400, expect.stringContaining("nothingLikeIt")]);
  });

  it("a wrong token is 401, and a missing scope 403", async () => {
    using tokens = createTokens({ reader: { scopes: ["ops:read"] } });
    const sources = createMemorySources(
      { containers: [sampleContainer({ name: "web-1" })] },
      { restartEnabled: true },
    ).sources;
    const { url } = await serve(sources, { tokensFile: tokens.file });
    const wrong = await refused(createClient({ url, token: "ops_wrong" }).query(Viewer));
    expect([wrong.code, wrong.status]).toEqual(["unauthorized", 401]);
    expect(wrong.remedy).toContain("wallet-core-ops token");
    const reader = createClient({ url, token: tokens.of("reader") });
    const forbidden = await refused(reader.query(RestartContainer, { name: "web-1" }));
    expect([forbidden.code, forbidden.status, forbidden.path]).toEqual(["forbidden", 403, "restartContainer"]);
  });

  it("a restart happens once", async () => {
    const memory = createMemorySources({ containers: [sampleContainer({ name: "web-1" })] }, { restartEnabled: true });
    const { url } = await serve(memory.sources);
    const { restartContainer } = await createClient({ url, token }).query(RestartContainer, {
      name: "web-1",
      reason: "stuck",
    });
    expect([restartContainer?.restarted, memory.calls["restart"]]).toEqual([true, 1]);
  });
});

describe("answers of other programs", () => {
  it("a proxy's 502 page is an unreachable gateway", async () => {
    const { url, received } = await page(502);
    const error = await refused(createClient({ url, token, retries: 0 }).query(Viewer));
    expect([error.code, error.status, error.message]).toEqual(["unreachable", 502, `${url}/graphql answered 502`]);
    expect(received.length).toBe(1);
  });

  it.each([
    [200, "not_a_gateway", "did not answer as a gateway does"],
    [401, "unauthorized", "The token was refused"],
    [404, "not_a_gateway", "answered 404, but not as a gateway does"],
    [429, "rate_limited", "answered 429"],
  ])("a page with status %i is %s", async (status, code, message) => {
    const { url } = await page(status);
    const error = await refused(createClient({ url, token, retries: 0 }).query(Viewer));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)]);
  });

  it.each([["[]"], ["{}"], ['{"data":[]}'], ["null"], ["{"]])("the JSON %s is no answer of a gateway", async (body) => {
    const { url } = await answerWith((response) =>
      response.writeHead(200, { "content-type": "application/json" }).end(body),
    );
    expect((await refused(createClient({ url, token }).query(Viewer))).code).toBe("not_a_gateway");
  });

  it("a redirect is not followed, and is named without secrets", async () => {
    const { url, received } = await page(302, { location: "https://sso.example/login?state=hush" });
    const error = await refused(createClient({ url, token }).query(Viewer));
    expect(error.message).toBe(`${url}/graphql sends elsewhere: https://sso.example/login`);
    expect([error.code, received.length]).toEqual(["not_a_gateway", 1]);
  });

  it("a dead address is unreachable, with the reason", async () => {
    const port = await freePort();
    const error = await refused(createClient({ url: `http://127.0.0.1:${port}`, token, retries: 0 }).query(Viewer));
    expect([error.code, error.status]).toEqual(["unreachable", null]);
    expect(error.message).toBe(
      `http://127.0.0.1:${port}/graphql cannot be reached (connect ECONNREFUSED 127.0.0.1:${port})`,
    );
  });
});

describe("time", () => {
  it("no answer in time is a timeout, and is not asked again", async () => {
    const { url, received } = await answerWith(() => {});
    const error = await refused(createClient({ url, token, timeoutMs: 1000 }).query(Viewer));
    expect([error.code, error.message]).toEqual(["timeout", "The gateway did not answer within 1 s"]);
    expect(received.length).toBe(1);
  });

  it("an aborted call rejects with the reason and closes its connection", async () => {
    const server = await answerWith(() => {});
    const stop = new AbortController();
    const call = createClient({ url: server.url, token }).query(Viewer, {}, { signal: stop.signal });
    await expect.poll(() => server.received.length).toBe(1);
    stop.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    await expect.poll(() => server.connections()).toBe(0);
  });

  it("an abort ends the wait for another try", async () => {
    const server = await answerWith((response) => sendJson(response, {}, 503, { "retry-after": "9" }));
    const stop = new AbortController();
    const call = createClient({ url: server.url, token }).query(Viewer, {}, { signal: stop.signal });
    await expect.poll(() => server.received.length).toBe(1);
    stop.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
  });

  it("an aborted signal asks nothing", async () => {
    const { url, received } = await answerWith((response) => sendJson(response, { data: answer }));
    const call = createClient({ url, token }).query(Viewer, {}, { signal: AbortSignal.abort(new Error("enough")) });
    await expect(call).rejects.toThrow("enough");
    expect(received.length).toBe(0);
  });
});

describe("another try", () => {
  const busy = { error: { code: "overloaded", message: "Too many requests" } };
  const busyTwice = () =>
    answerWith((response, _, count) =>
      count < 3 ? sendJson(response, busy, 503, { "retry-after": "0" }) : sendJson(response, { data: answer }),
    );

  it("a question is asked up to three times", async () => {
    const { url, received } = await busyTwice();
    expect(await createClient({ url, token }).query("{ engines { name } }")).toEqual(answer);
    expect(received.length).toBe(3);
  });

  it("a question that stays unanswered has the last error", async () => {
    const { url, received } = await busyTwice();
    const error = await refused(createClient({ url, token, retries: 1 }).query("{ engines { name } }"));
    expect([error.code, error.status, error.retryAfterSeconds, error.message]).toEqual([
      "overloaded",
      503,
      0,
      busy.error.message,
    ]);
    expect(received.length).toBe(2);
  });

  it.each([
    ["at the start", "mutation M { retryJob { ok } }"],
    ["behind a comment", "# query\nmutation M { retryJob { ok } }"],
    ["behind a fragment", 'fragment F on Job { id(a: "}") }\nmutation M { retryJob { ...F } }'],
  ])("a mutation %s is sent once", async (_, document) => {
    const { url, received } = await busyTwice();
    expect((await refused(createClient({ url, token }).query(document))).code).toBe("overloaded");
    expect(received.length).toBe(1);
  });

  it("a question that only mentions mutations is asked again", async () => {
    const { url, received } = await busyTwice();
    await createClient({ url, token }).query('# no mutation\n{ engines(a: "} mutation") { mutation } }');
    expect(received.length).toBe(3);
  });

  it("a restart with an idempotency key is sent again", async () => {
    const { url, received } = await busyTwice();
    await createClient({ url, token }).query(RestartContainer, { name: "web-1", idempotencyKey: "k1" });
    expect(received.map(({ body }) => (JSON.parse(body) as { variables: unknown }).variables)).toEqual(
      Array.from({ length: 3 }, () => ({ name: "web-1", idempotencyKey: "k1" })),
    );
  });

  it("Retry-After is waited for", async () => {
    const at: number[] = [];
    const { url } = await answerWith((response, _, count) => {
      at.push(performance.now());
      return count === 1 ? sendJson(response, busy, 429, { "retry-after": "1" }) : sendJson(response, { data: answer });
    });
    await createClient({ url, token }).query("{ engines { name } }");
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it("a Retry-After that is too long is returned at once", async () => {
    const { url, received } = await answerWith((response) => sendJson(response, busy, 429, { "retry-after": "11" }));
    expect((await refused(createClient({ url, token }).query(Viewer))).retryAfterSeconds).toBe(11);
    expect(received.length).toBe(1);
  });

  it("Retry-After of a GraphQL error is known", async () => {
    const errors = [
      { message: "wait", path: ["a", 0], extensions: { code: "rate_limited", status: 429, retryAfter: 60 } },
    ];
    const { url } = await answerWith((response) => sendJson(response, { errors }, 429));
    const error = await refused(createClient({ url, token }).query(Viewer));
    expect([error.code, error.status, error.retryAfterSeconds, error.path]).toEqual(["rate_limited", 429, 60, "a.0"]);
  });
});

describe("the token", () => {
  const { stringify } = JSON;

  it("its function is asked before each request", async () => {
    const { url, received } = await answerWith((response, _, count) =>
      count === 1 ? sendJson(response, {}, 503, { "retry-after": "0" }) : sendJson(response, { data: answer }),
    );
    let count = 0;
    const client = createClient({ url, token: async () => `token-${(count += 1)}` });
    await client.query("{ engines { name } }");
    await client.query("{ engines { name } }");
    expect(received.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-1",
      "Bearer token-2",
      "Bearer token-3",
    ]);
  });

  it("goes with the name of the program that asks, where it has one", async () => {
    const { url, received } = await answerWith((response) => sendJson(response, { data: answer }));
    for (const agent of ["nightly 1", () => "night-shift", () => null, undefined])
      await createClient({ url, token: "token-1", ...(agent !== undefined && { agent }) }).query(
        "{ engines { name } }",
      );
    expect(received.map(({ headers }) => headers["x-agent"])).toEqual([
      "nightly 1",
      "night-shift",
      undefined,
      undefined,
    ]);
  });

  it("an error of its function is thrown as it is", async () => {
    const failure = new TypeError("no session");
    const client = createClient({ url: "http://127.0.0.1:1", token: () => Promise.reject(failure) });
    await expect(client.query(Viewer)).rejects.toBe(failure);
    await expect(client.subscribe("subscription { a }").next()).rejects.toBe(failure);
  });

  it.each([[`${secret}\nx`], [`${secret}é`], [""]])(
    "one that cannot be sent is refused, and not shown (%#)",
    async (bad) => {
      const client = createClient({ url: "http://127.0.0.1:1", token: bad });
      const message = "The token is empty or contains a character that is not allowed";
      const errors = [
        await refused(client.query(Viewer)),
        await refused(client.subscribe("subscription { a }").next()),
      ];
      expect(errors.map((error) => [error.code, error.message])).toEqual([1, 2].map(() => ["unauthorized", message]));
    },
  );

  it("no error shows it, or the request", async () => {
    const bodies = [
      await page(500),
      await page(502),
      await page(200),
      await page(302),
      await answerWith((response) => response.destroy()),
    ];
    for (const { url } of bodies) {
      const client = createClient({ url, token: secret, retries: 0 });
      const variables = { name: "hidden-name", reason: "hidden-reason" };
      const calls = [
        client.query(RestartContainer, variables),
        client.subscribe("subscription { hidden }", variables).next(),
      ];
      for (const error of await Promise.all(calls.map((call) => refused(call)))) {
        const texts = [error.message, error.stack, stringify(error), toCauses(error)].join("\n");
        expect(texts).not.toMatch(/secret-token|hidden|restartContainer/);
      }
    }
  });
});

function toCauses({ cause }: Error): string {
  return cause instanceof Error
    ? `${cause.message} ${cause.stack} ${JSON.stringify(cause)} ${toCauses(cause)}`
    : String(cause);
}

describe("the address", () => {
  it.each([
    ["", "/graphql"],
    ["/", "/graphql"],
    ["/graphql", "/graphql"],
    ["/ops", "/ops/graphql"],
    ["/ops/", "/ops/graphql"],
    ["/ops//", "/ops/graphql"],
    ["/ops/graphql/?a=1#b", "/ops/graphql"],
    ["/mygraphql", "/mygraphql/graphql"],
  ])("%j is asked at %s", async (path, asked) => {
    const { url, received } = await answerWith((response) => sendJson(response, { data: answer }));
    await createClient({ url: url + path, token }).query("{ engines { name } }");
    expect(received.map((request) => [request.method, request.path])).toEqual([["POST", asked]]);
  });

  it("one that is none is a TypeError without its password", () => {
    expect(() => createClient({ url: "ops.example.com", token })).toThrow("Invalid URL");
    expect(() => createClient({ url: "ftp://a:hush@b", token })).toThrow(
      new TypeError("The gateway's address is not http or https"),
    );
    const message = "The gateway's address must not have a user or password";
    expect(() => createClient({ url: "https://a:hush@b", token })).toThrow(new TypeError(message));
  });
});

it("a parsed document is refused with what to do", async () => {
  const client: OpsClient = createClient({ url: "http://127.0.0.1:1", token });
  await expect(client.query({ kind: "Document" } as object)).rejects.toThrow('set documentMode: "string"');
});

it("a fetch of one's own is used", async () => {
  const asked: unknown[] = [];
  const own: typeof fetch = async (input) => {
    asked.push(new Request(input).url);
    return Response.json({ data: answer });
  };
  expect(
    await createClient({ url: "https://ops.example.com", token, fetch: own }).query("{ engines { name } }"),
  ).toEqual(answer);
  expect(asked).toEqual(["https://ops.example.com/graphql"]);
});
