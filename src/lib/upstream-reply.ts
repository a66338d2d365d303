import { redactStart, sanitiseName } from "./redact/sanitize.ts";

/** Longest reply that is passed on, characters. */
const longestReply = 300;

/**
 * What an upstream itself said when it refused us, as one line without secrets. It may name our user
 * or our address, so show it only to the person who configures the gateway.
 */
export class UpstreamReply extends Error {
  constructor(text: string) {
    super(sanitiseName(redactStart(text, longestReply)));
    this.name = "UpstreamReply";
  }
}

/** The reply that caused an error; null without one. */
export function quoteReply(cause: unknown): string | null {
  return (cause instanceof UpstreamReply && cause.message) || null;
}
