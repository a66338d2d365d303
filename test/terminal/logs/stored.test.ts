import * as fc from "fast-check";
import { expect, it } from "vitest";
import { type OpsClient, OpsError, StoredLogs } from "../../../src/client/client.ts";
import type { Line } from "../../../src/terminal/logs/line.ts";
import type { LogFilter } from "../../../src/terminal/logs/pages.ts";
import { SeenLines } from "../../../src/client/log-seen.ts";
import { StoredLog } from "../../../src/terminal/logs/stored.ts";
import type { LogTarget } from "../../../src/terminal/logs/target.ts";
import { collect } from "../../support/collect.ts";
import { at } from "../../support/logs.ts";
import { roleLine } from "../../support/terminal-log.ts";

const place = { env: null, engine: null, service: null, destination: null };
const target: LogTarget = {
  variables: { ...place, role: "web", names: null, includeAccessories: false },
  single: null,
  hasEngines: false,
  group: null,
};
const always = { since: null, until: null };

type Asked = { readonly since: string | null; readonly newest: number | null };
type Batch = {
  readonly lines?: readonly Line[];
  readonly ended?: string;
  readonly completeSince?: string | null;
  readonly containers?: readonly object[];
};

/** A gateway that sends these batches, or throws, for each opening. */
function open(answer: (asked: Asked, turn: number) => readonly (Batch | OpsError)[], filter: Partial<LogFilter> = {}) {
  const asked: Asked[] = [];
  const reports: object[] = [];
  const client = {
    subscribe: async function* (document: unknown, { since, newest }: Asked) {
      expect(document).toBe(StoredLogs);
      asked.push({ since, newest });
      for (const batch of answer({ since, newest }, asked.length - 1)) {
        if (batch instanceof OpsError) throw batch;
        yield { storedLogs: { lines: [], completeSince: null, containers: [], engines: [], ended: null, ...batch } };
      }
    },
  } as unknown as OpsClient;
  const stored = new StoredLog({
    client,
    target,
    filter: { levelStrict: false, ignoreCase: false, ...filter },
    signal: new AbortController().signal,
    onParts: (report) => void reports.push(report),
  });
  return { stored, asked, reports };
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => roleLine(from + n, String(from + n)));
const done = { ended: "complete" };
const broken = new OpsError("unreachable", "The stream broke");

it("a reading that is cut short goes on without a gap or a repeated line", async () => {
  const all = lines(1, 9000);
  const { stored, asked, reports } = open(({ since }, turn) => {
    const rest = all.filter(({ timestamp }) => timestamp >= (since ?? ""));
    const first = { lines: rest.slice(0, 2500) };
    if (turn === 0) return [first, { ended: "slow_consumer" }];
    return turn < 3 ? [first, { lines: rest.slice(2500, 5000) }, broken] : [{ lines: rest }, done];
  });
  const found = (await collect(stored.readOn(new SeenLines(null, false), always))).flat();
  expect(found).toEqual(all);
  // Two seconds before the last line that was seen.
  expect(asked.map(({ since }) => since)).toEqual([null, at(500), at(3499), at(6498)]);
  expect(reports).toHaveLength(1);
});

it.each([
  ["forbidden", [new OpsError("forbidden", "needs ops:logs")], 1],
  ["unauthorized", [{ ended: "unauthorized" }], 1],
  ["container_not_found", [new OpsError("container_not_found", "none")], 1],
  ["rate_limited", [new OpsError("rate_limited", "later", { retryAfterSeconds: 3600 })], 4],
  ["unreachable", [{ ended: "shutdown" }], 4],
] as const)("%s ends a reading once waiting does not help", async (code, batches, tries) => {
  const { stored, asked } = open(() => batches);
  await expect(collect(stored.readOn(new SeenLines(null, false), always))).rejects.toMatchObject({ code });
  expect(asked).toHaveLength(tries);
});

it("a gateway that asks for patience gets it", async () => {
  const limited = new OpsError("rate_limited", "later", { retryAfterSeconds: 0.01 });
  const { stored, asked } = open((_, turn) => (turn < 3 ? [limited] : [{ lines: lines(1, 3) }, done]));
  expect(await stored.newest(2, always)).toEqual(lines(2, 3));
  expect(asked).toHaveLength(4);
});

