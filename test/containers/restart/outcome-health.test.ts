import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { waitForHealth } from "../../../src/containers/restart/outcome.ts";
import { sampleContainer } from "../../support/containers.ts";
import { useFakeSleep } from "../../support/fake-sleep.ts";

let useRealTimers = () => {};
beforeEach(() => void (useRealTimers = useFakeSleep()));
afterEach(() => useRealTimers());

/**
 * A container whose state changes at these times, milliseconds after its restart: what is found,
 * when, and after how many looks.
 */
async function wait(
  from: Partial<Container>,
  changes: Readonly<Record<number, Partial<Container> | Error>>,
  abort?: number,
) {
  const restarted = sampleContainer(from);
  const begin = performance.now();
  const ending = new AbortController();
  if (abort !== undefined) setTimeout(() => ending.abort(), abort);
  let looks = 0;
  const look = async () => {
    looks++;
    const past = Object.entries(changes).findLast(([at]) => Number(at) <= performance.now() - begin)?.[1] ?? {};
    if (past instanceof Error) throw past;
    return { container: { ...restarted, ...past }, protectedBy: null };
  };
  const waiting = waitForHealth(
    restarted,
    { inspectNow: look },
    { timeoutMs: 1700, stableMs: 1000, signal: ending.signal },
  );
  let ms: number | null = null;
  void waiting.then(() => (ms = performance.now() - begin));
  await vi.advanceTimersByTimeAsync(10_000);
  const { container, healthy } = await waiting;
  return [healthy, `${container.status} ${container.health}`, ms, looks];
}
const starting = { health: "starting" } as const;
const none = { health: "none" } as const;

it.each<[string, Partial<Container>, Record<number, Partial<Container> | Error>, unknown[]]>([
  ["healthy at once", {}, {}, [true, "running healthy", 0, 0]],
  ["unhealthy at once", { health: "unhealthy" }, {}, [false, "running unhealthy", 0, 0]],
  ["stopped at once", { status: "exited" }, {}, [false, "exited healthy", 0, 0]],
  ["healthy later", starting, { 700: { health: "healthy" } }, [true, "running healthy", 1000, 2]],
  ["unhealthy later", starting, { 500: { health: "unhealthy" } }, [false, "running unhealthy", 500, 1]],
  ["started again", starting, { 500: { startedAt: "2026-01-13T11:00:00Z" } }, [false, "running starting", 500, 1]],
  ["never healthy", starting, {}, [false, "running starting", 1700, 4]],
  ["healthy at the last moment", starting, { 1700: { health: "healthy" } }, [true, "running healthy", 1700, 4]],
  ["running without a check", none, {}, [true, "running none", 1000, 2]],
  ["stopped without a check", none, { 600: { status: "exited" } }, [false, "exited none", 1000, 2]],
  [
    "lost for a while",
    starting,
    { 400: new Error("x"), 900: { health: "healthy" } },
    [true, "running healthy", 1000, 2],
  ],
  ["lost for good", starting, { 0: new Error("x") }, [false, "running starting", 1700, 4]],
])("a container that is %s", async (_, from, changes, expected) => {
  expect(await wait(from, changes)).toEqual(expected);
});

it("a wait that is cancelled has the last observation and no verdict", async () => {
  expect(await wait(starting, {}, 600)).toEqual([null, "running starting", 600, 1]);
});
