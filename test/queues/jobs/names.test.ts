import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeNames } from "../../../src/queues/jobs/names.ts";
import { createHostileSource } from "../../support/hostile-source.ts";
import { findUnsafe, hostileName } from "../../support/hostile-text.ts";

const never = new AbortController().signal;
const range = { from: 0, step: 60, steps: 1 };
const names = fc.record({
  queue: hostileName,
  jobId: hostileName,
  kind: hostileName,
  worker: hostileName,
  host: hostileName,
});

/** All that a source returns, asked by the names that it shows. */
async function readAll(given: ReturnType<typeof createHostileSource>) {
  const source = escapeNames(given.source);
  const [queue] = await source.metrics(never);
  const [failures] = await source.failures(never);
  const [work] = (await source.workerJobs?.(never)) ?? [];
  const name = queue?.name ?? "";
  const ref = { queue: name, jobId: failures?.jobIds[0] ?? "" };
  const host = work?.host ?? "";
  const [found] = (await source.jobs?.find([ref], never)) ?? [];
  if (!found || found instanceof Error) throw new Error("The shown names do not find their job");
  source.control?.check("retry", ref);
  return {
    queue,
    failures,
    work,
    found,
    page: await source.jobs?.page(
      { queue: name, state: null, after: null, before: null, inverted: false, limit: 5 },
      never,
    ),
    attempts: await source.jobs?.attempts([found], never),
    args: await source.jobs?.args?.([found], never),
    running: await source.running?.([host], never),
    failed: await source.failedJobs?.(name, "retry", never),
    history: [...((await source.history?.([name], range, never)) ?? [])],
    usual: [...((await source.usualRuns?.(never)) ?? [])],
    changed: await source.control?.change("retry", ref, false),
    state: await source.control?.look(ref),
    warnings: source.warnings?.(),
    unsupported: await source.unsupported?.(never),
  };
}

describe("the names of a queue source", () => {
  it("of many failures are escaped in turns", async () => {
    const { source } = createHostileSource({ queue: "a", jobId: "b", kind: "c", worker: "d", host: "e" });
    const [one] = await source.failures(never);
    if (!one) throw new Error("The source has no failures");
    const read: number[] = [];
    let rounds = 0;
    const slow = {
      ...one,
      get jobIds() {
        const end = performance.now() + 0.1;
        while (performance.now() < end);
        return ["\u202e"];
      },
    };
    const reading = escapeNames({ ...source, failures: async () => Array.from({ length: 1000 }, () => slow) })
      .failures(never)
      .then(({ length }) => read.push(length));
    while (read.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      rounds += 1;
    }
    await reading;
    // At least 100 ms of work in slices of 4 ms.
    expect([read, rounds > 10]).toEqual([[1000], true]);
  });

  it("leave it without an unsafe character, and lead back to their job", async () => {
    await fc.assert(
      fc.asyncProperty(names, async (own) => {
        const given = createHostileSource(own);
        const read = await readAll(given);
        expect(findUnsafe(JSON.stringify(read))).toEqual([]);
        expect(read).toMatchObject({
          page: [{ queue: read.queue?.name }],
          args: [{ text: "true" }],
          running: { total: 1 },
          failed: [{ jobs: 1 }],
          history: [[read.queue?.name, expect.anything()]],
          usual: [[read.queue?.name, 3]],
          changed: { changed: true, queue: read.queue?.name, jobId: read.failures?.jobIds[0] },
          state: expect.any(String),
        });
        expect(new Set(given.asked)).toEqual(new Set([own.queue, own.jobId, own.host]));
      }),
    );
  });

  it("are those of one queue alone, however alike two are", async () => {
    const like = { kind: "k", worker: "w", host: "h", jobId: "7" };
    const shown = await Promise.all(
      ["mail", "mail\u200b", "mail\u202e", "mail<U+200B>"].map(async (queue) => {
        const source = escapeNames(createHostileSource({ ...like, queue }).source);
        return (await source.metrics(never))[0]?.name;
      }),
    );
    expect(shown).toEqual(["mail", "mail<U+200B>", "mail<U+202E>", "mail<U+003C>U+200B>"]);
    const source = escapeNames(createHostileSource({ ...like, queue: "mail\u200b" }).source);
    const find = async (queue: string) => (await source.jobs?.find([{ queue, jobId: "7" }], never))?.[0] ?? null;
    expect(await Promise.all(["mail", "mail<U+202E>", "mail<U+003C>U+200B>"].map(find))).toEqual([null, null, null]);
    expect(await find("mail<U+200B>")).toMatchObject({ queue: "mail<U+200B>" });
  });

  it("are the same objects where nothing is unsafe", async () => {
    const { source } = createHostileSource({ queue: "mail", jobId: "7", kind: "Mail", worker: "w-1", host: "web-1" });
    const [given] = (await source.jobs?.find([{ queue: null, jobId: "7" }], never)) ?? [];
    expect((await escapeNames(source).jobs?.find([{ queue: null, jobId: "7" }], never))?.[0]).toBe(given);
  });
});
