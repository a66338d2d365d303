import { expect, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { createQueueSource, type QueueSourceConfig } from "../../src/queues/registry.ts";
import { createMemoryDatabase } from "../support/memory-database.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

const named = <const Kind extends string>(kind: Kind) => ({ name: kind, kind, schema: "public" });
const configs: QueueSourceConfig[] = [
  runnerMapping,
  { ...named("river"), by: "kind" },
  ...(["oban", "solid-queue", "good-job", "que", "pgboss", "graphile-worker"] as const).map(named),
  { name: "pgmq", kind: "pgmq" },
];

it.each(configs.map((config) => [config.kind, config] as const))(
  "%s uses the result of the check of heavy statements",
  async (_, config) => {
    const plan = JSON.stringify([{ Plan: { "Node Type": "Result", "Total Cost": 100, "Plan Rows": 1 } }]);
    let asked = 0;
    const database = createMemoryDatabase((statement) => {
      asked += 1;
      return statement.startsWith("explain") ? [{ "QUERY PLAN": plan }] : [];
    });
    const brokers = { rabbitmq: null, redis: null };
    const source = createQueueSource(config, {
      database,
      env: null,
      brokers,
      logger: silentLogger,
      heavy: { cost: 1 },
    });
    const signal = AbortSignal.timeout(5000);
    await source.metrics(signal);
    const before = asked;
    await source.metrics(signal);
    expect(asked).toBe(before);
    await source.close?.();
  },
);
