import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { protectSecrets } from "../../src/lib/redact/secrets.ts";
import { toFingerprint } from "../../src/queues/fingerprint.ts";
import type { QueueMetrics, QueueSource, QueueSources } from "../../src/queues/queue.ts";
import type { JobBackend } from "../support/job-backend.ts";

const signal = () => AbortSignal.timeout(10_000);

/** What every kind of queue source must do, over a real system. */
export function describeQueueSource(kind: string, create: () => Promise<JobBackend>): void {
  describe(`queue source of kind ${kind}`, () => {
    let backend: JobBackend;
    let sources: QueueSources;
    let source: QueueSource;

    beforeAll(async () => {
      backend = await create();
    });
    beforeEach(async () => {
      await sources?.close();
      await backend.clear();
      sources = backend.open();
      [source] = (await sources.all(signal())) as [QueueSource];
    });
    afterAll(async () => {
      await sources.close();
      await backend.close();
    });

    const queue = async (name: string) => (await source.metrics(signal())).find((metrics) => metrics.name === name);

    it("has a name, a kind and an environment", () => {
      expect(source).toMatchObject({ name: backend.config.name, kind, env: "staging" });
    });

    it("counts as depth jobs that could run now, not deferred or running ones", async () => {
      const { deferred, active } = backend.abilities;
      await backend.insert([
        { queue: "a", state: "waiting" },
        { queue: "a", state: "waiting", dueAgo: 86_400 },
        ...(deferred ? [{ queue: "a", state: "waiting" as const, dueAgo: -5 }] : []),
        ...(active ? [{ queue: "a", state: "running" as const }] : []),
        { queue: "a", state: "done" },
        { queue: "a", state: "failed" },
        { queue: "b", state: "waiting" },
      ]);
      const a = await queue("a");
      expect(a).toMatchObject({ depth: 2, source: backend.config.name });
      expect(deferred ? a?.deferred : 1).toBe(1);
      expect(active ? a?.active : 1).toBe(1);
      expect(Math.abs((a?.oldestAgeSeconds ?? 86_400) - 86_400)).toBeLessThan(10);
      expect(await queue("b")).toMatchObject({ name: "b", source: backend.config.name, depth: 1 });
    });

    it("returns null for an unknown number and 0 for a known zero", async () => {
      const { processed, failures } = backend.abilities;
      await backend.insert([{ queue: "b", state: "waiting" }]);
      const b = (await queue("b")) as QueueMetrics;
      expect(b.processedPerSec).toBe(processed ? 0 : null);
      expect(b.failuresLastHour).toBe(failures ? 0 : null);
      expect(b.exact).toBe(processed && failures);
      expect([b.waitSeconds, b.runSeconds, b.windowSeconds]).toStrictEqual([null, null, null]);
      expect(Math.abs(Date.parse(b.observedAt) - Date.now())).toBeLessThan(3000);
      for (const value of [b.active, b.deferred, b.retrying, b.dead]) expect([0, null]).toContain(value);
    });

    it("divides the successes of the last 5 minutes by 300, exactly", async ({ skip }) => {
      skip(!backend.abilities.processed, "its successes are sampled");
      const ends = [0, 150, 298, 302, 3000, -60];
      await backend.insert(ends.map((endedAgo) => ({ queue: "a", state: "done" as const, endedAgo })));
      expect((await queue("a"))?.processedPerSec).toBe(3 / 300);
    });

    it("counts the failures of the last 60 minutes and of the last 5", async ({ skip }) => {
      skip(!backend.abilities.failures, "its failures are sampled");
      const ends = [0, 298, 302, 1800, 3598, 3602, 7200, -60];
      await backend.insert(ends.map((endedAgo) => ({ queue: "a", state: "failed" as const, endedAgo, error: "boom" })));
      expect(await queue("a")).toMatchObject({ failuresLastHour: 5, failuresRecent: 2 });
      const listed = await source.failures(signal());
      expect(listed).toMatchObject(backend.abilities.errors ? [{ count: 5 }] : []);
    });

    it("groups failures by queue and text, newest first, with ids and times", async ({ skip }) => {
      skip(!backend.abilities.errors, "it keeps no errors");
      const ids = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => toId(backend, n));
      await backend.insert([
        { id: ids[0] as string, queue: "a", state: "failed", endedAgo: 30, error: "timeout" },
        { id: ids[1] as string, queue: "a", state: "failed", endedAgo: 10, error: "timeout" },
        { id: ids[2] as string, queue: "a", state: "failed", endedAgo: 20, error: "timeout" },
        { id: ids[3] as string, queue: "b", state: "failed", endedAgo: 5, error: "timeout" },
        { id: ids[4] as string, queue: "a", state: "failed", endedAgo: 15, error: "refused" },
        { id: ids[5] as string, queue: "a", state: "done" },
      ]);
      const failures = await source.failures(signal());
      expect(failures.map(({ queue: name, jobIds, error, count }) => [name, jobIds, error, count])).toStrictEqual([
        ["b", [ids[3]], "timeout", 1],
        ["a", [ids[1], ids[2], ids[0]], "timeout", 3],
        ["a", [ids[4]], "refused", 1],
      ]);
      const [newest, timeouts] = failures;
      expect(newest?.lastAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(Math.abs(Date.parse(newest?.lastAt ?? "") - (Date.now() - 5000))).toBeLessThan(2500);
      expect(Date.parse(timeouts?.lastAt ?? "") - Date.parse(timeouts?.firstAt ?? "")).toBe(20_000);
    });

    it("finds the failures of any age that had an error", async ({ skip }) => {
      skip(!backend.abilities.errors || !source.pastFailures, "it keeps no errors");
      const ago = (seconds: number, error: string | null, name = "a") => ({
        queue: name,
        state: "failed" as const,
        endedAgo: seconds,
        error,
      });
      const day = 86_400;
      await backend.insert([
        ago(10, "no rate for EUR 1"),
        ago(3700, "no rate for USD 2"),
        ago(day + 7200, "no quote for 'DE' 3"),
        ago(40 * day, "no quote for 'FR' 4", "b"),
        ago(7200, "no quote was ever for sale"),
        ago(7200, null),
      ]);
      const until = Math.floor(Date.now() / 1000) - 3600;
      const search = async (...texts: readonly string[]) => {
        const errors = texts.map((error) => ({ error, fingerprint: toFingerprint(error) }));
        const past = await source.pastFailures?.({ errors, until }, signal());
        expect(past?.isWhole).toBe(true);
        return past?.failures
          .map(({ queue: own, fingerprint }) => [
            own,
            texts[errors.findIndex((one) => one.fingerprint === fingerprint)],
          ])
          .toSorted();
      };
      expect(await search("no rate for EUR 9", "no quote for 'IT' 5")).toStrictEqual([
        ["a", "no quote for 'IT' 5"],
        ["b", "no quote for 'IT' 5"],
      ]);
      expect(await search("no error text")).toStrictEqual([["a", "no error text"]]);
      expect(await search("no quote")).toStrictEqual([]);
    });

    it("keeps 64-bit ids exact", async ({ skip }) => {
      skip(!backend.abilities.bigIds, "its ids are no numbers");
      await backend.insert([{ id: "9223372036854775807", queue: "a", state: "failed" }]);
      expect((await source.failures(signal()))[0]?.jobIds).toEqual(["9223372036854775807"]);
    });

    it("lists empty queues: configured ones and those seen since the start", async () => {
      await backend.insert([{ queue: "seen", state: "waiting" }]);
      await source.metrics(signal());
      await backend.clear();
      const now = await source.metrics(signal());
      const empty = { source: backend.config.name, depth: 0, oldestAgeSeconds: null };
      expect(now).toMatchObject([
        { name: "configured", ...empty },
        { name: "seen", ...empty },
      ]);
      expect(await source.failures(signal())).toStrictEqual([]);
    });

    it("gives every queue its share of the failures, the newest first", async ({ skip }) => {
      skip(!backend.abilities.errors, "it keeps no errors");
      const many = Array.from({ length: 60 }, (_, index) => index);
      await backend.insert(
        many.map((n) => ({ queue: "noisy", state: "failed" as const, endedAgo: 10 + n, error: `error ${n}` })),
      );
      await backend.insert([{ queue: "quiet", state: "failed", endedAgo: 3000, error: "old" }]);
      const failures = await source.failures(signal());
      expect(failures.map(({ error }) => error)).toStrictEqual([...many.map((n) => `error ${n}`), "old"]);
    });

    it("truncates error texts; they start at line one and are never empty", async ({ skip }) => {
      skip(!backend.abilities.errors, "it keeps no errors");
      await backend.insert([
        { queue: "long", state: "failed", endedAgo: 1, error: `\n  first line\n${"x".repeat(5000)}` },
        { queue: "null", state: "failed", endedAgo: 2, error: null },
        { queue: "blank", state: "failed", endedAgo: 3, error: " \n" },
      ]);
      const byQueue = new Map((await source.failures(signal())).map((failure) => [failure.queue, failure.error]));
      expect(byQueue.get("long")).toBe(`first line\n${"x".repeat(5000)}`.slice(0, 2000));
      expect([byQueue.get("null"), byQueue.get("blank")]).toStrictEqual(["no error text", "no error text"]);
    });

    it("redacts error texts before it truncates them", async ({ skip }) => {
      skip(!backend.abilities.errors, "it keeps no errors");
      const canary = "CANARYOFAPASSWORD1";
      protectSecrets([canary]);
      // Secrets over the end of what is shown, and over the end of what is read, which redaction
      // brings into view.
      const start = (length: number) => `${"x".repeat(length - 1)} `;
      const shrunk = (length: number) => `password=${"c".repeat(length - 10)} `;
      const texts = Array.from({ length: canary.length }, (_, index) => [
        `${start(2000 - index)}${canary} end`,
        `${start(1990 - index)}postgres://app:${canary.slice(1)}@db/x`,
        `${shrunk(2512 - index)}${canary} ${"y".repeat(3000)}`,
        `${shrunk(2500 - index)}postgres://app:${canary.slice(1)}@db/${"y".repeat(3000)}`,
      ]).flat();
      await backend.insert(
        texts.map((error, index) => ({ queue: "cut", state: "failed", endedAgo: 1 + index, error })),
      );
      const failures = await source.failures(signal());
      expect(failures).toHaveLength(texts.length);
      for (const { error } of failures) expect(error).not.toMatch(/[A-Z]{4}/);
    });

    it("returns names and texts unchanged, whatever they contain", async ({ skip }) => {
      skip(!backend.abilities.anyName, "its names are restricted");
      const name = `it's "q" \\ ; -- $1 é 日本 🚀`;
      await backend.insert([
        { queue: name, state: "waiting" },
        { queue: name, state: "failed", error: name },
      ]);
      expect(await queue(name)).toMatchObject({ depth: 1 });
      const listed = await source.failures(signal());
      expect(listed).toMatchObject(backend.abilities.errors ? [{ queue: name, error: name }] : []);
    });

    it("rejects at once with an OpsError when the caller has gone", async () => {
      const aborted = AbortSignal.abort();
      await expect(source.metrics(aborted)).rejects.toMatchObject({ name: "OpsError", code: backend.unavailable });
      expect((await source.metrics(signal())).length).toBeGreaterThan(0);
    });

    it("distinguishes a lock from an outage within the lock timeout", async ({ skip }) => {
      skip(!backend.sql, "it is no table");
      const { database, table } = backend.sql as NonNullable<JobBackend["sql"]>;
      const migration = await database.connect();
      await migration.query(`begin; lock table ${table} in access exclusive mode`);
      const start = performance.now();
      const locked = { code: "queue_locked", upstream: `queues:${backend.config.name}` };
      await expect(source.metrics(signal())).rejects.toMatchObject(locked);
      expect(performance.now() - start).toBeLessThan(1500);
      await migration.end();
      expect((await source.metrics(signal())).length).toBeGreaterThan(0);
    });

    it("reports a missing table and recovers when it is back", async ({ skip }) => {
      skip(!backend.sql, "it is no table");
      const { database, table } = backend.sql as NonNullable<JobBackend["sql"]>;
      const bare = table.split(".").at(-1);
      await database.query(`alter table ${table} rename to elsewhere`);
      await expect(source.metrics(signal())).rejects.toMatchObject({ code: "schema_mismatch" });
      await database.query(`alter table ${table.replace(/[^.]*$/, "elsewhere")} rename to ${bare}`);
      expect((await source.metrics(signal())).length).toBeGreaterThan(0);
    });
  });
}

/** An id that the kind takes: a number, or a UUID where its ids are such. */
function toId({ abilities }: JobBackend, n: number): string {
  return abilities.bigIds ? String(n) : `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
}
