/** Queue names that are remembered for each source at most, beside the configured ones; a "queue" column with more is not one. */
export const knownQueuesLimit = 10_000;

/** The queues of one source that are listed although they are empty: the configured ones, and those seen since the start. */
export interface KnownQueues {
  /** To be told of all queues that one reading has: they are remembered, however many. The longest unseen are forgotten where there are too many. */
  see(names: Iterable<string>): void;
  names(): ReadonlySet<string>;
}

export function createKnownQueues(configured: readonly string[]): KnownQueues {
  /** The longest unseen first. */
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
