import type { Principal } from "../domain/principal.ts";
import { OpsError } from "../errors.ts";
import type { OpsContext } from "./context.ts";

/** A place among the streams for a subscription, and its end; it goes on while the token `isAllowed`. Throws rate_limited. */
export function openLease({ openStream }: OpsContext, isAllowed: (principal: Principal) => boolean): AbortSignal {
  if (!openStream) throw new OpsError("invalid_request", "Nothing can be followed here");
  const lease = openStream();
  lease.recheck(isAllowed);
  return lease.signal;
}
