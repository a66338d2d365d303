import { describe, expect, it } from "vitest";
import { type Container, type StatsPoint, toContainerKey } from "../../src/containers/container.ts";
import { type ContainerReadings, findContainerProblems } from "../../src/problems/containers.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { type TimelineEntry, toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { sampleContainer } from "../support/containers.ts";
import { finish, longestPiece } from "../support/steps.ts";

const nowMs = Date.parse("2026-01-13T10:00:00Z");
const ago = (seconds: number) => formatRfc3339(nowMs - seconds * 1000);
const old = { createdAt: ago(7200), startedAt: ago(7200) };
const worker = sampleContainer({ name: "payouts-worker", role: "worker", ...old });

function find(containers: readonly Container[], more: Partial<ContainerReadings> = {}) {
  const readings = {
    nowMs,
    containers,
    retired: [],
    lost: [],
    unlisted: [],
    forgottenUntil: () => null,
    events: [],
    samples: new Map(),
  };
  return finish(findContainerProblems({ ...readings, ...more }));
}

function kindsOf(...given: Parameters<typeof find>): string[] {
  return find(...given).problems.map(({ kind }) => kind);
}

function happened(
  container: Container,
  kind: TimelineEntry["kind"],
  seconds: number,
  more: Partial<TimelineEntry> = {},
) {
  return toEntry({ kind, time: ago(seconds), message: "", container: toTimelineContainer(container), ...more });
}

