import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OpsError } from "../../../src/lib/errors.ts";
import { sampleContainer } from "../../support/containers.ts";
import { startGateway } from "../../support/gateway.ts";
import { sampleHost } from "../../support/hosts.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const memory = createMemorySources(
  {
    containers: [sampleContainer()],
    hosts: new OpsError("prometheus_unavailable", "Prometheus is down", { upstream: "prometheus" }),
  },
  { restartEnabled: true },
);
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(memory.sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const json = { "content-type": "application/json" };

describe("/graphql", () => {
  it("answers other data if one upstream is down: 200, null, a code", async () => {
    const { status, body } = await gateway.query("{ hosts { name } containers { name } deployInfo { currentTag } }");
    expect(status).toBe(200);
    expect(body.data).toEqual({
      hosts: null,
      containers: [{ name: "wallet-core-staging-web-latest" }],
      deployInfo: { currentTag: "deploy-20260110-130322-prod" },
    });
    expect(body.errors).toMatchObject([
      { path: ["hosts"], extensions: { code: "prometheus_unavailable", status: 503, upstream: "prometheus" } },
    ]);
    expect(body.errors?.[0].extensions).not.toHaveProperty("http");
  });

  it("answers queries by GET, and no mutation", async () => {
    expect((await gateway.fetch("/graphql?query=%7B__typename%7D")).status).toBe(200);
    const mutation = encodeURIComponent('mutation { restartContainer(name: "x") { name } }');
    expect((await gateway.fetch(`/graphql?query=${mutation}`)).status).toBe(405);
  });

  it.each([
    ["application/x-www-form-urlencoded", "query=%7B__typename%7D"],
    [
      "multipart/form-data; boundary=x",
      '--x\r\ncontent-disposition: form-data; name="query"\r\n\r\n{__typename}\r\n--x--',
    ],
    ["application/graphql", "{__typename}"],
    ["text/plain", '{"query":"{__typename}"}'],
  ])("refuses a POST of %s with 415", async (type, body) => {
    const response = await gateway.fetch("/graphql", { method: "POST", body, headers: { "content-type": type } });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ error: { code: "unsupported_media_type" } });
  });

  it("refuses compressed bodies, batches, and bodies over 64 KiB", async () => {
    const post = (body: string, headers = {}) =>
      gateway.fetch("/graphql", { method: "POST", body, headers: { ...json, ...headers } });
    expect((await post("{}", { "content-encoding": "gzip" })).status).toBe(415);
    expect((await post('[{"query":"{__typename}"}]')).status).toBe(400);
    expect((await post(JSON.stringify({ query: `{__typename}${" ".repeat(65_536)}` }))).status).toBe(413);
  });

  it("sends no CORS header to any origin, no landing and no health page", async () => {
    const response = await gateway.fetch("/graphql?query=%7B__typename%7D", {
      headers: { origin: "https://evil.example" },
    });
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect((await gateway.fetch("/graphql/", { headers: { accept: "text/html" } })).status).toBe(404);
    expect((await gateway.fetch("/health")).status).toBe(404);
  });

  it("never echoes a body that is not JSON, nor the value of a variable", async () => {
    const bad = await gateway.fetch("/graphql", { method: "POST", body: '{"query": canary-1', headers: json });
    expect(bad.status).toBe(400);
    expect(await bad.text()).not.toContain("canary");
    const coerced = await gateway.query("query ($n: String!) { container(name: $n) { name } }", {
      n: { canary: "canary-2" },
    });
    expect(coerced.status).toBe(400);
    expect(JSON.stringify(coerced.body)).not.toContain("canary");
    expect(JSON.stringify(coerced.body)).toContain("$n");
  });

  it("masks unknown errors", async () => {
    const broken = createMemorySources({ hosts: new TypeError("canary at secret.ts:12") });
    await using other = await startGateway(broken.sources);
    const { body } = await other.query("{ hosts { name } }");
    expect(body.errors).toMatchObject([{ message: "Internal error", extensions: { code: "internal" } }]);
    expect(JSON.stringify(body)).not.toContain("canary");
  });

  it("distinguishes two entries of one engine", async () => {
    const entries = (["staging", "production"] as const).map((env) => sampleContainer({ engine: env, env }));
    await using other = await startGateway(createMemorySources({ containers: entries }).sources);
    const ask = (engine: string) =>
      `container(name: "${entries[0]?.name}", engine: "${engine}") ` +
      "{ engine env logs(tail: 1) { truncated } stats { cpuPct } }";
    const { body } = await other.query(`{ containers { env } a: ${ask("production")} b: ${ask("staging")} }`);
    expect(body.data).toMatchObject({
      a: { engine: "production", env: "PRODUCTION" },
      b: { engine: "staging", env: "STAGING" },
    });
  });

  it("runs one restart for one mutation, and refuses five in one", async () => {
    const restart = 'restartContainer(name: "wallet-core-staging-web-latest", reason: "stuck") { name status }';
    const five = await gateway.query(
      `mutation { ${["a", "b", "c", "d", "e"].map((alias) => `${alias}: ${restart}`).join(" ")} }`,
    );
    expect(five).toMatchObject({ status: 400, body: { errors: [{ extensions: { code: "query_too_complex" } }] } });
    const hidden = await gateway.query(`mutation { ...F ...F } fragment F on Mutation { a: ${restart} b: ${restart} }`);
    expect(hidden.status).toBe(400);
    expect(memory.calls).not.toHaveProperty("restart");
    const one = await gateway.query(`mutation { ${restart} }`);
    expect(one.body).toEqual({
      data: { restartContainer: { name: "wallet-core-staging-web-latest", status: "running" } },
    });
    expect(memory.calls["restart"]).toBe(1);
    expect(memory.audited).toMatchObject([{ outcome: "intent", reason: "stuck", ip: "127.0.0.1" }, { outcome: "ok" }]);
  });

  it("checks the bounds of arguments", async () => {
    for (const [field, code] of [
      ["jobErrors(first: 0) { error }", "invalid_request"],
      ["jobErrors(first: 101) { error }", "invalid_request"],
      ['container(name: "wallet-core-staging-web-latest") { logs(tail: 5001) { truncated } }', "invalid_request"],
      ['container(name: "wallet-core-staging-web-latest") { logs(tail: 0) { truncated } }', "invalid_request"],
    ]) {
      expect((await gateway.query(`{ ${field} }`)).body.errors).toMatchObject([{ extensions: { code } }]);
    }
  });

  it("answers hosts by name too", async () => {
    await using other = await startGateway(createMemorySources({ hosts: [sampleHost()] }).sources);
    const { body } = await other.query(
      '{ a: host(name: "staging-host-1") ' +
        '{ cpuUtil } b: host(name: "37.27.91.235") { name } c: host(name: "x") { name } }',
    );
    expect(body.data).toEqual({ a: { cpuUtil: 0.72 }, b: { name: "staging-host-1" }, c: null });
  });
});
