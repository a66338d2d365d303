import { beforeAll, expect, test } from "vitest";
import { maxScanBytes } from "../../../../src/containers/docker/logs/window.ts";
import { createContainerSource } from "../../../../src/containers/docker/source.ts";
import { type FollowOptions, type LogBatch, maxPageBytes } from "../../../../src/containers/logs/log.ts";
import { silentLogger } from "../../../../src/lib/logger.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { soon } from "../../../support/docker-containers.ts";
import { rulesOf } from "../../../support/docker-facts.ts";
import {
  type FakeEngine,
  fullId,
  hang,
  inspected,
  json,
  listed,
  startFakeEngine,
} from "../../../support/docker-fake.ts";
import { frame, stamp } from "../../../support/docker-frames.ts";

// Loading it takes longer than the short deadlines here.
beforeAll(() => import("dockerode"));

const id = fullId("a");
const setState = (engine: FakeEngine, Status: string, StartedAt: string) =>
  engine.on(`${id}/json`, json({ ...inspected(id, "web"), State: { Status, StartedAt } }));

/**
 * An engine with one container, whose log the test keeps: entry by entry, with a payload and its
 * own time.
 */
async function startEngine(
  state = "running",
  { beforeStream = (_log: { time: string; text: string }[]) => {}, logsTimeoutMs = 20_000 } = {},
) {
  const engine = await startFakeEngine();
  const log: { readonly time: string; readonly text: string }[] = [];
  engine.on("/containers/json", json([listed(id, "web", { State: state })]));
  setState(engine, state, "2026-01-13T09:40:10Z");
  engine.on(`${id}/logs`, (request, response) => {
    const query = new URL(request.url ?? "", "http://engine").searchParams;
    if (query.get("follow") === "1") beforeStream(log);
    const [tail, since, until] = [
      query.get("tail") ?? "all",
      query.get("since") ?? "0",
      query.get("until") ?? "9999999999",
    ];
    const newest = tail === "all" ? log : log.slice(-Number(tail));
    const wanted = newest.filter(({ time }) => time >= toLogTimestamp(since) && time <= toLogTimestamp(until));
    response.write(Buffer.concat(wanted.map(({ time, text }) => frame("stdout", Buffer.from(`${time} ${text}\n`)))));
    response.end();
  });
  const source = createContainerSource({
    engines: [engine.options],
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
    logsTimeoutMs,
  });
  const follow = async (options: FollowOptions) => {
    const abort = new AbortController();
    const batches: (LogBatch & { readonly at: number })[] = [];
    const stream = await source.follow({ engine: "fake", fullId: id }, options, abort.signal);
    const reading = (async () => {
      for await (const batch of stream) batches.push({ ...batch, at: performance.now() });
    })();
    const stop = () => {
      abort.abort();
      return reading;
    };
    return { batches, stop, texts: () => batches.flatMap(({ lines }) => lines.map(({ message }) => message)) };
  };
  const close = async () => {
    await source.close();
    await engine[Symbol.asyncDispose]();
  };
  return { engine, source, log, follow, [Symbol.asyncDispose]: close };
}
const notices = (batches: readonly LogBatch[]) => batches.flatMap(({ notice }) => notice ?? []);

test("a reported start is read at once; another by the next inspection", async () => {
  await using fake = await startEngine("exited");
  await fake.source.list(soon());
  const reader = await fake.follow({ tail: 0 });
  await expect.poll(() => notices(reader.batches)).toEqual(["stopped"]);
  const looks: number[] = [];
  let startedAt = "2026-01-13T09:40:10Z";
  fake.engine.on(`${id}/json`, (request, response) => {
    looks.push(performance.now());
    json({ ...inspected(id, "web"), State: { Status: "exited", StartedAt: startedAt } })(request, response);
  });
  const startAgain = (time: string, text: string) => {
    fake.log.push({ time: stamp(fake.log.length), text });
    startedAt = time;
  };
  const pause = () => (looks.length < 2 ? 0 : (looks.at(-1) ?? 0) - (looks.at(-2) ?? 0));
  // It looks once in two seconds in the end, four seconds from now; the next look is then as far
  // away as it can be.
  await expect.poll(pause, { interval: 10, timeout: 10_000 }).toBeGreaterThan(1900);
  startAgain("2026-01-13T10:00:00Z", "first");
  const reportedAt = performance.now();
  fake.engine.emit("start", id);
  await expect.poll(reader.texts, { interval: 10 }).toEqual(["first"]);
  expect((reader.batches.find(({ lines }) => lines.length > 0)?.at ?? Infinity) - reportedAt).toBeLessThan(1900);
  await expect.poll(() => notices(reader.batches)).toEqual(["stopped", "resumed", "stopped"]);
  startAgain("2026-01-13T11:00:00Z", "second");
  await expect.poll(reader.texts).toEqual(["first", "second"]);
  await expect.poll(() => notices(reader.batches)).toEqual(["stopped", "resumed", "stopped", "resumed", "stopped"]);
  await reader.stop();
});

