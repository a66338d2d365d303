import type { Job } from "../../test/support/job-backend.ts";
import { createUniform } from "../../test/support/random.ts";

/** Whole numbers from `least` to `most`, the same ones for a seed. */
export interface Dice {
  roll(least: number, most: number): number;
  pick<T>(of: readonly T[]): T;
}

export function createDice(seed: number): Dice {
  const uniform = createUniform(seed);
  const roll = (least: number, most: number) => least + Math.floor(uniform() * (most - least + 1));
  return { roll, pick: (of) => of[roll(0, of.length - 1)] as (typeof of)[number] };
}

/** Texts that differ in more than their values: each is a group of its own. */
const errorTexts = [
  "timeout contacting provider",
  "pq: serialization failure",
  "no such address",
  "card declined",
  "unexpected end of input",
] as const;

/** Seconds around the borders of five minutes and of an hour in which no job ends: reading takes a while. */
const border = 40;

function rollEnd(dice: Dice): number {
  const windows = [
    [1, 300 - border],
    [300 + border, 3600 - border],
    [3600 + border, 14_400],
  ] as const;
  const [least, most] = dice.pick(windows);
  return dice.roll(least, most);
}

/** Jobs of one queue, as rows. Times are whole seconds before they are written. */
export function planRows(dice: Dice, queue: string, count: number): Job[] {
  return Array.from({ length: count }, (): Job => {
    const state = dice.pick(["waiting", "waiting", "running", "done", "done", "done", "failed"] as const);
    const dueAgo = dice.pick([-1, 1]) * dice.roll(60, 7200);
    if (state === "waiting") return { queue, state, dueAgo };
    if (state === "running") return { queue, state, dueAgo: dice.roll(1, 300) };
    const endedAgo = rollEnd(dice);
    const error = state === "failed" ? dice.pick(errorTexts) : null;
    return { queue, state, dueAgo: endedAgo + dice.roll(1, 60), endedAgo, error };
  });
}

/** What happens to a job that real workers get. */
export type Fate =
  | { readonly kind: "succeeds" }
  /** Fails so often, then succeeds. */
  | { readonly kind: "recovers"; readonly failures: number; readonly error: string }
  /** Fails at each of its attempts. */
  | { readonly kind: "dies"; readonly attempts: number; readonly error: string }
  /** Fails once, and its next attempt is an hour away. */
  | { readonly kind: "waits"; readonly error: string }
  /** Must not run for an hour. */
  | { readonly kind: "deferred" };

/** Fates of one queue's jobs. `kinds`: what its system knows. */
export function planFates(dice: Dice, count: number, kinds: readonly Fate["kind"][]): Fate[] {
  return Array.from({ length: count }, (): Fate => {
    const kind = dice.roll(0, 2) > 0 ? "succeeds" : dice.pick(kinds);
    const error = dice.pick(errorTexts);
    if (kind === "recovers") return { kind, failures: dice.roll(1, 2), error };
    if (kind === "dies") return { kind, attempts: dice.roll(1, 2), error };
    return kind === "waits" ? { kind, error } : { kind };
  });
}
