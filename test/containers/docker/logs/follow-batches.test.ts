import { describe, expect, it } from "vitest";
import { createFollower } from "../../../../src/containers/docker/logs/follow.ts";
import type { FollowOptions, LogBatch } from "../../../../src/containers/logs/log.ts";
import { OpsError } from "../../../../src/lib/errors.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { fullId } from "../../../support/docker-fake.ts";
import { createLogEngine, type LogEntry } from "../../../support/log-engine.ts";

const ref = { engine: "web-1", fullId: fullId("a") };
const write = (count: number, first = 0): LogEntry[] =>
  Array.from({ length: count }, (_, n) => ({ at: 1000 + first + n, text: `line ${first + n}` }));

function setUp(log: readonly LogEntry[]) {
  const { engine, state } = createLogEngine();
  state.log = [...log];
  /** The stream stays open. */
  const opened: AbortSignal[] = [];
  state.before = async ({ follow }, signal) => {
    if (follow !== 1) return;
    opened.push(signal);
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  };
  const openLog = createFollower(3000);
  const abort = new AbortController();
  const follow = (options: FollowOptions, signal = abort.signal, of = ref) => openLog(engine, of, options, signal);
  return { state, opened, abort, follow };
}
const texts = ({ value }: IteratorResult<LogBatch, unknown>) => {
  const { lines, dropped, cut } = value as LogBatch;
  return [lines.map(({ message }) => message), dropped, cut];
};

describe("the first batch", () => {
  it.each<[FollowOptions, unknown[]]>([
    [{ tail: 2 }, [["line 8", "line 9"], 0, null]],
    [{ tail: 20 }, [write(10).map(({ text }) => text), 0, null]],
    [{ tail: 2, search: "line 3" }, [["line 3"], 0, null]],
    [{ tail: 2, whole: true }, [["line 8", "line 9"], 8, "counted"]],
    [{ tail: 10, whole: true }, [write(10).map(({ text }) => text), 0, null]],
    [{ tail: 2, whole: true, since: toLogTimestamp("1005") }, [["line 8", "line 9"], 3, "counted"]],
  ])("of %j is the history", async (options, expected) => {
    const { follow, abort } = setUp(write(10));
    const stream = await follow(options);
    expect(texts(await stream.next())).toEqual(expected);
    abort.abort();
  });

  it.each<[FollowOptions, readonly LogEntry[]]>([
    [{ tail: 0 }, write(10)],
    [{ tail: 0, whole: true }, write(10)],
    [{ tail: 5 }, []],
    [{ tail: 5, search: "nothing" }, write(3)],
  ])("of %j may have nothing before it", async (options, log) => {
    const { follow, abort } = setUp(log);
    const stream = await follow(options);
    const next = stream.next();
    abort.abort("shutdown");
    expect((await next).value).toEqual({ lines: [], dropped: 0, cut: null, notice: null, ended: "shutdown" });
    expect((await stream.next()).done).toBe(true);
  });

  it("that lacks all lines says so", async () => {
    const { follow, abort, state } = setUp(write(100));
    state.before = async ({ tail, follow: isStream }) => {
      if (tail === "all" || isStream === 1) throw new OpsError("docker_error", "x");
    };
    const stream = await follow({ tail: 5, whole: true });
    expect(texts(await stream.next())).toEqual([write(5, 95).map(({ text }) => text), 1, "at_least"]);
    abort.abort();
  });
});

describe("readers of one container", () => {
  it("end its stream when the last returns before its first line", async () => {
    const { follow, opened } = setUp(write(3));
    const stream = await follow({ tail: 1 });
    await expect.poll(() => opened.length).toBe(1);
    await stream.return(undefined);
    expect(opened[0]?.aborted).toBe(true);
  });

  it("share one stream, which ends with the last of them", async () => {
    const { follow, opened, abort } = setUp(write(3));
    const [one, two] = [new AbortController(), new AbortController()];
    const first = await follow({ tail: 1 }, one.signal);
    const second = await follow({ tail: 1 }, two.signal);
    await expect.poll(() => opened.length).toBe(1);
    one.abort();
    expect((await first.next()).value).toMatchObject({ lines: [{ message: "line 2" }] });
    expect((await first.next()).done).toBe(true);
    expect(opened[0]?.aborted).toBe(false);
    await second.next();
    await second.return(undefined);
    expect(opened[0]?.aborted).toBe(true);
    // A later one has a stream of its own.
    await follow({ tail: 1 });
    await expect.poll(() => opened.length).toBe(2);
    await follow({ tail: 1 }, undefined, { engine: "web-1", fullId: fullId("b") });
    await expect.poll(() => opened.length).toBe(3);
    abort.abort();
  });

  it("that fail to begin leave nothing behind", async () => {
    const { follow, opened, state } = setUp(write(3));
    const { before } = state;
    state.before = () => Promise.reject(new OpsError("docker_unavailable", "x"));
    await expect(follow({ tail: 1 })).rejects.toThrow(expect.objectContaining({ code: "docker_unavailable" }));
    state.before = before;
    const stream = await follow({ tail: 1 });
    await expect.poll(() => opened.length).toBe(1);
    await stream.next();
    await stream.return(undefined);
    expect(opened[0]?.aborted).toBe(true);
  });

  it("get only what they filter", async () => {
    const { follow, state, abort } = setUp([]);
    state.before = async ({ follow: isStream }) => {
      if (isStream === 1 && state.log.length === 0) state.log.push(...write(3));
    };
    const streams = await Promise.all([follow({ tail: 0, search: "line 1" }), follow({ tail: 0 })]);
    const batches = await Promise.all(streams.map((stream) => stream.next()));
    expect(batches.map(texts)).toEqual([
      [["line 1"], 0, null],
      [["line 0", "line 1", "line 2"], 0, null],
    ]);
    abort.abort();
  });
});
