import { array, assert, boolean, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { genesis, createLineVerifier, parseAuditLine, toAuditLine } from "../../src/audit/line.ts";
import { createBackwardTimeCheck, createTimeCheck, isPast, toEntryTime } from "../../src/audit/times.ts";
import { sampleEntry } from "../support/audit.ts";

const now = Date.UTC(2026, 10, 30, 12);
const minute = 60_000;
const [hour, day] = [60 * minute, 1440 * minute];
const at = (ms: number) => new Date(ms).toISOString();
const entriesOf = (times: readonly number[]) => times.map((ms, index) => ({ seq: index + 1, at: at(ms) }));

/** The first fault of entries in their order, or what a good verdict says. */
function judge(times: readonly number[]): string {
  const check = createTimeCheck(() => now);
  for (const entry of entriesOf(times)) {
    const fault = check.push(entry);
    if (fault !== null) return fault;
  }
  return check.note();
}

/** The first fault of entries from the newest back, to the first that is too old to limit. */
function judgeBack(times: readonly number[]): string | null {
  const check = createBackwardTimeCheck(now);
  for (const entry of entriesOf(times).toReversed()) {
    const fault = check(entry);
    if (fault !== null) return fault;
  }
  return null;
}

describe("the time of the next entry", () => {
  it.each([
    ["is that of the clock, without an entry", 0, null, 0],
    ["is that of the clock, after an older entry", 0, -hour, 0],
    ["is that of the newest entry, where the clock went back", 0, 9 * minute, 9 * minute],
    ["is that of the newest entry, at the longest step", 0, 10 * minute, 10 * minute],
    ["is that of the clock, where the newest one is still to come", 0, 10 * minute + 1, 0],
    ["is that of the clock, where the newest one is of 2099", 0, 73 * 365 * day, 0],
  ])("%s", (_, clock, newest, expected) => {
    expect(toEntryTime(new Date(now + clock), newest === null ? null : at(now + newest))).toEqual(
      new Date(now + expected),
    );
  });

  it("is that of the clock after an entry without one", () => {
    expect(toEntryTime(new Date(now), "never")).toEqual(new Date(now));
  });
});

describe("times of a chain", () => {
  it.each([
    ["are good where a clock goes back by 10 minutes", [now - hour, now - hour - 10 * minute], ""],
    [
      "fail where one goes back by more",
      [now - hour, now - hour - 10 * minute - 1],
      "seq 2 has a time before that of seq 1",
    ],
    [
      "fail after several small steps that are a large one",
      [now, now - 9 * minute, now - 18 * minute],
      "seq 3 has a time before that of seq 1",
    ],
    ["fail with one that is still to come", [now + 10 * minute + 1], "seq 1 has a time in the future"],
    [
      "fail, however old the forged entry says that it is",
      [now - hour, now - 9 * day, now],
      "seq 2 has a time before that of seq 1",
    ],
    [
      "are good, with a word, where the step is longer ago than a day",
      [now - 3 * day, now - 4 * day, now - 5 * day, now],
      ", although seq 2 has a time before that of seq 1, and 1 more like it, more than a day ago",
    ],
  ])("%s", (_, times, expected) => {
    expect(judge(times)).toBe(expected);
  });

  it("fail without a time", () => {
    expect(createTimeCheck(() => now).push({ seq: 4, at: "soon" })).toBe("seq 4 has no time");
    expect(createBackwardTimeCheck(now)({ seq: 4, at: "soon" })).toBe("seq 4 has no time");
  });

  it("of honest clocks are good, and of a forged entry are not", () => {
    const steps = array(integer({ min: -9 * minute, max: 40 * minute }), { minLength: 1, maxLength: 30 });
    assert(
      property(
        steps,
        boolean(),
        integer({ min: 11, max: 5000 }),
        integer({ min: 1, max: 5 }),
        (deltas, isOld, back, count) => {
          // A clock that goes on, and that is set back by at most 9 minutes once: what versions
          // before wrote is its time.
          const total = deltas.reduce((sum, delta) => sum + Math.max(0, delta), 0);
          let clock = now - total;
          let ahead = 0;
          let newest: string | null = null;
          const honest = deltas.map((delta) => {
            clock += Math.max(0, delta);
            ahead = Math.max(0, -delta);
            const read = clock - ahead;
            newest = isOld ? at(read) : toEntryTime(new Date(read), newest).toISOString();
            return Date.parse(newest);
          });
          expect([judge(honest), judgeBack(honest)]).toEqual(["", null]);
          // Everything within the hour is before nothing that is too old to limit.
          const last = honest.findLastIndex((ms) => isPast({ at: at(ms) }, now));
          expect(honest.slice(0, Math.max(0, last)).every((ms) => now - ms > hour)).toBe(true);
          // Forged entries behind them that step back, together or one by one.
          const top = Math.max(...honest);
          const forged = Array.from({ length: count }, (_, index) => top - back * minute - index * minute);
          const first = honest.length + 1;
          expect(judge([...honest, ...forged])).toMatch(new RegExp(`^seq ${first} has a time before`));
          expect(judgeBack([...honest, ...forged])).toMatch(/^seq \d+ has a time before that of seq \d+$/);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("of honest lines do not fail their verifier, and a forged line does", () => {
    const first = toAuditLine(sampleEntry(), new Date(), genesis, null, 1);
    const second = toAuditLine(sampleEntry(), new Date(Date.now() - 9 * minute), first.head, null, 1);
    const forged = toAuditLine(sampleEntry({ action: "probe" }), new Date(Date.now() - 2 * hour), second.head, null);
    const verifier = createLineVerifier(genesis);
    expect([first.line, second.line, forged.line].map((line) => verifier.push(line))).toEqual([
      null,
      null,
      "seq 3 has a time before that of seq 1",
    ]);
    expect(parseAuditLine(forged.line.trimEnd())?.intact).toBe(true);
  });
});

describe("times of entries from the newest back", () => {
  it.each([
    ["are good where an honest clock went back", [now - 30 * minute, now - 39 * minute], null],
    [
      "fail where an old one hides one of the hour",
      [now - 5 * minute, now - 2 * hour],
      "seq 2 has a time before that of seq 1",
    ],
    ["fail where the first one is still to come", [now, now + 11 * minute], "seq 2 has a time in the future"],
    ["are good where a clock went back long ago", [now - 30 * hour, now - 50 * hour, now], null],
  ])("%s", (_, times, expected) => {
    expect(judgeBack(times)).toBe(expected);
  });
});
