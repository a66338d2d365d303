import type { Principal } from "./principal.ts";

/** Why a stream ends, beside its own end; `expired` is its age, after an hour: it may be opened again. */
export type StreamEnd = "client_gone" | "expired" | "shutdown" | "unauthorized" | "forbidden" | "slow_consumer";

/** The right of one request to an answer without an end. It ends with the answer. */
export interface StreamLease {
  /** Aborts with a StreamEnd as its reason: nothing may be sent after that but the reason. */
  readonly signal: AbortSignal;
  /** The question that is asked every 30 s, of the principal as the token stands for then; a no ends the stream with `forbidden`. */
  recheck(isAllowed: (principal: Principal) => boolean): void;
}

/** Takes a place among the streams of the token, the same one each time in a request. Throws rate_limited when it has too many, or all together are too many. */
export type OpenStream = () => StreamLease;
