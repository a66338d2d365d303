import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Container, liveStates, toContainerKey } from "../../src/containers/container.ts";
import { isAlerting } from "../../src/hosts/host.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { findProblems, type Readings } from "../../src/problems/find.ts";
import { compareProblems, type CurrentProblem } from "../../src/problems/problem.ts";
import { toQueueState } from "../../src/queues/state.ts";
import { toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { sampleContainer, sampleEngine } from "../support/containers.ts";
import { findDrift, judgeDeploys } from "../support/deploy-steps.ts";
import { sampleRecord } from "../support/deploys.ts";
import { sampleHost } from "../support/hosts.ts";
import { sampleQueue, sampleWorkerJobs } from "../support/queues.ts";
import { finish } from "../support/steps.ts";

const nowMs = Date.parse("2026-01-13T10:00:00Z");
const ago = (seconds: number) => formatRfc3339(nowMs - seconds * 1000);
const thresholds = { cpu: 0.85, mem: 0.85 };
const orNull = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });
const age = fc.integer({ min: 0, max: 10_000 });
const share = orNull(fc.double({ min: 0, max: 1, noNaN: true }));
const env = fc.constantFrom("staging" as const, "production" as const, null);
const failure = fc.constantFrom(null, { code: "queue_locked", message: "a migration holds it" });

const container = fc
  .record({
    engine: fc.constantFrom("a", "b"),
    number: fc.integer({ min: 0, max: 30 }),
    role: fc.constantFrom("web", "worker", "redis"),
    kind: fc.constantFrom("core" as const, "core" as const, "accessory" as const),
    service: fc.constantFrom("core", null),
    env,
    status: fc.constantFrom("running", "running", "restarting", "exited", "paused", "dead", "created"),
    health: fc.constantFrom("healthy" as const, "unhealthy" as const, "none" as const),
    version: fc.constantFrom("v1", "v2"),
    restarts: orNull(fc.integer({ min: 0, max: 9 })),
    created: age,
    finished: orNull(age),
    stale: fc.boolean(),
    replaced: fc.boolean(),
  })
  .map(({ number, created, finished, ...more }): Container => {
    const times = {
      createdAt: ago(created),
      startedAt: ago(created),
      finishedAt: finished === null ? null : ago(finished),
    };
    return { ...sampleContainer({ name: `${more.engine}-${number}`, commitSha: "" }), ...more, ...times };
  });

const queue = fc
  .record({
    name: fc.constantFrom("payouts", "mail", "cards"),
    source: fc.constantFrom("jobs", "river"),
    depth: fc.integer({ min: 0, max: 3000 }),
    processedPerSec: orNull(fc.constantFrom(0, 0.3, 5)),
    failuresLastHour: orNull(fc.integer({ min: 0, max: 90 })),
    failuresRecent: orNull(fc.integer({ min: 0, max: 90 })),
    active: orNull(fc.integer({ min: 0, max: 3 })),
    oldestAgeSeconds: orNull(fc.integer({ min: 0, max: 4000 })),
    paused: orNull(fc.boolean()),
    workers: orNull(fc.integer({ min: 0, max: 2 })),
  })
  .map((figures) => sampleQueue({ ...figures, observedAt: ago(1) }));

const host = fc
  .record({
    number: fc.integer({ min: 0, max: 9 }),
    cpuUtil: share,
    memUtil: share,
    diskUtil: share,
    isUp: fc.boolean(),
  })
  .map(({ number, isUp, ...used }) => {
    const instance = `vm-${number}:9100`;
    const own = sampleHost({ name: `vm-${number}`, instance, status: isUp ? "up" : "down", ...used });
    return { ...own, alert: isAlerting(own, thresholds) };
  });

