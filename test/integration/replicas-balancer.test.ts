import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { freePort } from "../../script/services/process.ts";
import { migrateTables } from "../../src/audit/postgres/probe.ts";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
const ports = [await freePort(), await freePort(), await freePort()];
let database: TestDatabase;
let gateways: Awaited<ReturnType<typeof startGatewayProcess>>[];
let balancer: ChildProcess;
let url: string;

const start = (port = 0) =>
  startGatewayProcess(socketPath, "balanced", join(inject("runFolder"), "no", "such", "folder"), {
    PORT: String(port),
    STATE_URL: database.url,
    TRUSTED_PROXIES: "127.0.0.1",
  });

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "balancer");
  await migrateTables(database.url);
  const count = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done";
  for (const name of ["one", "two"]) {
    const labels = { service: "balanced", role: name, destination: "staging" };
    ids.push(
      await startContainer(socketPath, { name: `balanced-${name}`, labels, cmd: ["sh", "-c", count], stopTimeout: 1 }),
    );
  }
  gateways = await Promise.all(ports.map(start));
  const [port, healthPort] = [await freePort(), await freePort()];
  const shipped = readFileSync("deploy/replicas/haproxy.cfg", "utf8");
  const config = join(inject("runFolder"), `haproxy-${port}.cfg`);
  writeFileSync(
    config,
    shipped
      .replace("bind :4000", `bind 127.0.0.1:${port}`)
      .replace("127.0.0.1:8404", `127.0.0.1:${healthPort}`)
      .replaceAll(/gateway-(\d):4000/g, (_, index) => `127.0.0.1:${ports[Number(index) - 1]}`),
  );
  balancer = spawn("haproxy", ["-db", "-f", config], {
    stdio: "ignore",
    env: { PATH: `${process.env["PATH"]}:/usr/sbin` },
  });
  url = `http://127.0.0.1:${port}`;
  await until(() =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
});
afterAll(async () => {
  balancer.kill();
  await once(balancer, "exit");
  for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
  await removeContainers(socketPath, ids);
  await database.drop();
});

const headers = { authorization: "Bearer process-token-0123456789" };
const api = "/api/v1/admin/ops/containers";

/** Asks again and again until it is stopped: what was not answered as it should be. */
function load(ask: () => Promise<Response>) {
  const state = { asked: 0, wrong: [] as string[], isOver: false };
  const run = async () => {
    while (!state.isOver) {
      state.asked += 1;
      try {
        const response = await ask();
        const text = await response.text();
        // An engine that is slow, as on a busy machine, is slow through any gateway.
        if (text.includes('"docker_timeout"')) continue;
        if (!response.ok || text.includes('"errors"')) state.wrong.push(`${response.status} ${text.slice(0, 200)}`);
      } catch (error) {
        state.wrong.push(String((error as Error).cause ?? error));
      }
    }
  };
  const running = run();
  return async () => {
    state.isOver = true;
    await running;
    return state;
  };
}

/**
 * Follows a log as an EventSource does: opens it again where it ended, after the last line it has.
 */
async function follow(name: string, signal: AbortSignal, lines: string[] = []): Promise<string[]> {
  let last = "";
  while (!signal.aborted) {
    const more = last === "" ? "&tail=0" : "";
    try {
      const response = await fetch(`${url}${api}/${name}/logs?follow=true${more}`, {
        headers: { ...headers, accept: "text/event-stream", ...(last !== "" && { "last-event-id": last }) },
        signal,
      });
      let text = "";
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        const events = text.split("\n\n");
        text = events.pop() ?? "";
        for (const event of events) {
          const [, id] = /^id: (.*)$/m.exec(event) ?? [];
          if (!id) continue;
          last = id;
          const data = JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? "[]") as { message: string }[];
          lines.push(...data.map(({ message }) => message));
        }
      }
    } catch {
      // It is opened again.
    }
    await sleep(100);
  }
  return lines;
}

