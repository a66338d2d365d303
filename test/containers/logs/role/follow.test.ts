import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Container } from "../../../../src/containers/container.ts";
import { type FollowOptions, type LogBatch, type LogLine, toBatch } from "../../../../src/containers/logs/log.ts";
import { createRoleMembers } from "../../../../src/containers/logs/role/follow.ts";
import type { RoleInbox } from "../../../../src/containers/logs/role/merge.ts";
import { replica } from "../../../support/containers.ts";
import { at, line } from "../../../support/logs.ts";

/** The moment of `at(0)`. */
const begin = Date.parse(at(0));
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: begin }));
afterEach(() => void vi.useRealTimers());
const settle = async () => {
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
};
const pass = async (ms: number) => {
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
};

/** A role whose containers' logs the test writes; in `log` all that comes into the inbox. */
function setUp(options: Partial<FollowOptions> = {}) {
  const log: string[] = [];
  const inbox = {
    push: (lines: readonly { kind: string; message: string; timestamp: string }[]) => {
      for (const { kind, message } of lines) log.push(kind === "marker" ? `# ${message}` : message);
    },
    notify: ({ notice, container, error }: { notice: string; container: Container; error: Error | null }) =>
      void log.push(`* ${notice} ${container.name}${error === null ? "" : ` ${String(error)}`}`),
    lose: (count: number) => void log.push(`- ${count}`),
    room: async () => {},
    last: "",
  };
  const asked: { readonly name: string; readonly wanted: FollowOptions; readonly signal: AbortSignal }[] = [];
  const state = { failing: new Map<string, Error>(), hanging: new Set<string>() };
  const writers = new Map<string, WritableStreamDefaultWriter<LogBatch>>();
  const first = new Map<string, LogBatch>();
  const end = new AbortController();
  const follow = async ({ name }: Container, wanted: FollowOptions, signal: AbortSignal) => {
    asked.push({ name, wanted, signal });
    const failure = state.failing.get(name);
    if (failure) throw failure;
    if (state.hanging.has(name)) await new Promise(() => {});
    const { readable, writable } = new TransformStream<LogBatch, LogBatch>();
    const writer = writable.getWriter();
    writers.set(name, writer);
    signal.addEventListener("abort", () => void writer.close().catch(() => {}));
    const batch = first.get(name);
    if (batch) void writer.write(batch);
    return readable[Symbol.asyncIterator]() as unknown as AsyncGenerator<LogBatch>;
  };
  const members = createRoleMembers({
    follow: follow as never,
    options: { tail: 10, ...options },
    inbox: inbox as unknown as RoleInbox,
    signal: end.signal,
  });
  return {
    asked,
    state,
    members,
    end,
    inbox,
    first,
    take: () => log.splice(0),
    write: async (name: string, batch: Partial<LogBatch>) => {
      void writers.get(name)?.write(toBatch(batch));
      await settle();
    },
    close: async (name: string) => {
      void writers.get(name)?.close();
      await settle();
    },
    lines: (...lines: LogLine[]) => toBatch({ lines }),
  };
}
const [one, two] = [replica("one"), replica("two")];

describe("the first containers of a role", () => {
  it("bring their newest lines together", async () => {
    const { members, first, lines, take, asked } = setUp({ search: "x" });
    first.set("one", lines(line(1000, "a"), line(3000, "c")));
    first.set("two", lines(line(2000, "b")));
    await members.begin([one, two]);
    expect(take()).toEqual(["a", "b", "c"]);
    expect(asked.map(({ name, wanted }) => [name, wanted])).toEqual([
      ["one", { tail: 10, search: "x" }],
      ["two", { tail: 10, search: "x" }],
    ]);
  });

  it("wait two seconds for a slow one, which joins without its page", async () => {
    const { members, state, take } = setUp();
    state.hanging.add("two");
    let ended = false;
    void members.begin([one, two]).then(() => (ended = true));
    await settle();
    await pass(1999);
    expect(ended).toBe(false);
    await pass(1);
    expect([ended, take()]).toEqual([true, []]);
  });

  it("may be fewer, and fail with the first reason if all do", async () => {
    const { members, state, take } = setUp();
    state.failing.set("two", new Error("no log"));
    await members.begin([one, two]);
    expect(take()).toEqual(["* unreadable two Error: no log"]);
    const other = setUp();
    other.state.failing.set("one", new Error("first")).set("two", new Error("second"));
    await expect(other.members.begin([one, two])).rejects.toThrow("first");
  });
});

