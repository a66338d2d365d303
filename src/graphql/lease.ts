import type { Principal } from "../auth/principal.ts";
import { OpsError } from "../lib/errors.ts";
import type { OpsContext } from "./context.ts";

/** Description of the field `ended`: the reasons of StreamEnd that a client may see. */
export const endedDescription =
  "Why nothing comes after this (expired after an hour, shutdown, unauthorized, forbidden, slow_consumer); null while it goes on.";

/** Opens a stream for a subscription and returns its end; it lasts while the token `isAllowed`. Throws rate_limited. */
export function openLease({ openStream, budget }: OpsContext, isAllowed: (principal: Principal) => boolean): AbortSignal {
  if (!openStream) throw new OpsError("invalid_request", "Nothing can be followed here");
  const lease = openStream();
  budget.liftDeadline();
  lease.recheck(isAllowed);
  return lease.signal;
}
