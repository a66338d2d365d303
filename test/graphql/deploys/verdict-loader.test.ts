import { describe, expect, it, vi } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import type { EngineStatus, SilentEngine } from "../../../src/containers/source.ts";
import type { Deploy } from "../../../src/deploys/state.ts";
import { createVerdicts } from "../../../src/graphql/deploys/verdict-loader.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createFingerprints } from "../../../src/queues/errors.ts";
import type { QueueHistory } from "../../../src/queues/history.ts";
import type { QueueName } from "../../../src/queues/owner-memory.ts";
import { type QueueOwner, toConfiguredOwner, toOwners } from "../../../src/queues/owners.ts";
import type {
  FoundFailure,
  JobFailures,
  PastFailures,
  PastSearch,
  QueueMetrics,
  QueueSource,
} from "../../../src/queues/queue.ts";
import { type TimelineEntry, toEntry, toTimelineContainer } from "../../../src/timeline/timeline.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer, sampleEngine } from "../../support/containers.ts";
import { sampleDeploy } from "../../support/deploys.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { sampleFailures, sampleHistory, sampleQueue } from "../../support/queues.ts";

const now = Date.parse("2026-01-13T10:00:00Z") / 1000;
const ago = (seconds: number) => `${new Date((now - seconds) * 1000).toISOString().slice(0, 19)}Z`;
const toDeploy = (more: Partial<Deploy> = {}) => sampleDeploy({ deployedAt: ago(1200), durationSeconds: 60, ...more });
const deploy = toDeploy();
/** The starts of the windows before and after the deploy. */
const [beforeFrom, afterFrom] = [now - 2460, now - 1200];

type History = NonNullable<QueueSource["history"]>;
const toPast = (succeeded: number, seconds: number, more: Partial<QueueHistory> = {}) =>
  sampleHistory({ depth: 0, processedPerSec: succeeded / seconds, failures: 0 }, more);
const history =
  (before: number, after: number, sampled: "before" | "after" | null = null): History =>
  async (_, { from, step }) => {
    const isBefore = from < afterFrom;
    return new Map([
      ["mail", toPast(isBefore ? before : after, step, { sampled: sampled === (isBefore ? "before" : "after") })],
    ]);
  };
const fails = (error: Error) => async () => {
  throw error;
};

interface Given {
  readonly name: string;
  readonly env?: Environment | null;
  readonly owner?: NonNullable<QueueSource["owner"]>;
  readonly history?: History;
  readonly failures?: (signal: AbortSignal) => Promise<readonly JobFailures[]>;
  readonly pastFailures?: (search: PastSearch) => Promise<PastFailures<FoundFailure>>;
}

interface Stage {
  readonly sources?: readonly Given[];
  readonly visible?: () => Promise<readonly QueueSource[]>;
  readonly metrics?: () => Promise<readonly QueueMetrics[]>;
  /** The owners of each queue; without it, all belong to the deploy. */
  readonly owners?: (queue: QueueName) => readonly QueueOwner[] | null;
  readonly deploys?: readonly Deploy[];
  readonly containers?: readonly Container[];
  readonly engines?: readonly EngineStatus[];
  readonly silent?: readonly SilentEngine[];
  readonly env?: Environment | null;
  /** The services in `SERVICE`, if it is set. */
  readonly service?: readonly string[];
  readonly caller?: ReturnType<typeof createCaller>;
  readonly remember?: (memory: ReturnType<typeof createMemorySources>["sources"]["queueOwners"]) => void;
  readonly timeline?: (timeline: ReturnType<typeof createMemorySources>["sources"]["timeline"]) => void;
}

function judge(stage: Stage, one = deploy, seconds = 1200) {
  return open(stage, one)(one, seconds);
}

function open(stage: Stage, one = deploy) {
  const {
    sources: given = [],
    deploys = [one],
    containers = [],
    engines = [sampleEngine({ name: "a" })],
    silent = [],
    caller = createCaller(),
  } = stage;
  const { service } = stage;
  const looksAfter = service && { isProductConfigured: true, isOwnService: (name: string) => service.includes(name) };
  const { sources } = createMemorySources({}, { env: stage.env ?? null, ...looksAfter });
  const add = (failures: readonly JobFailures[]) => createFingerprints().addToFailures(failures, { turn: () => null });
  const made = given.map(({ env = null, failures = async () => [], pastFailures, ...more }): QueueSource => ({
    kind: "table",
    env,
    metrics: async () => [],
    failures: async (signal) => add(await failures(signal)),
    ...(pastFailures && {
      pastFailures: async (search) => {
        const { failures: found, isWhole } = await pastFailures(search);
        return { failures: await createFingerprints().addToFound(found, { turn: () => null }), isWhole };
      },
    }),
    ...more,
  }));
  stage.timeline?.(sources.timeline);
  stage.remember?.(sources.queueOwners);
  const siblings = {
    nowMs: now * 1000,
    queues: { visible: stage.visible ?? (async () => made), all: stage.metrics ?? (async () => []) },
    owners: async (source: string) => (name: string) =>
      stage.owners ? stage.owners({ source, name }) : toOwners([one], "alone"),
    containers: { known: async () => ({ containers: [] }), listRetiredOfDeploys: async () => [] },
  };
  const parts = {
    siblings: siblings as never,
    all: async () => deploys,
    fleet: async () => ({ containers, engines: { shown: engines, silent } }),
  };
  return createVerdicts(sources, caller, parts);
}

