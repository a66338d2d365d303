import { expect, it } from "vitest";
import { OpsError } from "../../src/client/error.ts";
import { type LogBatch, type LogNotice, LogReader, type LogTurn } from "../../src/client/log-reader.ts";
import { type LogLine, SeenLines } from "../../src/client/log-seen.ts";
import { at } from "../support/logs.ts";
import { roleLine } from "../support/terminal-log.ts";

type Batch = Partial<LogBatch<LogLine>>;

const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => roleLine(from + n, String(from + n)));
const notice = (kind: LogNotice["notice"], name = "web-1"): LogNotice => ({ name, notice: kind, reason: null });

interface Options {
  readonly isSingle?: boolean;
  /** How long the reader takes for lines, ms. */
  readonly showMs?: number;
  /** The lines that it can read where some are missing; without, they are marked. */
  readonly stored?: readonly LogLine[];
  readonly pages?: readonly { readonly lines: readonly LogLine[]; readonly endCursor: string | null }[];
}

/** A reader of a log of which the lines 1 to 5 were seen, and what it shows. */
function create({ isSingle = false, showMs = 0, stored, pages = [] }: Options = {}) {
  const seen = new SeenLines(null, true);
  seen.begin(null);
  for (const line of lines(1, 5)) seen.take(line);
  const shown: string[] = [];
  const [sinces, turns, streams]: [(string | null)[], LogTurn[], (readonly Batch[] | OpsError)[]] = [[], [], []];
  const reader = new LogReader<LogLine>({
    seen,
    isSingle,
    async *open(since) {
      sinces.push(since);
      const stream = streams.shift() ?? [];
      if (stream instanceof OpsError) throw stream;
      for (const batch of stream) yield { lines: [], dropped: 0, notices: [], ended: null, ...batch };
    },
    readPage: async (turn) => {
      turns.push(turn);
      const page = pages[turns.length - 1];
      if (!page) throw new OpsError("overloaded", "too busy");
      return { ...page, hasNewer: page.endCursor !== null };
    },
    show: async (some) => {
      shown.push(...some.map(({ message }) => message));
      if (showMs > 0) await new Promise((resolve) => setTimeout(resolve, showMs));
    },
    note: (note) => shown.push(`${note.name}: ${note.notice}`),
    miss: (count, before) => shown.push(`${count ?? "some"} missing before ${before?.message}`),
    ...(stored && {
      catchUp: async () => {
        seen.begin(null);
        shown.push("read:", ...stored.filter((line) => seen.take(line)).map(({ message }) => message));
      },
    }),
    opened: () => {},
    broken: () => {},
    gone: () => shown.push("gone"),
  });
  /** Reads these messages as one stream, to its end. */
  const read = async (stream: readonly Batch[] | OpsError) => {
    streams.push(stream);
    const before = shown.length;
    const signal = new AbortController().signal;
    const results: boolean[] = [];
    let error: unknown;
    try {
      for await (const batch of reader.open(signal, () => {})) results.push(await reader.next(batch));
    } catch (thrown) {
      error = thrown;
    }
    return { shown: shown.slice(before), results, error };
  };
  const poll = () => reader.poll(new AbortController().signal);
  return { read, poll, shown, sinces, turns };
}

const end = { ended: "expired" };

it("a stream begins before its end of before, and no line comes twice", async () => {
  const { read, sinces } = create();
  expect((await read([{ lines: lines(1, 8) }, end])).shown).toEqual(["6", "7", "8"]);
  expect((await read([{ lines: lines(4, 9) }, end])).shown).toEqual(["9"]);
  expect(sinces).toEqual([at(1), at(1)]);
});

it("lines that are missing before a stream are marked once", async () => {
  const { read } = create();
  const { shown } = await read([{ lines: lines(40, 41) }, { lines: lines(42, 43) }, end]);
  expect(shown).toEqual(["some missing before 40", "40", "41", "42", "43"]);
});