it("the newest lines are read no further back than needed", async () => {
  const first = open(() => [
    { lines: lines(1, 110) },
    { ...done, containers: [cutPart("web-1")], completeSince: at(2001) },
  ]);
  expect(await first.stored.newest(100, always)).toEqual(lines(11, 110));
  expect(first.asked).toEqual([{ since: null, newest: 110 }]);
  // Two lines must be left out: they may lack their beginnings.
  const close = open(({ newest }) => [
    { lines: newest === 110 ? lines(10, 110) : lines(1, 110) },
    { ...done, containers: [cutPart("web-1")], completeSince: at(2001) },
  ]);
  expect(await close.stored.newest(100, always)).toEqual(lines(11, 110));
  expect(close.asked.map(({ newest }) => newest)).toEqual([110, 880]);
  const filtered = open(
    ({ newest }) => [
      { lines: newest === null ? lines(1, 5) : [] },
      newest === null ? done : { ...done, containers: [cutPart("web-1")] },
    ],
    { search: "a" },
  );
  expect(await filtered.stored.newest(100, always)).toEqual(lines(1, 5));
  expect(filtered.asked.map(({ newest }) => newest)).toEqual([410, 3280, 26_240, null]);
});

it("markers do not count, and none is before the first line", async () => {
  const marker = (ms: number) => roleLine(ms, `marker ${ms}`, { kind: "MARKER", stream: null });
  const all = [marker(0), roleLine(1, "a"), marker(2), roleLine(3, "b"), marker(4), roleLine(5, "c"), marker(6)];
  const { stored } = open(() => [{ lines: all }, done]);
  expect((await stored.newest(2, always)).map(({ message }) => message)).toEqual(["b", "marker 4", "c", "marker 6"]);
  expect((await stored.newest(9, always)).map(({ message }) => message)).toEqual(all.map(({ message }) => message));
});

it("the newest lines of several containers are those of their whole logs", async () => {
  const logs = fc.array(fc.array(fc.tuple(fc.integer({ min: 1, max: 4000 }), fc.boolean()), { maxLength: 60 }), {
    minLength: 1,
    maxLength: 3,
  });
  await fc.assert(
    fc.asyncProperty(logs, fc.integer({ min: 1, max: 12 }), async (given, count) => {
      const written = given.map((entries, source) =>
        entries
          .toSorted(([x], [y]) => x - y)
          .map(([ms, matches], n) => ({
            matches,
            line: roleLine(ms, `${source}.${n}`, { container: toContainer(source) }),
          })),
      );
      const merge = (some: typeof written) =>
        some
          .flat()
          .filter(({ matches }) => matches)
          .map(({ line }) => line)
          .toSorted((x, y) => (x.timestamp < y.timestamp ? -1 : Number(x.timestamp > y.timestamp)));
      // As the gateway answers: each container's newest entries, of which the first two may be
      // incomplete.
      const { stored } = open(({ newest }) => {
        const read = written.map((entries) => (newest === null ? entries : entries.slice(-newest)));
        const cut = read.map((entries) => newest !== null && entries.length >= newest);
        const damaged = read.map((entries, source) =>
          entries.map((entry, n) =>
            cut[source] && n < 2 ? { ...entry, line: { ...entry.line, message: "cut" } } : entry,
          ),
        );
        const starts = read.flatMap(([first], source) =>
          cut[source] && first ? Date.parse(first.line.timestamp) : [],
        );
        const completeSince =
          starts.length === 0 ? null : `${new Date(Math.max(...starts) + 2000).toISOString().slice(0, 23)}000000Z`;
        const containers = cut.map((truncated, source) => ({ container: toContainer(source), truncated, error: null }));
        return [{ lines: merge(damaged) }, { ...done, completeSince, containers }];
      });
      expect(await stored.newest(count, always)).toEqual(merge(written).slice(-count));
    }),
  );
});

function toContainer(source: number): Line["container"] {
  return { name: `web-${source}`, engine: "own", version: "v1" };
}

function cutPart(name: string) {
  return { container: { name, engine: "own" }, truncated: true, error: null };
}
