import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { genesis, toAuditLine } from "../src/audit/line.ts";
import { serveCommand } from "../src/cli/serve.ts";
import { parseConfig } from "../src/config/config.ts";
import { silentLogger } from "../src/lib/logger.ts";
import { serve } from "../src/serve.ts";
import { sampleEntry } from "./support/audit.ts";
import { runCommand } from "./support/command.ts";

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "ops-serve-"))));
afterAll(() => rmSync(folder, { recursive: true }));

const token = "token-of-the-serve-tests";
const toEnv = (more: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries({
      TOKEN: token,
      PORT: "0",
      DOCKER_HOSTS: "a=unix:///nowhere/a.sock",
      PROMETHEUS_URL: "http://127.0.0.1:1",
      DEPLOY_INFO_PATH: "/nowhere/deploy_info.json",
      AUDIT_FILE: join(folder, "audit.jsonl"),
      ...more,
    }).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value]),
  );

/** A gateway that is served until it is stopped, and what its log says. */
function start(more: Readonly<Record<string, string>> = {}) {
  const lines: (readonly [message: string, fields: object])[] = [];
  const stop = new AbortController();
  const info = (fields: object, message: string) => {
    if (message !== "request") lines.push([message, fields]);
  };
  const errors: (readonly [message: string, fields: object])[] = [];
  const error = (fields: object, message: string) => void errors.push([message, fields]);
  const served = serve(
    parseConfig(toEnv(more), () => ""),
    { ...silentLogger, info, error },
    stop.signal,
  );
  const listening = async () => {
    await expect.poll(() => lines.length).toBeGreaterThan(0);
    return lines[0]?.[1] as { url: string; metrics?: string };
  };
  return { lines, errors, stop, served, listening };
}

const port = expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string;

test("a gateway serves until it is stopped; then its address is free", async () => {
  const { lines, stop, served, listening } = start();
  const { url } = await listening();
  expect(lines).toEqual([["listening", { url: port, restart: false, jobs: false }]]);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect((await fetch(`${url}/api/v1/admin/ops/openapi.json`)).status).toBe(401);
  const headers = { authorization: `Bearer ${token}` };
  expect((await fetch(`${url}/api/v1/admin/ops/openapi.json`, { headers })).status).toBe(200);
  // Calls to upstreams, and requests, are counted.
  for (const [target, status] of [
    ["containers", 503],
    ["containers?env=moon", 400],
    ["moon", 404],
  ] as const)
    expect((await fetch(`${url}/api/v1/admin/ops/${target}`, { headers })).status).toBe(status);
  const metrics = await (await fetch(`${url}/metrics`, { headers })).text();
  expect(metrics).toMatch(/^ops_upstream_errors_total\{upstream="docker",code="docker_unavailable"\} [1-9]/m);
  const counted = metrics.split("\n").filter((line) => /^ops_http_requests_total.*code="(?:400|404|503)"/.test(line));
  expect(counted.toSorted()).toEqual([
    'ops_http_requests_total{route="/api/v1/admin/ops",method="GET",code="404"} 1',
    'ops_http_requests_total{route="/api/v1/admin/ops/containers",method="GET",code="400"} 1',
    'ops_http_requests_total{route="/api/v1/admin/ops/containers",method="GET",code="503"} 1',
  ]);
  stop.abort();
  await served;
  expect(lines.slice(1)).toEqual([
    ["draining", {}],
    ["stopped", {}],
  ]);
  await expect(fetch(`${url}/readyz`)).rejects.toThrow("fetch failed");
});

test("metrics have an address of their own, without a token", async () => {
  const { lines, stop, served, listening } = start({ METRICS_ADDRESS: "127.0.0.1:0", RESTART: "on" });
  const { url, metrics = "" } = await listening();
  expect(lines).toEqual([["listening", { url: port, metrics: port, restart: true, jobs: false }]]);
  expect(metrics).not.toBe(url);
  expect((await fetch(`${metrics}/metrics`)).status).toBe(200);
  expect((await fetch(`${metrics}/api/v1/admin/ops/openapi.json`)).status).toBe(404);
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
  stop.abort();
  await served;
  await expect(fetch(`${metrics}/metrics`)).rejects.toThrow("fetch failed");
});

