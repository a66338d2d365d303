import { OpsError } from "../lib/errors.ts";
import type { Builder } from "./builder.ts";
import { maxTail } from "./logs/options.ts";
import type { Scalars } from "./scalars.ts";

type QueryArg = Parameters<Parameters<Builder["queryField"]>[1]>[0]["arg"];

/** Arguments of every series field. */
export function toRangeArgs(arg: QueryArg) {
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

export function toEnvArg(arg: QueryArg, scalars: Scalars) {
  return arg({
    type: [scalars.environment],
    description: "Only these environments; forbidden when the token does not list one.",
  });
}

export function toNamesArg(arg: QueryArg, what: string) {
  return arg.stringList({ description: `Only these ${what}, by exact names.` });
}

/** Query cost of a series field, whatever the length of its range, which has its own limits. */
export const seriesComplexity = { field: 1000, multiplier: 1 } as const;

export const rowRules =
  "Flat rows, ascending in time, at whole multiples of the step, no more than 100,000 in all; empty where no point falls into the range.";

type Arg = Parameters<Parameters<Builder["subscriptionField"]>[1]>[0]["arg"];

/** Arguments of the fields that return several containers. */
export function toContainerArgs(arg: Arg, scalars: Scalars) {
  return {
    env: arg({
      type: scalars.environment,
      description:
        "Only this environment; forbidden when the token does not list it. A token of every environment also gets containers of an unknown one that seem to belong here.",
    }),
    ...toPlaceArgs(arg),
  };
}

/** Where containers are looked for. */
export function toPlaceArgs(arg: Arg) {
  return {
    includeAccessories: arg.boolean({
      defaultValue: false,
      required: true,
      description:
        "Also what runs beside the product: redis, prometheus, the proxy ...; for tokens of every environment also containers that are not of it.",
    }),
    engine: arg.string({ description: "Only this engine, by its configured name." }),
  };
}

/** Arguments of the history fields, as `toHistoryRange` takes them. */
export function toHistoryRangeArgs(arg: Arg) {
  return {
    from: arg.string({ required: true, description: "RFC 3339, unix seconds, or a duration back from now (6h)." }),
    to: arg.string({ description: "As `from`; now at the latest, and when absent." }),
    step: arg.int({ description: "Seconds, 1 to 86400. When absent: about 240 points." }),
  };
}

/** Arguments that filter log lines; `minTail` is 0 for subscriptions, which get further lines anyway. */
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

/** Not for subscriptions. */
export function toUntilArg(arg: Arg) {
  return { until: arg.string({ description: "Up to this time, as `since`." }) };
}

/** Selects a whole role: all containers of one service at one destination. */
export function toRoleArgs(arg: Arg) {
  return {
    role: arg.string({ required: true, description: "The role: web, worker, runner ..." }),
    service: arg.string({ description: "Only this service, as Container.service." }),
    destination: arg.string({ description: 'Only this Kamal destination (`-d beta`); "" for containers without one.' }),
  };
}

/** The argument `first` of a list: how many of the newest. */
export const first = { defaultValue: 50, required: true, description: "How many of the newest, 1 to 100." } as const;

/** Throws invalid_request. */
export function checkFirst(count: number, most = 100): number {
  if (count < 1 || count > most) throw new OpsError("invalid_request", `first must be from 1 to ${most}`);
  return count;
}

/** Rows that an argument costs. A number that its field refuses costs 1: less would offset the cost of other fields. */
export function toCost(count: number, most: number): number {
  return count < 1 || count > most ? 1 : count;
}

/** Cost of a list whose rows its parent's cost includes. */
export const counted = { field: 1, multiplier: 1 } as const;

/** Cost of a list with the argument `first`. */
export const costOfFirst = ({ first: count }: { readonly first: number }) => ({ field: 1, multiplier: toCost(count, 100) });