describe("queues of a verdict", () => {
  it("are read once for each window, from the deploy's possible sources", async () => {
    const asked: unknown[] = [];
    const source = (name: string, env?: Environment): Given => ({
      name,
      ...(env && { env }),
      history: async (names, range) => {
        asked.push([name, names, range]);
        return new Map();
      },
    });
    const sources = [source("own", "staging"), source("none"), source("other", "production"), { name: "mute" }];
    const range = (from: number) => ({ from, step: 1200, steps: 1 });
    const verdict = await judge({ sources });
    expect(asked).toEqual([
      ["own", null, range(beforeFrom)],
      ["none", null, range(beforeFrom)],
      ["own", null, range(afterFrom)],
      ["none", null, range(afterFrom)],
    ]);
    expect([verdict.gaps, verdict.queues, verdict.queuesUnread]).toEqual([[], [], false]);
    asked.length = 0;
    await judge({ sources, env: "production" });
    expect(asked.map((one) => (one as unknown[])[0])).toEqual(["own", "own"]);
    asked.length = 0;
    await judge({ sources, env: "staging" });
    expect(asked).toHaveLength(4);
  });

  it.each<[OpsError | Error, boolean, string]>([
    [new OpsError("queues_unavailable", "down"), true, "queues: down"],
    [new OpsError("queues_unavailable", "not set", { unconfigured: true }), false, "queues: not set"],
    [new OpsError("forbidden", "not yours"), false, "queues: not yours"],
    [new Error("odd"), true, "queues: Internal error"],
  ])("whose sources are refused with %s are unread: %j", async (error, isUnread, gap) => {
    const { queuesUnread, gaps, queues, newErrors } = await judge({ visible: fails(error) });
    expect([queuesUnread, gaps, queues, newErrors]).toEqual([isUnread, [gap], [], null]);
  });

  it.each<[Error[], boolean, string[]]>([
    [[new OpsError("queue_locked", "locked")], true, ["s0: locked"]],
    [[new Error("odd")], true, ["s0: Internal error"]],
    [[new OpsError("query_refused", "too much")], false, ["s0: too much"]],
    [[new OpsError("queue_locked", "a"), new OpsError("queue_locked", "b")], true, ["s0: a", "s1: b"]],
    [[new OpsError("queue_locked", "a"), new OpsError("query_refused", "b")], false, ["s0: a", "s1: b"]],
  ])("of sources that fail with %j are unread: %j", async (errors, isUnread, gaps) => {
    const sources = errors.map((error, index) => ({ name: `s${index}`, history: fails(error) }));
    const verdict = await judge({ sources });
    expect([verdict.queuesUnread, verdict.gaps, verdict.queues]).toEqual([isUnread, gaps, []]);
    const well = { name: "well", history: history(100, 100) };
    const beside = await judge({ sources: [...sources, well] });
    expect([beside.queuesUnread, beside.queues.map(({ source }) => source)]).toEqual([false, ["well"]]);
  });

  it.each<[string, readonly string[], string | null, string]>([
    ["others'", ["billing"], null, "clean"],
    ["its service's too", ["billing", "wallet-core"], null, "not_enough_data"],
    ["nobody's that is known", [], null, "not_enough_data"],
    ["another service's by configuration", [], "billing", "clean"],
    ["its service's by configuration", ["billing"], "wallet-core", "not_enough_data"],
  ])("in a source that is down whose workers were %s", async (_, seen, configured, outcome) => {
    const toGroup = (service: string) => ({ service, destination: null, env: null });
    const down: Given = {
      name: "down",
      history: fails(new OpsError("postgres_unavailable", "away")),
      ...(configured && { owner: { service: configured } }),
    };
    const verdict = await judge(
      {
        sources: [{ name: "jobs", history: history(100, 100) }, down],
        remember: (memory) => memory.note({ source: "down", name: "other" }, seen.map(toGroup)),
      },
      toDeploy({ service: "wallet-core" }),
    );
    expect(verdict.outcome).toBe(outcome);
  });

  it("are not read for a failed deploy, nor for one without a window", async () => {
    const asked = vi.fn<History>(async () => new Map());
    const sources = [{ name: "jobs", history: asked }];
    const failed = toDeploy({ state: "failed" });
    expect(await judge({ sources, deploys: [failed] }, failed)).toMatchObject({
      windows: null,
      queuesUnread: false,
      gaps: [],
    });
    expect(await judge({ sources }, deploy, 59)).toMatchObject({ windows: null, queuesUnread: false });
    expect(asked).not.toHaveBeenCalled();
  });

  it("have windows between their group's deploys that have not failed", async () => {
    const at = (seconds: number, more: Partial<Deploy> = {}) =>
      toDeploy({ deployedAt: ago(seconds), durationSeconds: 0, ...more });
    const v1 = { tag: "v1", version: "v1" };
    const deploys = [deploy, at(1000, { state: "failed" }), at(1460, v1), at(1100, { destination: "beta" })];
    expect((await judge({ deploys })).windows).toEqual({
      seconds: 200,
      before: { from: now - 1460, to: now - 1260 },
      after: { from: now - 1200, to: now - 1000 },
      reach: 200,
    });
  });

  it.each<["before" | "after" | null, string[]]>([
    [null, []],
    ["before", ["jobs: ended jobs are not stored long enough"]],
    ["after", ["jobs: ended jobs are not stored long enough"]],
  ])("that are only samples in the window %j are a gap", async (sampled, gaps) => {
    const verdict = await judge({ sources: [{ name: "jobs", history: history(100, 100, sampled) }] });
    expect(verdict.gaps).toEqual(gaps);
    expect(verdict.queues.map(({ before, after }) => [before === null, after === null])).toEqual([
      [sampled === "before", sampled === "after"],
    ]);
  });

  it("that lost their jobs have their current state, by name and source", async () => {
    const rows = [
      sampleQueue({ name: "mail", source: "other", paused: true }),
      sampleQueue({ name: "calls", source: "jobs", paused: true }),
      sampleQueue({ name: "mail", source: "jobs", workers: 0, depth: 5 }),
    ];
    const metrics = vi.fn<() => Promise<readonly QueueMetrics[]>>(async () => rows);
    const states = async (before: number, after: number, all: Stage["metrics"] = metrics) => {
      const { queues } = await judge({ sources: [{ name: "jobs", history: history(before, after) }], metrics: all });
      return queues.map(({ stateNow }) => stateNow);
    };
    expect(await states(1000, 1000)).toEqual([undefined]);
    expect(metrics).not.toHaveBeenCalled();
    expect(await states(1000, 0)).toEqual(["no_workers"]);
    expect(await states(1000, 0, async () => rows.slice(0, 2))).toEqual([null]);
    expect(await states(1000, 0, fails(new Error("odd")))).toEqual([null]);
  });
});

