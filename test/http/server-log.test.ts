import { afterAll, beforeAll, expect, test } from "vitest";
import { createToken } from "../../src/auth/token.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { bearer, createSpySurface, sendRaw, startEdge, type TestEdge, token } from "../support/edge.ts";

const rest = createSpySurface((request) => {
  if (request.path.endsWith("/fails")) throw new OpsError("docker_unavailable", "no engine", { upstream: "docker:a" });
  request.logged = { operation: "Containers" };
  return { status: 200, body: '{"ä":1}', route: "/containers/:name" };
});
let edge: TestEdge;

beforeAll(async () => {
  edge = await startEdge({ surfaces: [rest] });
});
afterAll(() => edge[Symbol.asyncDispose]());

/** The lines of one request, by what it does. */
async function linesOf(act: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const before = edge.lines.length;
  await act();
  await expect.poll(() => edge.lines.length).toBeGreaterThan(before);
  return edge.lines.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("a request has one log line with these fields", async () => {
  const path = "/api/v1/admin/ops/containers/web?secret=1";
  const [line, ...more] = await linesOf(() => edge.send("GET", path, { ...bearer, "x-request-id": "my-id.1" }));
  expect(more).toEqual([]);
  expect(line).toMatchObject({
    msg: "request",
    method: "GET",
    path: "/api/v1/admin/ops/containers/web",
    route: "/containers/:name",
    status: 200,
    bytes: 8,
    client_request_id: "my-id.1",
    subject: "default",
    kid: "default",
    operation: "Containers",
  });
  expect(line?.["duration_ms"]).toBeGreaterThan(0);
  expect(line?.["request_id"]).toMatch(/^[0-9a-f]{8}-/);
});

test("an error has its code; a refused one has the address, no principal", async () => {
  const [failed] = await linesOf(() => edge.send("GET", "/api/v1/admin/ops/fails", bearer));
  expect(failed).toMatchObject({ status: 503, code: "docker_unavailable" });
  const [refused] = await linesOf(() => edge.send("GET", "/graphql"));
  expect(refused).toMatchObject({ status: 401, code: "unauthorized", ip: "127.0.0.1" });
  expect(refused).not.toHaveProperty("subject");
});

test.each([
  ["a path with a line feed, encoded", "/x%0a%7b%22level%22:60%7d"],
  ["a path with JSON in it", '/x"},{"level":60,"msg":"forged'],
  ["a path with raw bytes", "/x\x80\x9b31m\xff"],
  ["a very long path", `/${"a".repeat(9000)}`],
])("%s: one line, one object, printable", async (_name, path) => {
  const text = `GET ${path} HTTP/1.1\r\nHost: x\r\nUser-Agent: {"level":60}\r\nX-Request-Id: a"b\r\nConnection: close\r\n\r\n`;
  const before = edge.lines.length;
  const lines = await linesOf(() => sendRaw(edge.port, text));
  expect(lines).toHaveLength(1);
  expect(edge.lines[before]).toMatch(/^[\x20-\x7e]{1,900}\n$/);
  expect(lines[0]).toMatchObject({ level: 30 });
  expect(lines[0]).not.toHaveProperty("client_request_id");
});

test("no secret is logged: header, query or a token in the path", async () => {
  const ours = createToken("ab12", new Uint8Array(32).fill(7));
  await linesOf(() =>
    edge.send("GET", `/api/v1/admin/ops/${ours}?token=${token}`, { ...bearer, cookie: `t=${token}` }),
  );
  await linesOf(() => edge.send("GET", `/x/${ours}`, { authorization: `Bearer ${ours}` }));
  const text = edge.lines.join("");
  expect(text).not.toContain(token);
  expect(text).not.toContain(ours.slice(9, 30));
  expect(text).toContain("/x/ops_<redacted>");
});

test("a token where the path is truncated leaves no trace in the log", async () => {
  const ours = createToken("ab12", new Uint8Array(32).fill(7));
  for (const length of [10, 20, 28]) {
    const [line] = await linesOf(() => edge.send("GET", `/${"x".repeat(254 - length)}/${ours}`));
    expect(line?.["path"]).not.toContain("ops_ab");
  }
});

test("an unparsable request has a log line too", async () => {
  const [line, ...more] = await linesOf(() => sendRaw(edge.port, "GET / HTTP/9.9\r\n\r\n"));
  expect(more).toEqual([]);
  expect(line).toMatchObject({ status: 400, code: "invalid_request", msg: "request not parsed" });
});
