import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { toLogOptions } from "../../../src/graphql/logs/options.ts";
import { patternRule } from "../../../src/lib/pattern/rule.ts";
import { createCaller } from "../../support/caller.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const now = Date.parse("2026-01-13T10:00:00Z");
const context = createContext(createMemorySources().sources, createCaller());
type Args = Parameters<typeof toLogOptions>[0];
const ask = (args: Partial<Args>, minTail = 1) => toLogOptions({ tail: 10, ...args }, minTail, context);

beforeEach(() => void vi.useFakeTimers({ now, toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

describe("toLogOptions", () => {
  const empty = { since: "", until: "", search: "", searchRegex: "" };
  const nothing = {
    since: null,
    until: null,
    stream: null,
    search: null,
    searchRegex: null,
    ignoreCase: null,
    level: null,
  };
  it.each<[Partial<Args>, object]>([
    [{}, {}],
    [nothing, {}],
    [empty, {}],
    [{ since: "10m" }, { since: "2026-01-13T09:50:00.000000000Z" }],
    [{ until: "1m" }, { until: "2026-01-13T09:59:00.000000000Z" }],
    [{ since: "1767225600.5" }, { since: "2026-01-01T00:00:00.500000000Z" }],
    [{ stream: "stderr" }, { stream: "stderr" }],
    [{ search: "x" }, { search: "x", ignoreCase: false }],
    [
      { search: "x".repeat(200), ignoreCase: true },
      { search: "x".repeat(200), ignoreCase: true },
    ],
    [{ ignoreCase: true, levelStrict: true }, {}],
    [{ level: "warn" }, { level: "warn", levelStrict: false }],
    [
      { level: "warn", levelStrict: true },
      { level: "warn", levelStrict: true },
    ],
  ])("%j has the options %j and no others", async (args, options) => {
    expect(await ask(args)).toStrictEqual({ tail: 10, ...options });
  });

  it.each([
    [1, 1],
    [0, 0],
    [1, 5000],
  ])("a least tail of %i lets %i pass", async (minTail, tail) => {
    expect(await ask({ tail }, minTail)).toStrictEqual({ tail });
  });

  it.each([
    [1, { tail: 0 }, "tail must be from 1 to 5000"],
    [0, { tail: -1 }, "tail must be from 0 to 5000"],
    [1, { tail: 5001 }, "tail must be from 1 to 5000"],
    [1, { search: "x".repeat(201) }, "search must have at most 200 characters"],
    [1, { since: "soon" }, "since must be a time (RFC 3339 or unix seconds) or a duration such as 10m"],
    [1, { until: "soon" }, "until must be a time (RFC 3339 or unix seconds) or a duration such as 10m"],
    [1, { searchRegex: "(" }, `The search expression must be ${patternRule}`],
  ])("with a least tail of %i %j is refused", async (minTail, args, message) => {
    await expect(ask(args, minTail)).rejects.toMatchObject({ code: "invalid_request", message });
  });

  it.each([
    [false, [true, false]],
    [true, [true, true]],
  ])("an expression with ignoreCase %j is compiled once", async (ignoreCase, matches) => {
    const options = await ask({ searchRegex: "^ab?c$", ignoreCase });
    expect(Object.keys(options)).toEqual(["tail", "pattern"]);
    const { signal } = new AbortController();
    expect(await options.pattern?.match(["abc", "ABC"], signal)).toEqual(matches);
    expect((await ask({ searchRegex: "^ab?c$", ignoreCase })).pattern).toBe(options.pattern);
  });
});
