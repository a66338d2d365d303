import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { createJudge, orphanGraceSeconds } from "../../../src/graphql/queues/lost-jobs.ts";
import type { ClockOffset } from "../../../src/lib/clock-skew.ts";
import { type WorkerJobs, workerStartsLimit } from "../../../src/queues/queue.ts";
import { sampleContainer, sampleEngine } from "../../support/containers.ts";
import { sampleWorkerJobs } from "../../support/queues.ts";
import { finish, longestPiece } from "../../support/steps.ts";

const web = sampleContainer({ host: "37.27.91.235-56703216100c", hostNames: ["37.27.91.235", "web-1"] });
const started = Date.parse(web.startedAt ?? "") / 1000;
const sure: ClockOffset = { least: 0, most: 0 };
const jobs = (host: string | null, more: Partial<WorkerJobs> = {}) => sampleWorkerJobs({ host, ...more });
/**
 * Jobs on the host of `web` that a worker took this many seconds after it started, read a day
 * later.
 */
const taken = (seconds: readonly number[], more: Partial<WorkerJobs> = {}) =>
  jobs(web.host, {
    count: seconds.length,
    starts: seconds.map((second) => started + second),
    readAt: started + 86_400,
    ...more,
  });

interface Given {
  readonly live?: readonly Container[];
  readonly engine?: ClockOffset | null;
  readonly database?: ClockOffset | null | "none";
}

/** The lost ones and those with an unknown state, for each. */
function judge(asked: readonly WorkerJobs[], { live = [web], engine = sure, database = sure }: Given = {}) {
  const engines = [...new Set(live.map(({ engine: name }) => name))];
  const known = engines.map((name) => sampleEngine({ name, clockOffset: engine }));
  const judged = finish(finish(createJudge(live, known))(asked, database === "none" ? undefined : database));
  return judged.map(({ lost, unknown }) => [lost, unknown]);
}

const reasonOf = (asked: WorkerJobs, live: readonly Container[] = [web]) =>
  finish(finish(createJudge(live, [sampleEngine({ name: web.engine })]))([asked], sure))[0]?.reason;

