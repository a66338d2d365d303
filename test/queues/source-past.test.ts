import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { OpsError } from "../../src/lib/errors.ts";
import { toFingerprint } from "../../src/queues/fingerprint.ts";
import type { PastSearch } from "../../src/queues/queue.ts";
import { cachePast } from "../../src/queues/source.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const signal = new AbortController().signal;
const toSearch = (...texts: readonly string[]): PastSearch => ({
  errors: texts.map((error) => ({ error, fingerprint: toFingerprint(error) })),
  until: 1000,
});

it("a search for earlier failures finds them by their fingerprints", async () => {
  const row = { queue: "mail", source: "jobs", worker: "h" };
  const texts = ["no rate for EUR 17", "no rate was found for EUR 3"];
  const search = cachePast(async () => ({ failures: texts.map((error) => ({ ...row, error })), isWhole: false }));
  expect(await search(toSearch("no rate for EUR 18"), signal)).toEqual({
    failures: [{ ...row, fingerprint: toFingerprint("no rate for EUR 99") }],
    isWhole: false,
  });
});

it("a search for earlier failures is made once in five minutes", async () => {
  const read = vi.fn<Parameters<typeof cachePast>[0]>(async () => ({ failures: [], isWhole: true }));
  const search = cachePast(read);
  await search(toSearch("a word", "another"), signal);
  await search(toSearch("another", "a word"), signal);
  expect(read).toHaveBeenCalledTimes(1);
  await search(toSearch("a word"), signal);
  expect(read).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(300_000);
  await search(toSearch("a word"), signal);
  expect(read).toHaveBeenCalledTimes(3);
});

it("a search for earlier failures that took too long rests for a minute", async () => {
  let takesMs = 2000;
  const read = vi.fn<Parameters<typeof cachePast>[0]>(async () => {
    vi.advanceTimersByTime(takesMs);
    throw new OpsError("postgres_unavailable", "PostgreSQL took longer than 2 s");
  });
  const search = cachePast(read);
  const ask = (text: string) => search(toSearch(text), signal);
  await expect(ask("a word")).rejects.toThrow("took longer");
  await expect(ask("another")).rejects.toThrow("took longer");
  expect(read).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(60_000);
  // One that fails at once is tried again at once.
  takesMs = 10;
  await expect(ask("a word")).rejects.toThrow("took longer");
  await expect(ask("a word")).rejects.toThrow("took longer");
  expect(read).toHaveBeenCalledTimes(3);
});