describe("queues that fail more after a deploy", () => {
  /** Half of the jobs fail from 100 s before the deploy on. */
  const asked: unknown[] = [];
  const failing: History = async (names, range) => {
    asked.push([names, range]);
    const { from, step, steps } = range;
    const points = Array.from({ length: steps }, (_, index) => {
      const end = from + (index + 1) * step;
      const ended = step / 2;
      const shares = steps === 1 ? [from < afterFrom ? 0.04 : 0.5] : [end > now - 1360 ? 0.5 : 0];
      const failures = ended * (shares[0] ?? 0);
      return sampleHistory({ depth: 0, failures, processedPerSec: (ended - failures) / step }).points[0];
    });
    return new Map(
      ["mail", "fine"].map((name) => {
        const own = points
          .flatMap((point) => point ?? [])
          .map((point) => (name === "fine" ? { ...point, failures: 0, processedPerSec: 0.5 } : point));
        return [name, { ...sampleHistory(), points: own }] as const;
      }),
    );
  };

  it("are read in steps, to see when that began", async () => {
    asked.length = 0;
    const { outcome, queues, gaps } = await judge({ sources: [{ name: "jobs", history: failing }] });
    expect(asked.slice(2)).toEqual([[["mail"], { from: now - 3060, step: 10, steps: 180 }]]);
    expect([outcome, queues.map(({ failsSince }) => failsSince)]).toEqual(["clean", [null, 100]]);
    expect(gaps).toEqual([
      "mail: 50 % of its jobs fail since 100 s before the deploy, so that does not count against it",
    ]);
  });

  it("are worse if that cannot be read", async () => {
    const whole: History = async (names, range, signal) => {
      if (range.steps > 1) throw new OpsError("query_refused", "too much");
      return failing(names, range, signal);
    };
    const { outcome, gaps } = await judge({ sources: [{ name: "jobs", history: whole }] });
    expect([outcome, gaps]).toEqual(["regressed", ["jobs, when its jobs began to fail: too much"]]);
    const sampled: History = async (names, range, signal) => {
      const all = [...(await failing(names, range, signal))];
      return new Map(all.map(([name, one]) => [name, { ...one, sampled: range.steps > 1 }]));
    };
    expect((await judge({ sources: [{ name: "jobs", history: sampled }] })).outcome).toBe("regressed");
  });
});

