import { BlockList } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EdgeReply } from "../../src/http/surface.ts";
import { createCaller } from "../support/caller.ts";
import { bearer, createSpySurface, sendRaw, startEdge, type TestEdge, token } from "../support/edge.ts";

const rest = createSpySurface(() => ({ status: 200, body: "{}" }));
const graphql = { ...createSpySurface(() => ({ status: 200, body: "{}" }), "/graphql"), subtree: false };
let edge: TestEdge;

beforeAll(async () => {
  edge = await startEdge({ surfaces: [rest, graphql], limits: { failedAuthBurst: 5000 } });
});
afterAll(() => edge[Symbol.asyncDispose]());

const paths = [
  "/",
  "/api/v1/admin/ops/containers",
  "/api/v1/admin/ops/containers/a/restart",
  "/api/v1/admin/ops/../../healthz",
  "/graphql",
  "/graphql/",
  "/healthz/",
  "/healthz/x",
  "/healthz%2f..%2fgraphql",
  "/readyzz",
  "/Healthz",
  "//healthz",
  "/metrics",
  "/unknown",
];
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];

test.each(paths)("%s: without a token every method is 401 and no surface is called", async (path) => {
  const before = rest.calls.length + graphql.calls.length;
  const answers = await Promise.all(methods.map((method) => edge.send(method, path)));
  expect(answers.map((answer) => answer.status)).toEqual(methods.map(() => 401));
  expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
  expect(rest.calls.length + graphql.calls.length).toBe(before);
});

test("all authentication failures have the same body and challenge", async () => {
  const headers = [
    {},
    { authorization: "" },
    { authorization: "Bearer wrong-token-wrong-token" },
    { authorization: `bearer ${token}` },
    { authorization: `Basic ${token}` },
    { authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.AAAA" },
    { cookie: `token=${token}` },
    { "x-api-key": token },
  ];
  const answers = await Promise.all(
    headers.map((sent) => edge.send("GET", `/graphql?access_token=${token}&token=${token}`, sent)),
  );
  for (const answer of answers) {
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(answer.text).toBe(
      '{"message":"Missing or invalid Authorization header","error":{"code":"unauthorized","message":"Missing or invalid Authorization header"}}',
    );
  }
  expect(edge.lines.join("")).not.toContain(token);
});

test("two Authorization headers are refused on the wire", async () => {
  const line = `Authorization: Bearer ${token}\r\n`;
  const twice = await sendRaw(edge.port, `GET /graphql HTTP/1.1\r\nHost: x\r\n${line}${line}Connection: close\r\n\r\n`);
  expect(twice).toMatch(/^HTTP\/1\.1 401 /);
  const once = await sendRaw(edge.port, `GET /graphql HTTP/1.1\r\nHost: x\r\n${line}Connection: close\r\n\r\n`);
  expect(once).toMatch(/^HTTP\/1\.1 200 /);
});

test("public pages are served by GET and HEAD of the exact path alone", async () => {
  expect((await edge.send("GET", "/healthz")).text).toBe('{"status":"ok"}');
  expect((await edge.send("GET", "/healthz?x=1")).status).toBe(200);
  const head = await edge.send("HEAD", "/readyz");
  expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", "18"]);
  expect((await edge.send("POST", "/healthz", bearer)).headers["allow"]).toBe("GET, HEAD");
});

test("a flood of bad tokens is throttled, good ones of the address pass", async () => {
  await using small = await startEdge({ surfaces: [rest], limits: { failedAuthBurst: 5, failedAuthPerSecond: 0.5 } });
  const statuses: number[] = [];
  for (let index = 0; index < 8; index += 1) {
    statuses.push((await small.send("GET", "/graphql", { "x-forwarded-for": `10.0.0.${index}` })).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
  const refused = await small.send("GET", "/graphql");
  expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(1);
  expect(JSON.parse(refused.text).error.code).toBe("rate_limited");
  expect((await small.send("GET", "/api/v1/admin/ops/x", bearer)).status).toBe(200);
});

test("each network behind trusted proxies has its own allowance", async () => {
  const proxies = new BlockList();
  proxies.addAddress("127.0.0.1", "ipv4");
  const seen: (string | null)[] = [];
  const surface = createSpySurface((request) => {
    seen.push(request.origin().ip);
    return { status: 200, body: "{}" };
  });
  const limits = { failedAuthBurst: 2, failedAuthPerSecond: 0.01 };
  await using small = await startEdge({ surfaces: [surface], limits, trustedProxies: proxies });
  const fail = async (from: string) => (await small.send("GET", "/graphql", { "x-forwarded-for": from })).status;
  const statuses = [];
  for (const from of ["198.51.100.1", "9.9.9.9, 198.51.100.1", "8.8.8.8, 198.51.100.1", "198.51.101.2"])
    statuses.push(await fail(from));
  expect(statuses).toEqual([401, 401, 429, 401]);
  expect(small.lines.map((line) => JSON.parse(line).ip)).toEqual([
    ...Array.from({ length: 3 }, () => "198.51.100.1"),
    "198.51.101.2",
  ]);
  await small.send("GET", "/api/v1/admin/ops/x", { ...bearer, "x-forwarded-for": "9.9.9.9, 198.51.100.1" });
  await small.send("GET", "/api/v1/admin/ops/x", { ...bearer, forwarded: 'for="[2001:db8::1]:80"' });
  expect(seen).toEqual(["198.51.100.1", "2001:db8::1"]);
});

test("a header from an untrusted peer has no effect", async () => {
  const proxies = new BlockList();
  proxies.addSubnet("10.0.0.0", 8, "ipv4");
  const surface = createSpySurface((request) => ({ status: 200, body: String(request.origin().ip) }));
  await using small = await startEdge({ surfaces: [surface], trustedProxies: proxies });
  const spoofed = { "x-forwarded-for": "10.0.0.1", forwarded: "for=10.0.0.1", "x-real-ip": "10.0.0.1" };
  expect((await small.send("GET", "/api/v1/admin/ops/x", { ...bearer, ...spoofed })).text).toBe("127.0.0.1");
  await small.send("GET", "/graphql", spoofed);
  expect(JSON.parse(small.lines.at(-1) ?? "{}").ip).toBe("127.0.0.1");
});

test("an operator gets in when readers fill all other places", async () => {
  const gate = Promise.withResolvers<EdgeReply>();
  const surface = createSpySurface(() => gate.promise);
  const principals = {
    reader: createCaller(["ops:read"]).principal,
    operator: createCaller(["ops:read", "ops:operate"]).principal,
  };
  await using small = await startEdge({
    surfaces: [surface],
    limits: { limit: 1, reserve: 1, waitMs: 20 },
    authenticate: (authorization) => principals[authorization as keyof typeof principals] ?? null,
  });
  const ask = (authorization: string) => small.send("GET", "/api/v1/admin/ops/x", { authorization });
  const first = ask("reader");
  await expect.poll(() => surface.calls.length).toBe(1);
  const refused = await ask("reader");
  expect([refused.status, JSON.parse(refused.text).error.code]).toEqual([503, "overloaded"]);
  const operator = ask("operator");
  await expect.poll(() => surface.calls.length).toBe(2);
  expect((await ask("operator")).status).toBe(503);
  gate.resolve({ status: 200, body: "{}" });
  expect([(await first).status, (await operator).status]).toEqual([200, 200]);
});
