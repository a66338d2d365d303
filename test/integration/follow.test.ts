import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createClient } from "../../src/client/client.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { startDockerProxy } from "../support/docker-count-proxy.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { readEvents, type ServerEvent } from "../support/events.ts";
import { startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const proxy = await startDockerProxy(socketPath, inject("runFolder"));
const containers = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath: proxy.socketPath } }],
  rules: rulesOf("followhttp"),
  logger: silentLogger,
});
const gateway = await startGateway(
  { ...createMemorySources().sources, containers },
  { limits: { stalledReaderMs: 1500 } },
);
const ids: Record<string, string> = {};
const headers = { authorization: `Bearer ${token}` };
const count = "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo INFO line-$i; sleep 0.02; done";

beforeAll(async () => {
  const labels = { service: "followhttp", destination: "staging" };
  const start = async (role: string, script: string) =>
    (ids[role] = await startContainer(socketPath, {
      name: `followhttp-${role}`,
      labels: { ...labels, role },
      cmd: ["sh", "-c", script],
    }));
  await start("web", count);
  await start("burst", "for i in $(seq 1000); do echo INFO line-$i; done; sleep 3600");
  await start("secret", "while :; do echo password=canary-1; sleep 0.05; done");
  await start("flood", "while :; do yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | head -n 20000; sleep 0.1; done");
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await containers.close();
  await removeContainers(socketPath, Object.values(ids));
  await proxy.close();
});

const path = (role: string, query: string) =>
  `${gateway.url}/api/v1/admin/ops/containers/followhttp-${role}/logs?follow=true&${query}`;
const isFollowed = (role: string) => proxy.open(`${ids[role]}/logs?follow=1`);

test("a log followed from a time on has all lines since", async () => {
  const read = async () =>
    (await (await fetch(path("burst", "").replace("follow=true&", "tail=5000"), { headers })).json()) as {
      lines: { timestamp: string; message: string }[];
    };
  await until(async () => (await read()).lines.length === 1000);
  const since = (await read()).lines[99]?.timestamp;
  const text = `subscription { containerLogs(name: "followhttp-burst", since: "${since}") { lines { timestamp message } dropped notice } }`;
  const streams = createClient({ url: gateway.url, token }).subscribe<any, object>(text);
  const { dropped, notice, lines } = (await streams.next()).value.containerLogs;
  await streams.return?.();
  const events = readEvents(await fetch(path("burst", `since=${since}`), { headers }));
  const rest = (await events.next()).value?.data;
  await events.return(undefined);
  expect([dropped, notice]).toEqual([0, null]);
  for (const some of [lines, rest]) {
    expect(some[0].timestamp).toBe(since);
    // Lines may share a time.
    expect(some.length).toBeGreaterThanOrEqual(901);
    expect(some.map(({ message }: { message: string }) => message)).toEqual(
      some.map((_: unknown, index: number) => `INFO line-${1000 - some.length + 1 + index}`),
    );
  }
});

test("a log is followed over a restart and resumes by the last id", async () => {
  const response = await fetch(path("web", "tail=3"), { headers });
  const events: ServerEvent[] = [];
  const reading = (async () => {
    for await (const event of readEvents(response)) {
      events.push(event);
      if (events.some(({ data }) => data.notice === "resumed") && event.event === "lines") break;
    }
  })();
  await until(async () => events.length > 5);
  await callDocker(socketPath, "POST", `/containers/${ids["web"]}/restart?t=2`);
  await reading;
  await until(async () => isFollowed("web") === 0, 1000);
  const lines = events.flatMap(({ event, data }) => (event === "lines" ? data : []));
  expect(lines[0]).toMatchObject({ level: "info", stream: "stdout" });
  const { id } = events.findLast((event) => event.id !== null) ?? {};
  await sleep(300);
  const again = readEvents(await fetch(path("web", "tail=1"), { headers: { ...headers, "last-event-id": id ?? "" } }));
  const next = (await again.next()).value?.data[0];
  await again.return(undefined);
  const page = (await (await fetch(path("web", "").replace("follow=true&", "tail=5000"), { headers })).json()) as {
    lines: typeof lines;
  };
  const all = page.lines.map((line: { timestamp: string }) => line.timestamp);
  expect(all.slice(all.indexOf(lines[0].timestamp)).slice(0, lines.length + 1)).toEqual(
    [...lines, next].map((line) => line.timestamp),
  );
});

test("secrets do not pass the stream", async () => {
  const events = readEvents(await fetch(path("secret", "tail=10"), { headers }));
  const messages: string[] = [];
  for await (const { event, data } of events) {
    if (event === "lines") messages.push(...data.map(({ message }: { message: string }) => message));
    if (messages.length > 20) break;
  }
  expect(new Set(messages)).toEqual(new Set(["password=[redacted]"]));
});

test("a GraphQL subscription follows with filters and frees the engine", async () => {
  const query = `subscription { containerLogs(name: "followhttp-web", tail: 0, searchRegex: "line-\\\\d*5$") { lines { message timestamp } ended } }`;
  const client = createClient({ url: gateway.url, token });
  const messages: string[] = [];
  for await (const { containerLogs } of client.subscribe<{ containerLogs: { lines: { message: string }[] } }, object>(
    query,
  )) {
    messages.push(...containerLogs.lines.map(({ message }) => message));
    if (messages.length > 5) break;
  }
  expect(messages.filter((message) => !message.endsWith("5"))).toEqual([]);
  await until(async () => isFollowed("web") === 0, 1000);
});

test("a stalled reader uses little memory, is cut off and frees the engine", async () => {
  const response = await fetch(path("flood", "tail=0"), { headers });
  expect(response.status).toBe(200);
  const before = process.memoryUsage().rss;
  await until(async () => isFollowed("flood") === 1);
  await sleep(1000);
  expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
  await until(async () => isFollowed("flood") === 0, 10_000);
  await response.body?.cancel().catch(() => {});
});
