import { expect, it } from "vitest";
import { createOwnJobs } from "../../../src/graphql/deploys/own-jobs.ts";
import type { Ownership } from "../../../src/graphql/deploys/ownership.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { QueueHistory } from "../../../src/queues/history.ts";
import type { QueueSource } from "../../../src/queues/queue.ts";
import { sampleHistory } from "../../support/queues.ts";

const signal = new AbortController().signal;
const seconds = 600;
const ended = (count: number) => sampleHistory({ processedPerSec: count / seconds, failures: 0 });

/**
 * Two queues of 100 jobs in each window; the jobs of each host, by the start of the window and the
 * queue.
 */
function open(
  on: Readonly<Record<string, Readonly<Record<string, number>>>> | null,
  {
    isShared = () => false,
    isOwn = () => true,
    hosts = { own: ["mine"], other: ["theirs"] },
  }: {
    isShared?: Ownership["isShared"];
    isOwn?: Ownership["isOwn"];
    hosts?: Readonly<Record<string, readonly string[]>>;
  } = {},
) {
  const asked: unknown[] = [];
  const source: Pick<QueueSource, "name" | "history" | "historyOn"> = {
    name: "jobs",
    history: async () => new Map(["a", "b"].map((queue) => [queue, ended(100)])),
    ...(on && {
      historyOn: async (names, queues, { from }) => {
        asked.push([names, queues, from]);
        const counts = on[`${names[0]} ${from}`] ?? {};
        return new Map<string, QueueHistory>(Object.entries(counts).map(([queue, count]) => [queue, ended(count)]));
      },
    }),
  };
  const ownership = { isOwn, isShared, hosts: new Map(Object.entries(hosts)) } as unknown as Ownership;
  const own = createOwnJobs(source as QueueSource, seconds, ownership, signal);
  return {
    asked,
    isOwn: (queue: string) => own.isOwn(queue),
    read: async (...froms: number[]) =>
      (await own.read(froms)).map((histories) =>
        Object.fromEntries(
          [...histories].map(([queue, { points, ...more }]) => {
            const { unattributed } = more as { unattributed?: { succeeded: number } | null };
            return [
              queue,
              [Math.round((points[0]?.processedPerSec ?? 0) * seconds), unattributed?.succeeded ?? unattributed],
            ];
          }),
        ),
      ),
  };
}
const whole = { a: [100, undefined], b: [100, undefined] };

it("jobs of an unshared queue all belong to the service", async () => {
  const { asked, read } = open({ "mine 1": { a: 60 } });
  expect(await read(1, 2)).toEqual([whole, whole]);
  expect(asked).toEqual([
    [["mine"], null, 1],
    [["theirs"], null, 1],
    [["mine"], null, 2],
    [["theirs"], null, 2],
  ]);
});

it("jobs of a queue shared in one window are split in all", async () => {
  const { read } = open({ "theirs 2": { b: 30 }, "mine 2": { b: 60 }, "mine 1": { b: 90 } });
  expect(await read(1, 2)).toEqual([
    { a: [100, undefined], b: [90, 10] },
    { a: [100, undefined], b: [60, 10] },
  ]);
  // An earlier day, read later.
  expect(await read(3)).toEqual([{ a: [100, undefined], b: [0, 100] }]);
});

it("jobs of a queue known to be shared are split at once", async () => {
  const isShared: Ownership["isShared"] = ({ queue, source }) => queue === "a" && source === "jobs";
  expect(await open({ "mine 1": { a: 99 } }, { isShared }).read(1)).toEqual([{ a: [99, 1], b: [100, undefined] }]);
});

it.each([
  ["rows name no workers", null, undefined],
  ["no worker of another service is known", {}, { own: ["mine"] }],
])("jobs of a shared queue belong to nobody where %s", async (_, on, hosts) => {
  const { asked, read } = open(on, { isShared: () => true, ...(hosts && { hosts }) });
  expect(await read(1)).toEqual([{ a: [100, null], b: [100, null] }]);
  expect(asked).toEqual([]);
});

it("jobs of another service's queue are not split", async () => {
  const { read, isOwn } = open({ "theirs 1": { a: 5 } }, { isOwn: () => false });
  expect([await read(1), isOwn("a")]).toEqual([[whole], false]);
});

it("rows make a queue the service's, as far as its workers ended jobs", async () => {
  const own: Ownership["isOwn"] = (_queue, hasEnded = false) => hasEnded;
  const { read, isOwn } = open({ "mine 2": { a: 40 } }, { isOwn: own, isShared: () => true });
  expect(await read(1, 2)).toEqual([
    { a: [0, 100], b: [100, undefined] },
    { a: [40, 60], b: [100, undefined] },
  ]);
  expect(["a", "b"].map(isOwn)).toEqual([true, false]);
});