describe("a running job", () => {
  it("is lost if no live container has the host name of its worker", () => {
    const asked = [jobs("gone"), jobs(web.host), jobs(web.id), jobs("37_27_91_235-56703216100c")];
    expect(judge(asked)).toEqual([
      [1, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(judge([jobs("37_27_91_235-56703216100c")], { live: [] })).toEqual([[1, 0]]);
  });

  it("has an unknown state without a worker's name, or with a machine's", () => {
    const names = [null, "37.27.91.235", "37_27_91_235", "web-1", "web-2"];
    expect(judge(names.map((name) => jobs(name)))).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 1],
      [1, 0],
    ]);
    const named = sampleContainer({ host: "web-1", hostNames: ["web-1.example.com"] });
    expect(judge([jobs("web-1")], { live: [named] })).toEqual([[0, 0]]);
    expect(judge([jobs("web-1")], { live: [sampleContainer({ hostNames: ["web-1.example.com"] })] })).toEqual([[0, 1]]);
    expect(reasonOf(jobs(null))).toBe("have no known host");
    expect(reasonOf(jobs("web-1"))).toBe("run on a machine, outside of the containers that are known");
  });

  it("has an unknown state on a node that Erlang cut, though one host fits", () => {
    expect(judge([jobs("37"), jobs("38"), jobs("37.27")])).toEqual([
      [0, 1],
      [1, 0],
      [1, 0],
    ]);
    expect(reasonOf(jobs("37"))).toBe("name their worker 37, which several hosts may be called for short");
    const long = sampleContainer({ host: "jobs-1.example.com-56703216100c", hostNames: [] });
    expect(judge([jobs("jobs-1"), jobs("jobs-2")], { live: [long] })).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it("is lost on a cut node if it started before every container that fits", () => {
    const twin = sampleContainer({
      name: "twin",
      host: "37.27.91.235-aaaaaaaaaaaa",
      startedAt: "2026-01-13T10:40:10Z",
    });
    const early = taken([-60, 60], { host: "37" });
    expect(judge([early])).toEqual([[1, 1]]);
    expect(judge([early], { live: [web, twin] })).toEqual([[1, 1]]);
    expect(judge([taken([60, 4000], { host: "37" })], { live: [web, twin] })).toEqual([[0, 2]]);
    expect(judge([taken([-60], { host: "37" })], { live: [twin] })).toEqual([[1, 0]]);
  });

  it("is lost if its worker's container started after it did", () => {
    expect(judge([taken([-3600, -10, 5, 60])])).toEqual([[2, 0]]);
    expect(judge([taken([-60], { oldestAgeSeconds: 1 })])).toEqual([[1, 0]]);
    expect(reasonOf(taken([-60]))).toBeNull();
  });

  it("has an unknown state if it started about when the container did", () => {
    // The start of a container is truncated to a second; clocks may drift by two.
    expect(judge([taken([-2.1]), taken([-2]), taken([0]), taken([0.9]), taken([1])])).toEqual([
      [1, 0],
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 0],
    ]);
    expect(reasonOf(taken([0]))).toBe("may have started before their container did");
  });

  it("has an unknown state if read before its container started again", () => {
    expect(judge([taken([-60], { readAt: started + 0.5 }), taken([-60], { readAt: started + 1 })])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it("is judged by both clocks, and never by less than they may differ", () => {
    const starts = taken([-40, -20, 20, 40]);
    const late: ClockOffset = { least: 29_000, most: 30_000 };
    // The database, or the worker on the engine's machine, may have written the start.
    expect(judge([starts], { engine: late })).toEqual([[1, 1]]);
    expect(judge([starts], { database: late })).toEqual([[2, 1]]);
    expect(judge([starts], { engine: late, database: late })).toEqual([[2, 0]]);
    const vague: ClockOffset = { least: -15_000, most: 15_000 };
    expect(judge([starts], { engine: vague, database: vague })).toEqual([[1, 2]]);
    expect(judge([starts], { engine: late, database: "none" })).toEqual([[2, 0]]);
  });

  it("has an unknown state while a clock or a start is unknown", () => {
    const starts = taken([-60, 60]);
    expect(judge([starts], { engine: null })).toEqual([[0, 2]]);
    expect(judge([starts], { database: null })).toEqual([[0, 2]]);
    const wedged = { ...web, startedAt: null };
    expect(judge([starts], { live: [wedged] })).toEqual([[0, 2]]);
    expect(reasonOf(starts, [wedged])).toBe("cannot be compared with the start of their container");
    expect(judge([taken([-60, 60], { count: 5 })])).toEqual([[1, 3]]);
    expect(reasonOf(taken([60], { count: 2 }))).toBe(
      "have no recorded start, and their worker may have restarted since",
    );
  });

  it("is judged by all containers of one host name, on any engine", () => {
    const other = { ...web, engine: "b", startedAt: "2026-01-13T10:40:10Z" };
    const asked = [taken([-60]), taken([60]), taken([4000])];
    expect(judge(asked, { live: [web, other] })).toEqual([
      [1, 0],
      [0, 1],
      [0, 0],
    ]);
    // Two entries that lead to one engine.
    expect(judge(asked, { live: [web, { ...web, engine: "b" }] })).toEqual([
      [1, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it("beyond the listed starts runs if the last listed one does", () => {
    const many = (second: number) => {
      const starts = Array.from({ length: workerStartsLimit }, () => second);
      return taken(starts, { count: workerStartsLimit + 5 });
    };
    expect(judge([many(60), many(-60)])).toEqual([
      [0, 0],
      [workerStartsLimit, 5],
    ]);
  });
});

it("a worker without a container has a grace time from its oldest job on", () => {
  const young = { oldestAgeSeconds: orphanGraceSeconds - 1 };
  const lost = (...asked: readonly WorkerJobs[]) => judge(asked).map(([count]) => count);
  expect(lost(jobs("new", young), jobs("new", { ...young, queue: "emails" }))).toEqual([0, 0]);
  expect(lost(jobs("old", young), jobs("old", { queue: "emails" }))).toEqual([1, 1]);
  const ages = (...seconds: readonly (number | null)[]) =>
    lost(...seconds.map((oldestAgeSeconds) => jobs("x", { oldestAgeSeconds })));
  expect([ages(29.9), ages(30), ages(0, 30), ages(null, 0), ages(0, 29)]).toEqual([[0], [1], [1, 1], [1, 1], [0, 0]]);
  expect(orphanGraceSeconds).toBe(30);
});

/** Containers of one host name that report when their start is read. */
const toWatched = (count: number, onRead: () => void) =>
  Array.from({ length: count }, () => ({
    ...web,
    get startedAt() {
      onRead();
      return web.startedAt;
    },
  }));

it("many queues on one host name read each of its containers once", () => {
  let reads = 0;
  const live = toWatched(50, () => (reads += 1));
  const asked = Array.from({ length: 100 }, (_, index) => taken([-100, 100], { queue: `q${index}` }));
  expect(judge(asked, { live })).toEqual(asked.map(() => [1, 0]));
  expect(reads).toBeLessThanOrEqual(live.length);
});

it("judging reads one container and judges one queue between two turns", () => {
  const engines = [sampleEngine({ name: web.engine })];
  const judgeIn = (live: readonly Container[]) => finish(createJudge(live, engines));
  expect(longestPiece((onPiece) => judgeIn(toWatched(50, onPiece))([taken([1])], sure))).toBe(1);
  const asked = (onPiece: () => void) =>
    Array.from({ length: 50 }, () => ({
      ...taken([1]),
      get readAt() {
        onPiece();
        return started + 86_400;
      },
    }));
  expect(longestPiece((onPiece) => judgeIn([web])(asked(onPiece), sure))).toBe(1);
});