const engine = fc
  .record({ number: fc.integer({ min: 0, max: 5 }), ok: fc.boolean(), contact: orNull(age), env })
  .map(({ number, contact, ...more }) => {
    const contactAt = contact === null ? null : nowMs - contact * 1000;
    return sampleEngine({
      name: `e-${number}`,
      contactAt,
      error: more.ok ? null : { code: "docker_timeout", message: "late" },
      ...more,
    });
  });

const source = fc.record({
  name: fc.constantFrom("jobs", "river", "rabbit", "bull"),
  kind: fc.constantFrom("table", "river", "rabbitmq", "redis"),
  env,
  place: fc.constantFrom(null, "shop", "billing"),
  owner: fc.constant(null),
  error: failure,
});

const happening = fc.record({
  kind: fc.constantFrom("container_death" as const, "oom_kill" as const, "health" as const),
  to: fc.constantFrom("healthy", "unhealthy"),
  requested: fc.boolean(),
  exitCode: orNull(fc.constantFrom(0, 1, 137)),
  which: fc.nat(),
});

const deploy = fc
  .record({ tag: fc.constantFrom("v1", "v2"), ended: age, env, booted: orNull(fc.boolean()) })
  .map(({ ended, ...more }) => sampleRecord({ ...more, deployedAt: ago(ended), service: "core" }));

const world = fc
  .record({
    containers: fc.uniqueArray(container, { selector: toContainerKey, maxLength: 12 }),
    retired: fc.uniqueArray(container, { selector: toContainerKey, maxLength: 4 }),
    engines: fc.uniqueArray(engine, { selector: ({ name }) => name, maxLength: 4 }),
    queues: fc.uniqueArray(queue, { selector: ({ name, source: of }) => `${name} ${of}`, maxLength: 6 }),
    orphans: fc.constantFrom(null, [], [sampleWorkerJobs()]),
    sources: fc.uniqueArray(source, { selector: ({ name }) => name, maxLength: 4 }),
    hosts: orNull(fc.uniqueArray(host, { selector: ({ instance }) => instance, maxLength: 6 })),
    happened: fc.array(happening, { maxLength: 25 }),
    deploys: fc.uniqueArray(deploy, { selector: ({ tag, env: of }) => `${tag} ${of}`, maxLength: 4 }),
    memory: fc.array(orNull(fc.integer({ min: 80, max: 100 })), { minLength: 5, maxLength: 5 }),
  })
  .map((given): Readings => {
    const { containers, engines, queues, orphans, sources, hosts } = given;
    const silent = engines.flatMap(({ name, ok }) => (ok ? [] : [{ name, code: "docker_timeout", message: "late" }]));
    // Each has a different time: two with the same time would have no order.
    const events = given.happened.flatMap(({ which, ...more }, index) => {
      const own = containers[which % containers.length];
      return own
        ? [toEntry({ ...more, time: ago(5 + index * 60), message: "", container: toTimelineContainer(own) })]
        : [];
    });
    const changes = [
      toEntry({
        kind: "queue_state",
        time: ago(90),
        message: "",
        to: "failing",
        queue: { name: "payouts", source: "jobs" },
      }),
    ];
    const deploys = judgeDeploys(given.deploys, { containers, silent: silent.length > 0 }, nowMs / 1000);
    const points = given.memory.map((memPct, index) => ({
      sampledAt: ago((4 - index) * 20),
      memPct,
      cpuPct: 1,
      memUsedBytes: 1,
    }));
    const drift = findDrift(containers, silent, deploys, nowMs);
    const samples = new Map(containers.map((one) => [toContainerKey(one), points]));
    return {
      containers: {
        nowMs,
        containers,
        retired: given.retired,
        lost: [],
        unlisted: silent.map(() => null),
        forgottenUntil: () => null,
        events,
        samples,
      },
      engines: { nowMs, engines, silent, databases: [] },
      releases: { nowMs, deploys, verdicts: new Map(), drift, infoError: null, info: null },
      queues: { queues: queues.map((one) => ({ queue: one, orphans, owners: null })), sources, events: changes },
      hosts: hosts && { hosts, thresholds, env: "staging", events: [], fullSince: () => null },
      down: hosts
        ? []
        : [{ upstream: "prometheus", env: "staging", error: { code: "prometheus_unavailable", message: "refused" } }],
    };
  });