describe("a restart loop", () => {
  const restarted = { ...worker, restarts: 3 };
  const deaths = [800, 400, 20].map((seconds) => happened(restarted, "container_death", seconds, { exitCode: 1 }));

  it("is three unrequested ends in 15 minutes", () => {
    expect(find([restarted], { events: deaths.toReversed() }).problems).toMatchObject([
      {
        id: `container_restart_loop:${toContainerKey(worker)}`,
        severity: "critical",
        alert: "OpsContainerRestartLoop",
        alertAfterSeconds: 0,
        title: "payouts-worker on local restarts in a loop",
        since: ago(800),
        at: ago(20),
        evidence: ["3 restarts in 15 min", "exit code 1"],
        rule: "At least 3 restarts by the restart policy in 15 min; it lasts until there is none in this time.",
        role: "worker",
        container: restarted,
        containers: [restarted],
      },
    ]);
  });

  it("has no exit code that is unknown", () => {
    const events = deaths.map((one) => ({ ...one, exitCode: null }));
    expect(find([restarted], { events }).problems).toMatchObject([{ evidence: ["3 restarts in 15 min"] }]);
  });

  it("has one start for its whole life, with unknown restarts too", () => {
    const ends = Array.from({ length: 40 }, (_, index) => 7000 - index * 120);
    for (const { createdAt, seen } of [
      { createdAt: ago(100_000), seen: ends },
      { createdAt: ago(7010), seen: ends },
      { createdAt: ago(7400), seen: ends.slice(2) },
    ]) {
      const begins = new Set<unknown>();
      for (let now = 6500; now > 2300; now -= 37) {
        const before = (seconds: number) => seconds >= now;
        const known = ends.filter(before);
        const [restarts, startedAt] = [known.length, ago(known.at(-1) ?? 0)];
        const events = seen.filter(before).map((seconds) => happened(worker, "container_death", seconds));
        for (const counted of [restarts, null]) {
          const [loop] = find([{ ...worker, createdAt, startedAt, restarts: counted }], {
            nowMs: nowMs - now * 1000,
            events,
          }).problems;
          if (counted !== null || events.length > 8) begins.add(`${counted === null} ${loop?.since}`);
        }
      }
      const begin = seen === ends ? ago(7000) : createdAt;
      expect([...begins]).toEqual([`false ${begin}`, `true ${ago(seen[0] ?? 0)}`]);
    }
  });

  it("starts anew after a pause in which the rule did not hold", () => {
    const events = [5000, 4900, 4800, 900, 500, 100].map((seconds) => happened(restarted, "container_death", seconds));
    expect(find([{ ...restarted, restarts: 6 }], { events }).problems).toMatchObject([{ since: ago(900) }]);
  });

  it("has the same start while an end waits for its restart", () => {
    const ends = [600, 500, 400, 300, 200, 100, 5];
    const missed = { ...worker, createdAt: ago(800), restarts: 7, startedAt: ago(100) };
    const since = (container: Container, seen: readonly number[]) =>
      find([container], { events: seen.map((seconds) => happened(worker, "container_death", seconds)) }).problems[0]
        ?.since;
    expect(since(missed, ends.slice(0, 6))).toBe(ago(800));
    expect(since({ ...missed, status: "restarting" }, ends)).toBe(ago(800));
    expect(since({ ...missed, restarts: 8, startedAt: ago(4) }, ends)).toBe(ago(800));
    expect(since({ ...missed, restarts: 6 }, ends)).toBe(ago(600));
  });

  it("is one problem from its third end on, however long its rounds take", () => {
    for (const round of [60, 290, 420, 449]) {
      const ends = Array.from({ length: 20 }, (_, index) => 10_000 - index * round);
      const [first = 0, , third = 0] = ends;
      const last = ends.at(-1) ?? 0;
      const found = [];
      for (let now = first; now > last - 1000; now -= 1) {
        const seen = ends.filter((seconds) => seconds >= now);
        const events = seen.map((seconds) => happened(worker, "container_death", seconds));
        const startedAt = ago(seen.at(-1) ?? 0);
        const container = { ...worker, createdAt: ago(100_000), startedAt, restarts: seen.length };
        const [loop] = find([container], { nowMs: nowMs - now * 1000, events }).problems;
        if (loop) found.push({ now, since: loop.since });
      }
      expect(found).toHaveLength(third - (last - 900) + 1);
      expect([found[0]?.now, found.at(-1)?.now]).toEqual([third, last - 900]);
      expect(new Set(found.map(({ since }) => since))).toEqual(new Set([ago(first)]));
    }
  });

  it("ends when somebody starts the container again", () => {
    const stop = happened(restarted, "container_death", 10, { requested: true });
    expect(kindsOf([{ ...restarted, restarts: 0 }], { events: [...deaths, stop] })).toEqual([]);
    expect(kindsOf([{ ...restarted, restarts: null }], { events: [...deaths, stop] })).toEqual([]);
  });

  it("has no start if an end of the streak may be forgotten", () => {
    const forgotten = (seconds: number) => find([restarted], { events: deaths, forgottenUntil: () => ago(seconds) });
    expect(forgotten(1600).problems).toMatchObject([{ since: null }]);
    expect(forgotten(1800).problems).toMatchObject([{ since: ago(800) }]);
    const other = { events: deaths, forgottenUntil: (engine: string) => (engine === "other" ? ago(1600) : null) };
    expect(find([restarted], other).problems).toMatchObject([{ since: ago(800) }]);
  });

  it("is detected by its ends while its restarts are unknown", () => {
    const unknown = { ...restarted, restarts: null };
    expect(find([unknown], { events: deaths }).problems).toMatchObject([
      { kind: "container_restart_loop", since: ago(800), evidence: ["3 unrequested ends in 15 min", "exit code 1"] },
    ]);
    expect(kindsOf([{ ...unknown, createdAt: ago(850) }], { events: deaths })).toEqual(["container_restart_loop"]);
    expect(kindsOf([unknown], { events: deaths.slice(1) })).toEqual([]);
  });

  it("counts all restarts of a young container, even if no end was seen", () => {
    const young = { ...restarted, createdAt: ago(240), status: "restarting", restarts: 7 };
    expect(find([young]).problems).toMatchObject([
      { since: ago(240), at: null, evidence: ["7 restarts since it was created, 4 min ago", "status restarting"] },
    ]);
  });

  it.each([
    ["two ends", restarted, deaths.slice(1)],
    ["an end before the window", restarted, [happened(restarted, "container_death", 921), ...deaths.slice(1)]],
    [
      "an end that was requested",
      restarted,
      [...deaths.slice(1), happened(restarted, "container_death", 5, { requested: true })],
    ],
    ["ends that the policy did not follow", { ...restarted, restarts: 2 }, deaths],
    [
      "ends of another container",
      restarted,
      deaths.map((one) => ({ ...one, container: toTimelineContainer(sampleContainer()) })),
    ],
    ["restarts before the window", { ...restarted, restarts: 50 }, []],
    ["the last state before an engine was lost", { ...restarted, stale: true }, deaths],
  ] as const)("is not %s", (_, container, events) => {
    expect(kindsOf([container], { events })).toEqual([]);
  });
});

