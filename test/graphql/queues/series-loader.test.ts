import { describe, expect, it, onTestFinished, vi } from "vitest";
import { noteQueues } from "../../../src/graphql/list-lengths.ts";
import { createQueueSeriesLoader } from "../../../src/graphql/queues/series-loader.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { QueueHistory, QueuePoint } from "../../../src/queues/history.ts";
import type { QueueMetrics, QueueSource } from "../../../src/queues/queue.ts";
import { createCaller } from "../../support/caller.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { sampleHistory, sampleQueue } from "../../support/queues.ts";

const nowMs = Date.parse("2026-01-13T10:00:00Z");
const from = "2026-01-13T09:00:00Z";
const to = "2026-01-13T10:00:00Z";
const past = (point: Partial<QueuePoint> = { depth: 1 }, more: Partial<QueueHistory> = {}) =>
  sampleHistory({ time: to, ...point }, more);

type History = NonNullable<QueueSource["history"]>;
type Given = Partial<Pick<QueueSource, "env">> & { readonly name: string; readonly history?: QueueSource["history"] };
const toSource = ({ name, env = null, history }: Given): QueueSource => {
  return { name, kind: "table", env, metrics: async () => [], failures: async () => [], ...(history && { history }) };
};

interface Known {
  readonly name: string;
  readonly source: string;
}

function createStage(given: readonly Given[], caller = createCaller(), known: readonly Known[] | Error = []) {
  const { sources } = createMemorySources({}, { env: "staging" });
  onTestFinished(() => caller.budget.end());
  const shown = given.map(toSource);
  const all = vi.fn<() => Promise<readonly QueueMetrics[]>>(async () => {
    if (known instanceof Error) throw known;
    return known.map(sampleQueue);
  });
  const visible = vi.fn<() => Promise<readonly QueueSource[]>>(async () => shown);
  const load = createQueueSeriesLoader(sources, caller, { nowMs, queues: { visible, all } as never });
  return { sources, load, all, visible };
}

const range = { from, to, maxPoints: 100 };
const away = new OpsError("postgres_unavailable", "away");
const fails = (error: Error) => async () => {
  throw error;
};

