import { afterEach, describe, expect, it } from "vitest";
import { sampleContainer } from "../support/containers.ts";
import { findClosedUrl, says, startFleet, startStub } from "../support/fleet.ts";
import { startGateway } from "../support/gateway.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

/** A region that works, before and behind another one. */
async function startAround(bad: string, timeoutMs?: number) {
  const start = async (name: string) => {
    const sources = createMemorySources({
      containers: [sampleContainer({ name })],
      hosts: [sampleHost({ name })],
    }).sources;
    return stack.use(await startGateway(sources)).url;
  };
  const urls = { eu: await start("eu-1"), bad, us: await start("us-1") };
  return stack.use(await startFleet(urls, timeoutMs === undefined ? {} : { timeoutMs }));
}

const stub = async (reply: Parameters<typeof startStub>[0]) => stack.use(await startStub(reply));
const html = (status: number, headers = {}) =>
  stub((response) => void response.writeHead(status, headers).end("<html>"));
const rows = [{ name: "eu-1" }, { name: "us-1" }];

describe("a region that does not answer is named, and the others answer", () => {
  const cases: Record<string, [reply: () => Promise<{ url: string }>, error: object]> = {
    "nobody listens": [
      async () => ({ url: await findClosedUrl() }),
      { message: "bad cannot be reached", extensions: { code: "unreachable", status: 503 } },
    ],
    "closed connection": [
      () => stub((response) => void response.destroy()),
      { message: "bad cannot be reached", extensions: { code: "unreachable" } },
    ],
    slow: [
      () => stub(() => {}),
      { message: "bad did not answer within 3 s", extensions: { code: "timeout", status: 504 } },
    ],
    "slow body": [
      () => stub((response) => void response.writeHead(200).write('{"data":')),
      { message: "bad did not answer within 3 s", extensions: { code: "timeout" } },
    ],
    "page of a proxy": [() => html(200), { extensions: { code: "not_a_gateway", status: 502 } }],
    "broken JSON": [
      () => stub((response) => void response.end('{"data":{"hosts":[')),
      { message: "bad answered 200, but not as a gateway does", extensions: { code: "not_a_gateway" } },
    ],
    "other JSON": [() => stub(says([1])), { extensions: { code: "not_a_gateway" } }],
    "wrong data": [
      () => stub(says({ data: "x" })),
      { message: "bad answered 200, but not as a gateway does", extensions: { code: "not_a_gateway" } },
    ],
    "wrong rows": [
      () => stub(says({ data: { hosts: [{ name: "bad-1" }, { name: null }] } })),
      {
        message: "bad answers what this version does not know: Cannot return null for non-nullable field Host.name.",
        extensions: { code: "not_a_gateway", status: 502 },
      },
    ],
    "no field": [
      () => stub(says({ data: {} })),
      { message: "bad answers nothing for this field", extensions: { code: "not_a_gateway", status: 502 } },
    ],
    "null without an error": [() => stub(says({ data: { hosts: null } })), { extensions: { code: "not_a_gateway" } }],
    "no list": [() => stub(says({ data: { hosts: "all" } })), { extensions: { code: "not_a_gateway" } }],
    "401": [
      () => stub(says({ message: "x", error: { code: "unauthorized", message: "Missing or invalid" } }, 401)),
      { message: "Missing or invalid", extensions: { code: "unauthorized", status: 401 } },
    ],
    "401 of a proxy": [() => html(401), { extensions: { code: "unauthorized", status: 401 } }],
    "403 of a proxy": [
      () => html(403),
      { message: "bad answered 403, but not as a gateway does", extensions: { status: 403 } },
    ],
    "429": [
      () => html(429, { "retry-after": "7" }),
      { extensions: { code: "rate_limited", status: 429, retryAfter: 7 } },
    ],
    "503": [() => html(503), { message: "bad answered 503", extensions: { code: "unreachable", status: 503 } }],
    "another version": [
      () =>
        stub(
          says(
            { errors: [{ message: 'Cannot query field "hosts"', extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }] },
            400,
          ),
        ),
      { message: 'Cannot query field "hosts"', extensions: { code: "GRAPHQL_VALIDATION_FAILED", status: 400 } },
    ],
  };
  it.each(Object.entries(cases))("%s", async (title, [start, error]) => {
    const fleet = await startAround((await start()).url, title.startsWith("slow") ? 3000 : undefined);
    const { status, body } = await fleet.query("{ hosts { name } }");
    expect(status).toBe(200);
    expect(body.data).toEqual({ hosts: rows });
    expect(body.errors).toMatchObject([{ path: ["hosts"], ...error }]);
    expect(body.errors?.[0].extensions.region).toBe("bad");
  });
});

it("no redirect is followed", async () => {
  const other = await stub(says({ data: { hosts: [] } }));
  const fleet = await startAround((await html(307, { location: `${other.url}/graphql` })).url);
  const { body } = await fleet.query("{ hosts { name } }");
  expect(body.errors).toMatchObject([
    { message: "bad sends elsewhere", extensions: { code: "not_a_gateway", region: "bad" } },
  ]);
  expect(other.received).toEqual([]);
});

