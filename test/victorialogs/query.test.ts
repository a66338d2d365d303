import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLineCleaner } from "../../src/containers/logs/clean.ts";
import { createLineFilter, type LogFilter } from "../../src/containers/logs/log.ts";
import { quote, toContainersQuery, toLinesQuery, toMessageFilter } from "../../src/victorialogs/query.ts";
import { matchesFilter, parseLogsQuery } from "../support/logsql.ts";

const range = { since: "2026-01-13T09:46:00.000000000Z", before: "2026-01-13T09:46:00.000000001Z" };
const time = { kind: "time", ...range };
const signs = "\" ' ` \\ | : = * ( ) { } [ ] , ~ ! \n \r \t \u0000 \u2028 é \ud800 # $".split(" ");
/** Texts that would end a literal, begin a pipe or another filter, or are no valid text. */
const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: fc.constantFrom(...signs, "or ", "_time:1d"), maxLength: 20 }),
);

describe("a query for lines", () => {
  it("selects one container and a range, from one end", () => {
    const query = { fullId: "ab", ...range, from: "newest", filter: {} } as const;
    expect(toLinesQuery(query, 5)).toBe(
      `_time:[${range.since}, ${range.before}) container_id:="ab" | fields _time, _msg, stream | sort by (_time) desc | limit 5`,
    );
    expect(parseLogsQuery(toLinesQuery({ ...query, from: "oldest" }, 7))).toMatchObject({
      sort: { by: "_time", isDesc: false },
      limit: 7,
    });
  });

  it("has any id and search text inside of its literals alone", () => {
    fc.assert(
      fc.property(hostile, hostile, fc.boolean(), (fullId, search, ignoreCase) => {
        const filter: LogFilter = { search, ignoreCase, stream: "stderr" };
        const query = parseLogsQuery(toLinesQuery({ fullId, ...range, from: "newest", filter }, 5));
        const [first, id, stream, message, ...others] = query.filters;
        expect([first, id, stream]).toEqual([
          time,
          { kind: "exact", field: "container_id", value: fullId.toWellFormed() },
          { kind: "exact", field: "stream", value: "stderr" },
        ]);
        const isOfText = message === undefined || (message.kind === "regexp" && message.field === "_msg");
        expect([isOfText, others, query.fields, query.limit]).toEqual([true, [], ["_time", "_msg", "stream"], 5]);
      }),
    );
  });
});

describe("a query for containers", () => {
  it("has any names in its literals alone", () => {
    fc.assert(
      fc.property(hostile, fc.array(hostile, { maxLength: 3 }), hostile, (role, names, service) => {
        const { filters, uniqBy } = parseLogsQuery(toContainersQuery({ ...range, role, names, service }, ["role", 'a"b'], 9));
        expect(filters).toEqual([
          time,
          { kind: "exact", field: "label.role", value: role.toWellFormed() },
          ...(names.length > 0
            ? [{ kind: "in", field: "container_name", values: names.map((name) => name.toWellFormed()) }]
            : []),
          { kind: "exact", field: "label.service", value: service.toWellFormed() },
        ]);
        expect(uniqBy?.slice(-2)).toEqual(["label.role", 'label.a"b']);
      }),
    );
  });
});

it("a literal is read back as its text, without a lone surrogate", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const { filters } = parseLogsQuery(`a:=${quote(text)}`);
      expect(filters).toEqual([{ kind: "exact", field: "a", value: text.toWellFormed() }]);
    }),
  );
});

/** Lines that cleaning changes, and texts that are found in what it writes. */
const pieces = [
  "error",
  "ERROR",
  "time",
  "out",
  "a.b",
  " ",
  "\u001b[31m",
  "\u200b",
  "\n",
  "é",
  "K",
  "\u212a",
  "password=hunter22secret",
  "ops_ab12_0123456789012345678901234567",
  "[red",
  "act",
  "ed]",
  "<redacted>",
  "\\",
  "|",
];
const text = fc.array(fc.constantFrom(...pieces), { maxLength: 5 }).map((all) => all.join(""));

describe("the filter of messages", () => {
  it("leaves out no line that the search finds when it is cleaned", () => {
    const part = fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 12 }));
    let sent = 0;
    fc.assert(
      fc.property(text, part, fc.constantFrom("none", "lower", "upper"), (raw, [start, length], change) => {
        const message = createLineCleaner()(raw, false);
        const found = message.message.slice(start, start + length);
        const search = change === "lower" ? found.toLowerCase() : change === "upper" ? found.toUpperCase() : found;
        const options = { search, ignoreCase: change !== "none" };
        const line = { timestamp: range.since, stream: "stdout", ...message } as const;
        const filter = toMessageFilter(options);
        if (search === "" || filter === null || !createLineFilter(options)(line)) return;
        sent += 1;
        const [parsed] = parseLogsQuery(filter).filters;
        expect(parsed && matchesFilter(parsed, { _msg: raw })).toBe(true);
      }),
      { numRuns: 5000 },
    );
    expect(sent).toBeGreaterThan(500);
  });

  it.each([
    ["timeout", false, "a timeout", "a Timeout"],
    ["Timeout", true, "a tIMEOUT", "a time out"],
    ["a.b", false, "a.b", "aXb"],
    ["(", false, "a(b", "ab"],
    ["é", false, "ö", "e"],
    // The sign of kelvin is k in lower case.
    ["\u212aq", true, "KQ", "x"],
  ])("for %j (any case: %j) saves work", (search, ignoreCase, found, other) => {
    const [filter] = parseLogsQuery(toMessageFilter({ search, ignoreCase }) ?? "").filters;
    expect([found, other].map((raw) => filter && matchesFilter(filter, { _msg: raw }))).toEqual([true, false]);
  });

  it.each([undefined, "redacted", "e", "x[", "]x", "cut at", "<red"])("is none for %j, which cleaning may write", (search) => {
    expect(toMessageFilter(search === undefined ? {} : { search })).toBeNull();
  });
});
