import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { probeQueueSources } from "../../src/queues/probe.ts";
import { closedUrl, noBrokers, noSources as options, startBroker } from "../support/fake-broker.ts";
import { runnerMapping } from "../support/queue-mappings.ts";
import { startRefusingPostgres } from "../support/refusing-postgres.ts";

const { signal } = new AbortController();

describe("probeQueueSources", () => {
  const failed = (detail: string) => ({ name: "queues", ok: false, detail, warnings: [] });
  const notSet = failed(
    "WALLET_CORE_OPS_DATABASE_URL is not set: give it the URL of a role with SELECT on the job tables",
  );

  it("names the missing address, with sources or without", async () => {
    const none = {
      ...failed(""),
      ok: true,
      isConfigured: false,
      detail: expect.stringMatching(/^not configured: .*_DATABASE_URL/),
    };
    expect(await probeQueueSources(options, signal)).toEqual([none]);
    expect(await probeQueueSources({ ...options, sources: [] }, signal)).toEqual([none]);
    expect(await probeQueueSources({ ...options, sources: [runnerMapping] }, signal)).toEqual([notSet]);
  });

  it("reports what it read, and needs no database for a broker", async () => {
    await using broker = await startBroker();
    const { brokers } = broker;
    const read = {
      name: "rabbitmq",
      ok: true,
      detail: expect.stringMatching(/^2 queues, 7 jobs waiting, read in \d+ ms$/) as string,
      warnings: [],
    };
    expect(await probeQueueSources({ ...options, brokers }, signal)).toEqual([read]);
    expect(await probeQueueSources({ ...options, brokers, sources: [runnerMapping] }, signal)).toEqual([notSet, read]);
    const databaseUrl = await closedUrl();
    const away = failed(
      "PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_DATABASE_URL",
    );
    expect(
      await probeQueueSources(
        { ...options, brokers, databaseUrl, sources: [{ kind: "rabbitmq", name: "mq" }] },
        signal,
      ),
    ).toEqual([away, { ...read, name: "mq" }]);
  });

  it("says why a source cannot be read", async () => {
    await using broker = await startBroker(404);
    expect(await probeQueueSources({ ...options, brokers: broker.brokers }, signal)).toEqual([
      {
        name: "rabbitmq",
        ok: false,
        detail:
          "RabbitMQ does not have this virtual host, or the address is not its management API: check WALLET_CORE_OPS_RABBITMQ_URL",
        warnings: [],
      },
    ]);
  });

  it.each([
    [
      "a server that is away",
      null,
      "PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_DATABASE_URL",
    ],
    ["what is no address", "postgres://[", "WALLET_CORE_OPS_DATABASE_URL is not a connection string"],
  ])("says what is wrong with %s", async (_what, url, detail) => {
    const databaseUrl = url ?? (await closedUrl());
    expect(await probeQueueSources({ ...options, databaseUrl }, signal)).toEqual([failed(detail)]);
    expect(await probeQueueSources({ ...options, databaseUrl, sources: [runnerMapping] }, signal)).toEqual([
      failed(detail),
    ]);
  });

  it.each([
    [
      "28000",
      'no pg_hba.conf entry for host "172.17.0.2", user "ops", database "jobs", no encryption',
      "PostgreSQL refused the login of WALLET_CORE_OPS_DATABASE_URL: its pg_hba.conf does not let in our address 172.17.0.2: REASON: allow that host, which is ours, in its pg_hba.conf, or check WALLET_CORE_OPS_DATABASE_URL",
    ],
    [
      "28P01",
      'password authentication failed for user "ops"',
      "PostgreSQL refused the login of WALLET_CORE_OPS_DATABASE_URL: REASON: check WALLET_CORE_OPS_DATABASE_URL",
    ],
    [
      "42501",
      'permission denied for database "jobs"',
      "The role of WALLET_CORE_OPS_DATABASE_URL may not connect to its database: grant it CONNECT on the database: REASON: check WALLET_CORE_OPS_DATABASE_URL",
    ],
    [
      "3D000",
      'database "jobs" does not exist',
      "The database of WALLET_CORE_OPS_DATABASE_URL does not exist: REASON: check WALLET_CORE_OPS_DATABASE_URL",
    ],
  ])("passes on the reason of a server that refuses with %s", async (code, reason, detail) => {
    await using server = await startRefusingPostgres(code, reason);
    const databaseUrl = `postgres://ops:canary-of-the-password@127.0.0.1:${server.port}/jobs`;
    const expected = detail.replace("REASON", reason);
    expect(await probeQueueSources({ ...options, databaseUrl }, signal)).toEqual([failed(expected)]);
  });

  it.each(["redis", "rediss"])("names the variable of a silent server at %s://", async (scheme) => {
    const silent = createServer((socket) => void socket.on("error", () => {}).resume());
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const brokers = { ...noBrokers, redis: `${scheme}://127.0.0.1:${port}` };
    const lines = await probeQueueSources({ ...options, brokers }, signal);
    expect(lines).toEqual([
      { ...failed(""), name: "redis", detail: expect.stringMatching(/^Redis did not answer in time.*_REDIS_URL/) },
    ]);
    silent.close();
  });

  it("ignores a broker that is not to be detected", async () => {
    const brokers = { ...noBrokers, redis: "redis://127.0.0.1:1" };
    expect(await probeQueueSources({ ...options, brokers, detect: false }, signal)).toEqual([
      failed(
        "no job system was found: check that WALLET_CORE_OPS_DATABASE_URL names the database with the job tables, or describe your job tables in WALLET_CORE_OPS_QUEUES_FILE (docs/queues.md)",
      ),
    ]);
  });
});
