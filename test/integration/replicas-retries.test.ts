import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { freePort } from "../../script/services/process.ts";
import { until } from "../support/until.ts";

/** What gateways get: each answers checks, and closes its connection once it has read any other request, as one that is killed. */
const requests: string[] = [];
const gateways: Server[] = [];
let balancer: ChildProcess;
let url: string;

async function startGateway(): Promise<number> {
  const gateway = createServer((socket) => {
    let text = "";
    socket
      .on("error", () => {})
      .on("data", (chunk) => {
        text += chunk.toString("latin1");
        if (!text.includes("\r\n\r\n")) return;
        const [line = ""] = text.split("\r\n");
        if (line.includes("/readyz")) socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
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
  const ports = [await startGateway(), await startGateway(), await startGateway()];
  const [port, healthPort] = [await freePort(), await freePort()];
  const config = join(inject("runFolder"), `haproxy-retries-${port}.cfg`);
  writeFileSync(
    config,
    readFileSync("deploy/replicas/haproxy.cfg", "utf8")
      .replace("bind :4000", `bind 127.0.0.1:${port}`)
      .replace("127.0.0.1:8404", `127.0.0.1:${healthPort}`)
      .replaceAll(/gateway-(\d):4000/g, (_, index) => `127.0.0.1:${ports[Number(index) - 1]}`),
  );
  balancer = spawn("haproxy", ["-db", "-f", config], { stdio: "ignore", env: { PATH: `${process.env["PATH"]}:/usr/sbin` } });
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
