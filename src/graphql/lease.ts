import type { Principal } from "../auth/principal.ts";
import { OpsError } from "../lib/errors.ts";
import type { OpsContext } from "./context.ts";

/** Of a field that says why a stream ends: the reasons of StreamEnd that a reader may see. */
export const endedDescription =
  "Why nothing comes after this (expired after an hour, shutdown, unauthorized, forbidden, slow_consumer); null while it goes on.";

/** A place among the streams for a subscription, and its end; it goes on while the token `isAllowed`. Throws rate_limited. */
export function openLease({ openStream, budget }: OpsContext, isAllowed: (principal: Principal) => boolean): AbortSignal {
  if (!openStream) throw new OpsError("invalid_request", "Nothing can be followed here");
  const lease = openStream();
  budget.liftDeadline();
  lease.recheck(isAllowed);
  return lease.signal;
}
