import type { Builder } from "../builder.ts";

type Arg = Parameters<Parameters<Builder["subscriptionField"]>[1]>[0]["arg"];

/** Arguments of the fields that answer a past, as `toHistoryRange` takes them. */
export function toHistoryRangeArgs(arg: Arg) {
  return {
    from: arg.string({ required: true, description: "RFC 3339, unix seconds, or a duration back from now (6h)." }),
    to: arg.string({ description: "As `from`; now at the latest, and when absent." }),
    step: arg.int({ description: "Seconds, 1 to 86400. When absent: about 240 points." }),
  };
}
