import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { type QueueSource, type QueueSources, errorGroupsPerQueue } from "../../src/domain/queue.ts";
import { silentLogger } from "../../src/logger.ts";
import { createQueueSources } from "../../src/upstreams/queues/source.ts";
import { type TestDatabase, createTestDatabase } from "../support/postgres-database.ts";
import type { JobTable } from "../support/postgres-jobs.ts";

const signal = () => AbortSignal.timeout(10_000);

/** What every kind of queue source must do, over a real database. */
export function describeQueueSource(kind: string, create: (database: TestDatabase) => Promise<JobTable>): void {
  describe(`queue source of kind ${kind}`, () => {
    let database: TestDatabase;
    let jobs: JobTable;
    let sources: QueueSources;
    let source: QueueSource;

    beforeAll(async () => {
      database = await createTestDatabase(inject("postgresUrl"), `battery_${kind}`);
      jobs = await create(database);
    });
    beforeEach(async () => {
      await sources?.close();
      await database.query(`delete from ${jobs.table}`);
      sources = createQueueSources({ databaseUrl: database.url, sources: [jobs.config], env: "staging", logger: silentLogger });
      [source] = (await sources.all(signal())) as [QueueSource];
    });
    afterAll(async () => {
      await sources.close();
      await database.drop();
    });

    const queue = async (name: string) => (await source.metrics(signal())).find((metrics) => metrics.name === name);

    it("says what it is", () => {
      expect(source).toMatchObject({ name: jobs.config.name, kind, env: "staging" });
    });

    it("counts as depth what could run now: not the deferred, running or ended ones", async () => {
      await jobs.insert([
        { queue: "a", state: "waiting" },
        { queue: "a", state: "waiting", dueAgo: 86_400 },
        { queue: "a", state: "waiting", dueAgo: -5 },
        { queue: "a", state: "running" },
        { queue: "a", state: "done" },
        { queue: "a", state: "failed" },
        { queue: "b", state: "waiting" },
      ]);
      expect(await queue("a")).toMatchObject({ depth: 2, source: jobs.config.name });
      expect(await queue("b")).toStrictEqual({
        name: "b",
        source: jobs.config.name,
        depth: 1,
        processedPerSec: 0,
        failuresLastHour: 0,
      });
    });

    it("divides the successes of the last 5 minutes by 300, exactly", async () => {
      const ends = [0, 150, 298, 302, 3000, -60];
      await jobs.insert(ends.map((endedAgo) => ({ queue: "a", state: "done" as const, endedAgo })));
      expect((await queue("a"))?.processedPerSec).toBe(3 / 300);
    });

    it("counts the failures of the last 60 minutes", async () => {
      const ends = [0, 1800, 3598, 3602, 7200, -60];
      await jobs.insert(ends.map((endedAgo) => ({ queue: "a", state: "failed" as const, endedAgo, error: "boom" })));
      expect((await queue("a"))?.failuresLastHour).toBe(3);
      expect(await source.errors(signal())).toMatchObject([{ count: 3 }]);
    });

    it("groups errors by queue and text, newest first, with the newest id and time", async () => {
      await jobs.insert([
        { id: 1, queue: "a", state: "failed", endedAgo: 30, error: "timeout" },
        { id: 2, queue: "a", state: "failed", endedAgo: 10, error: "timeout" },
        { id: 3, queue: "a", state: "failed", endedAgo: 20, error: "timeout" },
        { id: 4, queue: "b", state: "failed", endedAgo: 5, error: "timeout" },
        { id: 5, queue: "a", state: "failed", endedAgo: 15, error: "refused" },
        { id: 6, queue: "a", state: "done" },
      ]);
      const errors = await source.errors(signal());
      expect(errors.map((error) => [error.queue, error.jobId, error.error, error.count])).toStrictEqual([
        ["b", "4", "timeout", 1],
        ["a", "2", "timeout", 3],
        ["a", "5", "refused", 1],
      ]);
      const [newest] = errors;
      expect(newest?.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(Math.abs(Date.parse(newest?.timestamp ?? "") - (Date.now() - 5000))).toBeLessThan(2500);
    });

    it("keeps 64-bit ids exact", async () => {
      await jobs.insert([{ id: "9223372036854775807", queue: "a", state: "failed" }]);
      expect((await source.errors(signal()))[0]?.jobId).toBe("9223372036854775807");
    });

    it("lists queues that are empty now: configured ones, and those seen since the start", async () => {
      await jobs.insert([{ queue: "seen", state: "waiting" }]);
      await source.metrics(signal());
      await database.query(`delete from ${jobs.table}`);
      const empty = { source: jobs.config.name, depth: 0, processedPerSec: 0, failuresLastHour: 0 };
      expect(await source.metrics(signal())).toStrictEqual([
        { name: "configured", ...empty },
        { name: "seen", ...empty },
      ]);
      expect(await source.errors(signal())).toStrictEqual([]);
    });

    it(`returns the newest ${errorGroupsPerQueue} groups of each queue`, async () => {
      const many = Array.from({ length: errorGroupsPerQueue + 5 }, (_, index) => index);
      await jobs.insert(many.map((n) => ({ queue: "noisy", state: "failed" as const, endedAgo: 10 + n, error: `error ${n}` })));
      await jobs.insert([{ queue: "quiet", state: "failed", endedAgo: 3000, error: "old" }]);
      const errors = await source.errors(signal());
      expect(errors.map(({ error }) => error)).toStrictEqual([
        ...many.slice(0, errorGroupsPerQueue).map((n) => `error ${n}`),
        "old",
      ]);
    });

    it("cuts error texts, starts them at their first line, and never leaves them empty", async () => {
      await jobs.insert([
        { queue: "long", state: "failed", endedAgo: 1, error: `\n  first line\n${"x".repeat(5000)}` },
        { queue: "null", state: "failed", endedAgo: 2, error: null },
        { queue: "blank", state: "failed", endedAgo: 3, error: " \n" },
      ]);
      const [long, missing, blank] = await source.errors(signal());
      expect(long?.error).toBe(`first line\n${"x".repeat(5000)}`.slice(0, 2000));
      expect([missing?.error, blank?.error]).toStrictEqual(["no error text", "no error text"]);
    });

    it("returns names and texts as they are, whatever is in them", async () => {
      const name = `it's "q" \\ ; -- $1 é 日本 🚀`;
      await jobs.insert([
        { queue: name, state: "waiting" },
        { queue: name, state: "failed", error: name },
      ]);
      expect(await queue(name)).toMatchObject({ depth: 1, failuresLastHour: 1 });
      expect(await source.errors(signal())).toMatchObject([{ queue: name, error: name }]);
    });

    it("rejects at once, with an OpsError, when the caller has gone", async () => {
      const aborted = AbortSignal.abort();
      await expect(source.metrics(aborted)).rejects.toMatchObject({ name: "OpsError", code: "postgres_unavailable" });
      expect(await source.metrics(signal())).toHaveLength(1);
    });

    it("tells a lock from an outage, within the lock timeout", async () => {
      const migration = await database.connect();
      await migration.query(`begin; lock table ${jobs.table} in access exclusive mode`);
      const start = performance.now();
      const locked = { code: "queue_locked", upstream: `queues:${jobs.config.name}` };
      await Promise.all([
        expect(source.metrics(signal())).rejects.toMatchObject(locked),
        expect(source.errors(signal())).rejects.toMatchObject(locked),
      ]);
      expect(performance.now() - start).toBeLessThan(1500);
      await migration.end();
      expect(await source.metrics(signal())).toHaveLength(1);
    });

    it("tells that its table is gone, and heals when it is back", async () => {
      const bare = jobs.table.split(".").at(-1);
      await database.query(`alter table ${jobs.table} rename to elsewhere`);
      const gone = { code: "schema_mismatch", message: `Table public.${bare} does not exist` };
      await expect(source.metrics(signal())).rejects.toMatchObject(gone);
      await expect(source.errors(signal())).rejects.toMatchObject(gone);
      await database.query(`alter table elsewhere rename to ${bare}`);
      expect(await source.metrics(signal())).toHaveLength(1);
    });
  });
}
