import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toBatch, toLogPage } from "../../src/containers/logs/log.ts";
import { HostsDocument } from "../../src/generated/rest.ts";
import { createExecute } from "../../src/graphql/execute.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { createGraphqlHandler } from "../../src/graphql/yoga/yoga.ts";
import { Budget, defaultLimits } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { graphqlHeaders, startGateway, token } from "../support/gateway.ts";
import { sampleHost, rememberHost } from "../support/hosts.ts";
import { sampleLine } from "../support/logs.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { subscribe } from "../support/subscribe.ts";

const range = `from: "2026-01-01T00:00:00Z", to: "2026-01-01T03:00:00Z"`;
const longLine = "x".repeat(60_000);
const line = sampleLine(longLine);
const hosts = Array.from({ length: 10 }, (_, index) => sampleHost({ name: `h${index}`, instance: `${index}:9100` }));
const memory = createMemorySources({ containers: [sampleContainer({ name: "web" })], hosts });
let readings = 0;
const sources = {
  ...memory.sources,
  hosts: {
    ...memory.sources.hosts,
    history: async (over: Parameters<typeof rememberHost>[0], instances: readonly string[]) =>
      new Map(instances.map((instance) => [instance, rememberHost(over)])),
  },
  containers: {
    ...memory.sources.containers,
    logs: async () => {
      readings += 1;
      return toLogPage({ lines: Array.from({ length: 40 }, () => line) });
    },
    follow: async (_ref: unknown, _options: unknown, signal: AbortSignal) =>
      (async function* () {
        yield toBatch({ lines: Array.from({ length: 17 }, () => line) });
        yield toBatch({ lines: [line] });
        await once(signal, "abort");
      })(),
  },
};