describe("series of queues", () => {
  it("have queue, source and environment, and the state of each source", async () => {
    const histories = {
      own: vi.fn<History>(
        async () =>
          new Map([
            ["a", past({}, { since: "2026-01-13T09:10:00Z" })],
            ["b", past({ depth: 2 }, { since: "2026-01-13T09:20:00Z", exact: false })],
            ["c", past({ depth: 3 })],
          ]),
      ),
      other: vi.fn<History>(async () => new Map([["a", past()]])),
    };
    const caller = createCaller();
    const { load, all } = createStage(
      [
        { name: "own", history: histories.own },
        { name: "other", env: "production", history: histories.other },
        { name: "down", history: fails(away) },
        { name: "mute" },
        { name: "empty", history: async () => new Map() },
      ],
      caller,
    );
    const read = vi.spyOn(caller.budget, "read");
    const series = (queue: string, depth: number | null, more: object) => {
      return { queue, ...past({ depth }), source: "own", env: "staging", ...more };
    };
    const fine = { exact: true, since: null, error: null };
    const failed = { env: "staging", exact: null, since: null };
    expect(await load(range)).toEqual({
      series: [
        series("a", null, { since: "2026-01-13T09:10:00Z" }),
        series("b", 2, { since: "2026-01-13T09:20:00Z", exact: false }),
        series("c", 3, {}),
        series("a", 1, { source: "other", env: "production" }),
      ],
      sources: [
        { name: "own", env: "staging", exact: false, since: "2026-01-13T09:20:00Z", error: null },
        { name: "other", env: "production", ...fine },
        { name: "down", ...failed, error: { code: "postgres_unavailable", message: "away" } },
        {
          name: "mute",
          ...failed,
          error: { code: "query_refused", message: "No history is available for its queues" },
        },
        { name: "empty", env: "staging", ...fine },
      ],
      failure: null,
    });
    const asked = { from: nowMs / 1000 - 3660, step: 60, steps: 61 };
    expect(histories.own.mock.calls).toEqual([[null, asked, caller.signal]]);
    expect(histories.other.mock.calls).toEqual([[null, asked, caller.signal]]);
    expect(read.mock.calls).toEqual([[4 * 61, expect.stringContaining("choose a longer step or fewer points")]]);
    expect(all).not.toHaveBeenCalled();
  });

  const places = [
    { name: "own", history: async () => new Map([["a", past()]]) },
    { name: "other", env: "production" as const, history: async () => new Map([["a", past()]]) },
  ];
  it.each<[object, string[]]>([
    [{}, ["own", "other"]],
    [{ env: null, sources: null }, ["own", "other"]],
    [{ env: [] }, []],
    [{ env: ["staging"] }, ["own"]],
    [{ env: ["production"] }, ["other"]],
    [{ sources: ["other"] }, ["other"]],
    [{ sources: [] }, []],
    [{ sources: ["own"], env: ["production"] }, []],
  ])("narrowed by %j are of the sources %j", async (args, names) => {
    const answer = await createStage(places).load({ ...range, ...args });
    expect([answer.series.map(({ source }) => source), answer.sources.map(({ name }) => name)]).toEqual([names, names]);
    expect(answer.failure).toBeNull();
  });

  it("end with the current step, which is read once for all numbers", async () => {
    const at = (time: string) => Date.parse(`2026-01-${time}Z`) / 1000;
    const answers: Readonly<Record<number, [string, QueueHistory][]>> = {
      [at("06T12:00:00")]: [
        ["a", past({ time: "2026-01-13T00:00:00Z", depth: 4 }, { since: "2026-01-08T00:00:00Z" })],
        ["done", past({ time: "2026-01-13T00:00:00Z", depth: 5 })],
      ],
      [at("13T00:00:00")]: [
        ["a", past({ depth: 6 }, { exact: false })],
        ["new", past({ depth: 7 })],
      ],
    };
    const history = vi.fn<History>(async (_queues, asked) => new Map(answers[asked.from]));
    const { load } = createStage([{ name: "own", history }]);
    const days = { from: "2026-01-07T00:00:00Z", to: "2026-01-13T09:59:59Z", maxPoints: 15 };
    const { series, sources } = await load(days);
    expect(await load({ ...days })).toEqual({ series, sources, failure: null });
    expect(history.mock.calls.map(([, asked]) => asked)).toEqual([
      { from: at("06T12:00:00"), step: 43_200, steps: 13 },
      { from: at("13T00:00:00"), step: 9 * 3600 + 59 * 60, steps: 1 },
    ]);
    // Steps of half a day, since the 8th.
    const begun = Array.from({ length: 13 }, (_, step) => step >= 3);
    expect(
      series.map(({ queue, points }) => [queue, points.map(({ time, depth }) => `${time.slice(8, 16)} ${depth}`)]),
    ).toEqual([
      ["a", ["13T00:00 4", "13T10:00 6"]],
      ["done", ["13T00:00 5", "13T09:59 0"]],
      ["new", [...begun.map((is) => expect.stringMatching(is ? / 0$/ : / null$/)), "13T10:00 7"]],
    ]);
    expect(sources).toMatchObject([{ exact: false, since: "2026-01-08T00:00:00Z" }]);
  });

  it("have the known part of a current step that began before it", async () => {
    const since = "2026-01-13T08:39:30Z";
    const history = vi.fn<History>(async (_queues, { from: begin, step }) => {
      // As in the oldest row; `since` has whole seconds.
      const isKnown = begin >= Date.parse(since) / 1000 + 0.4;
      const point = { time: to, depth: isKnown ? 3 : null, failures: isKnown ? step : null };
      return new Map([["a", past(point, { since: isKnown ? null : since })]]);
    });
    const { load } = createStage([{ name: "own", history }]);
    const { series, sources } = await load({ from: "2025-10-15T09:00:00Z", to, maxPoints: 300 });
    expect(series[0]?.points.map(({ depth, failures }) => [depth, failures])).toEqual([
      [null, null],
      [3, 80 * 60 + 29],
    ]);
    expect(sources).toMatchObject([{ since }]);
    expect(history).toHaveBeenCalledTimes(3);
  });

  it("of an environment outside the token are refused at once", async () => {
    const { load, visible } = createStage(places, createCaller(undefined, ["staging"]));
    await expect(load({ ...range, env: ["production"] as Environment[] })).rejects.toMatchObject({ code: "forbidden" });
    expect(visible).not.toHaveBeenCalled();
  });

  it("of a range without a point are empty, and no source is queried", async () => {
    const history = vi.fn<History>(async () => new Map());
    const later = { ...range, from: "2026-01-13T11:00:00Z", to: "2026-01-13T12:00:00Z" };
    const empty = { series: [], sources: [], failure: null };
    expect(await createStage([{ name: "own", history }]).load(later)).toEqual(empty);
    expect(history).not.toHaveBeenCalled();
  });

  it("of equal arguments are one query, of others one more each", async () => {
    const history = vi.fn<History>(async () => new Map([["a", past()]]));
    const { load } = createStage([{ name: "own", history }]);
    const same = [{}, { step: null }, { env: null }, { queues: null }, { sources: null }].map((more) =>
      load({ ...range, ...more }),
    );
    expect(new Set(same).size).toBe(1);
    const others = [
      { from: "2026-01-13T09:30:00Z" },
      { to: "2026-01-13T09:59:00Z" },
      { step: 60 },
      { maxPoints: 50 },
      { env: ["staging"] as const },
      { queues: ["a"] },
      { sources: ["own"] },
    ].map((more) => load({ ...range, ...more }));
    expect(new Set([...same, ...others]).size).toBe(8);
    await Promise.all([...same, ...others]);
    expect(history).toHaveBeenCalledTimes(8);
  });
});