test("gateways are replaced under load; no request fails, no line is lost", { timeout: 180_000 }, async () => {
  const query = JSON.stringify({
    query: '{ containers { name status } logs(role: "one", tail: 3) { lines { message } } }',
  });
  const stops = [
    load(() => fetch(`${url}${api}`, { headers })),
    load(() => fetch(`${url}${api}/balanced-two/logs?tail=5`, { headers })),
    load(() =>
      fetch(`${url}/graphql`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: query,
      }),
    ),
    load(() => fetch(`${url}${api}`, { headers: { ...headers, connection: "close" } })),
  ];
  const end = new AbortController();
  const following = follow("balanced-one", end.signal);
  await sleep(1000);
  for (const [index, gateway] of gateways.entries()) {
    gateway.kill("SIGTERM");
    expect(await gateway.ended).toBe(0);
    gateways[index] = await start(ports[index]);
    await sleep(1500);
  }
  const states = await Promise.all(stops.map((stop) => stop()));
  expect(states.flatMap(({ wrong }) => wrong)).toEqual([]);
  for (const { asked } of states) expect(asked).toBeGreaterThan(20);
  end.abort();
  const numbers = (await following).map((line) => Number(line.replace("line ", "")));
  expect(numbers.length).toBeGreaterThan(100);
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
});

/**
 * What takes the way to a gateway: it is stopped in the middle of everything, or all its packets
 * are lost.
 */
const faults = {
  paused: (index: number) => {
    gateways[index]?.kill("SIGSTOP");
    return () => void gateways[index]?.kill("SIGCONT");
  },
  "cut off": (index: number) => {
    const rules = ["--dport", "--sport"].map((side) => [
      "INPUT",
      "-p",
      "tcp",
      side,
      String(ports[index]),
      "-j",
      "DROP",
    ]);
    for (const rule of rules) execFileSync("iptables", ["-I", ...rule]);
    return () => {
      for (const rule of rules) execFileSync("iptables", ["-D", ...rule]);
    };
  },
} as const;

test.each(Object.entries(faults))(
  "readers of a gateway that is %s go on within 15 s",
  { timeout: 120_000 },
  async (_name, fault) => {
    const end = new AbortController();
    const followed = Array.from({ length: 6 }, (): string[] => []);
    const following = followed.map((lines) => follow("balanced-one", end.signal, lines));
    await until(() => followed.every((lines) => lines.length > 10));
    const slowest = { ms: 0 };
    const timed = async (ask: () => Promise<Response>) => {
      const startedAt = performance.now();
      try {
        return await ask();
      } finally {
        slowest.ms = Math.max(slowest.ms, performance.now() - startedAt);
      }
    };
    const stops = Array.from({ length: 4 }, () =>
      load(() =>
        timed(() => fetch(`${url}${api}/balanced-two/logs?tail=5`, { headers: { ...headers, connection: "close" } })),
      ),
    );
    await sleep(1000);
    const mend = fault(1);
    const brokenAt = performance.now();
    const before = followed.map(({ length }) => length);
    const isOver = () => performance.now() - brokenAt > 15_000;
    while (!isOver()) await sleep(100);
    const behind = followed.filter((lines, index) => lines.length <= (before[index] ?? 0) + 20);
    mend();
    const states = await Promise.all(stops.map((stop) => stop()));
    await sleep(2000);
    end.abort();
    await Promise.all(following);
    expect(behind).toEqual([]);
    for (const lines of followed) {
      const numbers = lines.map((line) => Number(line.replace("line ", "")));
      expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    }
    expect(slowest.ms).toBeLessThan(15_000);
    // What that gateway had not answered is given up, once.
    for (const { wrong } of states) expect([[], ["SocketError: other side closed"]]).toContainEqual(wrong);
  },
);

test("a restart through the balancer has the client's address in the record", async () => {
  const asked = await fetch(`${url}${api}/balanced-two/restart`, { method: "POST", headers });
  expect(asked.status).toBe(200);
  const { rows } = await database.query(
    "select line::json->>'ip' as ip from wallet_core_ops.entry order by seq desc limit 1",
  );
  expect(rows).toEqual([{ ip: "127.0.0.1" }]);
});