test("its engines are listed before anybody asks, where it may restart", async () => {
  const asked = new Set<string>();
  const socket = join(folder, "engine.sock");
  const engine = createHttpServer(({ url = "" }, response) => {
    asked.add(new URL(url, "http://engine").pathname.replace(/^\/v[\d.]+/, ""));
    response.setHeader("content-type", "application/json").setHeader("api-version", "1.47");
    if (url.includes("/events")) response.flushHeaders();
    else response.end("[]");
  }).listen(socket);
  await once(engine, "listening");
  const { stop, served, listening } = start({ RESTART: "on", DOCKER_HOSTS: `a=unix://${socket}` });
  await listening();
  await expect.poll(() => [...asked]).toContain("/containers/json");
  stop.abort();
  await served;
  engine.closeAllConnections();
  engine.close();
});

test("an anchor URL that hangs delays the stop by two seconds at most", async () => {
  const path = join(folder, "anchored.jsonl");
  const { line, head } = toAuditLine(sampleEntry({ outcome: "ok", intent: 1 }), new Date(), genesis, null);
  writeFileSync(path, line);
  let calls = 0;
  // It never answers, not even to the beginning of TLS.
  let open = 0;
  const silent = createServer((socket) => {
    calls += 1;
    open += 1;
    socket
      .resume()
      .once("error", () => {})
      .once("close", () => (open -= 1));
  }).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port: used } = silent.address() as { port: number };
  const gateway = start({ AUDIT_FILE: path, AUDIT_ANCHOR: `HTTPS://127.0.0.1:${used}/heads` });
  await gateway.listening();
  await expect.poll(() => calls).toBe(1);
  const stoppedAt = performance.now();
  gateway.stop.abort();
  await gateway.served;
  // Two seconds, with slack for a busy machine. An attempt of its own has five, and there were two.
  expect(performance.now() - stoppedAt).toBeLessThan(7000);
  const last = { upstream: "audit_anchor", cause: "No answer within 2000 ms", audit: head };
  expect(gateway.errors).toEqual([
    ["The last head of the audit record was not anchored: it is only in this line", last],
  ]);
  // A connection that is being made would keep the process, for ten seconds where it is that of
  // `fetch`.
  await expect.poll(() => open, { timeout: 4000 }).toBe(0);
  silent.close();
});

test("an IPv6 address is logged with its brackets", async () => {
  const { stop, served, listening } = start({ HOST: "::1" });
  expect((await listening()).url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  stop.abort();
  await served;
});

test("a gateway that is stopped before it began ends at once", async () => {
  const { code, out, err } = await runCommand(serveCommand, [], {
    env: toEnv({ LOG_LEVEL: "silent" }),
    stop: AbortSignal.abort(),
  });
  expect({ code, out, err }).toEqual({ code: 0, out: [], err: [] });
});

test("an unavailable address is an error of one line", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => void taken.once("listening", resolve));
  const { port: used } = taken.address() as { port: number };
  const env = toEnv({ LOG_LEVEL: "silent", PORT: String(used) });
  expect(await runCommand(serveCommand, [], { env })).toEqual({
    code: 1,
    out: [],
    err: [`cannot start: listen EADDRINUSE: address already in use 127.0.0.1:${used}`],
  });
  taken.close();
});

test("a failure that is not about the address is thrown", async () => {
  const broken = new Error("broken");
  const stop = {
    get aborted(): boolean {
      throw broken;
    },
  } as AbortSignal;
  const env = toEnv({ LOG_LEVEL: "silent" });
  await expect(runCommand(serveCommand, [], { env, stop })).rejects.toBe(broken);
});

test("configuration mistakes have a line each", async () => {
  const env = toEnv({ PORT: "x", ENV: "y" });
  expect(await runCommand(serveCommand, [], { env })).toEqual({
    code: 78,
    out: [],
    err: ["WALLET_CORE_OPS_PORT must be a port, 0 to 65535\nWALLET_CORE_OPS_ENV must be staging or production"],
  });
});
