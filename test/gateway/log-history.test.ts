import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { basePath } from "../../src/rest/endpoints.ts";
import { createSources, type OpenSources } from "../../src/sources.ts";
import { type FakeEngine, fullId, inspected, json, listed, startFakeEngine } from "../support/docker-fake.ts";
import { frame } from "../support/docker-frames.ts";
import { startGateway } from "../support/gateway.ts";
import { startVictoriaLogs, vectorEntry, type VictoriaLogsStandIn } from "../support/victorialogs.ts";

const [web, gone] = [fullId("a"), fullId("b")];
const time = (second: number) => `2026-01-13T09:46:${String(second).padStart(2, "0")}.000000001Z`;
const Labels = { service: "wallet-core", role: "web", destination: "staging" };
const labels = Object.fromEntries(Object.entries(Labels).map(([name, value]) => [`label.${name}`, value]));
const entry = (second: number, change: Readonly<Record<string, string>> = {}) =>
  vectorEntry({
    _time: time(second),
    _msg: `line ${second}`,
    container_id: web,
    container_name: "web-v2",
    ...labels,
    ...change,
  });
const ofGone = {
  container_id: gone,
  container_name: "wallet-core-web-staging-v1",
  container_created_at: "2026-01-13T09:39:00Z",
};

let engine: FakeEngine;
let standIn: VictoriaLogsStandIn;
let sources: OpenSources;
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  [engine, standIn] = [await startFakeEngine("web-1"), await startVictoriaLogs()];
  engine.on("/containers/json", json([listed(web, "web-v2", { Labels })]));
  engine.on(`/containers/${web}/json`, json(inspected(web, "web-v2", { Labels })));
  const log = [6, 7, 8, 9].map((second) => frame("stdout", Buffer.from(`${time(second)} line ${second}\n`)));
  engine.on(`/containers/${web}/logs`, (_, response) => response.writeHead(200).end(Buffer.concat(log)));
  const { address } = engine.options;
  const socket = address.kind === "unix" ? address.socketPath : "";
  const env = { TOKEN: "token-of-the-history", DOCKER_HOSTS: `web-1=unix://${socket}`, LOG_HISTORY_URL: standIn.url };
  const named = Object.fromEntries(Object.entries(env).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value]));
  sources = createSources(
    parseConfig(named, () => ""),
    silentLogger,
  );
  gateway = await startGateway(sources);
});
beforeEach(() => {
  standIn.misbehave = null;
  standIn.entries = [1, 2, 3, 4, 5, 6, 7].map((second) => entry(second)).concat(entry(0, ofGone), entry(1, ofGone));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await sources.close();
  await standIn[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

const get = async (query: string, accept = "application/json") => {
  const response = await gateway.fetch(`${basePath}/containers/web-v2/logs?${query}`, { headers: { accept } });
  const text = await response.text();
  const failure = response.headers.get("x-ops-history-error");
  return { status: response.status, failure, text, body: accept === "text/plain" ? null : JSON.parse(text) };
};
const numbers = (lines: readonly { message: string }[]) => lines.map(({ message }) => Number(message.slice(5)));

describe("REST with a log history", () => {
  it("has older lines in the same answer", async () => {
    const { body } = await get("tail=7");
    expect([numbers(body.lines), body.truncated, "history_error" in body]).toEqual([
      [3, 4, 5, 6, 7, 8, 9],
      true,
      false,
    ]);
    expect(numbers((await get(`tail=9&since=${time(2)}&until=${time(4)}`)).body.lines)).toEqual([2, 3, 4]);
    expect(numbers((await get("tail=9&search=line 2")).body.lines)).toEqual([2]);
    expect((await get("tail=99", "text/plain")).text.split("\n")).toHaveLength(10);
  });

  it("asks it only where the engine has not enough", async () => {
    const before = standIn.queries.length;
    expect((await get("tail=3")).body).toMatchObject({ truncated: true });
    expect(standIn.queries.length).toBe(before);
  });

  it("names its failure beside the engine's lines, for text in a header", async () => {
    standIn.misbehave = (response) => response.writeHead(503).end();
    const { status, body } = await get("tail=7");
    const failure = {
      code: "log_history_unavailable",
      message: "The log history answered with a server error (HTTP 503)",
    };
    expect([status, numbers(body.lines), body.truncated, body.history_error]).toEqual([
      200,
      [6, 7, 8, 9],
      true,
      failure,
    ]);
    expect(await get("tail=7&search=line 2", "text/plain")).toMatchObject({ status: 503 });
    const text = "line 6\nline 7\nline 8\nline 9\n";
    expect(await get("tail=7", "text/plain")).toEqual({ status: 200, failure: failure.code, text, body: null });
    standIn.misbehave = null;
    expect(await get("tail=7", "text/plain")).toMatchObject({ status: 200, failure: null });
  });
});

it("a history that hangs costs its deadline once, and no line", async () => {
  standIn.misbehave = () => {};
  const before = standIn.asked();
  const { body } = await gateway.query(roleQuery, { tail: 99 });
  expect(numbers(body.data.logs.lines.slice(-4))).toEqual([6, 7, 8, 9]);
  expect(body.data.logs).toMatchObject({ truncated: true, historyError: { code: "log_history_unavailable" } });
  expect(standIn.asked() - before).toBe(1);
});

const roleQuery = `query ($tail: Int!, $before: String, $at: String) {
  logs(role: "web", tail: $tail, before: $before, at: $at) {
    lines { kind message container { name engine env version } }
    truncated startCursor historyError { code }
    containers { container { name } error { code } }
  }
}`;

describe("GraphQL with a log history", () => {
  it("pages back over the seam and into a removed container", async () => {
    const found: number[][] = [];
    for (let before: string | null = null, more = true; more;) {
      const { body } = await gateway.query(roleQuery, { tail: 3, before });
      const { lines, truncated, startCursor } = body.data.logs;
      found.unshift(numbers(lines.filter(({ kind }: { kind: string }) => kind === "LINE")));
      [before, more] = [startCursor, truncated];
    }
    expect(found.flat()).toEqual([0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("says which removed container a line is of", async () => {
    const { body } = await gateway.query(roleQuery, { tail: 99 });
    const { lines, containers, historyError } = body.data.logs;
    const container = { name: ofGone.container_name, engine: "web-1", env: "STAGING", version: "v1" };
    expect(lines[0]).toEqual({ kind: "LINE", message: "line 0", container });
    expect([containers.length, historyError]).toEqual([2, null]);
  });

  it("names a failure beside the engines' lines", async () => {
    standIn.misbehave = (response) => response.end("garbage\n");
    const { body } = await gateway.query(roleQuery, { tail: 99 });
    expect(numbers(body.data.logs.lines.slice(-4))).toEqual([6, 7, 8, 9]);
    expect(body.data.logs).toMatchObject({ truncated: true, historyError: { code: "log_history_unavailable" } });
    expect(body.data.logs.containers).toMatchObject([{ error: null }]);
  });
});
