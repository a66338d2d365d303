import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { protectSecrets } from "../../src/lib/redact/secrets.ts";
import type { JobPlace, JobReader, JobsQuery, JobState, PlacedJob } from "../../src/queues/job.ts";
import type { JobRef } from "../../src/queues/jobs/control.ts";
import type { QueueSource, QueueSources } from "../../src/queues/queue.ts";
import type { Job, JobBackend } from "../support/job-backend.ts";

const signal = () => AbortSignal.timeout(20_000);
const hostile = [
  "0",
  "-1",
  "1e3",
  "9223372036854775808",
  "99999999999999999999",
  "00000000-0000-4000-8000-00000000000g",
  "'; drop table x; --",
  "1) or (1=1",
  "\u0000",
  "\ud800",
  "",
  " ",
  "x".repeat(300),
  "日本",
  "null",
  String.raw`\'`,
];

/** Some systems do not record the time. */
function expectMinuteAgo(time: string | null | undefined): void {
  const ago = Date.now() - 60_000;
  expect(Math.abs((time ? Date.parse(time) : ago) - ago)).toBeLessThan(5000);
}

/** What every source that reads jobs one by one must do, over a real system. */
export function describeJobReader(kind: string, create: () => Promise<JobBackend>): void {
  describe(`jobs of a queue source of kind ${kind}`, () => {
    let backend: JobBackend;
    let sources: QueueSources;
    let source: QueueSource;
    let jobs: JobReader;

    beforeAll(async () => {
      backend = await create();
    });
    beforeEach(async () => {
      await sources?.close();
      await backend.clear();
      sources = backend.open();
      [source] = (await sources.all(signal())) as [QueueSource];
      jobs = source.jobs as JobReader;
    });
    afterAll(async () => {
      await sources.close();
      await backend.close();
    });

    // Above the ids of the jobs that `clear` makes.
    const toId = (n: number) =>
      backend.abilities.bigIds ? String(1_000_000 + n) : `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
    const any = (jobId: string): JobRef => ({ jobId, queue: null });
    const list = (query: Partial<JobsQuery> = {}) =>
      jobs.page(
        { queue: "a", state: null, after: null, before: null, inverted: false, limit: 100, ...query },
        signal(),
      );
    const insert = (...rows: readonly Omit<Job, "queue">[]) =>
      backend.insert(rows.map((row) => ({ queue: "a", ...row })));
    /** All pages of a list; `meanwhile` runs after each. */
    const walk = async (
      query: Partial<JobsQuery>,
      meanwhile: (page: number, last: string) => Promise<void> = async () => {},
    ) => {
      const seen: PlacedJob[] = [];
      for (let page = 0, after: JobPlace | null = null; ; page++) {
        const found = await list({ ...query, after });
        if (found.length === 0) return seen;
        seen.push(...found);
        after = found.at(-1)?.place ?? null;
        await meanwhile(page, found.at(-1)?.jobId ?? "");
      }
    };

    it("finds a job by its id, with its state and times", async () => {
      const { deferred, active, done } = backend.abilities;
      const rows: readonly (readonly [Job["state"], JobState, Partial<Job>])[] = [
        ["waiting", "available", {}],
        ["failed", "failed", { endedAgo: 60, error: "boom" }],
        ...(done ? [["done", "completed", { endedAgo: 60 }] as const] : []),
        ...(active ? [["running", "running", {}] as const] : []),
        ...(deferred ? [["waiting", "scheduled", { dueAgo: -3600 }] as const] : []),
      ];
      await insert(...rows.map(([state, , more], index) => ({ id: toId(index + 1), state, ...more })));
      const found = await jobs.find([...rows.map((_, index) => any(toId(index + 1))), any(toId(99))], signal());
      expect(found.map((job) => job && "state" in job && [job.jobId, job.queue, job.source, job.state])).toEqual([
        ...rows.map(([, state], index) => [toId(index + 1), "a", backend.config.name, state]),
        null,
      ]);
      const [waits, failed] = found as PlacedJob[];
      expect(waits).toMatchObject({ finishedAt: null, systemState: expect.stringMatching(/\w/) });
      expectMinuteAgo(failed?.finishedAt);
    });

    it("finds a job in its queue alone where that is named", async () => {
      await insert({ id: toId(1), state: "waiting" });
      const asked = ["a", "b"].map((queue) => ({ jobId: toId(1), queue }));
      expect(await jobs.find(asked, signal())).toMatchObject([{ jobId: toId(1) }, null]);
    });

    it("refuses what is no id, and reads the others all the same", async () => {
      await insert({ id: toId(7), state: "waiting" });
      const found = await jobs.find([...hostile.map(any), any(toId(7))], signal());
      expect(found.at(-1)).toMatchObject({ jobId: toId(7) });
      for (const one of found.slice(0, -1))
        expect(one === null || ("code" in one && one.code)).toSatisfy(
          (code: unknown) => code === true || code === "invalid_request",
        );
      for (const queue of ["' or 1=1 --", "\\", "$1", "a\nb"])
        expect(await jobs.find([{ jobId: toId(7), queue }], signal())).toEqual([null]);
    });

    it("refuses places of another list", async () => {
      await insert({ id: toId(1), state: "failed", error: "x" }, { id: toId(2), state: "failed", error: "x" });
      const [{ place }] = (await list({ state: "failed" })) as [PlacedJob];
      const places: JobPlace[] = [
        { time: place.time, id: "'; select 1 --" },
        ...["x", "2026-13-45", "infinitely", "'", "\\"].map((time) => ({ time, id: place.id })),
        ...(place.time === "" ? [] : [{ time: "", id: place.id }]),
      ];
      for (const after of places)
        await expect(list({ state: "failed", after })).rejects.toMatchObject({ code: "invalid_request" });
      expect(await list({ state: "failed", after: place })).toHaveLength(1);
    });

    it("lists jobs newest first, of a queue or of all, of a state or of all", async () => {
      await insert({ id: toId(1), state: "failed", endedAgo: 30, error: "x" });
      await insert({ id: toId(2), state: "failed", endedAgo: 20, error: "x" });
      await insert({ id: toId(3), state: "failed", endedAgo: 10, error: "x" }, { id: toId(4), state: "waiting" });
      await backend.insert([{ id: toId(5), queue: "b", state: "failed", endedAgo: 5, error: "x" }]);
      const ids = async (query: Partial<JobsQuery>) => (await list(query)).map(({ jobId }) => jobId);
      expect(await ids({ state: "failed" })).toEqual([3, 2, 1].map(toId));
      expect(await ids({ state: "failed", queue: null })).toEqual([5, 3, 2, 1].map(toId));
      expect((await ids({})).toSorted()).toEqual([1, 2, 3, 4].map(toId));
      expect(await ids({ state: "available" })).toEqual([toId(4)]);
      expect(await ids({ state: "available", queue: "' or true --" })).toEqual([]);
      expect(await ids({ state: "failed", limit: 2 })).toEqual([3, 2].map(toId));
      expect(await ids({ state: "failed", inverted: true, limit: 2 })).toEqual([1, 2].map(toId));
      const [last] = await list({ state: "failed" });
      expect(await ids({ state: "failed", inverted: true, before: last?.place ?? null })).toEqual([]);
      expect(
        (
          await Promise.all(["cancelled", "blocked", "retrying"].map((state) => ids({ state: state as JobState })))
        ).flat(),
      ).toEqual([]);
    });

    it("shows each job once while others come and go", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 }),
          fc.integer({ min: 1, max: 4 }),
          fc.constantFrom<readonly [Job["state"], JobState | null]>(
            ["failed", "failed"],
            ["failed", null],
            ["waiting", "available"],
          ),
          async (ages, limit, [given, state]) => {
            await backend.clear();
            await insert(
              ...ages.map((age, index) => ({
                id: toId(index + 1),
                state: given,
                endedAgo: 100 + age,
                dueAgo: 1,
                error: given === "failed" ? "x" : null,
              })),
            );
            const whole = (await list({ state })).map(({ jobId }) => jobId);
            expect(new Set(whole)).toEqual(new Set(ages.map((_, index) => toId(index + 1))));
            // After each page others arrive at the top of the list, and the job that its cursor
            // names goes.
            const seen = await walk({ state, limit }, async (page, last) => {
              await insert({ id: toId(1000 + page), state: given, endedAgo: 1 });
              await backend.remove?.(last);
            });
            expect(seen.map(({ jobId }) => jobId)).toEqual(whole);
          },
        ),
        { numRuns: 12 },
      );
    });

    it("has the error of a failed attempt, redacted, and none of others", async () => {
      await insert(
        { id: toId(1), state: "failed", endedAgo: 60, error: "boom password=hunter2hunter2" },
        { id: toId(2), state: "waiting" },
        { id: toId(3), state: "failed", error: `\n first ${"x".repeat(5000)}` },
      );
      const found = (await jobs.find(
        [1, 2, 3].map((n) => any(toId(n))),
        signal(),
      )) as PlacedJob[];
      const [failed, waits, long] = await jobs.attempts(found, signal());
      expect(waits).toEqual([]);
      expect(failed).toMatchObject([{ error: "boom password=[redacted]" }]);
      const [attempt] = failed ?? [];
      expect([1, 12]).toContain(attempt?.number ?? 1);
      expectMinuteAgo(attempt?.at);
      expect(long?.[0]?.error).toMatch(/^first x+$/);
      expect(long?.[0]?.error.length).toBeLessThanOrEqual(2000);
    });

    it("redacts errors before it cuts them", async () => {
      const canary = "CANARYOFAPASSWORD1";
      protectSecrets([canary]);
      const texts = [1990, 1999, 2010].flatMap((length) => [
        `${"x".repeat(length - 1)} ${canary} end`,
        `${"x".repeat(length - 10)} postgres://app:${canary.slice(1)}@db/x`,
        `password=${"c".repeat(length + 400)} ${canary} ${"y".repeat(3000)}`,
      ]);
      await insert(...texts.map((error, index) => ({ id: toId(index + 1), state: "failed" as const, error })));
      const attempts = await jobs.attempts(await list({ state: "failed" }), signal());
      expect(attempts.flat()).toHaveLength(texts.length);
      for (const { error } of attempts.flat()) expect(error).not.toMatch(/[A-Z]{4}/);
    });

    it("has the arguments of a job, redacted and cut", async ({ skip }) => {
      skip(!backend.abilities.args, "it stores none that can be read");
      await insert(
        { id: toId(1), state: "waiting", args: { to: "lee", password: "hunter2hunter2" } },
        { id: toId(2), state: "waiting", args: { blob: "y".repeat(20_000) } },
      );
      const found = (await jobs.find(
        [1, 2].map((n) => any(toId(n))),
        signal(),
      )) as PlacedJob[];
      const [short, long] = (await jobs.args?.(found, signal())) ?? [];
      expect(short?.truncated).toBe(false);
      expect(JSON.parse(short?.text ?? "")).toMatchObject({ to: "lee", password: "[redacted]" });
      expect([long?.truncated, (long?.text.length ?? 0) <= 8192]).toEqual([true, true]);
      expect(await jobs.args?.([{ ...(found[0] as PlacedJob), jobId: toId(99) }], signal())).toEqual([null]);
    });

    it("rejects with an OpsError when the caller has gone", async () => {
      await expect(jobs.find([any(toId(1))], AbortSignal.abort())).rejects.toMatchObject({ code: backend.unavailable });
      await expect(
        jobs.page(
          { queue: null, state: null, after: null, before: null, inverted: false, limit: 1 },
          AbortSignal.abort(),
        ),
      ).rejects.toMatchObject({ name: "OpsError" });
    });
  });
}
