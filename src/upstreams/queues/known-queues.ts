/** Queue names that are remembered for each source at most; a "queue" column with more is not one. */
export const knownQueuesLimit = 10_000;

/** The queues of one source that are listed although they are empty: the configured ones, and all seen since the start. */
export interface KnownQueues {
  add(name: string): void;
  names(): Iterable<string>;
}

export function createKnownQueues(configured: readonly string[]): KnownQueues {
  const known = new Set(configured);
  return {
    add: (name) => {
      if (known.size < knownQueuesLimit) known.add(name);
    },
    names: () => known,
  };
}