describe("all lines of a role since a time", () => {
  const whole = { tail: 3, whole: true, since: at(500) } as const;

  it("are counted where they do not fit, and their containers named", async () => {
    const { members, first, lines, take } = setUp(whole);
    first.set("one", lines(line(1000, "a"), line(2000, "b"), line(5000, "e")));
    first.set("two", lines(line(3000, "c"), line(4000, "d")));
    await members.begin([one, two]);
    expect(take()).toEqual(["- 2", "* truncated one", "c", "d", "e"]);
  });

  it("are counted together with those that an engine left out", async () => {
    const { members, first, take } = setUp(whole);
    const some = [line(1000, "a"), line(2000, "b"), line(3000, "c"), line(4000, "d")];
    first.set("one", toBatch({ lines: some, dropped: 7, cut: "counted", notice: "truncated" }));
    await members.begin([one]);
    expect(take()).toEqual(["- 7", "* truncated one", "- 1", "b", "c", "d"]);
  });

  it("all come without a word when they fit", async () => {
    const { members, first, lines, take, asked } = setUp(whole);
    first.set("one", lines(line(1000, "a"), line(2000, "b"), line(3000, "c")));
    await members.begin([one]);
    expect(take()).toEqual(["a", "b", "c"]);
    expect(asked.map(({ wanted }) => wanted)).toEqual([whole]);
  });

  it("come also from a container that can only be read later", async () => {
    const { members, state, asked } = setUp(whole);
    state.failing.set("two", new Error("no log"));
    await members.begin([one, two]);
    await pass(5000);
    members.update([one, two]);
    await settle();
    expect(asked.at(-1)).toMatchObject({ name: "two", wanted: { since: at(500), whole: true } });
  });
});

it("the newest lines of a role leave out older ones without a word", async () => {
  const { members, first, lines, take } = setUp({ tail: 2, since: at(500) });
  first.set("one", lines(line(1000, "a"), line(2000, "b"), line(3000, "c")));
  await members.begin([one]);
  expect(take()).toEqual(["b", "c"]);
});

describe("a container that joins later", () => {
  it("is followed from its start on, with a marker of its release", async () => {
    const { members, take, asked } = setUp({ search: "x" });
    await members.begin([one]);
    members.update([one, replica("new", "v2", 30), replica("newer", "v2", 31)]);
    await settle();
    expect(take()).toEqual(["# release v2 begins: new on local", "* joined new", "* joined newer"]);
    const since = at(25_000);
    expect(asked[1]).toMatchObject({ name: "new", wanted: { tail: 20_000, whole: true, search: "x", since } });
  });

  it.each<[Partial<Container>, number]>([
    [{ startedAt: at(20_000).replace(/\.\d+/, "") }, 15],
    [{ startedAt: null, createdAt: at(10_000).replace(/\.\d+/, "") }, 5],
    // No older lines than the reader's, by a clock that may lag by a minute.
    [{ startedAt: at(-100_000).replace(/\.\d+/, "") }, -60],
    [{ startedAt: at(-55_000).replace(/\.\d+/, "") }, -60],
    [{ startedAt: at(-54_000).replace(/\.\d+/, "") }, -59],
    [{ startedAt: null, createdAt: "" }, -60],
  ])("of %j is read from %i s on", async (change, seconds) => {
    const { members, asked } = setUp();
    await members.begin([one]);
    members.meet({ ...two, ...change });
    await settle();
    expect(asked[1]?.wanted.since).toBe(at(seconds * 1000));
  });

  it("has its marker no earlier than what was already read", async () => {
    const { members, inbox } = setUp();
    const markers: string[] = [];
    inbox.push = (lines) => void markers.push(...lines.map(({ timestamp }) => timestamp));
    await members.begin([one]);
    members.update([replica("a", "v2", 30)]);
    inbox.last = at(40_000);
    members.update([replica("b", "v3", 35), replica("c", "v4", 45)]);
    await settle();
    expect(markers).toEqual([at(30_000), at(40_000), at(45_000)]);
  });

  it("continues with its lines, and is known again", async () => {
    const { members, take, write, close, asked } = setUp();
    await members.begin([one]);
    await write("one", { lines: [line(1000, "a"), line(2000, "b")] });
    await close("one");
    expect(take()).toEqual(["a", "b", "* left one"]);
    members.update([one]);
    await settle();
    expect(asked).toHaveLength(1);
    await pass(1999);
    members.update([one]);
    await settle();
    expect(asked).toHaveLength(1);
    await pass(1);
    members.update([one]);
    await settle();
    expect(asked[1]?.wanted.since).toBe(at(2000));
    await close("one");
    take();
    await pass(2000);
    members.update([one]);
    await settle();
    // One of the two that are missing was read before.
    await write("one", { dropped: 2, cut: "counted" });
    expect(take()).toEqual(["* joined one", "- 1", "* truncated one"]);
    await close("one");
    await pass(2000);
    take();
    members.update([one]);
    await settle();
    await write("one", { lines: [line(2000, "b"), line(2000, "c"), line(3000, "d")] });
    expect(take()).toEqual(["* joined one", "c", "d"]);
  });
});