describe("queues of a deploy", () => {
  const workers = (service: string, destination: string | null = null) =>
    toOwners([{ service, destination, env: null }], "workers");
  const own = toDeploy({ service: "shop", destination: null });
  /** All of its jobs fail after the deploy, in both queues. */
  const broken: History = async (_, { from, step }) =>
    new Map(
      ["mail", "bills"].map((name) => {
        const point = { depth: 0, processedPerSec: from < afterFrom ? 1 : 0, failures: from < afterFrom ? 0 : step };
        return [name, sampleHistory(point)];
      }),
    );
  const failure = sampleFailures({ queue: "bills", error: "boom", count: 40, firstAt: ago(1000), lastAt: ago(10) });
  const sources = [{ name: "jobs", history: broken, failures: async () => [failure] }];

  it("are those whose workers belong to its service", async () => {
    const owners: Stage["owners"] = ({ name }) => workers(name === "mail" ? "shop" : "billing");
    const verdict = await judge({ sources, owners }, own);
    expect([verdict.queues.map(({ queue }) => queue), verdict.outcome]).toEqual([["mail"], "regressed"]);
    expect([verdict.newErrors, verdict.gaps]).toEqual([[], []]);
  });

  it.each<[string, readonly QueueOwner[]]>([
    ["another service", workers("billing")],
    ["another destination", workers("shop", "beta")],
    ["another configured service", [toConfiguredOwner({ service: "billing" })]],
    ["another configured destination", [toConfiguredOwner({ service: "shop", destination: "beta" })]],
  ])("are not those of %s: they blame nobody", async (_, owners) => {
    const verdict = await judge({ sources, owners: () => owners }, own);
    expect([verdict.outcome, verdict.queues, verdict.newErrors, verdict.gaps]).toEqual(["not_enough_data", [], [], []]);
  });

  it.each<[string, readonly QueueOwner[] | null]>([
    ["is not known", null],
    ["was thought to be another one, which is alone", toOwners([{ ...own, service: "billing" }], "alone")],
  ])("are a gap where their service %s: they blame nobody", async (_, owners) => {
    const verdict = await judge({ sources, owners: () => owners }, own);
    expect([verdict.outcome, verdict.queues, verdict.newErrors]).toEqual(["not_enough_data", [], []]);
    expect(verdict.gaps).toEqual(["jobs: which service works on bills, mail is not known"]);
  });
});

describe("a queue that runs once a day", () => {
  const [day, week] = [86_400, 604_800];
  /**
   * 400 jobs ended since the deploy, and in the windows that began this many seconds earlier; a
   * third of them failed.
   */
  const nightly =
    (asked: number[], ...ran: readonly number[]): History =>
    async (_, { from, step }) => {
      asked.push(afterFrom - from);
      const point = { depth: 0, processedPerSec: 267 / step, failures: 133 };
      return new Map([0, ...ran].includes(afterFrom - from) ? [["mail", sampleHistory(point)]] : []);
    };
  const failure = sampleFailures({ queue: "mail", error: "no rate", count: 133, firstAt: ago(1000), lastAt: ago(10) });
  const failures = async () => [failure];
  const before = afterFrom - beforeFrom;

  it.each([
    ["a day", [day], [before, 0, day]],
    ["a week", [week], [before, 0, day, week]],
  ])("is compared with the same hour of %s before", async (_, ran, reads) => {
    const asked: number[] = [];
    const verdict = await judge({ sources: [{ name: "jobs", history: nightly(asked, ...ran) }] });
    expect([verdict.outcome, verdict.reasons, verdict.gaps, asked]).toEqual(["clean", [], [], reads]);
  });

  it("fails as it did before, whenever that was: its error is not new", async () => {
    const asked: PastSearch[] = [];
    const pastFailures = async (search: PastSearch) => {
      asked.push(search);
      return { failures: [failure], isWhole: true };
    };
    const sources = [{ name: "jobs", history: nightly([], day), failures, pastFailures }];
    expect(await judge({ sources })).toMatchObject({ outcome: "clean", newErrors: [], gaps: [] });
    expect(asked).toMatchObject([{ errors: [{ error: "no rate" }], until: now - 1260 }]);
    const found = async () => ({ failures: [{ ...failure, error: "another" }], isWhole: true });
    const fresh = await judge({ sources: [{ ...sources[0], name: "jobs", pastFailures: found }] });
    expect(fresh).toMatchObject({ outcome: "regressed", newErrors: [{ error: "no rate", regressed: true }] });
  });

  it("cannot be judged if no earlier run is stored", async () => {
    const verdict = await judge({ sources: [{ name: "jobs", history: nightly([]), failures }] });
    expect([verdict.outcome, verdict.newErrors?.map(({ regressed }) => regressed)]).toEqual([
      "not_enough_data",
      [false],
    ]);
  });

  it("names what could not be read of earlier days", async () => {
    const only: History = async (queues, range, signal) => {
      if (range.from < beforeFrom) throw new OpsError("query_refused", "too much");
      return nightly([])(queues, range, signal);
    };
    const sources = [
      { name: "jobs", history: only, failures, pastFailures: fails(new OpsError("query_refused", "huge")) },
    ];
    const { gaps, queues } = await judge({ sources });
    expect(gaps).toEqual(["jobs, a day before: too much", "earlier errors of jobs: huge"]);
    expect(queues.map(({ queue }) => queue)).toEqual(["mail"]);
  });
});

