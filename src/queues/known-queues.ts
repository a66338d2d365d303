/** Queue names remembered for each source, at most, beside the configured ones. A "queue" column with more values does not hold queue names. */
export const knownQueuesLimit = 10_000;

/** The queues of one source that are listed even when empty: the configured ones, and those seen since the start. */
export interface KnownQueues {
  /** Takes all queue names of one read and remembers every one. Beyond the limit it forgets those unseen for longest. */
  see(names: Iterable<string>): void;
  names(): ReadonlySet<string>;
}

export function createKnownQueues(configured: readonly string[]): KnownQueues {
  /** Those unseen for longest come first. */
  const seen = new Set<string>();
  return {
    see(names) {
      const read = new Set(names);
      for (const name of read) {
        seen.delete(name);
        seen.add(name);
      }
      const most = Math.max(knownQueuesLimit, read.size);
      for (const name of seen) {
        if (seen.size <= most) break;
        seen.delete(name);
      }
    },
    names: () => new Set([...configured, ...seen]),
  };
}
