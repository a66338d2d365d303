import { describe, expect, it } from "vitest";
import type { StatsPoint } from "../../../src/containers/container.ts";
import {
  chooseHistory,
  findEnded,
  hasPoints,
  isRecent,
  isUsage,
  isWhole,
  toContainerHistory,
  toRemembered,
  toRememberedSince,
} from "../../../src/containers/stats/history.ts";
import type { Environment } from "../../../src/lib/environment.ts";

const from = 1_800_000_000;
const point = (second: number, cpuPct: number | null): StatsPoint => ({
  sampledAt: new Date((from + second) * 1000).toISOString(),
  cpuPct,
  memPct: 40,
  memUsedBytes: 400,
});
/** One in five seconds, as the memory keeps them. */
const remembered = Array.from({ length: 25 }, (_, index) => point(index * 5, index));

it("a remembered range has at each time the newest sample until then", () => {
  const history = toRemembered({ from, step: 10, steps: 12 }, remembered);
  expect(history).toMatchObject({ source: "memory", stepSeconds: 10, since: null });
  expect(history.points[0]).toEqual({ time: "2027-01-15T08:00:10Z", cpuPct: 2, memPct: 40, restarts: null });
  expect(history.points.map(({ cpuPct }) => cpuPct)).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24]);
  expect(isWhole(history)).toBe(true);
});

it("points are no closer than samples", () => {
  const { stepSeconds, points } = toRemembered({ from, step: 2, steps: 60 }, remembered);
  expect(stepSeconds).toBe(6);
  expect(points).toHaveLength(20);
  expect(points.every(({ cpuPct }) => cpuPct !== null)).toBe(true);
});

it("nothing is known before the first sample, or while nobody asked", () => {
  const holes = [...remembered.slice(0, 5), ...remembered.slice(17)];
  const history = toRemembered({ from: from - 30, step: 5, steps: 30 }, holes);
  expect(history.since).toBe("2027-01-15T08:00:00Z");
  expect(isWhole(history)).toBe(false);
  const known = history.points
    .filter(({ memPct }) => memPct !== null)
    .map(({ time }) => Date.parse(time) / 1000 - from);
  expect(known).toEqual([0, 5, 10, 15, 20, 25, 85, 90, 95, 100, 105, 110, 115, 120]);
});

it("nothing is known of a container that was never sampled", () => {
  const nothing = { cpuPct: null, memPct: null, restarts: null };
  expect(toRemembered({ from, step: 60, steps: 3 }, [])).toEqual({
    source: "memory",
    stepSeconds: 60,
    since: "2027-01-15T08:03:00Z",
    points: [1, 2, 3].map((minute) => ({ time: `2027-01-15T08:0${minute}:00Z`, ...nothing })),
  });
  expect(toRemembered({ from, step: 60, steps: 0 }, [])).toEqual({
    source: "memory",
    stepSeconds: 60,
    since: null,
    points: [],
  });
});

it("the memory is used for ten minutes and no more", () => {
  const now = from * 1000;
  expect(isRecent({ from: from - 600, step: 3, steps: 200 }, now)).toBe(true);
  expect(isRecent({ from: from - 660, step: 3, steps: 220 }, now)).toBe(false);
  // The first point is a step after the beginning; parts of a second do not count.
  expect(isRecent({ from: from - 603, step: 3, steps: 220 }, now + 999)).toBe(true);
  expect(isRecent({ from: from - 604, step: 3, steps: 220 }, now)).toBe(false);
  expect(toRememberedSince(now + 500)).toBe(from - 599.5);
});

