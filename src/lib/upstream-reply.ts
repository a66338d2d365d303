import { redactStart, sanitiseName } from "./redact/sanitize.ts";

/** Longest reply that is passed on, characters. */
const longestReply = 300;

/**
 * What an upstream itself said when it refused us, as one line without secrets. It may name our
 * user or our address, so show it only to the person who configures the gateway: `message`, which
 * goes to the log, does not contain it unless given.
 */
export class UpstreamReply extends Error {
  readonly #text: string;

  constructor(text: string, message = "The upstream said why") {
    super(message);
    this.name = "UpstreamReply";
    this.#text = sanitiseName(redactStart(text, longestReply));
  }

  quote(): string {
    return this.#text;
  }
}

/** The reply that caused an error; null without one. */
export function quoteReply(cause: unknown): string | null {
  return (cause instanceof UpstreamReply && cause.quote()) || null;
}
