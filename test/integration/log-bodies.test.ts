import { mkdtempSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fullId, inspected, json, listed, ping, startFakeEngine } from "../support/docker-fake.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";

const canary = "CANARYOFABODY";
const folder = mkdtempSync(join(tmpdir(), "ops-bodies-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Fault = (response: ServerResponse) => void;

/** Answers that are none, each with the canary where its kind has it. */
const faults: readonly (readonly [name: string, fault: Fault])[] = [
  ...[400, 401, 403, 404, 409, 500, 501, 503].map((status): readonly [string, Fault] => [
    `HTTP ${status}`,
    (response) =>
      response.writeHead(status).end(JSON.stringify({ message: `client version ${canary}`, reason: canary })),
  ]),
  ["no JSON", (response) => response.end(`${canary} <html>`)],
  ["broken JSON", (response) => response.end(`{"a":"${canary}`)],
  [
    "JSON of another shape",
    (response) => response.end(JSON.stringify({ [canary]: canary, Id: canary, Config: [canary] })),
  ],
  ["a list of another shape", (response) => response.end(JSON.stringify([{ [canary]: canary, Id: canary }]))],
  [
    "Prometheus' refusal",
    (response) =>
      response.writeHead(422).end(JSON.stringify({ status: "error", errorType: canary, error: `${canary} timeout` })),
  ],
  [
    "a vector of another shape",
    (response) =>
      response.end(
        JSON.stringify({
          status: "success",
          data: { resultType: "vector", result: [{ metric: { [canary]: 1 }, value: canary }] },
        }),
      ),
  ],
  ["no HTTP", (response) => response.socket?.end(`${canary}\r\n\r\n`)],
  ["a head that is none", (response) => response.socket?.end(`HTTP/1.1 200 OK\r\nBad Header ${canary}\r\n\r\n`)],
];

const id = fullId("a");

/** An engine with one container, whose answers to what contains `broken` are faulty. */
async function startBrokenEngine(fault: Fault) {
  const engine = await startFakeEngine();
  const broken = { part: "nothing" };
  const sound: readonly (readonly [part: string, handler: Parameters<typeof engine.on>[1]])[] = [
    ["/_ping", ping("1.47")],
    ["/events", (__, response) => response.writeHead(200).flushHeaders()],
    ["/containers/json", json([listed(id, "web")])],
    ["/exec/", json({ Running: false, ExitCode: 0 })],
    ["/exec", json({ Id: id }, 201)],
    ["/restart", (__, response) => response.writeHead(204).end()],
    ["/logs", (__, response) => response.end()],
    [`/containers/${id}/json`, json(inspected(id, "web", { Healthcheck: { Test: ["CMD", "true"] } }))],
    ["/images", json([])],
  ];
  engine.on("/", (request, response) => {
    const url = request.url ?? "";
    if (url.includes(broken.part)) return fault(response);
    const handler = sound.find(([part]) => url.includes(part))?.[1];
    if (handler) handler(request, response);
    else response.writeHead(404).end("{}");
  });
  return { ...engine, broken };
}

/** What can be asked of the gateway, once. */
async function askAll(url: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const base = `${url}/api/v1/admin/ops`;
  const paths = [
    "containers",
    "containers/web",
    "containers/web/logs",
    "containers/web/health-check?probe=true",
    "queues",
    "hosts",
  ];
  const query =
    '{ engines { name error { message } } containers(includeAccessories: true) { name stats { cpuPct } } deploys { nodes { tag } } hosts { name history(from: "1h") { cpuUtil { value } } } }';
  const calls = [
    ...paths.map((path) => fetch(`${base}/${path}`, { headers })),
    fetch(`${base}/containers/web/restart`, { method: "POST", headers }),
    fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) }),
    fetch(`${url}/metrics?stats=1`, { headers }),
  ];
  const answers = await Promise.all(calls);
  return (await Promise.all(answers.map((answer) => answer.text()))).join("\n");
}

const parts = [
  "/containers/json",
  `${id}/json`,
  "/stats",
  "/logs",
  "/restart",
  "/images",
  "/exec",
  "/events",
  "/_ping",
  "/",
];

test.each(faults)("bodies of failed answers are in no log line and no answer: %s", async (_, fault) => {
  await using prometheus = await startFakeUpstream(fault);
  await using rabbitmq = await startFakeUpstream(fault);
  await using engine = await startBrokenEngine(fault);
  const { address } = engine.options as { address: { socketPath: string } };
  const more = { LOG_LEVEL: "trace", HEALTH_EXEC: "on", PROMETHEUS_URL: prometheus.url, RABBITMQ_URL: rabbitmq.url };
  await using gateway = await startGatewayProcess(address.socketPath, "wallet-core", join(folder, "audit.jsonl"), more);
  const answers: string[] = [];
  for (const part of parts) {
    engine.broken.part = part;
    answers.push(await askAll(gateway.url, gateway.token));
  }
  gateway.kill("SIGTERM");
  await gateway.ended;
  expect(gateway.log()).toContain('"level":"debug"');
  expect(gateway.log()).not.toContain(canary);
  expect(answers.join("\n")).not.toContain(canary);
});
