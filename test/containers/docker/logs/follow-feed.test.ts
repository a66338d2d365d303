import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FollowBuffer } from "../../../../src/containers/docker/logs/buffer.ts";
import { createFeed } from "../../../../src/containers/docker/logs/follow.ts";
import { OpsError } from "../../../../src/lib/errors.ts";
import { toLogTimestamp } from "../../../../src/lib/time.ts";
import { facts } from "../../../support/docker-facts.ts";
import { engineEvent, fullId } from "../../../support/docker-fake.ts";
import { createLogEngine, type LogEntry } from "../../../support/log-engine.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  // The longest pauses.
  vi.spyOn(Math, "random").mockReturnValue(1);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});
const ref = { engine: "web-1", fullId: fullId("a") };
/** Streams end by turns of the event loop, which no clock makes. */
const settle = async () => {
  for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve));
};
const pass = async (ms = 0) => {
  await settle();
  for (let left = ms; left > 0; left -= 250) {
    await vi.advanceTimersByTimeAsync(Math.min(left, 250));
    await settle();
  }
};
const write = (first: number, end: number): LogEntry[] =>
  Array.from({ length: end - first }, (_, n) => ({ at: 1000 + first + n, text: `line ${first + n}` }));

/**
 * A feed of a log of some lines, whose container lives in the state `running` since "first"; and
 * what its readers got.
 */
function setUp(log: readonly LogEntry[], { state: first = "running" } = {}) {
  const { engine, state } = createLogEngine();
  state.log = [...log];
  const setState = (status: string, startedAt: string) => {
    state.inspection = { raw: facts({ state: status, startedAt }), tty: false, stopTimeout: null };
  };
  setState(first, "first");
  const onClose = vi.fn<() => void>();
  const feed = createFeed(engine, ref, onClose);
  const createReader = () => {
    const got: string[] = [];
    const reader = { isFull: false };
    const buffer: FollowBuffer = {
      push: ({ lines }, size) => {
        got.push(...lines.map(({ message }) => message));
        expect(size).toBe(lines.reduce((sum, { message }) => sum + message.length + 64, 0));
      },
      notify: (notice) => void got.push(`* ${notice}`),
      end: (reason) => void got.push(`end ${reason instanceof OpsError ? reason.code : String(reason)}`),
      get isFull() {
        return reader.isFull;
      },
      read: () => {
        throw new TypeError("Not read");
      },
      close: () => {},
    };
    return { got, reader, buffer, take: () => got.splice(0) };
  };
  const follows = () => state.queries.filter(({ follow }) => follow === 1);
  return { engine, state, feed, onClose, createReader, setState, follows };
}
const everything = { follow: 1, stdout: 1, stderr: 1, timestamps: 1 };