describe("an unhealthy container", () => {
  const sick: Container = {
    ...worker,
    health: "unhealthy",
    probe: { failingStreak: 4, failingSince: ago(95), checkedAt: ago(10), output: "\n connection refused \nmore" },
  };
  const change = (seconds: number, to: string) => happened(sick, "health", seconds, { to });

  it("has the failed checks, and since when", () => {
    const events = [change(90, "unhealthy"), change(300, "healthy"), change(600, "unhealthy")];
    expect(find([sick], { events }).problems).toMatchObject([
      {
        kind: "container_unhealthy",
        severity: "critical",
        alert: "OpsContainerUnhealthy",
        since: ago(90),
        at: ago(10),
        evidence: ["4 checks failed in a row", "its check printed: connection refused"],
      },
    ]);
  });

  it("has no time or number that is unknown", () => {
    expect(find([{ ...sick, probe: null }], { events: [change(90, "healthy")] }).problems).toMatchObject([
      { since: null, at: null, evidence: [] },
    ]);
  });

  it("dates from the first failed check if no event of it is known", () => {
    expect(find([sick]).problems).toMatchObject([{ since: ago(95) }]);
  });

  it("is none while it is stopped, healthy or lost", () => {
    const others = [{ ...sick, stale: true }, worker, { ...worker, health: "starting" as const }];
    for (const one of others) expect(kindsOf([one])).toEqual([]);
    expect(kindsOf([{ ...sick, status: "exited", finishedAt: ago(5) }])).toEqual(["role_down"]);
  });
});

describe("a kill for lack of memory", () => {
  it("is reported for 15 minutes, with the number of kills", () => {
    const kills = (seconds: number) => happened(worker, "oom_kill", seconds);
    expect(find([worker], { events: [kills(901), kills(600), kills(60)] }).problems).toMatchObject([
      {
        kind: "container_oom_killed",
        severity: "warning",
        alert: null,
        alertAfterSeconds: null,
        since: ago(600),
        at: ago(60),
        evidence: ["2 kills for lack of memory in 15 min"],
      },
    ]);
    expect(kindsOf([worker], { events: [kills(901)] })).toEqual([]);
  });
});

describe("memory near its limit", () => {
  const points = (...values: readonly (number | null)[]): StatsPoint[] =>
    values.map((memPct, index) => ({
      sampledAt: ago((values.length - 1 - index) * 20),
      memPct,
      cpuPct: 1,
      memUsedBytes: 1,
    }));
  const withSamples = (samples: StatsPoint[], container = worker) =>
    find([container], { samples: new Map([[toContainerKey(container), samples]]) }).problems;

  it("is a minute at 90 % or above, since the first such sample", () => {
    expect(withSamples(points(95, 50, 90, 91, 93, 94.9))).toMatchObject([
      { kind: "container_memory_high", severity: "warning", since: ago(60), evidence: ["memory 94 %, threshold 90 %"] },
    ]);
  });

  it.each([
    ["less than a minute", points(89.9, 95, 95, 95)],
    ["an unknown sample between", points(95, 95, null, 95, 95)],
    ["a last sample that is unknown", points(95, 95, 95, 95, null)],
    [
      "samples that ended 31 s ago",
      points(95, 95, 95, 95).map((one, index) => ({ ...one, sampledAt: ago(91 - index * 20) })),
    ],
    ["no sample", []],
  ])("is not %s", (_, samples) => {
    expect(withSamples(samples)).toEqual([]);
  });
});