const write = (log: { time: string; text: string }[], count: number, size = 0) => {
  for (let n = 0; n < count; n++)
    log.push({ time: stamp(log.length), text: `${log.length} ${"x".repeat(size)}`.trim() });
};
test("lines between two calls are all read; rotated ones are not awaited", async () => {
  const asked: (() => void)[] = [];
  await using fake = await startEngine("running", { beforeStream: () => asked.shift()?.() });
  write(fake.log, 3);
  // Before the first stream more than a stream is asked for at first; then all that was read is
  // rotated away.
  asked.push(() => write(fake.log, 50_000));
  const reader = await fake.follow({ tail: 1 });
  await expect.poll(() => reader.texts().length).toBe(50_001);
  expect(reader.texts()).toEqual(Array.from({ length: 50_001 }, (_, n) => String(n + 2)));
  asked.splice(0, asked.length, () => {
    write(fake.log, 2);
    fake.log.splice(0, fake.log.length - 2);
  });
  await expect.poll(() => reader.texts().slice(50_001)).toEqual(["50003", "50004"]);
  await reader.stop();
});

const cutOf = ({ batches: [first] }: { batches: readonly LogBatch[] }) =>
  first && [first.dropped, first.cut, first.lines.length];

test("a whole log counts the omitted lines, by number, size and filter", async () => {
  await using fake = await startEngine();
  write(fake.log, 1000);
  const all = await fake.follow({ tail: 1000, whole: true });
  const some = await fake.follow({ tail: 300, whole: true });
  const filtered = await fake.follow({ tail: 20, whole: true, search: "7" });
  const since = await fake.follow({ tail: 300, whole: true, since: toLogTimestamp("1768297200.000000600") });
  const usual = await fake.follow({ tail: 300 });
  const readers = [all, some, filtered, since, usual];
  await expect.poll(() => readers.every(({ batches }) => batches.length > 0)).toBe(true);
  expect(cutOf(all)).toEqual([0, null, 1000]);
  expect(cutOf(some)).toEqual([700, "counted", 300]);
  expect(cutOf(filtered)).toEqual([fake.log.filter(({ text }) => text.includes("7")).length - 20, "counted", 20]);
  expect(cutOf(since)).toEqual([100, "counted", 300]);
  expect(cutOf(usual)).toEqual([0, null, 300]);
  expect(readers.map(({ batches: [first] }) => first?.notice)).toEqual([
    null,
    "truncated",
    "truncated",
    "truncated",
    null,
  ]);
  expect(some.batches[0]?.lines[0]?.message).toBe("700");
  await Promise.all(readers.map((reader) => reader.stop()));
});

test("a whole log too large to be counted has a minimum", async () => {
  await using fake = await startEngine();
  write(fake.log, Math.ceil(maxScanBytes / 8000), 8000);
  const reader = await fake.follow({ tail: 1000, whole: true });
  await expect.poll(() => reader.batches.length).toBeGreaterThan(0);
  const [dropped, cut, lines] = cutOf(reader) ?? [];
  expect([cut, reader.batches[0]?.notice]).toEqual(["at_least", "truncated"]);
  // 4.5 MB are the page, with what stands around each line.
  expect(lines).toBe(Math.floor(maxPageBytes / (8005 + 2 + 100)));
  expect(dropped).toBeGreaterThan(fake.log.length * 0.7);
  expect(dropped).toBeLessThanOrEqual(fake.log.length - (lines as number));
  await reader.stop();
});

test("the newest lines arrive though counting the others takes too long", async () => {
  await using fake = await startEngine("running", { logsTimeoutMs: 1000 });
  write(fake.log, 500);
  fake.engine.on("until=", hang);
  const reader = await fake.follow({ tail: 100, whole: true });
  await expect.poll(() => reader.batches.length).toBeGreaterThan(0);
  expect(cutOf(reader)).toEqual([1, "at_least", 100]);
  await reader.stop();
});
