import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OpsError } from "../../src/client/error.ts";
import { StreamFollower } from "../../src/client/follow.ts";

type Stream = (signal: AbortSignal, onOpen: () => void) => AsyncIterable<number>;

/** A stream that is accepted, says these, and then ends, breaks or goes on for ever. */
function say(messages: readonly number[], end: "ends" | "stays" | OpsError): Stream {
  return async function* (signal, onOpen) {
    onOpen();
    yield* messages;
    if (end === "stays") await hang(signal);
    if (end instanceof OpsError) throw end;
  };
}

const hang = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
const never: Stream = async function* (signal) {
  yield* [];
  await hang(signal);
};
const refuse = (code: string): Stream =>
  async function* () {
    yield* [];
    throw new OpsError(code, code);
  };

let stop: AbortController;
let openedAt: number[];
let seen: (number | string)[];

beforeEach(() => {
  vi.useFakeTimers();
  [stop, openedAt, seen] = [new AbortController(), [], []];
});
afterEach(() => {
  stop.abort();
  vi.useRealTimers();
});

/** Follows these streams, one after the other, then one that never opens. */
function start(streams: Stream[], { next = () => {} }: { readonly next?: (message: number) => unknown } = {}) {
  const beganAt = Date.now();
  const polledAt: number[] = [];
  const follower = new StreamFollower<number>(
    {
      open: (signal, onOpen) => {
        openedAt.push(Date.now() - beganAt);
        return (streams.shift() ?? never)(signal, onOpen);
      },
      next: (message) => {
        seen.push(message);
        return next(message);
      },
      opened: () => seen.at(-1) !== "opened" && seen.push("opened"),
      broken: ({ code }) => seen.push(code),
      poll: async () => void polledAt.push(Date.now() - beganAt),
    },
    stop.signal,
  );
  const ended = follower.run().then(
    () => seen.push("stopped"),
    (error: OpsError) => seen.push(`ended: ${error.code}`),
  );
  return { follower, polledAt, ended };
}

const lost = new OpsError("unreachable", "The stream broke");

describe("a stream is opened again", () => {
  it.each([0, 1, 3])("when it breaks after %i messages", async (count) => {
    const messages = Array.from({ length: count }, (_, index) => index);
    start([say(messages, lost)]);
    await vi.advanceTimersByTimeAsync(601);
    expect(seen).toEqual([...messages.flatMap((message) => ["opened", message]), "unreachable"]);
    expect(openedAt).toHaveLength(2);
  });

  it("soon and without a word when the gateway ends it", async () => {
    start([say([1], "ends"), say([2], "stays")]);
    await vi.advanceTimersByTimeAsync(241);
    expect(seen).toEqual(["opened", 1, "opened", 2]);
  });

  it("after growing pauses of at most 10 s, short ones after a good stream", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const broken = Array.from({ length: 7 }, () => refuse("unreachable"));
    const good: Stream = async function* (_, onOpen) {
      onOpen();
      yield 1;
      await new Promise((resolve) => setTimeout(resolve, 5001));
      throw lost;
    };
    start([...broken, good]);
    await vi.advanceTimersByTimeAsync(60_000);
    const pauses = openedAt.slice(1).map((at, index) => at - (openedAt[index] ?? 0));
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 5501]);
  });

  it("when it was silent since the connection was lost", async () => {
    const { follower } = start([say([1], "stays"), say([2], "stays")]);
    await vi.advanceTimersByTimeAsync(1000);
    follower.renewSilent(Date.now() - 2000);
    await vi.advanceTimersByTimeAsync(600);
    expect(openedAt).toHaveLength(1);
    follower.renewSilent(Date.now() - 100);
    await vi.advanceTimersByTimeAsync(600);
    expect(seen).toEqual(["opened", 1, "unreachable", "opened", 2]);
  });

  it("when it has no answer for 2 s once the connection is back", async () => {
    const { follower } = start([never, say([1], "stays")]);
    await vi.advanceTimersByTimeAsync(1900);
    follower.renewSilent(Date.now());
    await vi.advanceTimersByTimeAsync(600);
    expect(openedAt).toHaveLength(1);
    follower.renewSilent(Date.now());
    await vi.advanceTimersByTimeAsync(600);
    expect(seen).toEqual(["unreachable", "opened", 1]);
  });
});

describe("a stream", () => {
  it("without a message is open 300 ms after it was accepted", async () => {
    start([say([], "stays")]);
    await vi.advanceTimersByTimeAsync(299);
    expect(seen).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen).toEqual(["opened"]);
  });

  it("that is refused for now is asked for in rounds of 3 s until it is open", async () => {
    const { polledAt } = start([...Array.from({ length: 5 }, () => refuse("rate_limited")), say([1], "stays")]);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(polledAt.slice(1).map((at, index) => Math.round(at - (polledAt[index] ?? 0)))).toEqual(
      polledAt.slice(1).map(() => 3000),
    );
    expect(polledAt.length).toBeGreaterThanOrEqual(4);
    expect(seen.slice(-2)).toEqual(["opened", 1]);
  });

  it("that cannot be reached is not asked for", async () => {
    const { polledAt } = start([refuse("unreachable"), refuse("not_a_gateway"), refuse("timeout")]);
    await vi.advanceTimersByTimeAsync(9000);
    expect(polledAt).toEqual([]);
  });

  it("ends for good where another try would not help", async () => {
    const { ended } = start([refuse("forbidden")]);
    await ended;
    expect(seen).toEqual(["ended: forbidden"]);
  });

  it("says nothing after it was stopped, not even what has come already", async () => {
    const { ended } = start([say([1, 2], "stays")], { next: () => stop.abort() });
    await ended;
    expect(seen).toEqual(["opened", 1, "stopped"]);
  });

  it("is given back when its reader says so, and opened again", async () => {
    start([say([1, 2], "stays"), say([3], "stays")], { next: (message) => message !== 1 });
    await vi.advanceTimersByTimeAsync(241);
    expect(seen).toEqual(["opened", 1, "opened", 3]);
  });
});
