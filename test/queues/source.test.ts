import { afterEach, describe, expect, it, vi } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { adviseIndexes } from "../../src/queues/index-advice.ts";
import { probeQueueSources } from "../../src/queues/probe.ts";
import { createQueueSources, type QueueSourcesOptions } from "../../src/queues/source.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();
const noBrokers = { rabbitmq: null, redis: null };
const options: QueueSourcesOptions = { databaseUrl: null, brokers: noBrokers, env: "staging", logger: silentLogger };
const queue = (name: string, ready: number) => ({
  name,
  vhost: "/",
  messages: ready,
  messages_ready: ready,
  messages_unacknowledged: 0,
});

/** A broker with two queues, that answers when it may. */
async function startBroker(status = 200) {
  let gate = Promise.resolve();
  const upstream = await startFakeUpstream((response, { url }) => {
    const isList = url.startsWith("/api/queues");
    const exchanges = [{ name: "", vhost: "/", type: "direct" }];
    const other = url.startsWith("/api/overview") ? {} : url.startsWith("/api/exchanges") ? exchanges : [];
    const body = isList ? { items: [queue("mail", 4), queue("push", 3)], page_count: 1 } : other;
    void gate.then(() => response.writeHead(status).end(JSON.stringify(body)));
  });
  return {
    brokers: { ...noBrokers, rabbitmq: upstream.url },
    reads: () => upstream.seen.filter(({ url }) => url.startsWith("/api/queues?page=1&page_size=500&disable_stats")).length,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

/** An address where nobody listens. */
async function closedUrl(): Promise<string> {
  const upstream = await startFakeUpstream(() => {});
  await upstream[Symbol.asyncDispose]();
  return upstream.url.replace("http:", "postgres:");
}

describe("createQueueSources", () => {
  it("has nothing to read where nothing is configured", async () => {
    const sources = createQueueSources(options);
    const unset = { code: "queues_unavailable", message: "DATABASE_URL is not set", unconfigured: true };
    await expect(sources.all(signal)).rejects.toMatchObject(unset);
    expect(await sources.unsupported?.(signal)).toEqual([]);
    await sources.close();
    const { brokers: _, ...silent } = options;
    await expect(createQueueSources(silent).all(signal)).rejects.toMatchObject(unset);
  });

  it("has what is configured without its database, which says what to set", async () => {
    const sources = createQueueSources({ ...options, sources: [runnerMapping] });
    const [source, ...others] = await sources.all(signal);
    expect([source, others]).toMatchObject([{ name: "runner", kind: "table", env: "staging" }, []]);
    const unset = { code: "postgres_unavailable", message: "DATABASE_URL is not set" };
    await expect(source?.metrics(signal)).rejects.toMatchObject(unset);
    await expect(source?.failures(signal)).rejects.toMatchObject(unset);
    await expect(source?.history?.(null, { from: 0, step: 60, steps: 1 }, signal)).rejects.toMatchObject(unset);
    expect(source).not.toHaveProperty("control");
    await sources.close();
  });

  it("has the same source each time, which asks once a second, whoever asks", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    await using broker = await startBroker();
    const sources = createQueueSources({ ...options, brokers: broker.brokers });
    const [source, ...others] = await sources.all(signal);
    expect([source, others]).toMatchObject([{ name: "rabbitmq", kind: "rabbitmq", env: "staging" }, []]);
    expect((await sources.all(signal))[0]).toBe(source);
    const answers = await Promise.all([source?.metrics(signal), source?.metrics(signal)]);
    expect(answers[0]?.map(({ name, depth, usualRunSeconds }) => [name, depth, usualRunSeconds])).toEqual([
      ["mail", 4, null],
      ["push", 3, null],
    ]);
    vi.advanceTimersByTime(999);
    expect([await source?.metrics(signal), broker.reads()]).toEqual([answers[0], 1]);
    vi.advanceTimersByTime(1);
    await source?.metrics(signal);
    expect(broker.reads()).toBe(2);
    expect(await source?.failures(signal)).toEqual([]);
    expect(source).not.toHaveProperty("workerJobs");
    await sources.close();
  });

  it("has the past of a broker as it was seen", async () => {
    vi.useFakeTimers({ toFake: ["performance", "Date"], now: Date.parse("2026-01-01T00:00:00Z") });
    await using broker = await startBroker();
    const sources = createQueueSources({ ...options, brokers: broker.brokers });
    const [source] = await sources.all(signal);
    await source?.metrics(signal);
    const range = { from: Date.parse("2026-01-01T00:00:00Z") / 1000 - 60, step: 60, steps: 2 };
    const past = await source?.history?.(null, range, signal);
    expect([...(past ?? [])].map(([name, { points, sampled }]) => [name, sampled, points.map(({ depth }) => depth)])).toEqual([
      ["mail", true, [4, null]],
      ["push", true, [3, null]],
    ]);
    await sources.close();
  });

  it("says that the request has ended to who leaves, and answers the others", async () => {
    await using broker = await startBroker();
    const release = broker.hold();
    const sources = createQueueSources({ ...options, brokers: broker.brokers });
    const [source] = await sources.all(signal);
    const leaver = new AbortController();
    const [left, stayed] = [source?.metrics(leaver.signal), source?.metrics(signal)];
    leaver.abort();
    await expect(left).rejects.toMatchObject({ code: "queues_unavailable", message: "Gave up waiting: the request has ended" });
    release();
    expect(await stayed).toHaveLength(2);
    await sources.close();
  });

  it("fails as its source fails", async () => {
    await using broker = await startBroker(500);
    const sources = createQueueSources({ ...options, brokers: broker.brokers });
    const [source] = await sources.all(signal);
    await expect(source?.metrics(signal)).rejects.toMatchObject({ message: "RabbitMQ's management API answered 500" });
    await sources.close();
  });

  it("detection that cannot ask fails only where nothing is configured", async () => {
    const databaseUrl = await closedUrl();
    const alone = createQueueSources({ ...options, databaseUrl });
    await expect(alone.all(signal)).rejects.toMatchObject({
      code: "postgres_unavailable",
      message: "PostgreSQL cannot be reached",
    });
    expect(await alone.unsupported?.(signal)).toEqual([]);
    const configured = createQueueSources({ ...options, databaseUrl, sources: [runnerMapping] });
    expect((await configured.all(signal)).map(({ name }) => name)).toEqual(["runner"]);
    const controlled = createQueueSources({ ...options, databaseUrl, controlDatabaseUrl: databaseUrl, sources: [runnerMapping] });
    expect((await controlled.all(signal))[0]).toHaveProperty("control");
    await Promise.all([alone, configured, controlled].map((sources) => sources.close()));
  });
});

describe("probeQueueSources", () => {
  const failed = (detail: string) => ({ name: "queues", ok: false, detail, warnings: [] });
  const notSet = failed("DATABASE_URL is not set: give it the URL of a role with SELECT on the job tables");

  it("the missing address is named where something or nothing is configured", async () => {
    expect(await probeQueueSources(options, signal)).toEqual([notSet]);
    expect(await probeQueueSources({ ...options, sources: [] }, signal)).toEqual([notSet]);
    expect(await probeQueueSources({ ...options, sources: [runnerMapping] }, signal)).toEqual([notSet]);
  });

  it("says what it read, and needs no database for a broker", async () => {
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
    const away = failed("PostgreSQL cannot be reached (ECONNREFUSED): check DATABASE_URL");
    expect(
      await probeQueueSources({ ...options, brokers, databaseUrl, sources: [{ kind: "rabbitmq", name: "mq" }] }, signal),
    ).toEqual([away, { ...read, name: "mq" }]);
  });

  it("says why a source cannot be read", async () => {
    await using broker = await startBroker(404);
    expect(await probeQueueSources({ ...options, brokers: broker.brokers }, signal)).toEqual([
      {
        name: "rabbitmq",
        ok: false,
        detail: "RabbitMQ does not have this virtual host, or the address is not its management API",
        warnings: [],
      },
    ]);
  });

  it.each([
    ["a server that is away", null, "PostgreSQL cannot be reached (ECONNREFUSED): check DATABASE_URL"],
    ["what is no address", "postgres://[", "DATABASE_URL is not a connection string: check DATABASE_URL"],
  ])("says what is wrong with %s", async (_what, url, detail) => {
    const databaseUrl = url ?? (await closedUrl());
    expect(await probeQueueSources({ ...options, databaseUrl }, signal)).toEqual([failed(detail)]);
    expect(await probeQueueSources({ ...options, databaseUrl, sources: [runnerMapping] }, signal)).toEqual([failed(detail)]);
  });

  it("a broker that is not to be detected is no job system", async () => {
    const brokers = { ...noBrokers, redis: "redis://127.0.0.1:1" };
    expect(await probeQueueSources({ ...options, brokers, detect: false }, signal)).toEqual([
      failed("no job system was found: describe your job tables in QUEUES_FILE"),
    ]);
  });
});

describe("adviseIndexes", () => {
  it("fails without a database, and where it is away", async () => {
    await expect(adviseIndexes(options, signal)).rejects.toMatchObject({
      code: "postgres_unavailable",
      message: "DATABASE_URL is not set",
    });
    const databaseUrl = await closedUrl();
    await expect(adviseIndexes({ ...options, databaseUrl }, signal)).rejects.toBeInstanceOf(OpsError);
    const advised = await adviseIndexes({ ...options, databaseUrl, detect: false, sources: [runnerMapping] }, signal);
    expect(advised).toEqual([
      { name: "runner", table: "public.runner_jobs", missing: [], obstacle: "PostgreSQL cannot be reached" },
    ]);
  });
});
