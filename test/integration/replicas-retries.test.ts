import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { freePort } from "../../script/services/process.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { until } from "../support/until.ts";

/**
 * What gateways get: each answers checks, and closes its connection once it has read any other
 * request, as one that is killed.
 */
const requests: string[] = [];
/** How their checks are answered. */
const ready = { acts: true, reads: true };
const gateways: Server[] = [];
let balancer: ChildProcess;
let url: string;

const answer = (socket: Socket, status: string) =>
  socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);

async function startKilled(): Promise<number> {
  const gateway = createServer((socket) => {
    let text = "";
    socket
      .on("error", () => {})
      .on("data", (chunk) => {
        text += chunk.toString("latin1");
        if (!text.includes("\r\n\r\n")) return;
        const [line = ""] = text.split("\r\n");
        const isReady = line.includes("/readyz/reads") ? ready.reads : ready.acts && ready.reads;
        if (line.includes("/readyz")) answer(socket, isReady ? "200 OK" : "503 Service Unavailable");
        else if (line.includes("/slow")) void setTimeout(answer, 8000, socket, "200 OK");
        else {
          requests.push(line.replace(" HTTP/1.1", ""));
          socket.destroy();
        }
      });
  }).listen(0, "127.0.0.1");
  await once(gateway, "listening");
  gateways.push(gateway);
  const address = gateway.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

beforeAll(async () => {
  const ports = [await startKilled(), await startKilled(), await startKilled()];
  const [port, healthPort] = [await freePort(), await freePort()];
  const config = join(inject("runFolder"), `haproxy-retries-${port}.cfg`);
  writeFileSync(
    config,
    readFileSync("deploy/replicas/haproxy.cfg", "utf8")
      .replace("bind :4000", `bind 127.0.0.1:${port}`)
      .replace("127.0.0.1:8404", `127.0.0.1:${healthPort}`)
      .replaceAll(/gateway-(\d):4000/g, (_, index) => `127.0.0.1:${ports[Number(index) - 1]}`),
  );
  balancer = spawn("haproxy", ["-db", "-f", config], {
    stdio: "ignore",
    env: { PATH: `${process.env["PATH"]}:/usr/sbin` },
  });
  url = `http://127.0.0.1:${port}`;
  const isReady = (at: string) =>
    fetch(at).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(async () => (await isReady(`${url}/readyz`)) && (await isReady(`http://127.0.0.1:${healthPort}/`)));
});

afterAll(async () => {
  balancer.kill();
  await once(balancer, "exit");
  for (const gateway of gateways) gateway.close();
});

beforeEach(() => void requests.splice(0));

const container = "/api/v1/admin/ops/containers/shop-web";

test.each([
  ["GET", `${container}/restart`],
  ["GET", `${container}/restart?reason=stuck`],
  ["HEAD", `${container}/restart`],
  ["GET", `${container}/health-check?probe=true`],
  ["GET", `${container}/health-check?%70robe=true`],
  ["POST", `${container}/restart`],
  ["POST", "/graphql"],
  ["POST", "/mcp"],
])("%s %s is sent to one gateway, once", async (method, path) => {
  expect((await fetch(url + path, { method })).status).toBe(502);
  expect(requests).toEqual([`${method} ${path}`]);
});

test.each([
  ["GET", container],
  ["GET", `${container}/logs?tail=5`],
  ["GET", "/graphql?query=%7Bcontainers%7Bname%7D%7D"],
])("%s %s is asked again, three times", async (method, path) => {
  expect((await fetch(url + path, { method })).status).toBe(502);
  expect(requests).toEqual(Array.from({ length: 4 }, () => `${method} ${path}`));
});

test("a gateway that stops answers what it has, and gets nothing new", async () => {
  const slow = fetch(`${url}/slow`);
  await sleep(500);
  ready.reads = false;
  // Without a gateway, HAProxy answers itself.
  await expect.poll(async () => (await fetch(url + container)).status).toBe(503);
  expect((await slow).status).toBe(200);
  ready.reads = true;
  await expect.poll(async () => (await fetch(url + container)).status).toBe(502);
});

test("where nothing can be recorded, gateways say so themselves", async () => {
  ready.acts = false;
  // Checks notice it within this time.
  await sleep(3000);
  requests.splice(0);
  expect((await fetch(`${url}/graphql`, { method: "POST" })).status).toBe(502);
  expect(requests).toEqual(["POST /graphql"]);
  ready.acts = true;
});

/** Sends a request line as it is, without what a client would mend in it. */
async function sendLine(to: string, line: string): Promise<void> {
  const { hostname, port } = new URL(to);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {}).resume();
  socket.write(`${line} HTTP/1.1\r\nHost: ops.example\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`);
  await once(socket, "close");
}