it("jobs in steps are the service's own if rows name their workers", async () => {
  const range = { from: 1, step: 600, steps: 2 };
  const toSteps = (...failures: readonly (number | null)[]): QueueHistory => ({
    ...sampleHistory(),
    points: failures.flatMap((count) => sampleHistory({ processedPerSec: 0.5, failures: count }).points),
  });
  const read = async (isShared: boolean, historyOn?: QueueSource["historyOn"]) => {
    const source = {
      name: "jobs",
      history: async () =>
        new Map([
          ["a", toSteps(9, 8)],
          ["b", toSteps(1, null)],
          ["c", toSteps(null, 7)],
        ]),
      ...(historyOn && { historyOn }),
    };
    const ownership = {
      isOwn: () => true,
      isShared: () => isShared,
      hosts: new Map([
        ["own", ["mine"]],
        ["other", ["theirs"]],
      ]),
    } as unknown as Ownership;
    const jobs = createOwnJobs(source as unknown as QueueSource, seconds, ownership, signal);
    return Object.fromEntries(await jobs.readSteps(range, ["a", "b", "c"]));
  };
  const all = {
    a: [
      { succeeded: 300, failed: 9 },
      { succeeded: 300, failed: 8 },
    ],
    // Its rows do not reach further back.
    c: [{ succeeded: 300, failed: 7 }],
  };
  expect(await read(false)).toEqual(all);
  expect(await read(true)).toEqual({});
  const own = async () => new Map([["a", toSteps(2, 3)]]);
  expect(await read(true, own)).toEqual({
    a: [
      { succeeded: 300, failed: 2 },
      { succeeded: 300, failed: 3 },
    ],
  });
  expect(await read(false, own)).toEqual(all);
});

it("only the service's queues are read, shared ones by hosts", async () => {
  const asked: unknown[] = [];
  const note =
    (on: string) =>
    async (queues: readonly string[] | null, { from }: { from: number }) => {
      asked.push([on, queues, from]);
      return new Map((queues ?? []).map((queue) => [queue, ended(10)]));
    };
  const source: Pick<QueueSource, "name" | "history" | "historyOn" | "workersSince"> = {
    name: "jobs",
    history: note("all"),
    historyOn: async (names, queues, range) => note(names.join())(queues, range),
    workersSince: async (from) => {
      asked.push(["since", from]);
      return [
        { queue: "alone", host: "mine", lastAt: 2000 },
        { queue: "both", host: "mine", lastAt: 2000 },
        { queue: "both", host: "theirs", lastAt: 2000 },
        { queue: "earlier", host: "mine", lastAt: 2000 },
        { queue: "earlier", host: "theirs", lastAt: 950 },
        { queue: "foreign", host: "theirs", lastAt: 2000 },
        { queue: "waiting", host: null, lastAt: null },
      ];
    },
  };
  const ownership = {
    isOwn: ({ queue }: { queue: string }, hasEnded = false) => hasEnded || queue === "waiting",
    isShared: () => false,
    hosts: new Map([
      ["own", ["mine"]],
      ["other", ["theirs"]],
    ]),
  } as unknown as Ownership;
  const own = createOwnJobs(source as QueueSource, seconds, ownership, signal);
  await own.read([1000, 1600]);
  const queues = ["alone", "both", "earlier", "waiting"];
  expect(asked).toEqual([
    ["since", 900],
    ["all", queues, 1000],
    ["mine", ["both"], 1000],
    ["theirs", ["both"], 1000],
    ["all", queues, 1600],
    ["mine", ["both"], 1600],
    ["theirs", ["both"], 1600],
  ]);
  expect([...queues, "foreign"].filter(own.isOwn)).toEqual(queues);
});

it.each([
  ["query_refused", [[null, 1]]],
  ["postgres_unavailable", []],
] as const)("all queues are read where their workers are %s", async (code, expected) => {
  const asked: unknown[] = [];
  const source: Pick<QueueSource, "name" | "history" | "historyOn" | "workersSince"> = {
    name: "jobs",
    history: async (queues, { from }) => {
      asked.push([queues, from]);
      return new Map();
    },
    historyOn: async () => new Map(),
    workersSince: async () => {
      throw new OpsError(code, "no");
    },
  };
  const hosts = new Map([["other", ["theirs"]]]);
  const ownership = { isOwn: () => true, isShared: () => false, hosts } as unknown as Ownership;
  await createOwnJobs(source as QueueSource, seconds, ownership, signal)
    .read([1])
    .catch(() => {});
  expect(asked).toEqual(expected);
});
