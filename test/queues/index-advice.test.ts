import { describe, expect, it } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { adviseIndexes } from "../../src/queues/index-advice.ts";
import { closedUrl, noSources as options } from "../support/fake-broker.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

const { signal } = new AbortController();

describe("adviseIndexes", () => {
  it("fails without a database, and if it is down", async () => {
    await expect(adviseIndexes(options, signal)).rejects.toMatchObject({
      code: "postgres_unavailable",
      message: "WALLET_CORE_OPS_DATABASE_URL is not set",
    });
    const databaseUrl = await closedUrl();
    await expect(adviseIndexes({ ...options, databaseUrl }, signal)).rejects.toBeInstanceOf(OpsError);
    const advised = await adviseIndexes({ ...options, databaseUrl, detect: false, sources: [runnerMapping] }, signal);
    expect(advised).toEqual([
      {
        name: "runner",
        table: "public.runner_jobs",
        missing: [],
        obstacle:
          "PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_DATABASE_URL",
      },
    ]);
  });
});