it("an error of a row has its place in the joined list", async () => {
  const row = { name: "bad-1", stats: null };
  const error = {
    message: "no stats",
    path: ["containers", 0, "stats"],
    extensions: { code: "docker_timeout", status: 504 },
  };
  const bad = await stub(says({ data: { containers: [row] }, errors: [error] }));
  const fleet = await startAround(bad.url);
  const { body } = await fleet.query("{ containers { name stats { cpuPct } } }");
  expect(body.data.containers.map(({ name }: { name: string }) => name)).toEqual(["eu-1", "bad-1", "us-1"]);
  expect(body.errors).toMatchObject([
    {
      message: "no stats",
      path: ["containers", 1, "stats"],
      extensions: { code: "docker_timeout", status: 504, region: "bad" },
    },
  ]);
});

it("many errors of rows leave room for the regions that are away", async () => {
  const hosts = Array.from({ length: 150 }, () => ({ name: "web", cpuUtil: null }));
  const errors = hosts.map((_, index) => ({
    message: "no value",
    path: ["hosts", index, "cpuUtil"],
    extensions: { code: "x" },
  }));
  const many = await stub(says({ data: { hosts }, errors }));
  const fleet = stack.use(await startFleet({ many: many.url, away: await findClosedUrl() }));
  const { body } = await fleet.query("{ hosts { name cpuUtil } }");
  expect(body.errors).toHaveLength(100);
  expect(new Set(body.errors?.map(({ extensions }) => extensions.region))).toEqual(new Set(["away", "many"]));
});

it("what does not fit inside a row is an error there, and the row stays", async () => {
  const bad = await stub(says({ data: { containers: [{ name: "bad-1", stats: { cpuPct: "much" } }] } }));
  const fleet = await startAround(bad.url);
  const { body } = await fleet.query("{ containers { name stats { cpuPct } } }");
  expect(body.data.containers[1]).toEqual({ name: "bad-1", stats: { cpuPct: null } });
  expect(body.errors).toMatchObject([
    { path: ["containers", 1, "stats", "cpuPct"], extensions: { code: "not_a_gateway", region: "bad" } },
  ]);
});

it("the error of a region's only row has the place of that row", async () => {
  const error = { message: "late", path: ["problems", "problems"], extensions: { code: "query_timeout" } };
  const bad = await stub(says({ data: { problems: null }, errors: [error] }));
  const fleet = await startAround(bad.url);
  const { body } = await fleet.query("{ problems { region } }");
  expect(body.data.problems).toEqual([{ region: "eu" }, { region: "us" }]);
  expect(body.errors).toMatchObject([
    { message: "late", path: ["problems"], extensions: { code: "query_timeout", status: 504, region: "bad" } },
  ]);
});

it("errors of a region in another form are errors of its fields", async () => {
  const errors = [
    { message: "no path", path: null, extensions: "x" },
    "text",
    { path: ["hosts", {}, 0] },
    { message: "other", path: ["b"] },
  ];
  const bad = await stub(says({ data: { hosts: [{ name: "bad-1" }] }, errors }));
  const fleet = await startAround(bad.url);
  const { body } = await fleet.query("{ hosts { name } }");
  expect(body.data.hosts.map(({ name }: { name: string }) => name)).toEqual(["eu-1", "bad-1", "us-1"]);
  const extensions = { code: "internal", status: 500, region: "bad" };
  expect(body.errors).toMatchObject([
    { message: "no path", path: ["hosts"], extensions },
    { message: "An error without a message", path: ["hosts"], extensions },
    { message: "An error without a message", path: ["hosts", 1], extensions },
  ]);
});

it("a field that all regions failed is null", async () => {
  const { url } = await stub((response) => void response.destroy());
  const fleet = stack.use(await startFleet({ eu: url, us: url }));
  const { body } = await fleet.query("{ hosts { name } a: engines { name } }");
  expect(body.data).toEqual({ hosts: null, a: null });
  expect(body.errors?.map(({ path, extensions }) => [path[0], extensions.region])).toEqual([
    ["hosts", "eu"],
    ["hosts", "us"],
    ["a", "eu"],
    ["a", "us"],
  ]);
});

it("one by its name is found beside a region that is away", async () => {
  const fleet = await startAround(await findClosedUrl());
  const { body } = await fleet.query('{ container(name: "us-1") { region } }');
  expect(body.data).toEqual({ container: { region: "us" } });
  expect(body.errors).toMatchObject([{ path: ["container"], extensions: { code: "unreachable", region: "bad" } }]);
});

it("one by its name is found beside a region that cannot say", async () => {
  const error = { message: "web-1 does not answer", path: ["container"], extensions: { code: "docker_unavailable" } };
  const fleet = await startAround((await stub(says({ data: { container: null }, errors: [error] }))).url);
  const { body } = await fleet.query('{ container(name: "us-1") { region } }');
  expect(body.data).toEqual({ container: { region: "us" } });
  const extensions = { code: "docker_unavailable", status: 503, region: "bad" };
  expect(body.errors).toEqual([expect.objectContaining({ message: "web-1 does not answer", extensions })]);
});

