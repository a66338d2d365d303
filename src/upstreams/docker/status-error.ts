/** The engine, or a proxy before it, answered with a status that is no success. `detail` is its own text, for our log only. */
export class StatusError extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(`HTTP ${status}: ${detail.slice(0, 500)}`);
    this.name = "StatusError";
    this.status = status;
  }
}

/** The engine answered something that is no answer of an engine. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}
