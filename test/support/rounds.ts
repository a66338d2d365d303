import { vi } from "vitest";

/** How long each step takes, ms: longer than requests may work in one round. */
const stepMs = 10;

/** A text to search for that every line has. Each comparison with it is a step. */
export function createStepSearch(step: () => void): string {
  return { toString: () => (step(), "") } as unknown as string;
}

/**
 * Runs work whose steps take long by a clock of their own, and returns the most steps in one round
 * of the event loop. Where each step waits for its turn it is 1 or 2: rounds are counted by an
 * immediate, and those of the turns may come before or after it.
 */
export async function countStepsAtOnce(
  work: (step: () => void) => Promise<unknown>,
): Promise<{ most: number; steps: number }> {
  // A round of before must not last by this clock.
  await new Promise((resolve) => setImmediate(resolve));
  let now = performance.now();
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  let [most, steps, atOnce] = [0, 0, 0];
  let counting: NodeJS.Immediate;
  const count = () => {
    atOnce = 0;
    counting = setImmediate(count);
  };
  counting = setImmediate(count);
  try {
    await work(() => {
      now += stepMs;
      steps += 1;
      atOnce += 1;
      most = Math.max(most, atOnce);
    });
  } finally {
    clearImmediate(counting);
    clock.mockRestore();
  }
  return { most, steps };
}
