import type { Principal } from "./principal.ts";

/** Why a stream ends early. `expired`: it is an hour old, and the client may open it again. */
export type StreamEnd = "client_gone" | "expired" | "shutdown" | "unauthorized" | "forbidden" | "slow_consumer";

/** The right of one request to an endless answer. The lease ends with the answer. */
export interface StreamLease {
  /** Aborts with a StreamEnd as its reason. After that only the reason may be sent. */
  readonly signal: AbortSignal;
  /**
   * Sets the check that runs every 30 s with the token's current principal. False ends the stream
   * with `forbidden`.
   */
  recheck(isAllowed: (principal: Principal) => boolean): void;
}

/**
 * Takes a place among the token's streams; every call in a request gets the same place. Throws
 * rate_limited when the token, or the gateway in total, has too many.
 */
export type OpenStream = () => StreamLease;
