import { describe, expect, it } from "vitest";
import { compare, findOthers } from "../../script/counting/compare.ts";
import type { CountedSystem, Figures, QueueCount } from "../../script/counting/figures.ts";
import type { AnsweredQueue } from "../../script/counting/gateway.ts";
import { createDice, planRows } from "../../script/counting/plan.ts";

const figures: Figures = {
  depth: 3,
  active: 2,
  deferred: 4,
  retrying: 5,
  dead: 6,
  processed: 90,
  failures: 7,
  oldestAgeSeconds: 30,
  paused: false,
  workers: 1,
  waitP50Seconds: 1,
  waitP95Seconds: 2,
  runP50Seconds: 3,
  runP95Seconds: 4,
};
const count = (changed: Partial<Figures> = {}): QueueCount => ({
  queue: "mail",
  jobs: 100,
  figures: { ...figures, ...changed },
  errors: new Map([["boom", 7]]),
});
const { processed: _, failures, ...same } = figures;
const answered: AnsweredQueue = {
  ...same,
  source: "s",
  name: "mail",
  processedPerSec: 0.3,
  failuresLastHour: failures,
  windowSeconds: null,
};
const errors = [{ queue: "mail", error: "boom", count: 7 }];
const right = { queues: [answered], errors };
const system = { name: "x", by: "rows", source: "s", begins: "last" } as const;
const wrongOf = (
  { graphql = right, rest = right },
  counted: Partial<Parameters<typeof compare>[1]> = {},
  begins: CountedSystem["begins"] = "last",
) => compare({ ...system, begins }, { before: [count()], after: [count()], ...counted }, { graphql, rest }).wrong;
const withQueue = (changed: Partial<AnsweredQueue>) => ({ queues: [{ ...answered, ...changed }], errors });

describe("comparing", () => {
  it("finds the same figures right", () => {
    expect(wrongOf({})).toStrictEqual([]);
  });

  it.each(Object.keys({ ...same, processedPerSec: 0, failuresLastHour: 0 }) as (keyof AnsweredQueue)[])(
    "a wrong %s is reported, by GraphQL and by REST",
    (name) => {
      for (const value of [null, name === "paused" ? true : 1000]) {
        const wrong = withQueue({ [name]: value });
        expect(wrongOf({ graphql: wrong })).toHaveLength(1);
        expect(wrongOf({ rest: wrong })).toStrictEqual([expect.stringContaining("x, REST ")]);
      }
    },
  );

  it("a queue that the gateway lacks, has twice, or adds is reported", () => {
    const [none, twice] = [
      { queues: [], errors: [] },
      { queues: [answered, answered], errors },
    ];
    expect(wrongOf({ graphql: none })).toStrictEqual(["x, queues mail: counted 1, answered 0"]);
    expect(wrongOf({ rest: none })).toStrictEqual(["x, REST queues mail: counted 1, answered 0"]);
    expect(wrongOf({ graphql: twice })).toStrictEqual(["x, queues mail: counted 1, answered 2"]);
    const other = { queues: [answered, { ...answered, source: "other" }], errors };
    const counted = [{ source: "s", queues: ["mail"] }];
    expect(findOthers(counted, { graphql: right, rest: right })).toStrictEqual([]);
    expect(findOthers(counted, { graphql: other, rest: other })).toStrictEqual([
      "other, queues mail: counted 0, answered 1",
      "other, REST queues mail: counted 0, answered 1",
    ]);
  });

  it("an error that is missing, new or counted otherwise is reported", () => {
    const withErrors = (...own: typeof errors) => ({ queues: [answered], errors: own });
    expect(wrongOf({ graphql: withErrors() })).toStrictEqual(['x, "boom" of mail: counted 7, answered 0']);
    // REST lists the newest alone.
    expect(wrongOf({ rest: withErrors() })).toStrictEqual([]);
    for (const [which, prefix] of [
      ["graphql", ""],
      ["rest", "REST "],
    ] as const) {
      const one = { queue: "mail", error: "boom", count: 6 };
      expect(wrongOf({ [which]: withErrors(one) })).toStrictEqual([
        `x, ${prefix}"boom" of mail: counted 7, answered 6`,
      ]);
      const other = { queue: "mail", error: "crash", count: 1 };
      expect(wrongOf({ [which]: withErrors(...errors, other) })).toStrictEqual([
        `x, ${prefix}"crash" of mail: counted 0, answered 1`,
      ]);
    }
  });

  it("what lies between the counts before and after is right", () => {
    const counted = { before: [count({ depth: 2, processed: 91 })], after: [count({ depth: 4, processed: 89 })] };
    expect(wrongOf({}, counted)).toStrictEqual([]);
    expect(wrongOf({ graphql: withQueue({ depth: 1 }) }, counted)).toHaveLength(1);
    expect(wrongOf({ graphql: withQueue({ depth: 5 }) }, counted)).toHaveLength(1);
    expect(wrongOf({ graphql: withQueue({ processedPerSec: 88 / 300 }) }, counted)).toHaveLength(1);
  });

  it("a broker's average may be off by a report of 5 s, not by more", () => {
    const averaged = [118, 121] as const;
    const wrongBy = (jobs: number) => {
      const answer = withQueue({ processedPerSec: jobs / 120 });
      return wrongOf({ graphql: answer, rest: answer }, { averaged });
    };
    expect([85, 90, 97].map(wrongBy)).toStrictEqual([[], [], []]);
    expect([83, 99].map((jobs) => wrongBy(jobs).length)).toStrictEqual([2, 2]);
  });

  it("a sampled rate is of its window, and of its samples in five minutes", () => {
    const wrongBy = (windowSeconds: number, jobs: number, seconds: number) => {
      const answer = withQueue({ windowSeconds, processedPerSec: jobs / seconds });
      return wrongOf({ graphql: answer, rest: answer }, {}, "watched").length;
    };
    expect([wrongBy(80, 90, 80), wrongBy(80, 91, 80), wrongBy(80, 89, 80)]).toStrictEqual([0, 2, 2]);
    expect([wrongBy(900, 90, 290), wrongBy(900, 90, 300), wrongBy(900, 90, 280)]).toStrictEqual([0, 0, 2]);
  });
});