describe("errors of a verdict that are looked up among all that are stored", () => {
  const failure = sampleFailures({ queue: "mail", error: "boom 17", count: 40, firstAt: ago(1000), lastAt: ago(10) });
  const own = { name: "jobs", history: history(1000, 1000), failures: async () => [failure] };
  const stored = (...failures: readonly FoundFailure[]) => ({
    pastFailures: async (): Promise<PastFailures<FoundFailure>> => ({ failures, isWhole: true }),
  });
  const judgeWith = (more: Partial<Given>, others: readonly Given[] = [], stage: Stage = {}) =>
    judge({ sources: [{ ...own, ...more }, ...others], ...stage });

  it("are new if no such failure is stored", async () => {
    expect(await judgeWith(stored())).toMatchObject({
      outcome: "regressed",
      reasons: ["a new error occurred 40 times: boom 17"],
      gaps: [],
    });
  });

  it.each<[string, FoundFailure]>([
    ["of the same queue", { ...failure, error: "boom 18" }],
    ["of another queue of the service", { ...failure, error: "boom 18", queue: "calls" }],
  ])("are not new where one is, %s", async (_, found) => {
    expect(await judgeWith(stored(found))).toMatchObject({ outcome: "clean", newErrors: [], gaps: [] });
  });

  it("are new though another service had them", async () => {
    const owners: Stage["owners"] = ({ source }) =>
      toOwners([source === "billing" ? { ...deploy, service: "billing" } : deploy], "workers");
    const old = { ...failure, source: "billing", firstAt: ago(3000), lastAt: ago(3000), count: 1 };
    const billing = { name: "billing", failures: async () => [old], ...stored({ ...failure, source: "billing" }) };
    expect(await judgeWith(stored(), [billing], { owners })).toMatchObject({
      outcome: "regressed",
      newErrors: [{ error: "boom 17", after: { count: 40 } }],
    });
    // The same rows, if the service works on that queue too.
    expect(await judgeWith(stored(), [billing])).toMatchObject({ outcome: "clean", newErrors: [] });
  });

  it.each<[string, Partial<Given>, string]>([
    [
      "could not be searched",
      { pastFailures: fails(new OpsError("query_refused", "huge")) },
      "earlier errors of jobs: huge",
    ],
    [
      "were too many to look at",
      { pastFailures: async () => ({ failures: [], isWhole: false }) },
      "earlier errors of jobs: too many failures are stored to look at all",
    ],
  ])("are not known to be new where those stored %s", async (_, more, gap) => {
    expect(await judgeWith(more)).toMatchObject({
      outcome: "not_enough_data",
      reasons: ["an error occurred 40 times, but whether it is new is not known: boom 17"],
      newErrors: [],
      gaps: [gap],
    });
  });

  it("are the ten most frequent ones", async () => {
    const rows = Array.from({ length: 12 }, (_, index) => ({
      ...failure,
      error: `boom ${"abcdefghijkl"[index]}`,
      count: 40 + index,
    }));
    const asked: PastSearch[] = [];
    const pastFailures = async (search: PastSearch) => {
      asked.push(search);
      return { failures: [], isWhole: true };
    };
    const verdict = await judgeWith({ failures: async () => rows, pastFailures });
    expect(asked.map(({ errors }) => errors.map(({ error }) => error).toSorted())).toEqual([
      rows.slice(2).map(({ error }) => error),
    ]);
    expect(verdict.newErrors).toHaveLength(10);
    expect(verdict.gaps).toEqual(["errors: 2 rarer errors were not looked up among earlier failures"]);
  });

  it("are compared with the jobs of the hour before, and of all since", async () => {
    const asked: unknown[] = [];
    const counting: History = async (queues, range, signal) => {
      if (queues !== null) asked.push([queues, range]);
      return history(60, 600)(queues, range, signal);
    };
    const share = async (deploys: readonly Deploy[]) =>
      (await judge({ sources: [{ ...own, ...stored(), history: counting }], deploys })).newErrors?.map((error) => [
        error.endedBefore,
        error.endedAfter,
      ]);
    // The window extends to now, and counted those since the deploy.
    expect(await share([deploy])).toEqual([[60, null]]);
    expect(asked).toEqual([[["mail"], { from: now - 1260 - 3600, step: 3600, steps: 1 }]]);
    // Another release came shortly before: the window is short.
    const before = toDeploy({ tag: "v1", version: "v1", deployedAt: ago(1460), durationSeconds: 0 });
    expect(await share([deploy, before])).toEqual([[60, { count: 600, seconds: 1200 }]]);
    expect(asked.at(-1)).toEqual([["mail"], { from: now - 1200, step: 1200, steps: 1 }]);
  });
});

