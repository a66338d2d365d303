interface Entry {
  readonly seq: number;
  /** Of an outcome: the `seq` of its intent. */
  readonly intent: number | null;
}

/** An action of the audit record. */
export interface JoinedAction<Row> {
  /** `seq` of its intent. */
  readonly seq: number;
  /** Its newest entry: an outcome repeats what its intent says. */
  readonly entry: Row;
}

/**
 * Makes one row of the intent and the outcomes of an action. `entries` are newest first, and so are
 * the actions, by their intents.
 */
export function joinOutcomes<Row extends Entry>(entries: readonly Row[]): readonly JoinedAction<Row>[] {
  const actions = new Map<number, Row>();
  for (const entry of entries) {
    const seq = entry.intent ?? entry.seq;
    if (!actions.has(seq)) actions.set(seq, entry);
  }
  return [...actions].map(([seq, entry]) => ({ seq, entry })).toSorted((one, other) => other.seq - one.seq);
}