// What is tested here is counted, and a busy machine takes longer than ten seconds for it.
Object.assign(defaultLimits, { timeMs: 60_000 });

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const grafana = async (path: string, body: string) => {
  const response = await gateway.fetch(`/grafana${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const text = await response.text();
  return { status: response.status, text };
};

describe("rows and bytes", () => {
  it("are those of all fields; an excess names what to narrow", async () => {
    const one = await gateway.query(`{ a: hostLoad1(${range}, step: 3) { value } }`);
    expect(one.body.errors).toBeUndefined();
    expect(one.body.data.a).toHaveLength(10 * 3601);
    const names = ["hostLoad1", "hostCpuUtil", "hostMemUtil"];
    const three = await gateway.query(`{ ${names.map((name) => `${name}(${range}, step: 3) { value }`).join(" ")} }`);
    expect(three.status).toBe(200);
    const codes = three.body.errors?.map(({ extensions }) => extensions.code);
    expect(codes).toEqual(["answer_too_large"]);
    expect(three.body.errors?.[0].message).toMatch(/more than 100000 rows: ask for a shorter range/);
    expect(names.filter((name) => three.body.data[name] === null)).toHaveLength(1);
  });

  it("of a whole answer have their own status for a strict client", async () => {
    const names = Array.from({ length: 14 }, (_, index) => `m${index}: message`).join(" ");
    const body = JSON.stringify({ query: `{ container(name: "web") { logs { lines { ${names} } } } }` });
    const ask = (headers: object) =>
      gateway.fetch("/graphql", { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
    const [plain, strict] = [await ask({}), await ask({ "x-ops-strict": "1" })];
    expect([plain.status, strict.status]).toEqual([200, 422]);
    expect(await strict.json()).toEqual(await plain.json());
  });

  it("may be 100,000 rows read and 100,000 rows returned", async () => {
    const { body } = await gateway.query(
      `{ hostLoad1(from: "2026-01-01T00:00:00Z", to: "2026-01-01T02:45:00Z", step: 1) { value } }`,
    );
    expect(body.errors).toBeUndefined();
    expect(body.data.hostLoad1.length).toBeGreaterThan(99_000);
  });

  it("of a range are counted before anything is asked", async () => {
    const { body } = await gateway.query(`{ hosts { history(from: "3h", step: 1) { points { load1 } } } }`);
    expect(body.errors?.[0]).toMatchObject({ extensions: { code: "answer_too_large" } });
    expect(body.errors?.[0].message).toMatch(/choose a longer step or fewer points/);
  });

  it("of one text under many names count as often as it is sent", async () => {
    const names = Array.from({ length: 14 }, (_, index) => `m${index}: message`).join(" ");
    const { status, body } = await gateway.query(`{ container(name: "web") { logs { lines { ${names} } } } }`);
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([{ extensions: { code: "answer_too_large" } }]);
    expect(body.data ?? null).toBeNull();
  });

  it("of logs that were read leave the rest to the next logs", async () => {
    readings = 0;
    const names = Array.from({ length: 12 }, (_, index) => index).map(
      (index) => `c${index}: container(name: "web") { logs { lines { message } } }`,
    );
    const { body } = await gateway.query(`{ ${names.join(" ")} }`);
    expect(new Set(body.errors?.map(({ extensions }) => extensions.code))).toEqual(new Set(["answer_too_large"]));
    // Four at once, and two are all that may be answered.
    expect(readings).toBeLessThan(8);
  });

  it("are at most 5 MB on every surface", async () => {
    const many = createMemorySources({
      containers: Array.from({ length: 8000 }, (_, index) =>
        sampleContainer({ name: `web-${index}`, image: "x".repeat(800) }),
      ),
    });
    await using large = await startGateway(many.sources);
    const rest = await large.fetch("/api/v1/admin/ops/containers");
    expect(rest.status).toBe(422);
    expect(await rest.json()).toMatchObject({ error: { code: "answer_too_large" } });
    const table = JSON.stringify({ targets: [{ refId: "A", target: "containers" }] });
    const headers = { "content-type": "application/json" };
    const panel = await large.fetch("/grafana/query", { method: "POST", headers, body: table });
    expect(panel.status).toBe(422);
    expect(await panel.json()).toMatchObject({ error: { code: "answer_too_large" } });
    const few = await large.query("{ containers { name } }");
    expect(few.body.data.containers).toHaveLength(8000);
  });

  it("of a stream count by message: one too large fails, the rest goes on", async () => {
    const names = Array.from({ length: 6 }, (_, index) => `m${index}: message`).join(" ");
    const follower = subscribe(
      gateway.url,
      token,
      `subscription { containerLogs(name: "web") { lines { ${names} } } }`,
    );
    await expect.poll(() => follower.messages.length, { timeout: 5000 }).toBe(2);
    expect(follower.messages[0].errors).toMatchObject([{ extensions: { code: "answer_too_large" } }]);
    expect(follower.messages[1].data.containerLogs.lines).toHaveLength(1);
    await follower.leave();
  });

  it("of errors are limited to a hundred errors", async () => {
    const broken = createMemorySources({
      containers: Array.from({ length: 200 }, (_, index) => sampleContainer({ name: `web-${index}` })),
      hosts: new Error("no such thing"),
    });
    await using one = await startGateway(broken.sources);
    const { body } = await one.query("{ containers { hostMetrics { name } } }");
    expect(body.errors).toHaveLength(100);
  });
});

describe("time", () => {
  const never = { ...sources.hosts, report: () => new Promise<never>(() => {}) };
  const callerOf = (timeMs: number) => {
    const budget = new Budget("test", { ...defaultLimits, timeMs });
    return { ...createCaller(), budget, signal: budget.signal };
  };

  /** One request to /graphql with so much time. */
  async function ask(query: string, timeMs: number, over: object = {}): Promise<{ status: number; body: any }> {
    const handle = createGraphqlHandler(createSchema(), { ...sources, hosts: never, ...over }, silentLogger);
    const server = createServer((req, res) => {
      const openStream = () => ({ signal: new AbortController().signal, recheck() {} });
      void handle({ req, res, headers: req.headers, ...callerOf(timeMs), openStream } as never);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const url = `http://127.0.0.1:${port}/graphql`;
      const response = await fetch(url, { method: "POST", headers: graphqlHeaders, body: JSON.stringify({ query }) });
      return { status: response.status, body: await response.json() };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it("ends an endpoint's request, whatever the upstream does: query_timeout", async () => {
    const execute = createExecute(createSchema(), { ...sources, hosts: never }, [HostsDocument]);
    await expect(execute(HostsDocument, {}, callerOf(100)).run()).rejects.toMatchObject({
      code: "query_timeout",
      status: 504,
    });
  });

  it("ends a query at /graphql: the whole answer is the error", async () => {
    const { status, body } = await ask("{ hosts { name } containers { name } }", 100);
    expect(status).toBe(504);
    expect(body).toMatchObject({ errors: [{ extensions: { code: "query_timeout" } }] });
    expect(body.errors[0].message).toMatch(/more than 0.1 s: ask for less at once/);
  });

  it("does not limit mutations and probes, which have own deadlines", async () => {
    const slow = { ...sources.probes, run: async () => (await sleep(1500), null) };
    const probe = await ask('{ container(name: "web") { healthCheck(probe: true) { healthy } } }', 700, {
      probes: slow,
      healthExecEnabled: true,
    });
    expect(probe.body).toEqual({ data: { container: { healthCheck: { healthy: true } } } });
    const restarts = {
      ...sources.restarts,
      restart: async (container: object) => (await sleep(1500), { container, healthy: true }),
    };
    const restart = await ask('mutation { restartContainer(name: "web") { healthy } }', 700, {
      restarts,
      restartEnabled: true,
    });
    expect(restart.body).toEqual({ data: { restartContainer: { healthy: true } } });
  });

  it("ends with the client: its calls are cancelled", async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    const hanging = {
      ...sources.hosts,
      report: (signal: AbortSignal) => {
        asked.resolve(signal);
        return new Promise<never>(() => {});
      },
    };
    await using one = await startGateway({ ...sources, hosts: hanging });
    const leaver = new AbortController();
    const left = one.fetch("/api/v1/admin/ops/hosts", { signal: leaver.signal }).catch(() => "left");
    const signal = await asked.promise;
    expect(signal.aborted).toBe(false);
    leaver.abort();
    await expect.poll(() => signal.aborted).toBe(true);
    expect(await left).toBe("left");
  });
});