/** The same lists in another order, shuffled by a random seed. */
function shuffle(readings: Readings, seed: number): Readings {
  const [{ containers, engines, releases, queues, hosts }, numbers] = [
    readings,
    fc.sample(fc.nat(), { seed, numRuns: 64 }),
  ];
  const mix = <T>(list: readonly T[]): T[] =>
    list
      .map((one, index) => ({ one, at: numbers[index % numbers.length] ?? 0 }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ one }) => one);
  return {
    ...readings,
    containers: {
      ...containers,
      containers: mix(containers.containers),
      retired: mix(containers.retired),
      events: mix(containers.events),
    },
    engines: { ...engines, engines: mix(engines.engines) },
    releases: { ...releases, deploys: mix(releases.deploys), drift: mix(releases.drift) },
    queues: queues && { ...queues, queues: mix(queues.queues), sources: mix(queues.sources) },
    hosts: hosts && { ...hosts, hosts: mix(hosts.hosts) },
  };
}

function textsOf(problem: CurrentProblem): string {
  return [problem.title, problem.rule, ...problem.evidence].join("\n");
}

/** At once. */
const all = (readings: Readings) => finish(findProblems(readings));

describe("problems", () => {
  it("are the same for the same readings in any order", () => {
    fc.assert(
      fc.property(world, fc.integer(), (readings, seed) => {
        expect(all(shuffle(readings, seed))).toEqual(all(readings));
      }),
    );
  });

  it("have one order and unique ids, the critical ones first", () => {
    fc.assert(
      fc.property(world, (readings) => {
        const { problems } = all(readings);
        expect(new Set(problems.map(({ id }) => id)).size).toBe(problems.length);
        for (const [index, next] of problems.slice(1).entries()) {
          expect(compareProblems(problems[index] as CurrentProblem, next)).toBeLessThan(0);
          expect(compareProblems(next, problems[index] as CurrentProblem)).toBeGreaterThan(0);
        }
        const firstWarning = problems.findIndex(({ severity }) => severity === "warning");
        expect(
          problems.slice(firstWarning < 0 ? problems.length : firstWarning).map(({ severity }) => severity),
        ).not.toContain("critical");
      }),
    );
  });

  it("of two queues of one name have different titles", () => {
    fc.assert(
      fc.property(world, (readings) => {
        const titles = all(readings).problems.flatMap(({ queue: own, title }) => (own ? [title] : []));
        expect(new Set(titles).size).toBe(titles.length);
      }),
    );
  });

  it("cover every state, drift and failed upstream", () => {
    fc.assert(
      fc.property(world, (readings) => {
        const { problems, gaps } = all(readings);
        const has = (kind: string, accepts: (one: CurrentProblem) => boolean) =>
          problems.some((one) => one.kind === kind && accepts(one));
        for (const one of readings.containers.containers) {
          const isSick = one.health === "unhealthy" && liveStates.has(one.status) && !one.stale;
          expect(has("container_unhealthy", (problem) => problem.container === one)).toBe(isSick);
        }
        for (const one of readings.engines.engines)
          expect(has("engine_unreachable", ({ engine: own }) => own === one)).toBe(!one.ok);
        for (const one of readings.releases.drift) {
          const isReported = !one.settling && one.kind !== "engine_unknown";
          expect(has(one.kind, ({ evidence }) => evidence[0] === one.message)).toBe(isReported);
        }
        for (const { queue: one, orphans } of readings.queues?.queues ?? []) {
          const state = toQueueState(one);
          const kind = `queue_${state}`;
          expect(has(kind, (problem) => problem.queue === one)).toBe(
            !["ok", "idle", "paused", "unknown"].includes(state),
          );
          expect(has("queue_orphans", (problem) => problem.queue === one)).toBe((orphans ?? []).length > 0);
        }
        for (const one of readings.queues?.sources ?? []) {
          const isReported = problems.some(
            ({ kind, evidence }) =>
              /source|upstream/.test(kind) && evidence.some((fact) => fact.startsWith(`${one.name}: `)),
          );
          expect(isReported).toBe(one.error !== null);
        }
        for (const one of readings.hosts?.hosts ?? [])
          expect(has("host_down", (problem) => problem.host === one)).toBe(one.status === "down");
        expect(has("upstream_down", ({ upstream }) => upstream === "prometheus")).toBe(readings.hosts === null);
        const { containers, unlisted } = readings.containers;
        const downRoles = problems.filter(({ kind }) => kind === "role_down");
        const core = downRoles.filter((one) => one.containers.some(({ kind }) => kind === "core"));
        expect(unlisted.length > 0 ? core : []).toEqual([]);
        const isWhole = unlisted.length === 0 && containers.every(({ stale }) => !stale);
        const unsure = (readings.queues?.queues ?? []).filter((one) => toQueueState(one.queue) === "unknown");
        expect(isWhole ? gaps.length : 0).toBe(isWhole && unsure.length > 0 ? 1 : 0);
      }),
    );
  });

  it("claim no unknown number", () => {
    fc.assert(
      fc.property(world, (readings) => {
        for (const one of all(readings).problems) expect(textsOf(one)).not.toMatch(/null|undefined|NaN|Infinity|\s-\d/);
        const unknown = {
          processedPerSec: null,
          failuresLastHour: null,
          failuresRecent: null,
          oldestAgeSeconds: null,
          workers: null,
        };
        const { problems } = all({
          ...readings,
          containers: {
            ...readings.containers,
            samples: new Map(),
            events: readings.containers.events.filter(({ kind }) => kind !== "container_death"),
            containers: readings.containers.containers.map((one) => ({ ...one, restarts: null })),
          },
          queues: readings.queues && {
            ...readings.queues,
            queues: readings.queues.queues.map((one) => ({
              queue: { ...one.queue, ...unknown },
              orphans: null,
              owners: null,
            })),
          },
          hosts: readings.hosts && {
            ...readings.hosts,
            hosts: readings.hosts.hosts.map((one) => ({
              ...one,
              cpuUtil: null,
              memUtil: null,
              diskUtil: null,
              alert: one.status === "down",
            })),
          },
        });
        const counted = /^(?:container_(?:restart_loop|memory_high)|queue_(?!source)|host_(?:hot|disk))/;
        expect(problems.map(({ kind }) => kind).filter((kind) => counted.test(kind))).toEqual([]);
      }),
    );
  });

  it("of one kind begin with the one that lasts longest", () => {
    const down = (name: string, contactAt: number | null) => sampleEngine({ name, ok: false, contactAt });
    const engines = [down("a-unknown", null), down("short", nowMs - 5000), down("long", nowMs - 9000)];
    const { problems } = all({
      containers: {
        nowMs,
        containers: [],
        retired: [],
        lost: [],
        unlisted: [],
        forgottenUntil: () => null,
        events: [],
        samples: new Map(),
      },
      engines: { nowMs, engines, silent: [], databases: [] },
      releases: { nowMs, deploys: [], verdicts: new Map(), drift: [], infoError: null, info: null },
      queues: null,
      hosts: null,
      down: [{ upstream: "postgres", env: null, error: { code: "postgres_unavailable", message: "refused" } }],
    });
    expect(problems.map(({ id }) => id)).toEqual([
      "engine_unreachable:long",
      "engine_unreachable:short",
      "engine_unreachable:a-unknown",
      "upstream_down:postgres",
    ]);
    expect(problems.at(-1)?.evidence).toEqual(["refused (postgres_unavailable)"]);
  });
});
