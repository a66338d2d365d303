import { expect, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { createQueueSource } from "../../src/queues/registry.ts";
import { rabbitmq } from "../../src/queues/systems/rabbitmq/rabbitmq.ts";
import { redis } from "../../src/queues/systems/redis/redis.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";
import { createMemoryDatabase } from "../support/memory-database.ts";

const context = {
  database: createMemoryDatabase(),
  env: "staging" as const,
  brokers: { rabbitmq: null, redis: null } as { rabbitmq: string | null; redis: string | null },
  logger: silentLogger,
};
const never = new AbortController().signal;
const toFailure = (message: string, upstream: string) =>
  expect.objectContaining({ code: "queues_unavailable", message, upstream });

it("rabbitmq without its address says what to set", async () => {
  const source = rabbitmq.create({ name: "mq", kind: "rabbitmq" }, context);
  expect(source).toMatchObject({ name: "mq", kind: "rabbitmq", env: "staging", tables: [] });
  await expect(source.metrics(never)).rejects.toEqual(
    toFailure("WALLET_CORE_OPS_RABBITMQ_URL is not set", "queues:mq"),
  );
  expect(await source.failures(never)).toEqual([]);
  await source.close?.();
});

it("rabbitmq has its own environment, and an error after an abort", async () => {
  await using upstream = await startFakeUpstream(() => {});
  const brokers = { ...context.brokers, rabbitmq: upstream.url };
  const source = createQueueSource({ name: "mq", kind: "rabbitmq", env: "production" }, { ...context, brokers });
  expect(source.env).toBe("production");
  const left = toFailure("Gave up waiting for RabbitMQ: the request has ended", "queues:mq");
  await expect(source.metrics(AbortSignal.abort())).rejects.toEqual(left);
  const leaver = new AbortController();
  const asked = source.metrics(leaver.signal);
  await expect.poll(() => upstream.seen.length).toBeGreaterThan(0);
  leaver.abort();
  await expect(asked).rejects.toEqual(left);
  await source.close?.();
});

it("redis without its address says what to set", async () => {
  const source = redis.create({ name: "cache", kind: "redis" }, context);
  expect(source).toMatchObject({ name: "cache", kind: "redis", env: "staging", tables: [] });
  const unset = toFailure("WALLET_CORE_OPS_REDIS_URL is not set", "queues:cache");
  await expect(source.metrics(never)).rejects.toEqual(unset);
  await expect(source.failures(never)).rejects.toEqual(unset);
  await expect(source.running?.(["web-1"], never)).rejects.toEqual(unset);
  const away = { ...context, brokers: { ...context.brokers, redis: "redis://127.0.0.1:1" } };
  const other = redis.create({ name: "cache", kind: "redis", systems: ["asynq"] }, away);
  const left = toFailure("Gave up waiting for Redis: the request has ended", "queues:cache");
  await expect(other.metrics(AbortSignal.abort())).rejects.toEqual(left);
  expect(await source.unsupported?.(never)).toEqual([]);
  expect(createQueueSource({ name: "c", kind: "redis", env: "production" }, context).env).toBe("production");
  await source.close?.();
});

it("both are detected by their address alone", () => {
  expect(rabbitmq.detected).toMatchObject({ broker: "rabbitmq" });
  expect(redis.detected).toMatchObject({ broker: "redis" });
  const found = { name: "x", schema: "" };
  expect([rabbitmq.detected?.toConfig(found), redis.detected?.toConfig(found)]).toEqual([
    { name: "x", kind: "rabbitmq" },
    { name: "x", kind: "redis" },
  ]);
});
