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

/** What another look found of the rows of a kind. */
export interface Rows {
  readonly oldest: Coverage["oldest"];
  /** Whether a job that ended within the window has no row. */
  readonly isMissing: boolean;
  /** Whether the events told which job of the window was the first to end. */
  readonly isWhole: boolean;
}

/**
 * The coverage after another look. Age and number take the oldest rows: some went when another one, which ended later, is now the oldest, and perhaps when there is
 * an oldest one for the first time and nobody knows what ended before it. Who misses a row knows nothing of those that were not looked for.
 */
export function cover(coverage: Coverage, { oldest, isMissing, isWhole }: Rows, now: number): Coverage {
  const before = coverage.oldest;
  const isOther = before !== null && before.id !== oldest?.id && (oldest === null || oldest.score > before.score);
  const isUnknown = before === null && oldest !== null && !isWhole;
  const since = isMissing ? now : isOther || isUnknown ? (oldest?.score ?? now) : -Infinity;
  return { oldest, since: Math.max(coverage.since, since) };
}

/** Whether all rows of the last so many milliseconds are there. */
export function covers({ since }: Pick<Coverage, "since">, windowMs: number, now: number): boolean {
  return since <= now - windowMs;
}