describe("a role that is down", () => {
  const stopped = { ...worker, status: "exited", finishedAt: ago(120) };
  const first = { ...sampleContainer({ name: "a", role: "worker", ...old }), status: "exited", finishedAt: ago(300) };

  it("is one problem for all its containers, since the last of them ended", () => {
    const newest = { ...stopped, createdAt: ago(3600) };
    const events = [happened(newest, "container_death", 120, { exitCode: 137 })];
    const { problems, gaps } = find([newest, first], { events });
    expect(problems).toMatchObject([
      {
        kind: "role_down",
        severity: "critical",
        alert: "OpsRoleDown",
        title: "No container of worker of wallet-core-staging runs",
        since: ago(120),
        at: ago(120),
        container: newest,
        evidence: ["payouts-worker on local is exited", "exit code 137", "nobody requested its end", "2 on local"],
      },
    ]);
    expect(problems[0]?.containers.map(({ name }) => name).toSorted()).toEqual(["a", "payouts-worker"]);
    expect(gaps).toEqual([]);
  });

  it("has no start when one of its containers is paused", () => {
    expect(find([{ ...stopped, status: "paused", finishedAt: null }, first]).problems).toMatchObject([{ since: null }]);
  });

  const elsewhere: Container = { ...first, status: "running", stale: true };
  it.each<[string, Partial<ContainerReadings>]>([
    ["ran it", { lost: [elsewhere] }],
    ["was never listed", { unlisted: [null] }],
  ])("is unknown while an engine is silent that %s", (_, more) => {
    expect(find([stopped], more)).toEqual({
      problems: [],
      gaps: ["whether these roles run on an engine that does not answer: worker of wallet-core-staging"],
    });
  });

  it.each<[string, readonly Container[], ContainerReadings["unlisted"], string[]]>([
    ["of its environment hides a core role", [stopped], ["staging"], []],
    ["without an environment hides a core role", [stopped], [null], []],
    ["hides a core role of unknown environment", [{ ...stopped, env: null }], ["production"], []],
    ["of another environment hides none", [stopped], ["production"], ["role_down"]],
    ["hides no accessory", [{ ...stopped, kind: "accessory" }], ["staging", null], ["role_down"]],
    ["hides no other container", [{ ...stopped, kind: "other" }], ["staging", null], ["role_down"]],
  ])("an engine that was never listed %s", (_, containers, unlisted, expected) => {
    const { problems, gaps } = find(containers, { unlisted });
    expect(problems.map(({ kind }) => kind)).toEqual(expected);
    expect(gaps).toHaveLength(1 - expected.length);
  });

  it("is down while an engine that did not run it is silent", () => {
    const others = [
      { ...elsewhere, role: "web" },
      { ...elsewhere, destination: "beta" },
      { ...elsewhere, service: "billing" },
      { ...elsewhere, status: "exited" as const },
    ];
    expect(kindsOf([stopped], { lost: others })).toEqual(["role_down"]);
  });

  it("is not down while its first container is about to start", () => {
    const created: Container = { ...stopped, status: "created", startedAt: null, finishedAt: null };
    expect(kindsOf([{ ...created, createdAt: ago(59) }])).toEqual([]);
    expect(kindsOf([{ ...created, createdAt: ago(61) }])).toEqual(["role_down"]);
  });

  it.each([
    ["one runs", [stopped, { ...first, status: "running" }]],
    ["one is started again by the policy", [{ ...stopped, status: "restarting" }]],
    ["one ran when its engine was lost", [stopped, elsewhere]],
    ["nothing of it is known", [{ ...stopped, stale: true }]],
    ["it is a one-shot that no service has", [{ ...stopped, service: null, role: "migrate", startedAt: ago(125) }]],
    [
      "it ended more than a day ago",
      [{ ...stopped, service: null, role: "redis", startedAt: ago(200_000), finishedAt: ago(86_401) }],
    ],
  ])("is none where %s", (_, containers) => {
    expect(kindsOf(containers).filter((kind) => kind === "role_down")).toEqual([]);
  });

  it.each([
    ["a core role without a service", { service: null }],
    ["what ran for ten minutes within the last day", { service: null, role: "redis", startedAt: ago(720) }],
    ["a role whose containers are paused", { status: "paused", finishedAt: null }],
  ])("is %s", (_, more) => {
    expect(kindsOf([{ ...stopped, ...more }])).toEqual(["role_down"]);
  });
});

