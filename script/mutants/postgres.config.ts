import process from "node:process";
import { defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";

const [, integration] = config.test?.projects ?? [];
if (typeof integration !== "object" || !("test" in integration))
  throw new Error("the second project of vitest.config.ts must be `integration`");

process.env["OPS_TEST_SERVICES"] = "postgres";

// SQL text is judged by a real PostgreSQL. Not by what is slow, or starts other services.
const slow =
  "huge,cold-start,failover,outage,bullmq,redis,rabbitmq,workers,faults,plans,isolation,run-times,detection,orphans";
const include = ["test/integration/{queues,job-control}-*.test.ts"];
const exclude = [`test/integration/*-{${slow},presets-plans,pgboss-huge}.test.ts`];
export default defineConfig({
  ...integration,
  test: { ...integration.test, include, exclude, retry: 1, testTimeout: 30_000 },
});
