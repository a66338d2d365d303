import { join } from "node:path";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from "vitest";
import { type RunningRedis, startRedis } from "../../script/services/redis.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { probeQueueSources } from "../../src/queues/probe.ts";
import { createQueueSources, type QueueSourcesOptions } from "../../src/queues/source.ts";
import { connectRedis, insertBullmqJob } from "../support/redis.ts";

const signal = () => AbortSignal.timeout(20_000);
const names = ["shop", "billing"] as const;
let servers: readonly RunningRedis[];
let clients: readonly Redis[];

beforeAll(async () => {
  servers = await Promise.all(names.map((name) => startRedis(join(inject("runFolder"), `redis-${name}`))));
  clients = servers.map(connectRedis);
  for (const [index, redis] of clients.entries()) {
    // The same queue and the same id in both.
    const own = { id: "1", queue: "mail", state: index === 0 ? "waiting" : "failed", error: "boom" } as const;
    await insertBullmqJob(redis, own);
    await redis.sadd("queues", "default");
    await redis.set("stat:processed", "7");
  }
});
afterAll(async () => {
  await clients[0]?.quit();
  await Promise.all(servers.map((server) => server.stop()));
});

function toOptions(more: Partial<QueueSourcesOptions> = {}): QueueSourcesOptions {
  const redis = new Map(names.map((name, index) => [name as string, servers[index]?.url ?? ""]));
  const brokers = { rabbitmq: null, redis };
  return { databaseUrl: null, brokers, env: "staging", logger: silentLogger, ttlMs: 0, ...more };
}

function open(more: Partial<QueueSourcesOptions> = {}) {
  const sources = createQueueSources(toOptions(more));
  onTestFinished(() => sources.close());
  return sources;
}

it("each Redis has its own source, numbers, errors and other systems", async () => {
  const sources = open();
  const all = await sources.all(signal());
  const read = await Promise.all(
    all.map(async (source) => {
      const [mail] = await source.metrics(signal());
      return [source.name, source.place, mail?.depth, (await source.failures(signal())).map(({ jobIds }) => jobIds)];
    }),
  );
  expect(read).toEqual([
    ["shop:redis", "shop", 1, []],
    ["billing:redis", "billing", 0, [["1"]]],
  ]);
  const found = await sources.unsupported(signal());
  expect(found.map(({ name }) => name)).toEqual(["shop:sidekiq", "billing:sidekiq"]);
  const hidden = await open({ hide: ["shop:sidekiq", "billing:redis"] }).unsupported(signal());
  expect(hidden).toEqual([]);
});

it("an entry of the file reads the Redis that it names", async () => {
  const entry = { kind: "redis" as const, name: "jobs", broker: "billing" };
  const all = await open({ sources: [entry] }).all(signal());
  expect(all.map(({ name }) => name)).toEqual(["jobs", "shop:redis"]);
  expect(await all[0]?.failures(signal())).toMatchObject([{ source: "jobs", jobIds: ["1"] }]);
});

it("a Redis with two names is counted once, of each database and prefix", async () => {
  const [url = ""] = servers.map((server) => server.url);
  const by = (change: (address: URL) => void) => {
    const address = new URL(url);
    change(address);
    return address.href;
  };
  const read = async (other: string, more: Partial<QueueSourcesOptions> = {}) => {
    const redis = new Map([
      ["shop", url],
      ["twin", other],
    ]);
    const all = await open({ brokers: { rabbitmq: null, redis }, ...more }).all(signal());
    return Promise.all(
      all.map((source) =>
        source.metrics(signal()).then(
          (queues) => `${source.name} ${queues.length}`,
          ({ code }) => `${source.name} ${code}`,
        ),
      ),
    );
  };
  const twin = by((address) => (address.hostname = "localhost"));
  expect(await read(twin)).toEqual(["shop:redis 1", "twin:redis queue_duplicate"]);
  expect(await read(by((address) => (address.pathname = "/1")))).toEqual(["shop:redis 1", "twin:redis 0"]);
  const entry = (broker: string, prefix: string) => ({
    kind: "redis" as const,
    name: broker,
    broker,
    prefix,
    systems: ["bullmq" as const],
  });
  expect(await read(twin, { sources: [entry("shop", "bull"), entry("twin", "other")] })).toEqual(["shop 1", "twin 0"]);
});

it("a Redis that is away fails alone, in answers and in check", async () => {
  const sources = open();
  const [shop, billing] = await sources.all(signal());
  await clients[1]?.quit();
  await servers[1]?.halt();
  expect(await shop?.metrics(signal())).toMatchObject([{ name: "mail", depth: 1 }]);
  await expect(billing?.metrics(signal())).rejects.toMatchObject({ upstream: "queues:billing:redis" });
  const probes = await probeQueueSources(toOptions(), signal());
  expect(probes).toMatchObject([
    { name: "shop:redis", ok: true },
    {
      name: "billing:redis",
      ok: false,
      detail: "Redis cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_REDIS_URL",
    },
    { name: "shop:sidekiq", ok: true },
  ]);
  for (const { password } of servers) expect(JSON.stringify(probes)).not.toContain(password);
});
