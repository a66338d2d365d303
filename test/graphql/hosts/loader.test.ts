import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { type ContainerHistory, toRemembered } from "../../../src/containers/stats/history.ts";
import { createContainerHistoryLoaders } from "../../../src/graphql/containers/history-loader.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { toLength } from "../../../src/graphql/list-lengths.ts";
import { createRangeLoaders, isAmong, pointsAdvice, toAscending } from "../../../src/graphql/range.ts";
import { toHostHistory } from "../../../src/hosts/history.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { HistoryRange } from "../../../src/lib/range.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleHost, rememberHost } from "../../support/hosts.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const range: HistoryRange = { from: 1_768_297_200, step: 60, steps: 5 };
function createBudgetCaller(where?: readonly Environment[]) {
  const caller = createCaller(undefined, where);
  onTestFinished(() => caller.budget.end());
  return caller;
}

describe("hosts", () => {
  const a = sampleHost({ name: "a", instance: "10.0.0.1:9100" });
  const b = sampleHost({ name: "10.0.0.1", instance: "b:9100" });
  const c = sampleHost({ name: "c", instance: "10.0.0.1:9200" });
  const load = (where?: readonly Environment[]) => {
    const made = createMemorySources({ hosts: [a, b, c] }, { env: "staging" });
    const context = createContext(made.sources, createBudgetCaller(where));
    return { ...made, context, loaders: context.loaders.hosts };
  };

  it("are found by name, then instance, then address, in one query", async () => {
    const { loaders, calls, sources, context } = load();
    const names = ["a", "10.0.0.1", "10.0.0.1:9100", "10.0.0.1:9200", "b:9100", "b", "c", "x"];
    const index = await loaders.index();
    expect(names.map((name) => index.get(name) ?? null)).toEqual([a, b, a, c, b, b, c, null]);
    expect(loaders.index()).toBe(index);
    expect((await loaders.report()).hosts).toEqual([a, b, c]);
    expect(calls).toEqual({ hosts: 1 });
    expect(toLength("Host", {}, { sources, principal: context.principal })).toBe(3);
    expect((await load().loaders.index()).get("10.0.0.1")).toBe(b);
  });

  it("with a shared address are found as the last of them", async () => {
    const { sources } = createMemorySources({ hosts: [a, c] });
    expect((await createContext(sources, createCaller()).loaders.hosts.index()).get("10.0.0.1")).toBe(c);
  });

  it("and their past are for tokens of their environment", async () => {
    const { loaders, calls } = load(["production"]);
    const refusal = { code: "forbidden", message: "The hosts belong to no environment of this token" };
    await expect(loaders.report()).rejects.toMatchObject(refusal);
    await expect(loaders.index()).rejects.toMatchObject(refusal);
    await expect(loaders.history(range).load(a.instance)).rejects.toMatchObject(refusal);
    expect(calls).toEqual({});
  });

  it("have a past of nulls if unknown, by one query for each range", async () => {
    const { loaders, sources } = load();
    const past = rememberHost(range);
    const history = vi.fn<typeof sources.hosts.history>(async () => new Map([[a.instance, past]]));
    sources.hosts.history = history;
    const other = { ...range, steps: 6 };
    const answers = [
      loaders.history(range).load(a.instance),
      loaders.history(range).load("b:9100"),
      loaders.history(range).load(a.instance),
    ];
    expect(await Promise.all([...answers, loaders.history(other).load(a.instance)])).toEqual([
      past,
      toHostHistory(range, []),
      past,
      past,
    ]);
    expect(history.mock.calls.map(([asked, instances]) => [asked, instances])).toEqual([
      [range, [a.instance, "b:9100"]],
      [other, [a.instance]],
    ]);
  });
});

describe("loaders of ranges", () => {
  it("count the points before the query, and query each range alone", async () => {
    const { budget } = createBudgetCaller();
    const order: unknown[] = [];
    const read = vi.spyOn(budget, "read").mockImplementation((...args) => {
      order.push(args);
      return null;
    });
    const load = createRangeLoaders<{ id: string }, string>(
      budget,
      async (asked, keys) => {
        order.push([asked, keys.map(({ id }) => id)]);
        return keys.map(({ id }) => `${id} ${asked.from} ${asked.step} ${asked.steps}`);
      },
      ({ id }) => id,
    );
    const ranges = [range, { ...range, from: 0 }, { ...range, step: 1 }, { ...range, steps: 1 }];
    const keys = [{ id: "a" }, { id: "b" }, { id: "a" }];
    const answers = await Promise.all(ranges.map((one) => load(one).loadEach(keys)));
    expect(answers).toEqual(
      ranges.map(({ from, step, steps }) => ["a", "b", "a"].map((id) => `${id} ${from} ${step} ${steps}`)),
    );
    expect(load({ ...range })).toBe(load(range));
    expect(order.filter((one) => (one as unknown[])[1] === pointsAdvice)).toEqual(
      [10, 10, 10, 2].map((count) => [count, pointsAdvice]),
    );
    read.mockImplementation(() => {
      throw new OpsError("answer_too_large", "too much");
    });
    order.length = 0;
    await expect(load({ ...range, from: 1 }).load({ id: "a" })).rejects.toMatchObject({ code: "answer_too_large" });
    expect(order).toEqual([]);
  });
});

