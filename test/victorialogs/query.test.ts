import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogFilter } from "../../src/containers/logs/log.ts";
import { quote, toContainersQuery, toLinesQuery } from "../../src/victorialogs/query.ts";
import { parseLogsQuery } from "../support/logsql.ts";

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
      `_time:[${range.since}, ${range.before}) container_id:="ab" | fields _time, _msg, stream, container_id | sort by (_time) desc | limit 5`,
    );
    expect(parseLogsQuery(toLinesQuery({ ...query, from: "oldest" }, 7))).toMatchObject({
      sort: { by: "_time", isDesc: false },
      limit: 7,
    });
  });

  it("has any id inside of its literal alone, and no text of a search", () => {
    fc.assert(
      fc.property(hostile, hostile, fc.boolean(), (fullId, search, ignoreCase) => {
        const filter: LogFilter = { search, ignoreCase, stream: "stderr" };
        const query = parseLogsQuery(toLinesQuery({ fullId, ...range, from: "newest", filter }, 5));
        const [first, id, stream, ...others] = query.filters;
        expect([first, id, stream]).toEqual([
          time,
          { kind: "exact", field: "container_id", value: fullId.toWellFormed() },
          { kind: "exact", field: "stream", value: "stderr" },
        ]);
        expect([others, query.fields, query.limit]).toEqual([[], ["_time", "_msg", "stream", "container_id"], 5]);
      }),
    );
  });
});

describe("a query for containers", () => {
  it("has any names in its literals alone", () => {
    fc.assert(
      fc.property(hostile, fc.array(hostile, { maxLength: 3 }), hostile, (role, names, service) => {
        const { filters, uniqBy } = parseLogsQuery(
          toContainersQuery({ ...range, role, names, service }, ["role", 'a"b'], 9),
        );
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