describe("a feed", () => {
  it("begins after the log's last line, with the history up to it", async () => {
    const { feed, state, createReader } = setUp(write(0, 5));
    const { buffer, take } = createReader();
    state.before = async ({ follow }) => {
      if (follow === 1 && state.log.length === 5) state.log.push(...write(5, 7));
    };
    const joining = feed.join(buffer);
    await pass();
    const history = await joining;
    expect(history.until).toBe(toLogTimestamp("1004"));
    expect(
      (await history.pick([], { tail: 5 }, { turn: () => null, signal: new AbortController().signal })).map(
        ({ message }) => message,
      ),
    ).toEqual(["line 4"]);
    expect(take()).toEqual(["line 5", "line 6"]);
    expect(state.queries).toEqual([
      { stdout: 1, stderr: 1, timestamps: 1, tail: 3 },
      { stdout: 1, stderr: 1, timestamps: 1, tail: 20_002, since: "1004.000000000" },
      { ...everything, since: "1004.000000000", tail: 20_000 },
    ]);
    expect(state.deadlines.map((ms) => Math.round(ms / 1000) * 1000)).toEqual([5000, 5000, 5000]);
    feed.leave(buffer);
  });

  it("of Podman has also what is written while its newest lines are read", async () => {
    const { feed, state, createReader, follows } = setUp(write(0, 5));
    const { buffer, take } = createReader();
    const nothing = { lost: [], later: [] };
    state.meanwhile = [nothing, nothing, nothing, { lost: write(5, 6), later: write(6, 7) }];
    const joining = feed.join(buffer);
    await pass();
    const picked = await (
      await joining
    ).pick([], { tail: 5 }, { turn: () => null, signal: new AbortController().signal });
    expect(picked.map(({ message }) => message)).toEqual(["line 4"]);
    expect(take()).toEqual(["line 5", "line 6"]);
    expect(follows().map(({ tail }) => tail)).toEqual(["all"]);
    feed.leave(buffer);
  });

  it("of an empty log begins with all new lines", async () => {
    const { feed, state, createReader, follows } = setUp([]);
    const { buffer, take } = createReader();
    const joining = feed.join(buffer);
    await pass();
    expect((await joining).until).toBe("");
    expect(follows()).toEqual([{ ...everything, tail: "all" }]);
    state.log.push(...write(0, 2));
    await pass(499);
    expect(take()).toEqual([]);
    await pass(1);
    expect(take()).toEqual(["line 0", "line 1"]);
    feed.leave(buffer);
  });

  it("is shared by all its readers, who join at its position", async () => {
    const { feed, state, createReader, onClose } = setUp(write(0, 1));
    const [one, two] = [createReader(), createReader()];
    await Promise.all([feed.join(one.buffer), pass()]);
    state.log.push(...write(1, 3));
    await pass(500);
    expect((await feed.join(two.buffer)).until).toBe(toLogTimestamp("1002"));
    const { inspections } = state;
    state.log.push(...write(3, 4));
    await pass(500);
    expect([one.take(), two.take()]).toEqual([["line 1", "line 2", "line 3"], ["line 3"]]);
    expect(inspections).toBeGreaterThan(0);
    feed.leave(one.buffer);
    expect(onClose).not.toHaveBeenCalled();
    state.log.push(...write(4, 5));
    await pass(1000);
    expect([one.take(), two.take()]).toEqual([[], ["line 4"]]);
    feed.leave(two.buffer);
    expect(onClose).toHaveBeenCalledOnce();
    const asked = state.queries.length;
    await pass(60_000);
    expect(state.queries).toHaveLength(asked);
  });

  it("fails to begin when the engine does", async () => {
    const { feed, state, createReader } = setUp([]);
    state.before = () => Promise.reject(new OpsError("docker_unavailable", "x"));
    await expect(feed.join(createReader().buffer)).rejects.toThrow(
      expect.objectContaining({ code: "docker_unavailable" }),
    );
  });
});

describe("a stream that ends", () => {
  it("of a running container is opened again after 0.5 to 5 s", async () => {
    const { feed, state, createReader } = setUp(write(0, 1));
    const { buffer, take } = createReader();
    const begin = Date.now();
    const times: number[] = [];
    state.before = async ({ follow }) => follow === 1 && times.push(Date.now() - begin);
    await Promise.all([feed.join(buffer), pass()]);
    await pass(30_000);
    const pauses = times.map((time, index) => time - (times[index - 1] ?? 0)).filter((pause) => pause > 0);
    expect(pauses).toEqual([500, 1000, 2000, 4000, 5000, 5000, 5000, 5000]);
    // What comes makes it quick again.
    times.length = 0;
    state.log.push(...write(1, 2));
    await pass(5000);
    state.before = async ({ follow }) => follow === 1 && times.push(Date.now() - begin);
    expect(take()).toEqual(["line 1"]);
    await pass(250 + 500 + 1000);
    expect(times.length).toBeGreaterThanOrEqual(3);
    feed.leave(buffer);
  });

  it("with very many unread lines is read from its beginning", async () => {
    const { feed, state, createReader, follows } = setUp(write(0, 1));
    const { buffer, take } = createReader();
    await Promise.all([feed.join(buffer), pass()]);
    state.log.push(...write(1, 20_500));
    const before = follows().length;
    await pass(1000);
    expect(follows().slice(before, before + 2)).toEqual([
      { ...everything, since: "1000.000000000", tail: 20_000 },
      { ...everything, since: "1000.000000000", tail: "all" },
    ]);
    expect(take()).toEqual(write(1, 20_500).map(({ text }) => text));
    feed.leave(buffer);
  });

  it("of a stopped container waits for its start", async () => {
    const { feed, state, createReader, setState, engine } = setUp(write(0, 1));
    const { buffer, take } = createReader();
    await Promise.all([feed.join(buffer), pass()]);
    setState("exited", "first");
    const begin = Date.now();
    await pass(1000);
    expect(take()).toEqual(["* stopped"]);
    const looks: number[] = [];
    state.beforeInspect = async () => looks.push(Date.now() - begin);
    await pass(20_000);
    const pauses = looks.map((look, index) => look - (looks[index - 1] ?? look)).slice(1);
    // Longer by half each time, in steps of this test's clock.
    expect(pauses.toSorted((one, other) => one - other)).toEqual(pauses);
    expect(pauses.slice(-4)).toEqual([2000, 2000, 2000, 2000]);
    expect(take()).toEqual([]);
    // The engine reports its start, which ends the pause.
    setState("running", "second");
    state.log.push(...write(1, 2));
    engine.starts.record(engineEvent("start", ref.fullId));
    await pass();
    expect(take()).toEqual(["* resumed", "line 1"]);
    feed.leave(buffer);
  });

  it("of a container that started meanwhile is resumed before its lines", async () => {
    const { feed, createReader, setState, state } = setUp(write(0, 1));
    const { buffer, take } = createReader();
    await Promise.all([feed.join(buffer), pass()]);
    setState("exited", "second");
    state.log.push(...write(1, 2));
    await pass(500);
    expect(take()).toEqual(["* resumed", "line 1", "* stopped"]);
    feed.leave(buffer);
  });

  it.each([
    ["paused", []],
    ["restarting", ["* stopped"]],
    ["exited", ["* stopped"]],
    ["created", ["* stopped"]],
  ])("of one that is %s has the notices %j", async (status, notices) => {
    const { feed, createReader, setState } = setUp(write(0, 1));
    const { buffer, take } = createReader();
    await Promise.all([feed.join(buffer), pass()]);
    setState(status, "first");
    await pass(3000);
    expect(take()).toEqual(notices);
    feed.leave(buffer);
  });
});