/** Words for each part of a restart's target, the true one first; it may be empty. */
const parts = [
  " / // /. /x/.. /%2e \\ http://ops.example HTTP://ops.example:4000 http://ops.example/",
  "/api/v1/admin/ops /API/v1/admin/ops /api/v1//admin/ops /api/v1/./admin/ops /%61pi/v1/admin/ops",
  "/containers/web /containers/%77eb /containers//web /containers/x/../web /containers/web;a=b /containers/restart",
  "/ // /./ /;/ /x/../ %2f %2F \\ %5c /%00 /%20 %0a/ ",
  "restart RESTART Restart %72estart restar%74 %72%65%73%74%61%72%74 %52estart %2572estart r%65start re%73tart " +
    "restart%20 %20restart restart%00 restart%0d%0a rest%61rt re-start ",
  " / // /. /./ /.. /x/.. /%2e %2f \\ ? ?x=/y ?/restart ?a=b/x # #x ?# ; ;x ;/ ;v=1/x %3f %3Fx %23 . .. .json , &x + ~ " +
    "% %zz é /restart",
].map((words) => words.split(" "));

/** Each other word in each place, alone and beside each other word in another place. */
function listTargets(): readonly string[] {
  const plain = parts.map(([first = ""]) => first);
  const changes = parts.flatMap((words, place) => words.slice(1).map((word) => [place, word] as const));
  const pairs = changes.flatMap((one) => changes.filter(([place]) => place > one[0]).map((other) => [one, other]));
  const toTarget = (changed: readonly (readonly [number, string])[]) =>
    plain.map((word, place) => changed.find(([at]) => at === place)?.[1] ?? word).join("");
  return [...new Set([[], ...changes.map((one) => [one]), ...pairs].map(toTarget))];
}

test("no target that the router takes as a restart is sent twice", { timeout: 180_000 }, async () => {
  const { sources, calls } = createMemorySources(
    { containers: [sampleContainer({ name: "web" })] },
    { restartEnabled: true },
  );
  await using gateway = await startGateway(sources);
  const restarts = async (line: string) => {
    const before = calls["restart"] ?? 0;
    await sendLine(gateway.url, line);
    return (calls["restart"] ?? 0) > before;
  };
  const sent = { twice: 0, restarts: new Set<string>() };
  const ask = async (method: string, target: string) => {
    requests.splice(0);
    await sendLine(url, `${method} ${target}`);
    const reached = [...requests];
    // As the client wrote it, and as HAProxy passed it on.
    const lines = new Set([`${method} ${target}`, ...reached]);
    const taken = await Promise.all([...lines].map(restarts));
    if (taken.includes(true)) sent.restarts.add(target);
    if (reached.length > 1) sent.twice += 1;
    expect([target, taken.includes(true) && reached.length > 1]).toEqual([target, false]);
  };
  const targets = listTargets();
  for (const target of targets) await ask("GET", target);
  expect([...sent.restarts].slice(0, 2)).toEqual(
    ["web", "%77eb"].map((name) => `/api/v1/admin/ops/containers/${name}/restart`),
  );
  expect(sent.restarts.size).toBeGreaterThan(5);
  // The others are reads, or nothing, which may be asked twice.
  expect(sent.twice).toBeGreaterThan(targets.length / 2);
  for (const target of sent.restarts) await ask("HEAD", target);
});