describe("a repeated deploy of a release", () => {
  const again = toDeploy({ deployedAt: ago(1200), durationSeconds: 60 });
  const first = toDeploy({ deployedAt: ago(1500), durationSeconds: 60 });
  const v1 = toDeploy({ tag: "v1", version: "v1", deployedAt: ago(9000) });
  const deploys = [again, first, v1];
  const releaseStart = now - 1560;
  /** A quarter of the jobs has failed since the first of the two. */
  const broken: History = async (_, { from, step }) => {
    const failed = from < releaseStart ? 0 : 100;
    const point = { depth: 0, processedPerSec: (400 - failed) / step, failures: failed };
    return new Map([["mail", sampleHistory(point)]]);
  };
  const failure = sampleFailures({ queue: "mail", error: "boom", count: 150, firstAt: ago(1490), lastAt: ago(5) });

  it("is compared with the release before, not with itself", async () => {
    const verdict = await judge({ sources: [{ name: "jobs", history: broken }], deploys }, again);
    expect(verdict.windows).toEqual({
      seconds: 1200,
      before: { from: releaseStart - 1200, to: releaseStart },
      after: { from: now - 1200, to: now },
      reach: 1800,
    });
    expect(verdict).toMatchObject({
      outcome: "regressed",
      reasons: ["mail: 25 % of its jobs fail, 0 % did before"],
    });
  });

  it("has the new errors of its release, including those before it", async () => {
    const asked: PastSearch[] = [];
    const pastFailures = async (search: PastSearch) => {
      asked.push(search);
      return { failures: [], isWhole: true };
    };
    const row = { ...failure, count: 1, firstAt: ago(1490), lastAt: ago(1490) };
    const later = { ...failure, firstAt: ago(1190) };
    const sources = [{ name: "jobs", history: broken, failures: async () => [row, later], pastFailures }];
    const verdict = await judge({ sources, deploys }, again);
    expect(verdict.newErrors).toMatchObject([{ error: "boom", after: { count: 150 }, regressed: true }]);
    expect(asked).toMatchObject([{ until: releaseStart }]);
  });

  it("is not compared with a day on which its release ran", async () => {
    const asked: number[] = [];
    const idle: History = async (_, { from, step }) => {
      asked.push(now - 1200 - from);
      const jobs = from < releaseStart ? 0 : 400;
      return new Map(
        jobs === 0 ? [] : [["mail", sampleHistory({ depth: 0, processedPerSec: jobs / step, failures: 0 })]],
      );
    };
    const sources = [{ name: "jobs", history: idle }];
    const since = (seconds: number) => [again, toDeploy({ deployedAt: ago(seconds), durationSeconds: 60 }), v1];
    await judge({ sources, deploys: since(3000) }, again);
    expect(asked).toContain(86_400);
    asked.length = 0;
    await judge({ sources, deploys: [again, toDeploy({ deployedAt: ago(90_000), durationSeconds: 60 })] }, again);
    expect([asked.includes(86_400), asked.includes(604_800)]).toEqual([false, true]);
  });
});

