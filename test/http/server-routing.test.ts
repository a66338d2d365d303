import { afterAll, beforeAll, expect, test } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { bearer, createSpySurface, sendRaw, startEdge, type TestEdge, token } from "../support/edge.ts";

const rest = createSpySurface((request) => {
  if (request.path.endsWith("/boom")) throw new Error("canary-secret");
  if (request.path.endsWith("/late-boom")) return Promise.reject(new Error("canary-secret"));
  if (request.path.endsWith("/bad-header")) return { status: 200, headers: { "X-Bad": "a\nb" }, body: "" };
  if (request.path.endsWith("/down")) throw new OpsError("prometheus_unavailable", "Prometheus does not answer");
  if (request.path.endsWith("/nothing")) return { status: 204, body: "" };
  if (request.path.endsWith("/text"))
    return { status: 200, headers: { "content-type": "text/plain; charset=utf-8" }, body: "ä" };
  if (request.path.endsWith("/bytes"))
    return { status: 200, headers: { "Content-Type": "text/plain" }, body: Buffer.from("ä1") };
  const { method, path, query, principal } = request;
  return { status: 200, body: JSON.stringify({ method, path, query, subject: principal.subject }) };
});
let edge: TestEdge;

beforeAll(async () => {
  edge = await startEdge({ surfaces: [rest] });
});
afterAll(() => edge[Symbol.asyncDispose]());

const base = "/api/v1/admin/ops";
const head = `Host: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n`;

test("a surface gets the path, the raw query and the principal", async () => {
  const answer = await edge.send("GET", `${base}/containers?env=a%20b&x=?y`, bearer);
  expect(JSON.parse(answer.text)).toEqual({
    method: "GET",
    path: `${base}/containers`,
    query: "env=a%20b&x=?y",
    subject: "default",
  });
  expect((await edge.send("POST", base, bearer)).status).toBe(200);
});

test("HEAD is GET without the body", async () => {
  const get = await edge.send("GET", `${base}/x`, bearer);
  const answer = await edge.send("HEAD", `${base}/x`, bearer);
  expect([answer.status, answer.text, answer.headers["content-length"]]).toEqual([200, "", String(get.text.length)]);
});