describe("a plan of rows", () => {
  const jobs = planRows(createDice(5), "mail", 400);
  const isFailed = ({ error }: { readonly error: string | null }) => error !== null;
  const lastFailure = (job: (typeof jobs)[number]) => job.attempts.findLast(isFailed)?.endedAgo ?? null;

  it.each<[string, (job: (typeof jobs)[number]) => boolean]>([
    ["succeeded after failures of the last hour", (job) => job.state === "done" && (lastFailure(job) ?? 9999) < 3600],
    ["run again after a failure", (job) => job.state === "running" && job.attempts.some(isFailed)],
    ["wait for a retry that is due", (job) => job.state === "waiting" && job.attempts.length > 0 && job.dueAgo > 0],
    ["wait for a retry that is not due", (job) => job.state === "waiting" && job.attempts.length > 0 && job.dueAgo < 0],
    [
      "were scheduled, are due, and were not staged",
      (job) => job.attempts.length === 0 && job.dueAgo > 0 && !job.isStaged,
    ],
    ["were scheduled, are due, and were staged", (job) => job.isScheduled && job.state === "waiting" && job.isStaged],
    ["are scheduled", (job) => job.attempts.length === 0 && job.dueAgo < 0],
    ["are dead after several attempts", (job) => job.state === "dead" && job.attempts.length > 1],
    ["are dead after one attempt", (job) => job.state === "dead" && job.attempts.length === 1],
    ["failed in the last five minutes, and wait", (job) => job.state === "waiting" && (lastFailure(job) ?? 9999) < 300],
  ])("has jobs that %s", (_title, isSo) => {
    expect(jobs.filter(isSo).length).toBeGreaterThan(3);
  });

  it("is the same for a seed", () => {
    expect(planRows(createDice(5), "mail", 400)).toStrictEqual(jobs);
    expect(planRows(createDice(6), "mail", 400)).not.toStrictEqual(jobs);
  });
});
