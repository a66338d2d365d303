import { afterEach, describe, expect, it, vi } from "vitest";
import { findSource } from "../../src/queues/queue.ts";
import { createQueueSources } from "../../src/queues/source.ts";
import { closedUrl, noSources as options, startBroker } from "../support/fake-broker.ts";
import { runnerMapping } from "../support/queue-mappings.ts";

afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();

describe("createQueueSources", () => {
  it("has no source if nothing is configured", async () => {
    const sources = createQueueSources(options);
    const unset = {
      code: "queues_unavailable",
      message: "WALLET_CORE_OPS_DATABASE_URL is not set",
      unconfigured: true,
    };
    await expect(sources.all(signal)).rejects.toMatchObject(unset);
    expect(await sources.unsupported?.(signal)).toEqual([]);
    await sources.close();
    const { brokers: _, ...silent } = options;
    await expect(createQueueSources(silent).all(signal)).rejects.toMatchObject(unset);
  });

  it("has configured sources without a database, which say what to set", async () => {
    const sources = createQueueSources({ ...options, sources: [runnerMapping] });
    const [source, ...others] = await sources.all(signal);
    expect([source, others]).toMatchObject([{ name: "runner", kind: "table", env: "staging" }, []]);
    const unset = { code: "postgres_unavailable", message: "WALLET_CORE_OPS_DATABASE_URL is not set" };
    await expect(source?.metrics(signal)).rejects.toMatchObject(unset);
    await expect(source?.failures(signal)).rejects.toMatchObject(unset);
    await expect(source?.history?.(null, { from: 0, step: 60, steps: 1 }, signal)).rejects.toMatchObject(unset);
    expect(source).not.toHaveProperty("control");
    await sources.close();
  });

  it("has the same source each time, read once a second for all callers", async () => {
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

  it("has a broker's past by samples", async () => {
    vi.useFakeTimers({ toFake: ["performance", "Date"], now: Date.parse("2026-01-01T00:00:00Z") });
    await using broker = await startBroker();
    const sources = createQueueSources({ ...options, brokers: broker.brokers });
    const [source] = await sources.all(signal);
    await source?.metrics(signal);
    const range = { from: Date.parse("2026-01-01T00:00:00Z") / 1000 - 60, step: 60, steps: 2 };
    const past = await source?.history?.(null, range, signal);
    expect(
      [...(past ?? [])].map(([name, { points, sampled }]) => [name, sampled, points.map(({ depth }) => depth)]),
    ).toEqual([
      ["mail", true, [4, null]],
      ["push", true, [3, null]],
    ]);
    await sources.close();
  });

  it("has each of several brokers by its name, with its own failure", async () => {
    await using one = await startBroker();
    await using other = await startBroker(500);
    const rabbitmq = new Map([
      ["shop", one.brokers.rabbitmq],
      ["billing", other.brokers.rabbitmq],
    ]);
    const brokers = { rabbitmq, redis: null };
    const sources = createQueueSources({ ...options, brokers });
    const [shop, billing, ...others] = await sources.all(signal);
    expect([shop, billing, others]).toMatchObject([
      { name: "shop:rabbitmq", place: "shop" },
      { name: "billing:rabbitmq", place: "billing" },
      [],
    ]);
    expect(await shop?.metrics(signal)).toMatchObject([{ name: "mail", source: "shop:rabbitmq" }, {}]);
    await expect(billing?.metrics(signal)).rejects.toMatchObject({
      message: "RabbitMQ's management API answered 500",
      upstream: "queues:billing:rabbitmq",
    });
    const mq = { kind: "rabbitmq" as const, name: "mq", broker: "billing" };
    const named = createQueueSources({ ...options, brokers, sources: [mq], hide: ["shop:rabbitmq"] });
    expect(await named.all(signal)).toMatchObject([{ name: "mq", place: "billing" }]);
    const reads = other.reads();
    await named.all(signal).then(([source]) => source?.metrics(signal).catch(() => {}));
    expect(other.reads()).toBeGreaterThan(reads);
    await Promise.all([sources.close(), named.close()]);
  });

  it("has no broker for a source whose name is not among them", async () => {
    await using one = await startBroker();
    const brokers = { rabbitmq: new Map([["shop", one.brokers.rabbitmq]]), redis: null };
    const mq = { kind: "rabbitmq" as const, name: "mq" };
    const sources = createQueueSources({ ...options, brokers, sources: [{ ...mq, broker: "gone" }], detect: false });
    const [source] = await sources.all(signal);
    await expect(source?.metrics(signal)).rejects.toMatchObject({
      message: "WALLET_CORE_OPS_RABBITMQ_URL is not set",
    });
    expect(one.reads()).toBe(0);
    // The only one needs no name.
    const only = createQueueSources({ ...options, brokers, sources: [mq] });
    const found = await only.all(signal);
    expect(found).toMatchObject([{ name: "mq", place: "shop" }]);
    expect(await found[0]?.metrics(signal)).toHaveLength(2);
    await Promise.all([sources.close(), only.close()]);
  });

  it("has a database that is away as a source that fails, beside others", async () => {
    await using broker = await startBroker();
    const databaseUrl = await closedUrl();
    const sources = createQueueSources({ ...options, databaseUrl, brokers: broker.brokers });
    const found = await sources.all(signal);
    expect(found).toMatchObject([
      { name: "rabbitmq", kind: "rabbitmq" },
      { name: "postgres", kind: "postgres", place: null },
    ]);
    const away = {
      code: "postgres_unavailable",
      message:
        "PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_DATABASE_URL",
      upstream: "queues:postgres",
    };
    await expect(found[1]?.metrics(signal)).rejects.toMatchObject(away);
    expect(sources.allCached?.()).toBeNull();
    const places = new Map([
      ["a", databaseUrl],
      ["b", databaseUrl],
    ]);
    const mine = { ...runnerMapping, name: "b", database: "a" };
    const both = createQueueSources({ ...options, databaseUrl: places, sources: [mine] });
    // A configured source has the name of "b".
    const all = await both.all(signal);
    expect(all.map(({ name, place, isUnsearched }) => [name, place, isUnsearched])).toEqual([
      ["b", "a", undefined],
      ["a", "a", true],
      ["b:detected", "b", true],
    ]);
    await expect(findSource(all, "a:river", signal)).rejects.toMatchObject({ upstream: "queues:a" });
    expect([await findSource(all, "b", signal), await findSource(all, "c:river", signal)]).toEqual([all[0], null]);
    await Promise.all([sources.close(), both.close()]);
  });

  it("rejects for a caller that leaves, and answers the others", async () => {
    await using broker = await startBroker();
    const release = broker.hold();
    const sources = createQueueSources({ ...options, brokers: broker.brokers });
    const [source] = await sources.all(signal);
    const leaver = new AbortController();
    const [left, stayed] = [source?.metrics(leaver.signal), source?.metrics(signal)];
    leaver.abort();
    await expect(left).rejects.toMatchObject({
      code: "queues_unavailable",
      message: "Gave up waiting: the request has ended",
    });
    release();
    expect(await stayed).toHaveLength(2);
    await sources.close();
  });

  it("fails when its source fails", async () => {
    await using broker = await startBroker(500);
    const sources = createQueueSources({ ...options, brokers: broker.brokers });
    const [source] = await sources.all(signal);
    await expect(source?.metrics(signal)).rejects.toMatchObject({ message: "RabbitMQ's management API answered 500" });
    await sources.close();
  });

  it("fails without detection only if nothing is configured", async () => {
    const databaseUrl = await closedUrl();
    const alone = createQueueSources({ ...options, databaseUrl });
    await expect(alone.all(signal)).rejects.toMatchObject({
      code: "postgres_unavailable",
      message:
        "PostgreSQL cannot be reached: nothing listens at its address (ECONNREFUSED): check WALLET_CORE_OPS_DATABASE_URL",
    });
    expect(await alone.unsupported?.(signal)).toEqual([]);
    const configured = createQueueSources({ ...options, databaseUrl, sources: [runnerMapping] });
    expect((await configured.all(signal)).map(({ name }) => name)).toEqual(["runner"]);
    const controlled = createQueueSources({
      ...options,
      databaseUrl,
      controlDatabaseUrl: databaseUrl,
      sources: [runnerMapping],
    });
    expect((await controlled.all(signal))[0]).toHaveProperty("control");
    await Promise.all([alone, configured, controlled].map((sources) => sources.close()));
  });
});
