import { describe, expect, it, vi } from "vitest";
import { abortable, repeat } from "../../src/lib/abort.ts";
import { createSingleFlight } from "../../src/lib/cache.ts";

const never = () => new AbortController().signal;

/** A single flight whose results the test decides. */
function create() {
  const calls: { resolve(value: number): void; reject(error: Error): void; signal: AbortSignal }[] = [];
  const run = createSingleFlight((signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    calls.push({ resolve, reject, signal });
    return promise;
  });
  return { run, calls };
}

describe("repeat", () => {
  it("runs at once, and again until it is ended, never twice at a time", async () => {
    let [runs, running] = [0, 0];
    const stop = repeat(1, async () => {
      expect((running += 1)).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running -= 1;
      runs += 1;
    });
    expect(running).toBe(1);
    await vi.waitFor(() => expect(runs).toBeGreaterThan(2));
    await stop();
    expect(running).toBe(0);
    const last = runs;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(runs).toBe(last);
  });
});

describe("abortable", () => {
  it("discards what arrives too late, and only that", async () => {
    const discard = vi.fn<(value: string) => void>();
    await expect(abortable(Promise.resolve("soon"), never(), discard)).resolves.toBe("soon");
    const { promise, resolve } = Promise.withResolvers<string>();
    const controller = new AbortController();
    const result = abortable(promise, controller.signal, discard);
    controller.abort();
    await expect(result).rejects.toMatchObject({ name: "AbortError" });
    expect(discard).not.toHaveBeenCalled();
    resolve("late");
    await promise;
    expect(discard).toHaveBeenCalledExactlyOnceWith("late");
  });

  it("swallows a failure after the abort", async () => {
    const { promise, reject } = Promise.withResolvers<string>();
    const result = abortable(promise, AbortSignal.abort());
    await expect(result).rejects.toMatchObject({ name: "AbortError" });
    reject(new Error("nobody listens"));
  });
});

describe("createFlight", () => {
  it("shares one run among concurrent callers and starts anew afterwards", async () => {
    const { run, calls } = create();
    const shared = Promise.all(Array.from({ length: 200 }, () => run(never())));
    expect(calls).toHaveLength(1);
    calls[0]?.resolve(7);
    expect(new Set(await shared)).toStrictEqual(new Set([7]));
    const next = run(never());
    calls[1]?.resolve(8);
    expect(await next).toBe(8);
  });

  it("lets one caller leave without ending the run for the others", async () => {
    const { run, calls } = create();
    const controller = new AbortController();
    const leaving = run(controller.signal);
    const staying = run(never());
    controller.abort();
    await expect(leaving).rejects.toMatchObject({ name: "AbortError" });
    expect(calls[0]?.signal.aborted).toBe(false);
    calls[0]?.resolve(1);
    expect(await staying).toBe(1);
  });

  it("aborts the run when the last caller has left; the next starts anew", async () => {
    const { run, calls } = create();
    const controller = new AbortController();
    const leaving = run(controller.signal);
    controller.abort();
    await expect(leaving).rejects.toMatchObject({ name: "AbortError" });
    expect(calls[0]?.signal.aborted).toBe(true);
    const coming = run(never());
    calls[1]?.resolve(2);
    expect(await coming).toBe(2);
  });

  it("rejects for all that share it, and for nobody after", async () => {
    const { run, calls } = create();
    const both = Promise.allSettled([run(never()), run(never())]);
    calls[0]?.reject(new Error("boom"));
    expect((await both).map(({ status }) => status)).toStrictEqual(["rejected", "rejected"]);
    const next = run(never());
    calls[1]?.resolve(3);
    expect(await next).toBe(3);
  });

  it("starts nothing for a caller that has already left", async () => {
    const { run, calls } = create();
    await expect(run(AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
    expect(calls).toHaveLength(0);
  });
});
