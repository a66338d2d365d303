import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSpySurface, sendRaw, startEdge, type TestEdge, token } from "../support/edge.ts";

const never = new Promise<never>(() => {});
const rest = createSpySurface(async (request) => {
  if (request.path.endsWith("/waits")) return never;
  return { status: 200, body: String((await request.body()).length) };
});
let edge: TestEdge;

beforeAll(async () => {
  edge = await startEdge({ surfaces: [rest], limits: { drainMs: 0 } });
});
afterAll(() => edge[Symbol.asyncDispose]());

const bearer = `Authorization: Bearer ${token}\r\n`;
const head = (path: string, headers = bearer) =>
  `POST /api/v1/admin/ops/${path} HTTP/1.1\r\nHost: x\r\n${headers}Transfer-Encoding: chunked\r\n\r\n`;
const bytes = (count: number) => "1\r\nx\r\n".repeat(count);

test("a body in 260 chunks of one byte is read", async () => {
  expect(await sendRaw(edge.port, `${head("x", `${bearer}Connection: close\r\n`)}${bytes(260)}0\r\n\r\n`)).toMatch(
    /\r\n260$/,
  );
});

test.each([
  ["x", 261],
  ["x", 60_000],
  ["waits", 60_000],
] as const)("a body in more chunks of one byte is refused: %s", async (path, chunks) => {
  const answer = await sendRaw(edge.port, head(path) + bytes(chunks));
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain("The body comes in too many small chunks");
});

test("a body in more chunks of a fair size is read", async () => {
  const fair = `40\r\n${"x".repeat(64)}\r\n`.repeat(1024);
  const request = `${head("x", `${bearer}Connection: close\r\n`)}${fair}0\r\n\r\n`;
  expect(await sendRaw(edge.port, request)).toMatch(/\r\n65536$/);
});

test("later requests with bodies are read after refused ones", async () => {
  await Promise.all(Array.from({ length: 20 }, () => sendRaw(edge.port, head("x") + bytes(20_000))));
  const request = `${head("x", `${bearer}Connection: close\r\n`)}${bytes(3)}0\r\n\r\n`;
  for (const answer of await Promise.all(Array.from({ length: 40 }, () => sendRaw(edge.port, request)))) {
    expect(answer).toMatch(/\r\n3$/);
  }
});

test.each([
  ["a length", "Content-Length: 1\r\n\r\nx"],
  ["chunks", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"],
])("pipelined requests with bodies close the connection: %s", async (_how, body) => {
  const before = edge.lines.length;
  const socket = connect(edge.port, "127.0.0.1").on("error", () => {});
  const closed = new Promise((resolve) => void socket.once("close", resolve));
  socket.resume().write(`GET /healthz HTTP/1.1\r\nHost: x\r\n${body}`.repeat(5000));
  await closed;
  const answered = edge.lines.slice(before).filter((line) => line.includes('"path":"/healthz"'));
  expect(answered.length).toBeGreaterThan(0);
  expect(answered.length).toBeLessThanOrEqual(32);
});

test("32 requests with bodies at once are answered", async () => {
  const request = "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx";
  const count = (text: string) => text.match(/HTTP\/1\.1 200/g)?.length;
  expect(count(await sendRaw(edge.port, request.repeat(32), 300))).toBe(32);
});

test.each([
  ["no token", ""],
  ["a token", bearer],
])(
  "a body without end is not received after its answer: %s",
  async (_who, headers) => {
    const socket = connect(edge.port, "127.0.0.1").on("error", () => {});
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    const closed = new Promise((resolve) => void socket.once("close", resolve));
    socket.write(head("x", headers));
    const more = setInterval(() => socket.write(`1000\r\n${"x".repeat(4096)}\r\n`), 5);
    await closed;
    clearInterval(more);
    expect(text).toMatch(headers ? /^HTTP\/1\.1 413 / : /^HTTP\/1\.1 401 /);
    expect(text).toContain("Connection: close");
  },
  10_000,
);

test("a short body that nobody reads keeps the connection", async () => {
  const request = "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
  expect(await sendRaw(edge.port, request, 300)).not.toContain("Connection: close");
});
