import { describe, expect, it } from "vitest";
import { type Rise, simulateLooks } from "../../support/verdict-looks.ts";

/** Seconds after the deploy. `node bench/verdict.ts` looks each 30 s, and prints tables. */
const looks = [60, 90, 120, 180, 240, 420, 900, 1800];
const runs = 200;

/** In %: at the look with the most regressed ones, at any, and at the last. */
function simulate(rise: Rise, reach?: number) {
  const { regressed, ever } = simulateLooks(rise, looks, { runs, seed: 37, ...(reach !== undefined && { reach }) });
  const toPercent = (count: number) => (100 * count) / runs;
  return { most: toPercent(Math.max(...regressed)), ever: toPercent(ever), last: toPercent(regressed.at(-1) ?? 0) };
}

describe("a deploy after which failures are as frequent as right before it", () => {
  it.each([
    [0.12, 0.4, 60, 1],
    [0.12, 0.4, 88, 1],
    [0.12, 0.4, 135, 1],
    [0.12, 0.4, 35, 10],
    [0.02, 0.3, 60, 1],
    [0.02, 0.6, 30, 1],
    [0.02, 0.1, 300, 1],
    [0.1, 0.1, 0, 1],
    // Five minutes after the deploy before it.
    [0.12, 0.4, 88, 1, 300],
  ])(
    "is seldom regressed: share %f, %f since %i s before, %f jobs/s",
    (was, is, since, jobsPerSecond, reach?: number) => {
      const { most, ever } = simulate({ was, is, since, jobsPerSecond }, reach);
      expect(most).toBeLessThan(3);
      expect(ever).toBeLessThan(4);
    },
  );

  it.each([
    [0.12, 0.4, 30, 1, 15],
    [0.02, 0.1, 88, 1, 18],
    [0.12, 0.4, 135, 0.2, 18],
  ])("may be regressed after 8 failures: %f to %f since %i s, %f jobs/s", (was, is, since, jobsPerSecond, at) => {
    const { ever } = simulate({ was, is, since, jobsPerSecond });
    // Eight are too few to tell; some must be found, or the rule would excuse what it cannot know.
    expect(ever).toBeGreaterThan(1);
    expect(ever).toBeLessThanOrEqual(at);
  });
});

describe("a deploy with which failures rise", () => {
  it.each([
    [0.12, 0.4, 1, 98],
    [0.12, 0.4, 0.2, 95],
    [0.02, 0.1, 1, 96],
    [0.02, 0.1, 5, 97],
    [0.1, 0.2, 1, 95],
    [0.02, 0.3, 1, 98],
    [0, 1, 1, 100],
  ])("is regressed: share %f to %f, %f jobs/s", (was, is, jobsPerSecond, least) => {
    const { last, ever } = simulate({ was, is, since: 0, jobsPerSecond });
    expect(last).toBeGreaterThanOrEqual(least);
    expect(ever).toBeGreaterThanOrEqual(last);
  });
});
