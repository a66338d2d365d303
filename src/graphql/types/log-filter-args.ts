import type { Builder } from "../builder.ts";
import { maxTail } from "../log-args.ts";
import type { Scalars } from "./scalars.ts";

type Arg = Parameters<Parameters<Builder["subscriptionField"]>[1]>[0]["arg"];

/** Which lines of a log are wanted, for every field that answers some; `minTail` is 0 where more come by themselves. */
export function toLogFilterArgs(arg: Arg, scalars: Scalars, minTail: 0 | 1) {
  return {
    tail: arg.int({
      defaultValue: 200,
      required: true,
      description: `How many of the newest matching lines, ${minTail} to ${maxTail}; all filters apply before.`,
    }),
    since: arg.string({ description: "From this time on: RFC 3339, unix seconds, or a duration back from now (10m, 2h)." }),
    stream: arg({ type: scalars.stream, description: "Only this stream." }),
    search: arg.string({
      description: "Only lines that contain this text, case-sensitive unless ignoreCase; at most 200 characters.",
    }),
    searchRegex: arg.string({
      description:
        "Only lines that match this regular expression (RE2, at most 200 characters), case-sensitive unless ignoreCase.",
    }),
    ignoreCase: arg.boolean({
      defaultValue: false,
      required: true,
      description: "Whether search and searchRegex take capital and small letters for the same.",
    }),
    level: arg({
      type: scalars.logLevel,
      description: "Only lines of this level or a more severe one, and lines that name no level unless levelStrict.",
    }),
    levelStrict: arg.boolean({
      defaultValue: false,
      required: true,
      description: "Whether level leaves out lines that name no level.",
    }),
  };
}

/** Of finite answers alone. */
export function toUntilArg(arg: Arg) {
  return { until: arg.string({ description: "Up to this time, as `since`." }) };
}

/** Which role, where all of its containers are meant: those of one service at one destination. */
export function toRoleArgs(arg: Arg) {
  return {
    role: arg.string({ required: true, description: "The role: web, worker, runner ..." }),
    service: arg.string({ description: "Only this service, as Container.service." }),
    destination: arg.string({ description: 'Only this Kamal destination (`-d beta`); "" for containers without one.' }),
  };
}