describe("a stopped container", () => {
  const other = { ...sampleContainer({ name: "b", role: "worker", ...old }), engine: "web-2" };
  const stopped: Container = { ...worker, status: "exited", finishedAt: ago(50) };

  it("is one whose release its role runs elsewhere", () => {
    const events = [happened(stopped, "container_death", 50, { exitCode: 0, requested: true })];
    for (const lists of [
      { listed: [stopped, other], retired: [] },
      { listed: [other], retired: [stopped] },
    ]) {
      expect(find(lists.listed, { retired: lists.retired, events }).problems).toMatchObject([
        {
          kind: "container_stopped",
          severity: "warning",
          title: "payouts-worker on local has stopped, other containers of worker of wallet-core-staging run",
          since: ago(50),
          evidence: ["status exited", "exit code 0", "somebody stopped it"],
        },
      ]);
    }
  });

  it.each([
    ["of an earlier release", { version: "v0" }],
    ["that was replaced", { replaced: true }],
    ["that is not of the product", { kind: "accessory" as const }],
    ["that never started", { status: "created" }],
    ["of another destination", { destination: "beta" }],
  ])("is none %s", (_, more) => {
    expect(kindsOf([other], { retired: [{ ...stopped, ...more }] })).toEqual([]);
  });

  const next = { ...stopped, name: "c", fullId: "c", status: "running", version: "v9", createdAt: ago(60) };

  it("is none in a deploy to one engine after another", () => {
    expect(kindsOf([next, other], { retired: [stopped] })).toEqual([]);
    expect(kindsOf([next, stopped, other])).toEqual([]);
  });

  it.each([
    ["runs on another engine", { engine: "web-2" }],
    ["is of another role", { role: "web" }],
    ["is of another destination", { destination: "beta" }],
    ["is older", { createdAt: ago(9000) }],
    ["is of the same release", { version: stopped.version }],
    ["does not run", { status: "exited" }],
    ["is not known to run", { stale: true }],
  ])("is one even if another release exists, if that %s", (_, more) => {
    expect(kindsOf([{ ...next, ...more }, other], { retired: [stopped] })).toContain("container_stopped");
  });
});

it("reads the containers of a large engine one by one", () => {
  const stopped = { ...old, status: "exited", finishedAt: ago(60) } as const;
  const containers = Array.from({ length: 100 }, (_, index) =>
    sampleContainer({ name: `web-${index}`, fullId: `${index}`, ...(index % 2 === 0 ? old : stopped) }),
  );
  const retired = containers.map((one) => ({ ...one, ...stopped, fullId: `${one.fullId}-retired` }));
  const longest = longestPiece((onPiece) => {
    const watch = (all: readonly Container[]) =>
      all.map(
        (one) =>
          new Proxy(one, {
            get: (target, key) => {
              // Of each key.
              if (key === "fullId") onPiece();
              return Reflect.get(target, key) as unknown;
            },
          }),
      );
    return findContainerProblems({
      nowMs,
      containers: watch(containers),
      retired: watch(retired),
      lost: [],
      unlisted: [],
      forgottenUntil: () => null,
      events: [],
      samples: new Map(),
    });
  });
  expect(longest).toBeLessThan(20);
});