it("one by its name that is nowhere may be in a region that is away", async () => {
  const fleet = await startAround(await findClosedUrl());
  const { body } = await fleet.query('{ container(name: "eu-9") { region } }');
  expect(body.data).toEqual({ container: null });
  expect(body.errors?.map(({ extensions }) => `${extensions.region} ${extensions.code}`)).toEqual([
    "eu container_not_found",
    "bad unreachable",
    "us container_not_found",
  ]);
});

it("regions say how each answered this request", async () => {
  const fleet = await startAround((await html(503)).url);
  const { body } = await fleet.query(
    "{ hosts { name } r: regions { n: name ok error { code message } latencyMs version } }",
  );
  const works = { ok: true, error: null, latencyMs: expect.any(Number), version: "0.3.0+sources" };
  expect(body.data.r).toEqual([
    { n: "eu", ...works },
    {
      n: "bad",
      ok: false,
      error: { code: "unreachable", message: "bad answered 503" },
      latencyMs: expect.any(Number),
      version: null,
    },
    { n: "us", ...works },
  ]);
  const alone = await fleet.query("{ regions { name ok } }");
  expect(alone.body).toEqual({
    data: {
      regions: [
        { name: "eu", ok: true },
        { name: "bad", ok: false },
        { name: "us", ok: true },
      ],
    },
  });
});

it("long lists are joined, and their rows count as those of one answer", async () => {
  const toHosts = (count: number) =>
    says({ data: { hosts: Array.from({ length: count }, (_, index) => ({ name: `h${index}` })) } });
  const long = await stub(toHosts(60_000));
  const short = await stub(toHosts(300));
  const ask = async (us: string) => {
    const { body } = await stack.use(await startFleet({ eu: long.url, us })).query("{ hosts { name region } }");
    return [body.data.hosts.length, body.data.hosts.at(-1), body.errors?.map(({ extensions }) => extensions)];
  };
  expect(await ask(short.url)).toEqual([60_300, { name: "h299", region: "us" }, undefined]);
  const refused = { code: "answer_too_large", status: 422, region: "us" };
  const longer = await stub(toHosts(60_001));
  expect(await ask(longer.url)).toEqual([60_000, { name: "h59999", region: "eu" }, [refused]]);
});

it("rows beyond the limit are those of the longest region, also first", async () => {
  const hosts = Array.from({ length: 99_900 }, (_, index) => ({ name: `${index}` }));
  const long = await stub(says({ data: { hosts, server: null } }));
  const short = await stub(says({ data: { hosts: hosts.slice(0, 200) } }));
  const fleet = stack.use(await startFleet({ eu: long.url, us: short.url, ap: short.url }));
  const { body } = await fleet.query("{ hosts { name region } regions { name ok error { code } } }");
  const places = body.data.hosts.map(({ region }: { region: string }) => region);
  expect([places.length, places[0], places.at(-1)]).toEqual([400, "us", "ap"]);
  expect(body.errors?.map(({ extensions }) => extensions)).toEqual([
    { code: "answer_too_large", status: 422, region: "eu" },
  ]);
  const works = { ok: true, error: null };
  expect(body.data.regions).toEqual([
    { name: "eu", ok: false, error: { code: "answer_too_large" } },
    { name: "us", ...works },
    { name: "ap", ...works },
  ]);
});

it("answers of regions together have the size of one answer", async () => {
  const large = await stub(says({ data: { hosts: Array.from({ length: 1000 }, () => ({ name: "x".repeat(4000) })) } }));
  const fleet = stack.use(await startFleet({ eu: large.url, us: large.url }));
  const { body } = await fleet.query("{ hosts { name region } }");
  const whole = body.errors?.find(({ extensions }) => extensions.code === "answer_too_large");
  expect(whole?.message).toMatch(/larger than 5 MB/);
});

it("a region that sends too much fails alone", async () => {
  const endless = await stub((response) => {
    const write = () => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
    };
    response.on("drain", write).writeHead(200);
    write();
  });
  const large = await stub(says({ data: { hosts: Array.from({ length: 7 }, () => ({ name: "x".repeat(700_000) })) } }));
  const late = await stub(
    (response) => void setTimeout(() => says({ data: { hosts: [{ name: "y".repeat(200_000) }] } })(response), 400),
  );
  const fleet = stack.use(await startFleet({ endless: endless.url, large: large.url, late: late.url }));
  const ask = async (regions: readonly string[]) => {
    const { body } = await fleet.query("query ($r: [String!]) { hosts(regions: $r) { region } }", { r: regions });
    const failed = body.errors?.map(({ extensions }) => `${extensions.region} ${extensions.code}`);
    return [body.data.hosts?.map(({ region }: { region: string }) => region), failed];
  };
  expect(await ask(["endless", "late"])).toEqual([["late"], ["endless answer_too_large"]]);
  expect(await ask(["large"])).toEqual([Array.from({ length: 7 }, () => "large"), undefined]);
  expect(await ask(["large", "late"])).toEqual([["late"], ["large answer_too_large"]]);
});
