/** The engine, or a proxy before it, answered with a status that is no success. Its body, which may hold secrets, is in no property that is logged. */
export class StatusError extends Error {
  readonly status: number;
  readonly #body: string;

  constructor(status: number, body: string) {
    super(`HTTP ${status}`);
    this.name = "StatusError";
    this.status = status;
    this.#body = body;
  }

  /** Whether its body has these words of ours to look for. */
  says(words: string): boolean {
    return this.#body.includes(words);
  }
}

/** The engine answered something that is no answer of an engine. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}