describe("the notices about a container", () => {
  it("report what it lost", async () => {
    const { members, take, write } = setUp();
    await members.begin([one]);
    await write("one", { notice: "engine_lost" });
    await write("one", { dropped: 3, lines: [line(1000, "a")] });
    await write("one", { dropped: 4, cut: "at_least" });
    await write("one", { dropped: 5, cut: "counted" });
    await write("one", { dropped: 0, cut: "counted", notice: "resumed" });
    expect(take()).toEqual([
      "* engine_lost one",
      "- 3",
      "a",
      "- 4",
      "* truncated one",
      "- 5",
      "* truncated one",
      "* resumed one",
    ]);
  });

  it("report an unreadable one once, until it could be read", async () => {
    const { members, state, take, asked, close } = setUp();
    await members.begin([one]);
    state.failing.set("two", new Error("no log"));
    for (let round = 0; round < 3; round++) {
      members.update([one, two]);
      await pass(2000);
    }
    expect(asked.filter(({ name }) => name === "two")).toHaveLength(3);
    expect(take()).toEqual(["* unreadable two Error: no log"]);
    state.failing.clear();
    members.update([one, two]);
    await settle();
    expect(take()).toEqual(["* joined two"]);
    await close("two");
    state.failing.set("two", new Error("gone"));
    await pass(2000);
    members.update([one, two]);
    await settle();
    expect(take()).toEqual(["* left two", "* unreadable two Error: gone"]);
  });
});

describe("a container that no longer belongs to the role", () => {
  it("is left five seconds after its end", async () => {
    const { members, take, write, asked } = setUp();
    await members.begin([one, two]);
    await write("one", { notice: "stopped" });
    members.update([two]);
    await pass(4999);
    members.update([two]);
    await settle();
    expect(asked[0]?.signal.aborted).toBe(false);
    await pass(1);
    members.update([two]);
    await settle();
    expect([asked[0]?.signal.aborted, asked[1]?.signal.aborted]).toEqual([true, false]);
    expect(take()).toEqual(["* stopped one", "* left one"]);
    // It was let go by us: it may come back at once.
    members.update([one, two]);
    await settle();
    expect(asked).toHaveLength(3);
  });

  it.each([
    ["runs again", "resumed", true],
    ["is back in time", "stopped", false],
  ] as const)("is read on if it %s", async (_, notice, gone) => {
    const { members, write, asked } = setUp();
    await members.begin([one, two]);
    await write("one", { notice: "stopped" });
    members.update([two]);
    await pass(3000);
    await write("one", { notice });
    if (!gone) members.update([one, two]);
    await pass(3000);
    members.update([two]);
    await pass(1000);
    members.update([two]);
    expect(asked[0]?.signal.aborted).toBe(false);
  });

  it("ends without a notice when the reader leaves", async () => {
    const { members, take, end } = setUp();
    await members.begin([one]);
    end.abort();
    await settle();
    expect(take()).toEqual([]);
  });
});
