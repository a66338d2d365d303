import { describe, expect, it, onTestFinished, vi } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import type { QueueSourceConfig } from "../../src/queues/registry.ts";
import { createDetector, type OpenSource } from "../../src/queues/source.ts";
import { createMemoryDatabase } from "../support/memory-database.ts";

describe("createDetector", () => {
  it("logs each change once: found, too many, all gone", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const lines: string[] = [];
    const logger = {
      ...silentLogger,
      info: (_: object, message: string) => lines.push(message),
      warn: (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`),
    };
    let schemas = 0;
    const rows = () =>
      Array.from({ length: schemas }, (_, n) => ({ kind: "river", schema: `s${n}`, table: "river_job" }));
    const detector = createDetector({
      sources: [],
      brokers: { rabbitmq: null, redis: null },
      database: createMemoryDatabase(rows),
      open: ({ name }) => ({ name }) as OpenSource,
      logger,
    });
    const signal = AbortSignal.timeout(10_000);
    const lookAt = async (count: number) => {
      schemas = count;
      lines.length = 0;
      vi.advanceTimersByTime(60_000);
      await detector.sources(signal);
      // What is due is looked for behind the answer.
      await vi.waitFor(async () => expect(await detector.sources(signal)).toHaveLength(Math.min(count, 500)));
      // Also where it finds as many as before: the clock goes on only when it has ended.
      await new Promise((resolve) => setImmediate(resolve));
      return [...lines];
    };
    const tooMuch = 'more queue sources than are taken: some are left out {"most":500}';
    expect(await lookAt(0)).toEqual([]);
    expect(await lookAt(1)).toEqual(["queue sources detected"]);
    expect(await lookAt(1)).toEqual([]);
    expect(await lookAt(501)).toEqual(["queue sources detected", tooMuch]);
    expect(await lookAt(501)).toEqual([]);
    expect(await lookAt(0)).toEqual(["no queue sources are detected any more {}"]);
    expect(await lookAt(0)).toEqual([]);
    expect(await lookAt(500)).toEqual(["queue sources detected"]);
    expect(await lookAt(502)).toEqual([tooMuch]);
  });

  /** A detector of a database that has River in some schemas, and what was opened. */
  function createFound(schemas: readonly string[], options: Partial<Parameters<typeof createDetector>[0]> = {}) {
    const opened: QueueSourceConfig[] = [];
    let looks = 0;
    const found = [...schemas];
    const detector = createDetector({
      sources: [],
      brokers: { rabbitmq: null, redis: null },
      database: createMemoryDatabase((statement) => {
        if (statement.includes("old.name")) return [{ name: "pgboss-before-10", schema: "old" }];
        looks += 1;
        return found.map((schema) => ({ kind: "river", schema }));
      }),
      open: (config) => {
        opened.push(config);
        return { name: config.name } as OpenSource;
      },
      logger: silentLogger,
      ...options,
    });
    const names = async () => (await detector.sources(AbortSignal.timeout(10_000))).map(({ name }) => name);
    return { detector, names, opened, found, looks: () => looks };
  }
  const river = (name: string, schema: string) => ({ kind: "river", name, schema }) as QueueSourceConfig;

  it("leaves out sources that are hidden by name, and nothing else", async () => {
    const { names, opened } = createFound(["a", "b", "c"], { hide: ["river:b", "a"] });
    expect(await names()).toEqual(["river", "river:c"]);
    expect(opened).toMatchObject([
      { kind: "river", name: "river", schema: "a" },
      { kind: "river", name: "river:c", schema: "c" },
    ]);
    expect(await createFound(["a", "b"], { hide: ["river", "river:b"] }).names()).toEqual([]);
    expect(
      await createFound(["a"], { brokers: { rabbitmq: {}, redis: null } as never, hide: ["river"] }).names(),
    ).toEqual(["rabbitmq"]);
  });

  it("finds nothing if it is off, or without a database", async () => {
    const off = createFound(["a"], { detect: false });
    expect([await off.names(), off.detector.unsupported(), off.looks()]).toEqual([[], [], 0]);
    const none = createFound(["a"], { database: null });
    expect([await none.names(), none.detector.unsupported()]).toEqual([[], []]);
  });

  it("leaves out configured sources, and renames those with a used name", async () => {
    const same = createFound(["a", "b"], { sources: [river("mine", "a")] });
    expect(await same.names()).toEqual(["river:b"]);
    const taken = ["river", "river:detected", "river:detected-2"].map((name) => river(name, "other"));
    expect(await createFound(["a"], { sources: taken }).names()).toEqual(["river:detected-3"]);
    const long = `river:${"s".repeat(58)}`;
    const [only] = await createFound(["x", "s".repeat(58)], {
      sources: [river(long, "other")],
      hide: ["river"],
    }).names();
    expect(only).toBe(`${long.slice(0, 55)}:detected`);
  });

  it("looks again each minute in the background; known sources stay", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const { detector, names, opened, found, looks } = createFound(["a"]);
    const signal = AbortSignal.timeout(10_000);
    expect(detector.unsupported()).toEqual([]);
    const [first] = await detector.sources(signal);
    expect(detector.unsupported()).toHaveLength(1);
    found.push("b");
    vi.advanceTimersByTime(59_999);
    expect([await names(), looks()]).toEqual([["river"], 1]);
    vi.advanceTimersByTime(1);
    expect(await names()).toEqual(["river"]);
    await vi.waitFor(async () => expect(await names()).toEqual(["river", "river:b"]));
    expect(looks()).toBe(2);
    expect((await detector.sources(signal))[0]).toBe(first);
    expect(opened.map(({ name }) => name)).toEqual(["river", "river:b"]);
    // Where nothing was found, the answer waits for the look that is due.
    found.length = 0;
    vi.advanceTimersByTime(60_000);
    await vi.waitFor(async () => expect(await names()).toEqual([]));
    found.push("c");
    expect([await names(), looks()]).toEqual([[], 3]);
    vi.advanceTimersByTime(60_000);
    expect(await names()).toEqual(["river"]);
  });

  it("fails the first answer if the search fails, and no later one", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    let isDown = true;
    let looks = 0;
    const database = createMemoryDatabase(() => {
      looks += 1;
      if (isDown) throw new Error("down");
      return [{ kind: "river", schema: "a" }];
    });
    const { names } = createFound([], { database });
    await expect(names()).rejects.toMatchObject({ code: "postgres_unavailable" });
    isDown = false;
    expect(await names()).toEqual(["river"]);
    isDown = true;
    const before = looks;
    vi.advanceTimersByTime(60_000);
    expect(await names()).toEqual(["river"]);
    await vi.waitFor(() => expect(looks).toBeGreaterThan(before));
    expect(await names()).toEqual(["river"]);
  });
});
