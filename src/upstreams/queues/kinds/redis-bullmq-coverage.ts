/**
 * Since when the rows of finished jobs are all there. Rows may be removed at once, by age or by number (removeOnComplete, removeOnFail, for each job its own): a count
 * over a window is true only where none of it is gone.
 */
export interface Coverage {
  /** The oldest row that was there. */
  readonly oldest: { readonly id: string; readonly score: number } | null;
  /** Milliseconds since 1970; -Infinity while nothing is known to be gone. */
  readonly since: number;
}

export const fullCoverage: Coverage = { oldest: null, since: -Infinity };

/**
 * The coverage after another look: the oldest row went when another one, which ended later, is now the oldest; and of a job that ended, `missingAt`, there is no row.
 */
export function cover(coverage: Coverage, oldest: Coverage["oldest"], missingAt: readonly number[], now: number): Coverage {
  const before = coverage.oldest;
  const isGone = before !== null && before.id !== oldest?.id && (oldest === null || oldest.score > before.score);
  const since = isGone ? (oldest?.score ?? now) : coverage.since;
  return { oldest, since: Math.max(since, ...missingAt) };
}

/** Whether all rows of the last so many milliseconds are there. */
export function covers({ since }: Coverage, windowMs: number, now: number): boolean {
  return since <= now - windowMs;
}