test.each([
  ["a path beside the prefix", `${base}x`],
  ["another case", "/API/v1/admin/ops/x"],
  ["a percent-encoded letter of the prefix", "/%61pi/v1/admin/ops/x"],
  ["dot segments", `${base}/x/../y`],
  ["encoded dot segments", `${base}/%2e%2e/x`],
  ["an encoded slash", `${base}/a%2fb`],
  ["NUL", `${base}/a%00`],
  ["a backslash", `${base}/a\\b`],
  ["an empty segment", `${base}//x`],
  ["nobody's path", "/unknown"],
])("%s reaches no surface: 404", async (_name, path) => {
  const before = rest.calls.length;
  const answer = await sendRaw(edge.port, `GET ${path} HTTP/1.1\r\n${head}\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  expect(answer).toContain('"code":"not_found"');
  expect(rest.calls.length).toBe(before);
});

test.each([
  ["absolute form", `GET http://evil${base}/x HTTP/1.1\r\n${head}\r\n`, 400],
  ["asterisk form", `OPTIONS * HTTP/1.1\r\n${head}\r\n`, 400],
  ["broken percent-encoding", `GET ${base}/%zz HTTP/1.1\r\n${head}\r\n`, 400],
  ["raw bytes", `GET ${base}/\xff HTTP/1.1\r\n${head}\r\n`, 400],
  ["no Host", `GET ${base}/x HTTP/1.1\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`, 400],
  ["two Hosts", `GET ${base}/x HTTP/1.1\r\n${head}Host: y\r\n\r\n`, 400],
  ["two Hosts without a token", `GET ${base}/x HTTP/1.1\r\nHost: x\r\nHOST: x\r\nConnection: close\r\n\r\n`, 400],
  ["two Hosts on a public page", `GET /healthz HTTP/1.1\r\nHost: x\r\nhost: y\r\nConnection: close\r\n\r\n`, 400],
  ["TRACE", `TRACE ${base}/x HTTP/1.1\r\n${head}\r\n`, 405],
  ["DELETE", `DELETE ${base}/x HTTP/1.1\r\n${head}\r\n`, 405],
  [
    "Content-Length and Transfer-Encoding",
    `POST ${base}/x HTTP/1.1\r\n${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ["two Content-Lengths", `POST ${base}/x HTTP/1.1\r\n${head}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`, 400],
  ["a lone line feed", `GET ${base}/x HTTP/1.1\nHost: x\n\n`, 400],
  ["a huge header", `GET ${base}/x HTTP/1.1\r\n${head}X: ${"x".repeat(17_000)}\r\n\r\n`, 431],
  ["no HTTP at all", "hello\r\n\r\n", 400],
  ["an unknown expectation", `GET ${base}/x HTTP/1.1\r\n${head}Expect: a-miracle\r\n\r\n`, 400],
])("%s is refused before any surface, with our JSON and headers", async (_name, text, status) => {
  const before = rest.calls.length;
  const answer = await sendRaw(edge.port, text);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  const [headers = "", body = ""] = answer.split("\r\n\r\n");
  expect(JSON.parse(body).error.code).toBeTruthy();
  for (const name of [
    "Cache-Control: no-store",
    "nosniff",
    "Content-Security-Policy: default-src 'none'",
    "X-Request-Id: ",
  ]) {
    expect(headers).toContain(name);
  }
  expect(headers.includes("Allow: GET, HEAD, POST, OPTIONS")).toBe(status === 405);
  expect(rest.calls.length).toBe(before);
});

test("OPTIONS lists the methods and no CORS header", async () => {
  const answer = await edge.send("OPTIONS", `${base}/x`, { ...bearer, origin: "https://evil.example" });
  expect([answer.status, answer.headers["allow"]]).toEqual([204, "GET, HEAD, POST, OPTIONS"]);
  expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
});

test.each(["boom", "late-boom", "bad-header"])("%s: a bug is masked and logged with the request id", async (name) => {
  const answer = await edge.send("GET", `${base}/${name}`, bearer);
  expect(answer.status).toBe(500);
  expect(JSON.parse(answer.text)).toEqual({
    message: "Internal error",
    error: { code: "internal", message: "Internal error", request_id: answer.headers["x-request-id"] },
  });
  expect(
    edge.lines.some(
      (line) => line.includes("unexpected failure") && line.includes(String(answer.headers["x-request-id"])),
    ),
  ).toBe(true);
});

test("an OpsError keeps its code in both encodings", async () => {
  const answer = await edge.send("GET", `${base}/down`, bearer);
  expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([503, "prometheus_unavailable"]);
  expect(answer.headers["retry-after"]).toMatch(/^[123]$/);
  const problem = await edge.send("GET", `${base}/down`, { ...bearer, accept: "application/problem+json" });
  expect([problem.status, problem.headers["content-type"]]).toEqual([503, "application/problem+json"]);
});

test("headers are the same on answers, errors and public pages", async () => {
  const probes = [
    await edge.send("GET", `${base}/x`, bearer),
    await edge.send("GET", `${base}/nothing`, bearer),
    await edge.send("GET", "/unknown", bearer),
    await edge.send("GET", "/unknown"),
    await edge.send("GET", "/healthz"),
  ];
  for (const { headers } of probes) {
    expect(headers).toMatchObject({
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    });
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    for (const name of ["server", "x-powered-by", "etag", "access-control-allow-origin"])
      expect(headers[name]).toBeUndefined();
  }
  expect(probes[1]?.headers["content-length"]).toBeUndefined();
  expect(new Set(probes.map((probe) => probe.headers["x-request-id"])).size).toBe(probes.length);
});

test("a body is JSON by default, and text, Latin-1 or bytes by choice", async () => {
  const ask = async (name: string) => {
    const { headers, text } = await edge.send("GET", `${base}/${name}`, bearer);
    return [headers["content-type"], headers["content-length"], text];
  };
  const body = JSON.stringify({ method: "GET", path: `${base}/x`, query: "", subject: "default" });
  expect(await ask("x")).toEqual(["application/json", String(body.length), body]);
  expect(await ask("text")).toEqual(["text/plain; charset=utf-8", "2", "ä"]);
  expect(await ask("bytes")).toEqual(["text/plain", "3", "ä1"]);
});