describe("Grafana", () => {
  const filter = (value: string) => ({ key: "host", operator: "=~", value });

  it("allows twenty filters for a target, those of its payload included", async () => {
    const ask = (filters: number, payload: object) =>
      grafana(
        "/query",
        JSON.stringify({
          targets: [{ refId: "A", target: "hosts", payload }],
          filters: Array.from({ length: filters }, () => filter(".*")),
        }),
      );
    expect((await ask(20, {})).status).toBe(200);
    expect(await ask(21, {})).toMatchObject({ status: 400, text: expect.stringContaining("At most 20 filters") });
    expect((await ask(18, { host: ["h1"], env: ["staging"] })).status).toBe(200);
    expect((await ask(19, { host: ["h1"], env: ["staging"] })).status).toBe(400);
    const values = JSON.stringify({ key: "queue", filters: Array.from({ length: 1000 }, () => filter(".*")) });
    expect((await grafana("/tag-values", values)).status).toBe(400);
  });

  it("allows a thousand values for one name", async () => {
    const ask = (count: number) =>
      grafana(
        "/query",
        JSON.stringify({
          targets: [{ target: "hosts", payload: { host: Array.from({ length: count }, (_, index) => `h${index}`) } }],
        }),
      );
    expect((await ask(1000)).status).toBe(200);
    expect(await ask(1001)).toMatchObject({ status: 400, text: expect.stringContaining("At most 1000 values") });
  });

  it("refuses expressions that would take long for each value", async () => {
    const body = (value: string) => JSON.stringify({ targets: [{ target: "hosts" }], filters: [filter(value)] });
    expect(await grafana("/query", body("\\w{1,900}\\d"))).toMatchObject({
      status: 400,
      text: expect.stringContaining("without long repetitions"),
    });
    expect((await grafana("/query", body("h[0-9]{1,3}"))).status).toBe(200);
  });

  const deep = `${"[".repeat(50_000)}"x"${"]".repeat(50_000)}`;
  it.each([
    ["/query", `{"targets":[{"target":${deep}}]}`],
    ["/query", `{"targets":[{"target":"hosts","payload":{"host":${deep}}}]}`],
    ["/query", `{"targets":[{"target":"hosts","payload":${JSON.stringify(`{"host":${deep}}`)}}]}`],
    ["/query", `{"targets":[{"target":"hosts"}],"filters":[{"key":"host","operator":"=","value":${deep}}]}`],
    ["/query", `{"targets":[{"target":"hosts"}],"maxDataPoints":${deep}}`],
    ["/variable", `{"payload":{"target":${deep}}}`],
    ["/metric-payload-options", `{"name":${deep}}`],
    ["/metric-payload-options", `{"name":"host","payload":{"queue":${deep}}}`],
    ["/tag-values", `{"key":"host","filters":[{"key":"queue","operator":"=","value":${deep}}]}`],
  ])("refuses nested JSON at %s: %.60s", async (path, body) => {
    const { status, text } = await grafana(path, body);
    expect([status, text]).toEqual([400, expect.stringContaining("more than 64 levels")]);
  });

  it("allows brackets in texts, and the levels that it sends itself", async () => {
    const nested = Array.from({ length: 60 }).reduce<unknown>((inner) => [inner], "h1");
    const body = { targets: [{ target: "hosts", payload: { host: nested } }], note: `${"[".repeat(1000)}\\"` };
    expect((await grafana("/query", JSON.stringify(body))).status).toBe(200);
  });
});
