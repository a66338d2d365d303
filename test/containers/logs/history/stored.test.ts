import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ContainerSource } from "../../../../src/containers/source.ts";
import { removedStatus } from "../../../../src/containers/logs/history/removed.ts";
import { readStoredWithHistory } from "../../../../src/containers/logs/history/stored.ts";
import {
  createLogFilter,
  type LogLine,
  type LogStream,
  type StoredBatch,
  type StoredOptions,
  toLater,
} from "../../../../src/containers/logs/log.ts";
import { collect } from "../../../support/collect.ts";
import { sampleContainer } from "../../../support/containers.ts";
import { at, line } from "../../../support/logs.ts";
import { createMemoryLogHistory } from "../../../support/memory-log-history.ts";
import { countStepsAtOnce, createStepSearch } from "../../../support/rounds.ts";

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => line(1000 * (from + n), `${from + n}`));

/**
 * An engine that has these lines at each look at their beginning, and at each reading; the last
 * ones from then on.
 */
function setUp(engineLogs: readonly (readonly LogLine[])[], older: readonly LogLine[], status = "running") {
  const container = sampleContainer({ createdAt: at(0).replace(/\.\d+Z$/, "Z"), status });
  const { history, state } = createMemoryLogHistory();
  state.logs.set(container.fullId, older);
  let asked = 0;
  const now = () => engineLogs[Math.min(asked++, engineLogs.length - 1)] ?? [];
  const calls: StoredOptions[] = [];
  const engines: Pick<ContainerSource, "logs" | "logBeginning" | "stored"> = {
    logs: () => Promise.reject(new Error("not read here")),
    logBeginning: async () => {
      const all = now();
      const later = all[0] && toLater(all[0].timestamp);
      if (later === undefined) return null;
      const of = (stream: LogStream) => {
        const own = all.filter((one) => one.stream === stream && one.timestamp <= later);
        const timestamp = own[0]?.timestamp ?? later;
        return { timestamp, messages: own.filter((one) => one.timestamp === timestamp).map(({ message }) => message) };
      };
      return { stdout: of("stdout"), stderr: of("stderr") };
    },
    async *stored(_, options): AsyncGenerator<StoredBatch, void> {
      calls.push(options);
      const all = now();
      const newest = options.newest === null ? all : all.slice(-options.newest);
      yield {
        lines: newest.filter(createLogFilter(options).accepts),
        cutAt: newest.length < all.length ? (newest[0]?.timestamp ?? null) : null,
      };
    },
  };
  const read = async (options: Partial<StoredOptions> = {}) => {
    const { signal } = new AbortController();
    const reading = readStoredWithHistory({ engines, history }, container, { newest: null, ...options }, signal);
    const batches = await collect(reading);
    return {
      messages: batches.flatMap((batch) => batch.lines.map(({ message }) => message)).join(" "),
      cutAt: batches.map(({ cutAt }) => cutAt).filter((one) => one !== null),
      failures: batches.flatMap(({ historyError = [] }) => historyError),
    };
  };
  return { read, state, calls };
}

