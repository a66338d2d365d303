import type { Builder } from "../builder.ts";
import type { Scalars } from "./scalars.ts";

type Arg = Parameters<Parameters<Builder["queryField"]>[1]>[0]["arg"];

/** Arguments of every series field. */
export function toRangeArgs(arg: Arg) {
  return {
    from: arg({ type: "DateTime", required: true, description: "Points from this time on." }),
    to: arg({ type: "DateTime", required: true, description: "Up to this time, now at the latest." }),
    step: arg.int({
      description: "Seconds between points, 1 to 86400; at most 11,000 points. When absent: a round one by `maxPoints`.",
    }),
    maxPoints: arg.int({
      defaultValue: 500,
      required: true,
      description: "Where no step is given: how many points a series has at most, 1 to 11,000.",
    }),
  };
}

export function toEnvArg(arg: Arg, scalars: Scalars) {
  return arg({
    type: [scalars.environment],
    description: "Only these environments; forbidden when the token does not list one.",
  });
}

export function toNamesArg(arg: Arg, what: string) {
  return arg.stringList({ description: `Only these ${what}, by exact names.` });
}

/** What a series field costs a query, whatever the length of its range: that has limits of its own. */
export const seriesComplexity = { field: 1000, multiplier: 1 } as const;

export const rowRules =
  "Flat rows, ascending in time, at whole multiples of the step, no more than 100,000 in all; empty where no point falls into the range.";
