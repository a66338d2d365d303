import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { OpsError } from "../../../../src/lib/errors.ts";
import { createUnsupportedSearch } from "../../../../src/queues/systems/redis/unsupported.ts";
import { createMemoryRedis, type RedisContents } from "../../../support/memory-redis.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();
const find = (contents: RedisContents, prefix = "bull") =>
  createUnsupportedSearch(createMemoryRedis(contents).connection, prefix)(signal);
const ids = (start: string, queues: readonly string[]) =>
  Object.fromEntries(queues.map((queue) => [`${start}${queue}:id`, "7"]));
const bull = (queues: string) => ({
  name: "bull",
  kind: "bull",
  reason: `Bull, unlike BullMQ, stores no events of ended jobs (${queues}): move it to BullMQ`,
});
const bee = (queues: string) => ({
  name: "bee-queue",
  kind: "bee-queue",
  reason: `bee-queue stores no end times (${queues})`,
});
const sidekiq = {
  name: "sidekiq",
  kind: "sidekiq",
  reason: "Sidekiq counts ended jobs of all queues together, without times",
};
const celery = {
  name: "celery",
  kind: "celery",
  reason: "Celery in Redis counts nothing: its queues are read where RabbitMQ is its broker",
};
const sets = { queues: ["default"] };

it.each<[string, RedisContents, object[]]>([
  ["nothing", {}, []],
  [
    "Bull, and BullMQ beside it",
    { texts: ids("bull:", ["b", "a", "mq"]), hashes: { "bull:mq:meta": {} } },
    [bull("a, b")],
  ],
  ["BullMQ alone", { texts: ids("bull:", ["mq"]), hashes: { "bull:mq:meta": {} } }, []],
  ["bee-queue", { texts: ids("bq:", ["y", "x"]) }, [bee("x, y")]],
  [
    "bee-queue with many queues",
    { texts: ids("bq:", ["f", "e", "d", "c", "b", "a"]) },
    [bee("a, b, c, d, e and 1 more")],
  ],
  ["bee-queue with five", { texts: ids("bq:", ["e", "d", "c", "b", "a"]) }, [bee("a, b, c, d, e")]],
  [
    "keys that only look like theirs",
    { texts: { "bull:a:idx": "", "xbull:a:id": "", "bq:a:ids": "", "bull:a": "", id: "" } },
    [],
  ],
  ["Celery", { sets: { "_kombu.binding.celery": ["x"] } }, [celery]],
  ["Sidekiq that did something", { sets, texts: { "stat:processed": "1" } }, [sidekiq]],
  ["Sidekiq that runs", { sets: { ...sets, processes: ["p"] } }, [sidekiq]],
  ["Sidekiq with a waiting job", { sets, lists: { "queue:default": ["j"] } }, [sidekiq]],
  ["a set of the same name", { sets, lists: { "queue:other": ["j"] } }, []],
  ["statistics without a queue", { sets: { processes: ["p"] }, texts: { "stat:processed": "1" } }, []],
])("finds %s", async (_what, contents, systems) => {
  expect(await find(contents)).toEqual(systems);
});

it("finds all of them in one order, under a literal prefix", async () => {
  const contents = {
    sets: { ...sets, processes: ["p"], "_kombu.binding.celery": ["x"] },
    texts: { ...ids("bq:", ["x"]), ...ids("{a}*:", ["q"]), ...ids("{a}b:", ["other"]), ...ids("bull:", ["other"]) },
  };
  expect(await find(contents, "{a}*")).toEqual([bull("q"), bee("x"), sidekiq, celery]);
});

it("reads a hundred queues of Bull", async () => {
  const queues = Array.from({ length: 101 }, (_, n) => `q${n}`);
  const meta = Object.fromEntries(queues.slice(0, 100).map((queue) => [`bull:${queue}:meta`, {}]));
  expect(await find({ texts: ids("bull:", queues), hashes: meta })).toEqual([]);
  const { [`bull:q99:meta`]: _, ...others } = meta;
  expect(await find({ texts: ids("bull:", queues), hashes: others })).toEqual([bull("q99")]);
});

it("an answer serves a minute; keys are searched again after ten", async () => {
  const { connection, commands, fill } = createMemoryRedis({ sets: { "_kombu.binding.celery": [] } });
  const search = createUnsupportedSearch(connection, "b*");
  expect(await search(signal)).toEqual([celery]);
  const scans = () => commands.filter(([name]) => name === "scan");
  expect(scans()).toEqual([
    ["scan", "0", "MATCH", String.raw`b\*:*:id`, "COUNT", 1000],
    ["scan", "0", "MATCH", "bq:*:id", "COUNT", 1000],
    ["scan", "0", "MATCH", "_kombu.binding.*", "COUNT", 1000],
  ]);
  fill({ sets: { ...sets, processes: ["p"], "_kombu.binding.celery": [] } });
  vi.advanceTimersByTime(59_999);
  expect(await search(signal)).toEqual([celery]);
  vi.advanceTimersByTime(1);
  expect(await search(signal)).toEqual([sidekiq, celery]);
  fill({});
  vi.advanceTimersByTime(539_999);
  await search(signal);
  expect(scans()).toHaveLength(3);
  vi.advanceTimersByTime(60_000);
  await search(signal);
  expect(scans()).toHaveLength(6);
});

it("a refused search finds nothing, and the others are done", async () => {
  const { connection } = createMemoryRedis({ sets: { ...sets, processes: ["p"] }, texts: ids("bull:", ["a"]) });
  const refuse = (refused: string) =>
    createUnsupportedSearch(
      {
        ...connection,
        ask: async (questions, own) => {
          if (questions.some(({ commands }) => commands.some(([name]) => name === refused)))
            throw new OpsError("queues_unavailable", "no");
          return connection.ask(questions, own);
        },
      },
      "bull",
    )(signal);
  expect(await refuse("scan")).toEqual([sidekiq]);
  expect(await refuse("srandmember")).toEqual([bull("a")]);
  expect(await refuse("exists")).toEqual([]);
});