describe("new errors of a verdict", () => {
  const failure = sampleFailures({ queue: "mail", error: "boom", count: 40, firstAt: ago(1000), lastAt: ago(10) });
  const sources = [{ name: "jobs", env: "staging" as const, failures: async () => [failure] }];

  it("are those of a group's newest deploy that has not failed", async () => {
    const errors = async (stage: Stage) =>
      (await judge({ sources, ...stage })).newErrors?.map(({ error, after }) => [error, after.count]);
    expect(await errors({})).toEqual([["boom", 40]]);
    const later = toDeploy({ deployedAt: ago(100), durationSeconds: 0 });
    expect(await errors({ deploys: [later, deploy] })).toBeUndefined();
    expect(await errors({ deploys: [{ ...later, destination: "beta" }, deploy] })).toEqual([["boom", 40]]);
    expect(await errors({ deploys: [{ ...later, state: "failed" }, deploy] })).toEqual([["boom", 40]]);
    expect(await errors({ deploys: [] })).toBeUndefined();
    expect(await errors({ sources: [] })).toBeUndefined();
  });

  it.each<[string, Given["failures"], string[]]>([
    ["cannot be read", fails(new OpsError("queue_locked", "locked")), ["errors: locked"]],
    [
      "do not reach back",
      async () => Array.from({ length: 2500 }, (_, index) => ({ ...failure, firstAt: ago(100 + (index % 9)) })),
      ["errors: stored failures do not reach back far enough before the deploy"],
    ],
  ])("that %s are a gap", async (_what, failures = async () => [], gaps) => {
    const verdict = await judge({ sources: [{ name: "jobs", failures }] });
    expect([verdict.newErrors, verdict.gaps]).toEqual([null, gaps]);
  });
});

describe("containers of a verdict", () => {
  const web = sampleContainer({ name: "web", version: "v2", engine: "a", createdAt: ago(1250) });
  const begin = (name: string, seconds: number) => ({ name, env: null, since: ago(seconds) });
  const death = (more: Partial<TimelineEntry> = {}): TimelineEntry =>
    toEntry({
      kind: "container_death",
      time: ago(600),
      message: "",
      service: deploy.service,
      env: "staging",
      container: toTimelineContainer(web),
      ...more,
    });

  it("name the engines that do not answer", async () => {
    const silent = [
      { name: "b", code: "docker_timeout", message: "slow" },
      { name: null, code: "docker_unavailable", message: "gone" },
    ];
    expect((await judge({ silent })).gaps).toEqual(["containers: b, an engine do not answer"]);
  });

  const staging = createCaller(undefined, ["staging"]);
  it.each<[string, Stage, string | null]>([
    [
      "heard just since the window begins",
      { timeline: (all) => all.begin("container_death", begin("a", 2460)) },
      "events",
    ],
    ["heard too late", { timeline: (all) => all.begin("container_death", begin("a", 2459)) }, "counters"],
    ["not heard", {}, "counters"],
    ["of which another was heard", { timeline: (all) => all.begin("container_death", begin("b", 9000)) }, "counters"],
    [
      "of which one was not heard",
      {
        engines: [sampleEngine({ name: "a" }), sampleEngine({ name: "b" })],
        timeline: (all) => all.begin("container_death", begin("a", 9000)),
      },
      "counters",
    ],
    [
      "heard while another, that is not shown, was heard later",
      {
        timeline: (all) => {
          all.begin("container_death", begin("hidden", 60));
          all.begin("container_death", begin("a", 9000));
        },
      },
      "events",
    ],
    [
      "of which the last was heard too late",
      {
        engines: [sampleEngine({ name: "a" }), sampleEngine({ name: "b" })],
        timeline: (all) => {
          all.begin("container_death", begin("a", 9000));
          all.begin("container_death", begin("b", 60));
        },
      },
      "counters",
    ],
    ["that are none", { engines: [], timeline: (all) => all.begin("container_death", begin("a", 9000)) }, "counters"],
    ...[
      ["a gap", { engine: "a" }, "counters"] as const,
      ["a gap of all", { engine: null }, "counters"] as const,
      ["a gap of another engine", { engine: "hidden" }, "events"] as const,
      ["a gap before", { engine: "a", time: ago(2461) }, "events"] as const,
    ].map(([what, more, from]): [string, Stage, string] => [
      `with ${what}`,
      {
        timeline: (all) => {
          all.begin("container_death", begin("a", 9000));
          all.add(toEntry({ kind: "gap", time: ago(600), message: "", ...more }));
        },
      },
      from,
    ]),
    ...(
      [
        ["container_death", "staging", "counters"],
        ["health", "staging", "counters"],
        ["oom_kill", "staging", "events"],
        ["health", "production", "events"],
      ] as const
    ).map(([kind, env, from]): [string, Stage, string] => [
      `that forgot ${kind} of ${env}`,
      {
        caller: staging,
        timeline: (all) => {
          all.begin("container_death", begin("a", 9000));
          for (let index = 0; index < 1001; index++) all.add(death({ kind, env }));
        },
      },
      from,
    ]),
  ])("on engines %s have their restarts from %s", async (_what, stage, from) => {
    expect((await judge({ containers: [web], ...stage })).containers.restartsFrom).toBe(from);
  });

  it("count deaths and health of its group's visible core ones", async () => {
    const container = toTimelineContainer(web);
    const others = [
      death({ container: { ...container, kind: "accessory" } }),
      death({ container: null }),
      death({ service: "shop" }),
      death({ env: null }),
    ];
    const fill: Stage["timeline"] = (all) => {
      all.begin("container_death", begin("a", 9000));
      for (const entry of [death(), death({ time: ago(500) }), death({ time: ago(2000) }), ...others]) all.add(entry);
      for (const entry of [death(), ...others]) all.add({ ...entry, kind: "health", to: "unhealthy", time: ago(300) });
      for (const entry of [death(), ...others]) all.add({ ...entry, kind: "health", to: "healthy", time: ago(200) });
    };
    const counts = async (one: Deploy, caller = createCaller()) => {
      const { restartsBefore, restartsAfter, unhealthySecondsAfter } = (await judge({ timeline: fill, caller }, one))
        .containers;
      return [restartsBefore, restartsAfter?.count, unhealthySecondsAfter];
    };
    expect(await counts(deploy)).toEqual([{ count: 1, seconds: 1200 }, 2, 100]);
    expect(await counts(toDeploy({ ambiguous: true }))).toEqual([{ count: 0, seconds: 1200 }, 0, 0]);
    expect(await counts(deploy, createCaller(undefined, ["production"]))).toEqual([{ count: 0, seconds: 1200 }, 0, 0]);
  });

  it("are the core ones of its group", async () => {
    const unwell = { health: "unhealthy", version: "v2" } as const;
    const containers = [
      sampleContainer({ name: "own", ...unwell }),
      sampleContainer({ name: "accessory", kind: "accessory", ...unwell }),
      sampleContainer({ name: "beta", destination: "beta", ...unwell }),
    ];
    expect((await judge({ containers })).containers.unhealthyNow).toEqual(["own"]);
    const ambiguous = toDeploy({ ambiguous: true });
    expect((await judge({ containers }, ambiguous)).containers.unhealthyNow).toEqual([]);
    const before = { version: "v1", createdAt: ago(9000), restarts: 3 };
    const earlier = [
      sampleContainer({ name: "before", ...before }),
      sampleContainer({ name: "accessory before", kind: "accessory", ...before }),
    ];
    expect((await judge({ containers: earlier })).containers.restartsBefore?.count).toBe(3);
  });
});

