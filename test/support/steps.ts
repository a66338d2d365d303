import type { Steps } from "../../src/lib/budget/steps.ts";

/** Does all of the work at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The most pieces of work between two turns, where each piece reports itself to `onPiece`. */
export function longestPiece(run: (onPiece: () => void) => Steps<unknown>): number {
  let [longest, pieces] = [0, 0];
  const steps = run(() => (pieces += 1));
  for (;;) {
    const { done } = steps.next();
    longest = Math.max(longest, pieces);
    if (done) return longest;
    pieces = 0;
  }
}
