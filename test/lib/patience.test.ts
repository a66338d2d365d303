import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createPatience } from "../../src/lib/patience.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();

/** An upstream whose answers are given by the test. */
function createUpstream() {
  const calls: PromiseWithResolvers<string>[] = [];
  const ask = createPatience(() => {
    const call = Promise.withResolvers<string>();
    calls.push(call);
    return call.promise;
  });
  const settle = (asked: Promise<string>) =>
    asked.then(
      (answer) => answer,
      (error: unknown) => (error as Error).message,
    );
  /** Fails a call after this time. */
  const failAfter = async (ms: number, message: string) => {
    const asked = settle(ask(signal));
    await vi.advanceTimersByTimeAsync(ms);
    calls.at(-1)?.reject(new Error(message));
    return asked;
  };
  return { ask: (own = signal) => settle(ask(own)), isSilent: () => ask.isSilent(), calls, failAfter };
}

describe("createPatience", () => {
  it("waits for the first answer, however long it takes", async () => {
    const { ask, calls } = createUpstream();
    const asked = ask();
    await vi.advanceTimersByTimeAsync(9000);
    calls[0]?.resolve("late");
    expect(await asked).toBe("late");
  });

  it("waits again after a quick failure", async () => {
    const { ask, calls, failAfter } = createUpstream();
    expect(await failAfter(499, "refused")).toBe("refused");
    const asked = ask();
    await vi.advanceTimersByTimeAsync(9000);
    calls[1]?.resolve("late");
    expect(await asked).toBe("late");
  });

  it("repeats a slow failure soon, and calls once for all callers", async () => {
    const { ask, calls, failAfter } = createUpstream();
    expect(await failAfter(2000, "silent")).toBe("silent");
    const asked = [ask(), ask()];
    await vi.advanceTimersByTimeAsync(500);
    expect(await Promise.all(asked)).toEqual(["silent", "silent"]);
    const later = ask();
    expect(calls).toHaveLength(2);
    calls[1]?.reject(new Error("still silent"));
    expect(await later).toBe("still silent");
  });

  it("has the answer as soon as there is one again", async () => {
    const { ask, calls, failAfter, isSilent } = createUpstream();
    expect(isSilent()).toBe(false);
    await failAfter(2000, "silent");
    expect(isSilent()).toBe(true);
    const asked = ask();
    calls[1]?.resolve("back");
    expect([await asked, isSilent()]).toEqual(["back", false]);
    const next = ask();
    await vi.advanceTimersByTimeAsync(2000);
    calls[2]?.resolve("waited for");
    expect(await next).toBe("waited for");
  });

  it("does not take a caller that left for a silent upstream", async () => {
    const { ask, calls } = createUpstream();
    const leaver = new AbortController();
    const left = ask(leaver.signal);
    await vi.advanceTimersByTimeAsync(2000);
    leaver.abort(new Error("left"));
    calls[0]?.reject(new Error("left"));
    expect(await left).toBe("left");
    const asked = ask();
    await vi.advanceTimersByTimeAsync(9000);
    calls[1]?.resolve("late");
    expect(await asked).toBe("late");
    expect(await ask(leaver.signal)).toBe("left");
  });

  it("leaves with its caller while it repeats a failure", async () => {
    const { ask, failAfter } = createUpstream();
    await failAfter(2000, "silent");
    const leaver = new AbortController();
    const left = ask(leaver.signal);
    leaver.abort(new Error("left"));
    expect(await left).toBe("left");
  });
});