describe("named queues", () => {
  const history = (names: readonly string[], point: Partial<QueuePoint>) => async () =>
    new Map(names.map((name) => [name, past(point)]));
  const named = { ...range, queues: ["a", "b"] };

  it.each<[string, Partial<QueuePoint>]>([
    ["nothing", {}],
    ["zeros", { depth: 0, processedPerSec: 0, failures: 0 }],
  ])("with a past of %s are those that their source knows", async (_what, point) => {
    const known = [
      { name: "a", source: "own" },
      { name: "b", source: "other" },
    ];
    const sources = ["own", "other"].map((name) => ({ name, history: history(["a", "b"], point) }));
    const { series } = await createStage(sources, createCaller(), known).load(named);
    expect(series.map(({ queue, source }) => [queue, source])).toEqual([
      ["a", "own"],
      ["b", "other"],
    ]);
    const none = await createStage(sources, createCaller(), away).load(named);
    expect([none.series, none.failure]).toEqual([[], null]);
    const unnamed = await createStage(sources, createCaller(), known).load(range);
    expect(unnamed.series).toHaveLength(4);
  });

  it.each<Partial<QueuePoint>>([{ depth: 1 }, { processedPerSec: 0.1 }, { failures: 1 }])(
    "with a past of %j need not be known, nor are all asked for",
    async (point) => {
      const { load, all } = createStage([{ name: "own", history: history(["a"], point) }]);
      expect((await load(named)).series).toHaveLength(1);
      expect(all).not.toHaveBeenCalled();
    },
  );

  it("are requested from the source by name", async () => {
    const asked = vi.fn<History>(async () => new Map());
    await createStage([{ name: "own", history: asked }]).load(named);
    expect(asked.mock.calls[0]?.[0]).toEqual(["a", "b"]);
  });
});

describe("more queues than expected", () => {
  const many = (count: number) => new Map(Array.from({ length: count }, (_, index) => [`q${index}`, past()]));
  const day = { from: "2026-01-12T10:00:00Z", to, maxPoints: 1441 };
  const steps = async (
    history: History,
    args: Parameters<ReturnType<typeof createStage>["load"]>[0] = day,
    noted?: number,
  ) => {
    const asked = vi.fn<History>(history);
    const caller = createCaller();
    const { load, sources } = createStage([{ name: "own", history: asked }], caller);
    if (noted !== undefined) noteQueues(sources, { name: "own", env: null }, noted);
    const answer = await load(args).catch((error: unknown) => error);
    caller.budget.end();
    return { steps: asked.mock.calls.map(([, { step }]) => step), answer };
  };

  it.each([
    [27, undefined, [60]],
    [28, undefined, [60, 300]],
    [28, 28, [120]],
    [56, 29, [120, 600]],
    [200, undefined, [60, 600]],
  ])("%i of them, %j known, are requested with steps of %j", async (count, noted, expected) => {
    expect((await steps(async () => many(count), day, noted)).steps).toEqual(expected);
  });

  it("are requested once if a step was given", async () => {
    expect((await steps(async () => many(28), { ...day, step: 60 })).steps).toEqual([60]);
  });

  it("are requested with ever fewer points if there is too much to read", async () => {
    const tooLarge = new OpsError("answer_too_large", "too much");
    const found = await steps(fails(tooLarge));
    expect(found.steps).toEqual([60, 300, 1800, 21_600, 14_400, 172_800]);
    expect(found.answer).toMatchObject({ series: [], failure: { code: "answer_too_large" } });
    expect((await steps(fails(tooLarge), { ...day, step: 60 })).steps).toEqual([60]);
    expect((await steps(fails(away))).steps).toEqual([60]);
  });
});

describe("sources that fail", () => {
  const locked = new OpsError("queue_locked", "locked");
  it.each<[readonly Error[], string | null]>([
    [[away], "postgres_unavailable (s0: away)"],
    [[away, away], "postgres_unavailable (s0: away; s1: away)"],
    [[away, locked], "queues_unavailable (s0: away; s1: locked)"],
    [[locked, away, locked], "queues_unavailable (s0: locked; s1: away; s2: locked)"],
    [[], null],
  ])("%j are a failure: %j", async (errors, expected) => {
    const { failure } = await createStage(
      errors.map((error, index) => ({ name: `s${index}`, history: fails(error) })),
    ).load(range);
    const begin = "No queue source could read this range";
    expect(failure && `${failure.code} ${failure.message.replace(begin, "").trim()}`).toBe(expected);
    expect(failure?.cause).toBe(errors[0]);
  });

  it("are no failure beside one that answers, in any order", async () => {
    const fine = { name: "fine", history: async () => new Map() };
    const down = { name: "down", history: fails(away) };
    for (const given of [
      [fine, down],
      [down, fine],
    ])
      expect((await createStage(given).load(range)).failure).toBeNull();
  });
});