describe("a stored log with a history", () => {
  it("begins in the history and goes on at the engine", async () => {
    const { read, state } = setUp([lines(10, 14)], lines(0, 12));
    expect(await read()).toEqual({ messages: "0 1 2 3 4 5 6 7 8 9 10 11 12 13", cutAt: [], failures: [] });
    expect(await read({ since: at(8000), until: at(11_000), search: "1" })).toMatchObject({ messages: "10 11" });
    expect(state.queries.at(-1)).toMatchObject({ from: "oldest", filter: { search: "1" } });
  });

  it("filters lines of the history in turns", async () => {
    const older = Array.from({ length: 50 }, (_, n) => line(n, String(n)));
    const { most, steps } = await countStepsAtOnce(async (step) => {
      const search = createStepSearch(step);
      await Promise.all([1, 2, 3].map(() => setUp([[]], older).read({ search })));
    });
    expect(steps).toBe(150);
    expect(most).toBeLessThanOrEqual(2);
  });

  it("has a line of the seam once when the history lacks its return", async () => {
    const { read } = setUp([[line(2000, "2 "), line(3000, "3 ")]], lines(0, 4));
    expect(await read()).toMatchObject({ messages: "0 1 2  3 " });
  });

  it("has the lines that the engine removed while it was read", async () => {
    const { read } = setUp([lines(4, 14), lines(9, 14)], lines(0, 12));
    expect(await read()).toMatchObject({ messages: "0 1 2 3 4 5 6 7 8 9 10 11 12 13" });
  });

  it("has the lines that the engine removed before it was read", async () => {
    const { read } = setUp([lines(4, 14), lines(9, 14)], lines(0, 12));
    expect(await read()).toMatchObject({ messages: "0 1 2 3 4 5 6 7 8 9 10 11 12 13" });
    const late = setUp([lines(4, 14), lines(4, 14), lines(9, 14)], lines(0, 12));
    expect(await late.read()).toMatchObject({ messages: "0 1 2 3 4 5 6 7 8 9 10 11 12 13" });
  });

  it("has each line of both streams once, whatever the engine removes", async () => {
    const entry = fc.record({ pause: fc.constantFrom(0, 1, 900, 3000), isError: fc.boolean() });
    const removals = fc.array(fc.nat({ max: 6 }), { maxLength: 6 });
    const property = fc.asyncProperty(
      fc.array(entry, { minLength: 1, maxLength: 40 }),
      removals,
      async (entries, steps) => {
        let time = 0;
        const log = entries.map(({ pause, isError }, index) => {
          time += pause;
          return {
            ...line(time, String(index).padStart(2, "0")),
            stream: isError ? ("stderr" as const) : ("stdout" as const),
          };
        });
        let removed = 0;
        const logs = [0, ...steps].map((step) => log.slice((removed += step)));
        const { read } = setUp(logs, log);
        const { messages } = await read();
        expect(messages.split(" ").toSorted()).toEqual(log.map(({ message }) => message));
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it("asks the history once for each line, whatever the engine removes", async () => {
    const logs = Array.from({ length: 10 }, (_, removed) => lines(100 + removed, 120));
    const { read, state } = setUp(logs, lines(0, 110));
    const { messages } = await read();
    expect(messages.split(" ")).toEqual(Array.from({ length: 120 }, (_, index) => `${index}`));
    expect(state.queries.length).toBeLessThan(45);
  });

  it("is read on where the engine removes lines from before its time", async () => {
    const { read, calls, state } = setUp([lines(4, 14), lines(4, 14), lines(5, 14), lines(6, 14)], lines(0, 12));
    expect(await read({ since: at(11_000), search: "1" })).toMatchObject({ messages: "11 12 13" });
    expect([calls.length, state.queries.length]).toEqual([1, 0]);
  });

  it("of a removed container is the history's alone", async () => {
    const { read, calls } = setUp([], lines(0, 5), removedStatus);
    expect(await read()).toMatchObject({ messages: "0 1 2 3 4" });
    expect(await read({ newest: 10 })).toMatchObject({ messages: "", cutAt: [at(4000)] });
    expect(calls).toEqual([]);
  });

  it("of newest entries says where the history has older lines", async () => {
    const { read, state } = setUp([lines(10, 14)], lines(0, 12));
    expect(await read({ newest: 2 })).toMatchObject({ messages: "12 13", cutAt: [at(12_000)] });
    expect(state.queries).toEqual([]);
    expect(await read({ newest: 9 })).toMatchObject({ messages: "10 11 12 13", cutAt: [at(9000)] });
    expect(await setUp([lines(0, 4)], lines(0, 3)).read({ newest: 9 })).toMatchObject({ cutAt: [] });
  });

  it("has the engine's lines where the history fails, which is named", async () => {
    const { read, state } = setUp([lines(10, 14)], lines(0, 12));
    state.failAfter = 1;
    expect(await read()).toEqual({ messages: "0 1 2 10 11 12 13", cutAt: [], failures: [state.error] });
  });
});
