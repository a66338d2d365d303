import { resolveCursorConnection } from "@pothos/plugin-relay";
import { OpsError } from "../lib/errors.ts";
import type { Builder } from "./builder.ts";
import { defaultTail, maxTail } from "./logs/options.ts";
import type { Scalars } from "./scalars.ts";

export type Arg = Parameters<Parameters<Builder["queryField"]>[1]>[0]["arg"];

/** An argument that is false when absent. */
export function toFlagArg(arg: Arg, description: string) {
  return arg.boolean({ defaultValue: false, required: true, description });
}

/** The argument `env` of a list. */
export function toOneEnvArg(arg: Arg, scalars: Scalars) {
  return arg({
    type: scalars.environment,
    description: "Only this environment; forbidden when the token does not list it.",
  });
}

/** The argument `env` of a list that queue sources supply. */
export function toSourceEnvArg(arg: Arg, scalars: Scalars) {
  return arg({
    type: scalars.environment,
    description:
      "Only sources of this environment (QueueSource.env), none of an " +
      "unknown one; forbidden when the token does not list it.",
  });
}

/** The argument `destination` of a list. */
export function toDestinationArg(arg: Arg) {
  return arg.string({ description: 'Only this Kamal destination (`-d beta`); "" for rows without one.' });
}

/** Arguments of every series field. */
export function toRangeArgs(arg: Arg) {
  return {
    from: arg({ type: "DateTime", required: true, description: "Points from this time on." }),
    to: arg({ type: "DateTime", required: true, description: "Up to this time, now at the latest." }),
    step: arg.int({
      description:
        "Seconds between points, 1 to 86400; at most 11,000 points. When absent: a round step that fits `maxPoints`.",
    }),
    maxPoints: arg.int({
      defaultValue: 500,
      required: true,
      description: "Most points of a series when `step` is absent, 1 to 11,000.",
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

/** Query cost of a series field. The length of its range does not count: it has its own limits. */
export const seriesComplexity = { field: 1000, multiplier: 1 } as const;

/** Description of the rows of all series fields, for the type of a row. */
export const rowRules =
  "Series fields return at most 100,000 flat rows, at whole multiples of the step, ascending " +
  "in time, and none when no point is in the range. With steps of 10 minutes or more, the " +
  "last row is that of the unfinished step, at the last whole minute.";

/** The argument `env` of the fields that return several containers. */
export function toContainersEnvArg(arg: Arg, scalars: Scalars) {
  return arg({
    type: scalars.environment,
    description:
      "Only this environment; forbidden when the token does not list it. A token for every environment " +
      "also gets containers of an unknown environment that seem to belong to this one.",
  });
}

/** Arguments of the fields that return several containers. */
export function toContainerArgs(arg: Arg, scalars: Scalars) {
  return {
    env: toContainersEnvArg(arg, scalars),
    ...toPlaceArgs(arg),
    destination: toDestinationArg(arg),
  };
}

/** Selects where to look for containers. */
export function toPlaceArgs(arg: Arg) {
  return {
    includeAccessories: toFlagArg(
      arg,
      "Include accessories: redis, prometheus, the proxy ... A token for every " +
        "environment also gets containers that are not part of the product.",
    ),
    engine: arg.string({
      description:
        "Only this engine, by its configured name. For an unknown name, the error lists those that the token may see.",
    }),
  };
}

/** Arguments of the history fields, as `toHistoryRange` takes them. */
export function toHistoryRangeArgs(arg: Arg) {
  return {
    from: arg.string({ required: true, description: "RFC 3339, unix seconds, or a duration back from now (6h)." }),
    to: arg.string({ description: "As `from`; now at the latest. When absent: now." }),
    step: arg.int({ description: "Seconds, 1 to 86400. When absent: about 240 points." }),
  };
}

/** Arguments of a page of log lines, except its place. */
export function toLogFilterArgs(arg: Arg, scalars: Scalars) {
  return {
    tail: arg.int({
      defaultValue: defaultTail,
      required: true,
      description: `How many of the newest matching lines, 1 to ${maxTail}; all filters apply first.`,
    }),
    ...toLineArgs(arg, scalars),
  };
}

/** Arguments of a followed log. */
export function toFollowArgs(arg: Arg, scalars: Scalars) {
  return {
    tail: arg.int({
      description:
        `How many of the newest matching lines come first, 0 to ${maxTail}; all filters apply ` +
        `first. When absent: ${defaultTail}, or with \`since\` all lines from then on (20,000 or 5 ` +
        "MB of each log at most; TRUNCATED and `dropped` report the rest).",
    }),
    ...toLineArgs(arg, scalars),
  };
}

/** Arguments that choose log lines. */
export function toLineArgs(arg: Arg, scalars: Scalars) {
  return {
    since: arg.string({
      description: "From this time on: RFC 3339, unix seconds, or a duration back from now (10m, 2h).",
    }),
    stream: arg({ type: scalars.stream, description: "Only this stream." }),
    search: arg.string({
      description: "Only lines that contain this text, case-sensitive unless ignoreCase; at most 200 characters.",
    }),
    searchRegex: arg.string({
      description:
        "Only lines that match this regular expression (RE2), " +
        "case-sensitive unless ignoreCase; at most 200 characters.",
    }),
    ignoreCase: toFlagArg(arg, "Whether search and searchRegex ignore case."),
    level: arg({
      type: scalars.logLevel,
      description:
        "Only lines of this level or a more severe one. Lines without a level are included unless levelStrict.",
    }),
    levelStrict: toFlagArg(arg, "Whether level excludes lines without a level."),
  };
}

/** The arguments of a page of log lines. Not for subscriptions. */
export function toLogPageArgs(arg: Arg) {
  return {
    until: arg.string({ description: "Up to this time, as `since`." }),
    at: arg.string({
      description:
        "The lines around this time (as `since`) instead of the newest: half of " +
        "`tail` before it, half from it on. If one side has fewer lines, the other " +
        "does not make up for it. Not with since or until.",
    }),
    before: arg.string({
      description:
        "The newest lines before the page of this `startCursor`: the cursor of a page with the same filters.",
    }),
    after: arg.string({ description: "The oldest lines after the page of this `endCursor`, as `before`." }),
  };
}

/** Selects a whole role: all containers of one service at one destination. */
export function toRoleArgs(arg: Arg) {
  return {
    role: arg.string({ required: true, description: "The role: web, worker, runner ..." }),
    ...toGroupArgs(arg),
  };
}

/** Selects a whole role, or containers by their names. */
export function toLoggedArgs(arg: Arg) {
  return {
    role: arg.string({
      description: "The role: web, worker, runner ... Exactly one of role, name and names must be given.",
    }),
    name: arg.string({ description: "The exact name of a container, on any engine; `engine` says on which." }),
    names: arg.stringList({ description: "The exact names of several containers, 1 to 50, in place of `name`." }),
    ...toGroupArgs(arg),
  };
}

function toGroupArgs(arg: Arg) {
  return {
    service: arg.string({ description: "Only this service, as Container.service." }),
    destination: toDestinationArg(arg),
  };
}

/** The argument `first` of a list: how many of the newest. */
export const first = { defaultValue: 50, required: true, description: "How many of the newest, 1 to 100." } as const;

/** Throws invalid_request. */
export function checkFirst(count: number): number {
  if (count < 1 || count > 100) throw refuse("first must be from 1 to 100");
  return count;
}

/**
 * Rows that an argument costs. A number that its field refuses costs 1: less would reduce the cost
 * of other fields.
 */
export function toCost(count: number, most: number): number {
  return count < 1 || count > most ? 1 : count;
}

/** Cost of a list with the argument `first`. */
export const costOfFirst = ({ first: count }: { readonly first: number }) => ({
  field: 1,
  multiplier: toCost(count, 100),
});

/** The requested page of a connection. */
type PageArgs = Parameters<typeof resolveCursorConnection>[0]["args"];

/** How many rows a page has by default, and at most. */
interface PageSize {
  readonly usual: number;
  readonly most: number;
}

/** Cost of a connection, including everything in its page. */
export function toPageCost(field: number, { usual, most }: PageSize) {
  return ({ first: ahead, last }: PageArgs) => ({ field, multiplier: toCost(ahead ?? last ?? usual, most) });
}

/** Throws invalid_request. */
export function checkPage({ first: ahead, last }: PageArgs, { most }: PageSize): void {
  if (typeof ahead === "number" && typeof last === "number") throw refuse("first and last cannot be combined");
  for (const [name, count] of Object.entries({ first: ahead, last })) {
    if (typeof count === "number" && (count < 1 || count > most)) throw refuse(`${name} must be from 1 to ${most}`);
  }
}

/**
 * Identifies a row in its list: its time (RFC 3339), and a text that no other row of that time has.
 */
interface Place {
  readonly time: string;
  readonly key: string;
}

/**
 * A page of a list in memory, newest first. A cursor names a row, so new rows never shift later
 * pages. If the row is gone, the page starts (or ends) at the rows of the same time, so none is
 * missed. Rejects with invalid_request, also for a cursor of another list.
 */
export async function toPage<Row>(
  list: string,
  rows: readonly Row[],
  toPlace: (row: Row) => Place,
  args: PageArgs,
  size: PageSize,
) {
  checkPage(args, size);
  const [begin, end] = [findBegin(), findEnd()];
  return resolveCursorConnection<readonly Row[]>(
    {
      args,
      defaultSize: size.usual,
      maxSize: size.most,
      toCursor: (row: Row) => toCursor(list, toPlace(row).time, toPlace(row).key),
    },
    ({ limit, inverted }) => {
      const between = rows.slice(begin, end);
      return (inverted ? between.toReversed() : between).slice(0, limit);
    },
  );

  function findBegin(): number {
    if (!args.after) return 0;
    const [time = "", key = ""] = parseCursor(list, "after", args.after);
    const at = rows.findLastIndex((row) => isAt(row, time, key));
    return at >= 0 ? at + 1 : orAll(rows.findIndex((row) => toMs(row) <= Date.parse(time)));
  }
  function findEnd(): number {
    if (!args.before) return rows.length;
    const [time = "", key = ""] = parseCursor(list, "before", args.before);
    const at = rows.findIndex((row) => isAt(row, time, key));
    return at >= 0 ? at : orAll(rows.findIndex((row) => toMs(row) < Date.parse(time)));
  }
  function isAt(row: Row, time: string, key: string): boolean {
    const place = toPlace(row);
    return place.time === time && place.key === key;
  }
  function toMs(row: Row): number {
    return Date.parse(toPlace(row).time);
  }
  function orAll(index: number): number {
    return index < 0 ? rows.length : index;
  }
}

/** An opaque cursor of a row. */
export function toCursor(list: string, ...place: readonly string[]): string {
  return Buffer.from(JSON.stringify([list, ...place])).toString("base64url");
}

/** The place in a cursor. Throws invalid_request if the text is no cursor of the list. */
export function parseCursor(list: string, argument: "after" | "before", cursor: string): readonly string[] {
  const [name, ...place] = parseTexts(Buffer.from(cursor, "base64url").toString());
  if (name !== list) throw refuse(`${argument} is not a cursor of ${list}`);
  return place;
}

/** A JSON array of texts; [] for anything else. */
function parseTexts(json: string): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(json);
    return Array.isArray(parsed) && parsed.every((one) => typeof one === "string") ? parsed : [];
  } catch {
    return [];
  }
}

function refuse(message: string): OpsError {
  return new OpsError("invalid_request", message);
}