it("a service outside the product is not judged, and nothing is read", async () => {
  const container = sampleContainer({ service: "billing", health: "unhealthy", version: "v2" });
  const asked = vi.fn<History>(async () => new Map([["mail", toPast(100, 1200)]]));
  const stage: Stage = {
    sources: [{ name: "jobs", history: asked }],
    containers: [container],
    service: ["wallet-core"],
  };
  expect(await judge(stage, toDeploy({ service: "billing" }))).toMatchObject({
    outcome: "not_enough_data",
    unjudgeable: "other_service",
    reasons: ["this gateway is not responsible for its service (SERVICE): its own gateway judges it"],
    gaps: [],
  });
  expect(asked).not.toHaveBeenCalled();
  for (const own of [toDeploy({ service: "wallet-core" }), toDeploy({ service: null })])
    expect((await judge(stage, own)).queues).toHaveLength(1);
});

it("each source serves one verdict at a time, until the caller leaves", async () => {
  const leaver = new AbortController();
  const asked: string[] = [];
  const signals = new Set<AbortSignal>();
  let at = 0;
  const slow = (name: string): Given => ({
    name,
    history: async (_, { from }, signal) => {
      asked.push(`${name} ${from === beforeFrom ? "before" : "after"} ${++at}`);
      signals.add(signal);
      await new Promise((resolve) => setImmediate(resolve));
      at -= 1;
      return new Map();
    },
  });
  const caller = { ...createCaller(), signal: leaver.signal };
  const find = open({ sources: [slow("jobs")], caller });
  await Promise.all([find(deploy, 1200), find(deploy, 1200), find(deploy, 1200)]);
  const windows = ["jobs before 1", "jobs after 1"];
  expect(asked).toEqual([...windows, ...windows, ...windows]);
  leaver.abort();
  expect([...signals].map(({ aborted }) => aborted)).toEqual([true]);
});