describe("an engine that is lost", () => {
  it("is reported once, and asked again until it is back", async () => {
    const { feed, state, createReader } = setUp(write(0, 1));
    const { buffer, take } = createReader();
    await Promise.all([feed.join(buffer), pass()]);
    state.before = () => Promise.reject(new OpsError("docker_unavailable", "x"));
    await pass(20_000);
    const notices = take();
    expect(notices.filter((line) => line !== "* engine_lost")).toEqual([]);
    state.before = async () => null;
    state.log.push(...write(1, 2));
    await pass(6000);
    expect(take()).toEqual(["line 1"]);
    // It was well for a while.
    state.before = () => Promise.reject(new OpsError("docker_unavailable", "x"));
    feed.leave(buffer);
  });

  it("with its container ends the log", async () => {
    const { feed, state, createReader, onClose } = setUp(write(0, 1));
    const { buffer, take } = createReader();
    await Promise.all([feed.join(buffer), pass()]);
    state.beforeInspect = () => Promise.reject(new OpsError("container_not_found", "x"));
    await pass(1000);
    expect(take()).toEqual(["end container_gone"]);
    expect(onClose).toHaveBeenCalledOnce();
    const asked = state.queries.length;
    await pass(60_000);
    expect(state.queries).toHaveLength(asked);
  });
});

describe("readers that are behind", () => {
  it("pause the engine while all of them are", async () => {
    const { feed, state, createReader } = setUp([]);
    const [one, two] = [createReader(), createReader()];
    await Promise.all([feed.join(one.buffer), feed.join(two.buffer), pass()]);
    one.reader.isFull = two.reader.isFull = true;
    state.log.push(...write(0, 2));
    await pass(1000);
    expect([one.take(), two.take()]).toEqual([
      ["line 0", "line 1"],
      ["line 0", "line 1"],
    ]);
    const asked = state.queries.length;
    state.log.push(...write(2, 3));
    await pass(60_000);
    // The chunk that was read waits for room.
    expect(state.queries).toHaveLength(asked);
    feed.resume();
    await pass(60_000);
    expect(state.queries).toHaveLength(asked);
    two.reader.isFull = false;
    feed.resume();
    await pass(1000);
    expect([one.take(), two.take()]).toEqual([["line 2"], ["line 2"]]);
    feed.leave(one.buffer);
    feed.leave(two.buffer);
  });

  it("that leave let the others continue", async () => {
    const { feed, state, createReader } = setUp([]);
    const [one, two] = [createReader(), createReader()];
    await Promise.all([feed.join(one.buffer), feed.join(two.buffer), pass()]);
    one.reader.isFull = two.reader.isFull = true;
    state.log.push(...write(0, 1));
    await pass(1000);
    two.reader.isFull = false;
    state.log.push(...write(1, 2));
    feed.leave(one.buffer);
    await pass(1000);
    expect(two.take()).toEqual(["line 0", "line 1"]);
    feed.leave(two.buffer);
  });
});