describe("a container that does not live", () => {
  const at = (second: number) => new Date((from + second) * 1000).toISOString();
  const container = (second: number, more: object = {}) => ({
    engine: "a",
    service: "wallet-core",
    destination: null as string | null,
    role: "web",
    env: "staging" as Environment,
    status: "exited",
    createdAt: at(second),
    startedAt: at(second),
    ...more,
  });
  const countEnded = (by: number, ...all: readonly ReturnType<typeof container>[]) => findEnded(all, from + by).size;
  const next = container(100, { status: "running" });

  it("had ended by one that is listed, of the same destination", () => {
    const old = container(99);
    expect(findEnded([old], from + 401, [next])).toEqual(new Set([old]));
    expect(findEnded([old], from + 401, [{ ...next, destination: "beta" }])).toEqual(new Set());
    expect(findEnded([old], from + 401)).toEqual(new Set());
  });

  it("had ended once the newest of its role had run for five minutes", () => {
    const old = container(99);
    expect(findEnded([old, next], from + 401)).toEqual(new Set([old]));
    expect(findEnded([next, old], from + 401)).toEqual(new Set([old]));
    expect(countEnded(400, old, next)).toBe(0);
  });

  it.each(["running", "restarting", "paused"])("is not one that is %s", (status) => {
    expect(countEnded(1000, container(0, { status }), next)).toBe(0);
  });

  it("had not ended if it is the newest of its role", () => {
    expect(countEnded(1000, container(100), next)).toBe(0);
    expect(countEnded(1000, container(0))).toBe(0);
    for (const other of [{ engine: "b" }, { service: "shop" }, { role: "worker" }, { env: "production" as const }]) {
      expect(countEnded(1000, container(0), { ...next, ...other })).toBe(0);
    }
  });

  it("is replaced by the newest alone, also if that never became healthy", () => {
    const [first, second] = [container(0), container(50)];
    expect(findEnded([first, second, next], from + 401)).toEqual(new Set([first, second]));
    expect(findEnded([first, second, next], from + 390)).toEqual(new Set());
  });

  it("counts from its creation if it never started", () => {
    expect(countEnded(1000, container(0, { startedAt: null }), next)).toBe(1);
    expect(countEnded(1000, container(0, { startedAt: at(100) }), next)).toBe(0);
    expect(countEnded(401, container(0), container(500, { createdAt: at(100), startedAt: null }))).toBe(1);
    expect(countEnded(401, container(0), container(100, { startedAt: at(101) }))).toBe(0);
  });
});

it("Prometheus comes first, unless only the memory has the use", () => {
  const range = { from, step: 10, steps: 3 };
  const sampled = [from + 9, from + 19, from + 29];
  const none = sampled.map(() => Number.NaN);
  const whole = toContainerHistory("prometheus", range, {
    sampled,
    cpu: [1, 2, 3],
    mem: [1, 1, 1],
    restarts: [0, 0, 0],
  });
  const restartsOnly = toContainerHistory("prometheus", range, { sampled, cpu: none, mem: none, restarts: [0, 0, 1] });
  const memory = toRemembered(range, remembered);
  const empty = toRemembered(range, []);
  expect(chooseHistory(memory, whole)).toBe(whole);
  expect(chooseHistory(memory, null)).toBe(memory);
  expect(chooseHistory(memory, restartsOnly)).toBe(memory);
  expect(chooseHistory(empty, restartsOnly)).toBe(restartsOnly);
});

it.each([
  [null, null, null, false, false],
  [1, null, null, true, true],
  [null, 2, null, true, true],
  [0, 0, null, true, true],
  [null, null, 3, false, true],
  [null, null, 0, false, true],
])("CPU %s, memory %s, restarts %s: usage %s, something known %s", (cpuPct, memPct, restarts, usage, known) => {
  const one = { time: "2027-01-15T08:00:00Z", cpuPct, memPct, restarts };
  const history = { ...toRemembered({ from, step: 10, steps: 1 }, []), points: [one] };
  expect([isUsage(one), hasPoints(history)]).toEqual([usage, known]);
  // One point that says something is enough.
  const unknown = { ...one, cpuPct: null, memPct: null, restarts: null };
  const mixed = { ...history, points: [unknown, one, unknown] };
  const scraped = { ...history, points: [{ ...unknown, restarts: 7 }] };
  expect(hasPoints(mixed)).toBe(known);
  expect(chooseHistory(mixed, scraped)).toBe(usage ? mixed : scraped);
});