describe("the past of containers", () => {
  const nowMs = (range.from + range.step * range.steps) * 1000;
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
  const sample = (seconds: number, cpuPct: number) => ({ sampledAt: iso(seconds), cpuPct, memPct: 1, memUsedBytes: 1 });
  const whole = Array.from({ length: 60 }, (_, index) => sample(range.from + 60 + index * 5, 10));
  const late = whole.slice(-12);
  const scraped = { ...toRemembered(range, whole), source: "prometheus" as const, stepSeconds: 999 };
  const one = (name: string, more: Partial<Container> = {}) => sampleContainer({ name, role: name, ...more });

  interface Stage {
    readonly remembered?: Readonly<Record<string, typeof whole>>;
    readonly prometheus?: Readonly<Record<string, ContainerHistory>> | Error;
    readonly at?: HistoryRange;
  }
  async function load(containers: readonly Container[], { remembered = {}, prometheus = {}, at = range }: Stage = {}) {
    const { sources } = createMemorySources();
    const [sampled, asked]: [string[], string[][]] = [[], []];
    sources.containers.statsHistory = (ref) => {
      sampled.push((ref as Container).name);
      return remembered[(ref as Container).name] ?? [];
    };
    Object.assign(sources.containerHistory, {
      containerHistory: async (_: HistoryRange, named: readonly Container[]) => {
        asked.push(named.map(({ name }) => name));
        if (prometheus instanceof Error) throw prometheus;
        return named.map(({ name }) => prometheus[name] ?? null);
      },
    });
    const found = await createContainerHistoryLoaders(sources, createBudgetCaller(), nowMs)
      .history(at)
      .loadEach(containers);
    const rows = found.map(({ history, problem }) => [history.source, history.stepSeconds, problem]);
    return { rows, sampled, asked };
  }
  const away = new OpsError("prometheus_unavailable", "down");
  const problem = { code: "prometheus_unavailable", message: "down" };

  it("is from memory if complete, else from one Prometheus query", async () => {
    const containers = [one("whole"), one("late"), one("none")];
    const stage = { remembered: { whole, late }, prometheus: { late: scraped } };
    expect(await load(containers, stage)).toEqual({
      rows: [
        ["memory", 60, null],
        ["prometheus", 999, null],
        ["memory", 60, null],
      ],
      sampled: ["whole", "late", "none"],
      asked: [["late", "none"]],
    });
    expect(await load([one("whole")], { remembered: { whole } })).toMatchObject({ asked: [] });
  });

  it("says why Prometheus did not answer, if it was needed", async () => {
    const { rows } = await load([one("whole"), one("late")], { remembered: { whole, late }, prometheus: away });
    expect(rows).toEqual([
      ["memory", 60, null],
      ["memory", 60, problem],
    ]);
  });

  it("of long ago is from Prometheus first, from memory only without it", async () => {
    const at = { ...range, from: range.from - 3600 };
    expect(await load([one("a"), one("b")], { at, prometheus: { a: scraped } })).toEqual({
      rows: [
        ["prometheus", 999, null],
        ["memory", 60, null],
      ],
      sampled: ["b"],
      asked: [["a", "b"]],
    });
    expect((await load([one("a")], { at, prometheus: away })).rows).toEqual([["memory", 60, problem]]);
  });

  it("of a container that has ended is not sampled", async () => {
    const old = { status: "exited", startedAt: iso(nowMs / 1000 - 9000), createdAt: iso(nowMs / 1000 - 9000) };
    const containers = [
      one("old", { ...old, role: "web" }),
      one("new", { role: "web", startedAt: iso(nowMs / 1000 - 2000) }),
    ];
    expect((await load(containers, { remembered: { old: whole, new: whole } })).sampled).toEqual(["new"]);
  });
});

describe("filters and order of series", () => {
  it.each<[readonly string[] | null | undefined, boolean]>([
    [null, true],
    [undefined, true],
    [[], false],
    [["b"], false],
    [["b", "a"], true],
  ])("a value is among %j: %j", (wanted, isWanted) => {
    expect(isAmong("a", wanted)).toBe(isWanted);
  });

  it("rows ascend in time, then in the order of the series", async () => {
    const { budget } = createBudgetCaller();
    const turn = vi.spyOn(budget, "turn");
    const rows = (name: string, ...times: string[]) => times.map((time) => ({ time, name }));
    const sorted = await toAscending(budget, () => [
      rows("a", "2", "3", "1"),
      rows("b", "1", "2"),
      rows("c", "3", "1"),
    ]);
    expect(sorted.map(({ time, name }) => time + name)).toEqual(["1a", "1b", "1c", "2a", "2b", "3a", "3c"]);
    expect(turn).toHaveBeenCalledTimes(2);
  });
});
