/** How long an answer is kept after its query is no longer used, ms, and how many are kept. */
const keepMs = 600_000;
const most = 30;

/**
 * The last answers to queries that no part of the page uses any more: a screen that is opened again
 * shows them until there is a new one.
 */
export class LastAnswers<Value> {
  /** The one that went out of use first comes first. */
  readonly #answers = new Map<string, { readonly value: Value; readonly leftAt: number }>();

  /**
   * Keeps the answer `value` of a query that goes out of use at `nowMs`, unix ms, for 10 minutes,
   * or until 30 others follow.
   */
  set(key: string, value: Value, nowMs: number): void {
    this.#answers.delete(key);
    this.#answers.set(key, { value, leftAt: nowMs });
    for (const [other, { leftAt }] of this.#answers)
      if (this.#answers.size > most || leftAt <= nowMs - keepMs) this.#answers.delete(other);
  }

  /** Undefined without an answer that is young enough at `nowMs`, unix ms. */
  get(key: string, nowMs: number): Value | undefined {
    const answer = this.#answers.get(key);
    return answer && answer.leftAt > nowMs - keepMs ? answer.value : undefined;
  }

  /** Forgets all: another token may see less. */
  clear(): void {
    this.#answers.clear();
  }
}