it("lines that are missing before a stream are read where they can be", async () => {
  const { read } = create({ stored: lines(3, 39) });
  const { shown } = await read([{ lines: lines(40, 41), notices: [notice("TRUNCATED")] }, end]);
  expect(shown).toEqual(["read:", ...lines(6, 39).map(({ message }) => message), "40", "41"]);
});

it("after a break what is stored comes before the next stream", async () => {
  const { read } = create({ stored: lines(6, 9) });
  expect((await read([{ lines: lines(1, 6) }, end])).shown).toEqual(["6"]);
  expect((await read([{ lines: lines(6, 10) }, end])).shown).toEqual(["read:", "7", "8", "9", "10"]);
});

it("lines that the gateway left out are counted", async () => {
  const { read } = create();
  expect((await read([{ lines: lines(1, 6) }, { lines: lines(20, 20), dropped: 13 }, end])).shown).toEqual([
    "6",
    "13 missing before 20",
    "20",
  ]);
});

it("a container whose engine was lost may send its lines late", async () => {
  const { read, sinces } = create();
  await read([
    { notices: [notice("ENGINE_LOST", "web-2")] },
    { lines: [...lines(1, 6), ...lines(60_000, 60_000)] },
    end,
  ]);
  const late = roleLine(7, "late", { container: { name: "web-2", engine: "own", version: "v1" } });
  expect((await read([{ lines: [...lines(1, 6), late, ...lines(60_000, 60_000)] }, end])).shown).toEqual(["late"]);
  expect(sinces).toEqual([at(1), at(1)]);
});

it("each notice is passed on, a new container of a quiet log too", async () => {
  const { read } = create();
  const { shown } = await read([{ notices: [notice("JOINED", "web-3"), notice("STOPPED")] }, end]);
  expect(shown).toEqual(["web-3: JOINED", "web-1: STOPPED"]);
});

const endedByGateway = new OpsError("unreachable", "the gateway ended it");

it.each([
  ["its reason to end", [end], undefined],
  ["a shutdown", [{ ended: "shutdown" }], endedByGateway],
  ["no reason", [], endedByGateway],
])("a stream that ends with %s", async (_, stream, error) => {
  const ended = await create().read(stream);
  expect(ended.error).toEqual(error);
});

const notFound = new OpsError("container_not_found", "No such container");

it("the log of one container ends with it", async () => {
  const { read } = create({ isSingle: true });
  expect((await read([{ ended: "container_gone" }])).shown).toEqual(["gone"]);
  expect((await read(notFound)).shown).toEqual(["gone"]);
  expect((await create({ isSingle: true }).read(notFound)).error).toBe(notFound);
});

it("a role without containers is waited for", async () => {
  expect((await create().read(notFound)).error).toMatchObject({ code: "unreachable", message: "No such container" });
});

it("a slow reader gives its stream back", async () => {
  const { read } = create({ showMs: 1050 });
  const { results } = await read([{ lines: lines(1, 6) }, { lines: lines(7, 7) }]);
  expect(results).toEqual([true, false]);
});

it("a round of questions goes from the last line to the end of the log", async () => {
  const marker = (ms: number, message: string) => roleLine(ms, message, { kind: "MARKER", stream: null });
  const { poll, shown, turns } = create({
    pages: [
      { lines: [...lines(0, 1), marker(-5000, "v1 begins"), ...lines(2, 7)], endCursor: "7" },
      { lines: [marker(9000, "v2 begins"), ...lines(9000, 9001)], endCursor: null },
    ],
  });
  await poll();
  expect(turns).toEqual([{ at: at(1) }, { after: "7" }]);
  expect(shown).toEqual(["6", "7", "v2 begins", "9000", "9001"]);
});

it("a round that fails ends, and the next one asks again", async () => {
  const { poll, shown, turns } = create();
  await poll();
  await poll();
  expect([turns, shown]).toEqual([[{ at: at(1) }, { at: at(1) }], []]);
});
