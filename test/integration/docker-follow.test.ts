import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import type { FollowOptions, LogBatch, LogLine } from "../../src/containers/logs/log.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { removeContainers, soon, startContainer } from "../support/docker-containers.ts";
import { startDockerProxy } from "../support/docker-count-proxy.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { until } from "../support/until.ts";

const proxy = await startDockerProxy(inject("dockerSocket"), inject("runFolder"));
const socketPath = inject("dockerSocket");
const source = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath: proxy.socketPath } }],
  rules: rulesOf("followcheck"),
  logger: silentLogger,
});
const ids: string[] = [];

afterAll(async () => {
  await source.close();
  await removeContainers(socketPath, ids);
  await proxy.close();
});

async function start(name: string, script: string, more: object = {}): Promise<string> {
  const id = await startContainer(socketPath, { name: `followcheck-${name}`, cmd: ["sh", "-c", script], ...more });
  ids.push(id);
  return id;
}

/** Follows into a list until told to stop. */
function collect(fullId: string, options: Partial<FollowOptions> = {}) {
  const abort = new AbortController();
  const lines: LogLine[] = [];
  const batches: LogBatch[] = [];
  const done = (async () => {
    for await (const batch of await source.follow(
      { engine: "web-1", fullId },
      { tail: 5000, ...options },
      abort.signal,
    )) {
      batches.push(batch);
      lines.push(...batch.lines);
    }
  })();
  done.catch(() => {});
  const stop = async (reason?: string) => {
    abort.abort(reason);
    await done;
  };
  return { lines, batches, done, stop, messages: () => lines.map(({ message }) => message) };
}

const counter = (from: string, pause: string) =>
  `trap 'exit 0' TERM; i=${from}; while :; do i=$((i+1)); echo line-$i; ${pause}; done`;

test("history and new lines have no gap and no duplicate for any reader", async () => {
  const id = await start("steady", counter("0", "[ $((i % 50)) = 0 ] && sleep 0.01"));
  const readers: ReturnType<typeof collect>[] = [];
  for (let n = 0; n < 12; n++) {
    readers.push(collect(id, { tail: n % 3 === 0 ? 0 : 5000 }));
    await sleep(37);
  }
  await until(async () => readers.every(({ lines }) => lines.length > 50));
  await Promise.all(readers.map((reader) => reader.stop()));
  for (const { lines } of readers) {
    const numbers = lines.map(({ message }) => Number(message.slice(5)));
    expect(numbers.filter((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1)).toEqual([]);
  }
});

test("a followed log continues over restarts, with every line once", async () => {
  const id = await start("restarted", `echo begin; ${counter("0", "sleep 0.02")}`);
  const reader = collect(id);
  await until(async () => reader.lines.length > 5);
  for (let n = 0; n < 2; n++) {
    await callDocker(socketPath, "POST", `/containers/${id}/restart?t=2`);
    const begun = reader.lines.length;
    await until(async () => reader.lines.length > begun + 5);
  }
  await callDocker(socketPath, "POST", `/containers/${id}/stop?t=2`);
  await until(async () => reader.batches.some(({ notice }) => notice === "stopped"));
  const readLog = async () =>
    (await source.logs({ engine: "web-1", fullId: id }, { tail: 5000 }, createSharedBudget(soon()))).lines;
  await until(async () => reader.lines.length === (await readLog()).length);
  await reader.stop();
  expect(reader.lines).toEqual(await readLog());
  expect(reader.messages().filter((message) => message === "begin")).toHaveLength(3);
  expect(reader.batches.filter(({ notice }) => notice === "resumed").length).toBeGreaterThanOrEqual(2);
});

test("a followed log ends when the container is gone", async () => {
  const id = await start("gone", counter("0", "sleep 0.05"));
  const reader = collect(id);
  await until(async () => reader.lines.length > 0);
  await removeContainers(socketPath, [id]);
  await reader.done;
  expect(reader.batches.at(-1)?.ended).toBe("container_gone");
});

test("a followed log continues without a gap after a cut stream", async () => {
  const id = await start("cut", counter("0", "sleep 0.01"));
  const reader = collect(id);
  await until(async () => reader.lines.length > 20);
  proxy.cut("follow=1");
  const before = reader.lines.length;
  await until(async () => reader.lines.length > before + 100);
  await reader.stop();
  expect(reader.messages()).toEqual(reader.lines.map((_, index) => `line-${index + 1}`));
});

test("readers of one container share one stream, freed by the last one", async () => {
  const id = await start("shared", counter("0", "sleep 0.02"));
  const readers = Array.from({ length: 200 }, () => collect(id, { tail: 0 }));
  await until(async () => readers.every(({ lines }) => lines.length > 3));
  expect(proxy.open(`${id}/logs?follow=1`)).toBe(1);
  await Promise.all(readers.slice(1).map((reader) => reader.stop()));
  expect(proxy.open(`${id}/logs?follow=1`)).toBe(1);
  await readers[0]?.stop("shutdown");
  expect(readers[0]?.batches.at(-1)?.ended).toBe("shutdown");
  await until(async () => proxy.open(`${id}/logs?follow=1`) === 0, 500);
});

test("a reader that pauses slows the engine and gets every line later", async () => {
  const id = await start(
    "flood",
    "i=0; while [ $i -lt 60 ]; do i=$((i+1)); yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | head -n 5000; done; echo end; sleep 100",
  );
  const abort = new AbortController();
  const stream = await source.follow({ engine: "web-1", fullId: id }, { tail: 0 }, abort.signal);
  await sleep(2500);
  const taken = proxy.bytes();
  await sleep(500);
  expect(proxy.bytes() - taken).toBeLessThan(1_000_000);
  let last = "";
  let dropped = 0;
  for await (const batch of stream) {
    last = batch.lines.at(-1)?.message ?? last;
    dropped += batch.dropped;
    if (last === "end") break;
  }
  abort.abort();
  expect(dropped).toBe(0);
});

test("one slow reader learns what it lost; fast ones lose nothing", async () => {
  const id = await start("mixed", "sleep 1; seq 200000; sleep 100");
  const abort = new AbortController();
  const slow = await source.follow({ engine: "web-1", fullId: id }, { tail: 0 }, abort.signal);
  const quick = collect(id);
  await until(async () => quick.messages().at(-1) === "200000", 20_000);
  await quick.stop();
  expect(quick.lines).toHaveLength(200_000);
  let got = 0;
  let dropped = 0;
  for await (const batch of slow) {
    got += batch.lines.length;
    dropped += batch.dropped;
    if (batch.lines.at(-1)?.message === "200000") break;
  }
  abort.abort();
  expect(dropped).toBeGreaterThan(0);
  expect(got + dropped).toBe(200_000);
});

test("filters apply to new lines too, and a terminal's log can be followed", async () => {
  const id = await start("terminal", counter("0", "sleep 0.01"), { tty: true });
  const reader = collect(id, { search: "0", tail: 5 });
  await until(async () => reader.lines.length > 5);
  await reader.stop();
  expect(reader.messages().filter((message) => !/^line-\d*0\d*$/.test(message))).toEqual([]);
});

test("a log that cannot be opened is an error before anything else", async () => {
  const unknown = source.follow({ engine: "web-1", fullId: "0".repeat(64) }, { tail: 1 }, soon());
  await expect(unknown).rejects.toMatchObject({ code: "container_not_found" });
});
