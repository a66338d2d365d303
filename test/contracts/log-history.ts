import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HistoryQuery, LogHistory } from "../../src/containers/logs/history/log-history.ts";
import type { LogLine } from "../../src/containers/logs/log.ts";
import { sampleLine } from "../support/logs.ts";

/** A history that a test fills. */
export interface LogHistoryBackend {
  readonly history: LogHistory;
  /** Replaces what it has of each container, by its id, in the order given here. */
  replace(logs: Readonly<Record<string, readonly LogLine[]>>): void;
  close(): Promise<void>;
}

const [web, other] = ["a".repeat(64), "b".repeat(64)];
const time = (ns: number) => `2026-01-13T09:46:00.${String(ns).padStart(9, "0")}Z`;
const signal = () => AbortSignal.timeout(20_000);

/** What every log history must do. */
export function describeLogHistory(kind: string, create: () => Promise<LogHistoryBackend>): void {
  describe(`log history of kind ${kind}`, () => {
    let backend: LogHistoryBackend;
    beforeAll(async () => void (backend = await create()));
    beforeEach(() => backend.replace({}));
    afterAll(() => backend.close());

    /** All pieces, in the order of reading. */
    const readAll = async (change: Partial<HistoryQuery> = {}) => {
      const pieces: (readonly LogLine[])[] = [];
      let query: HistoryQuery = {
        fullId: web,
        from: "newest",
        since: time(0),
        before: time(999_999_999),
        filter: {},
        ...change,
      };
      for (;;) {
        const { lines, rest } = await backend.history.read(query, signal());
        pieces.push(lines);
        if (!rest) return pieces;
        query = { ...query, ...rest };
      }
    };
    const lines = (count: number, every = 1) =>
      Array.from({ length: count }, (_, n) =>
        sampleLine(`line ${String(n).padStart(5, "0")}`, { timestamp: time(Math.floor(n / every) + 1) }),
      );

    it("has each line of one container once, from either end", async () => {
      const log = lines(2500);
      backend.replace({ [web]: log.toReversed(), [other]: [sampleLine("other", { timestamp: time(5) })] });
      const [newest, oldest] = [await readAll(), await readAll({ from: "oldest" })];
      expect(newest.toReversed().flat()).toEqual(log);
      expect(oldest.flat()).toEqual(log);
    });

    it("keeps lines of one time in one piece, by stream and text", async () => {
      const log = [
        sampleLine("b", { timestamp: time(7) }),
        sampleLine("a", { timestamp: time(7) }),
        sampleLine("c", { timestamp: time(7), stream: "stderr" }),
        ...lines(2400, 1200).map((line) => ({ ...line, timestamp: line.timestamp === time(1) ? time(8) : time(9) })),
      ];
      backend.replace({ [web]: log });
      const pieces = await readAll();
      const times = pieces.flatMap((piece) => [...new Set(piece.map(({ timestamp }) => timestamp))]);
      expect(new Set(times).size).toBe(times.length);
      expect(
        pieces
          .toReversed()
          .flat()
          .slice(0, 3)
          .map(({ message }) => message),
      ).toEqual(["c", "a", "b"]);
      expect(pieces.flat()).toHaveLength(2403);
    });

    it("has a line that was shipped twice once", async () => {
      const [line] = lines(1) as [LogLine];
      backend.replace({ [web]: [line, line, { ...line, stream: "stderr" }] });
      expect(await readAll()).toEqual([[{ ...line, stream: "stderr" }, line]]);
    });

    it("reads from `since` on and before `before`", async () => {
      backend.replace({ [web]: lines(5) });
      const messages = async (since: number, before: number) =>
        (await readAll({ since: time(since), before: time(before) })).flat().map(({ timestamp }) => timestamp);
      expect(await messages(2, 4)).toEqual([time(2), time(3)]);
      expect(await messages(3, 3)).toEqual([]);
    });

    it("rejects as its signal does", async () => {
      const abort = AbortSignal.abort("gone");
      const query = { fullId: web, from: "newest", since: time(0), before: time(9), filter: {} } as const;
      await expect(backend.history.read(query, abort)).rejects.toBe("gone");
    });
  });
}
