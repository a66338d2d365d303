import type { LogLevel } from "../../containers/logs/level.ts";
import { type FollowOptions, type LogOptions, wholeTail } from "../../containers/logs/log.ts";
import { OpsError } from "../../lib/errors.ts";
import { patternRule } from "../../lib/pattern/rule.ts";
import { toLogTimestamp } from "../../lib/time.ts";
import type { OpsContext } from "../context.ts";
import { parseTimeArg } from "../range.ts";

export const maxTail = 5000;

/** How many of the newest lines to return by default. */
export const defaultTail = 200;

interface LogArgs {
  readonly tail: number;
  readonly since?: string | null | undefined;
  readonly until?: string | null | undefined;
  readonly stream?: "stdout" | "stderr" | null | undefined;
  readonly search?: string | null | undefined;
  readonly searchRegex?: string | null | undefined;
  readonly ignoreCase?: boolean | null | undefined;
  readonly level?: LogLevel | null | undefined;
  readonly levelStrict?: boolean | null | undefined;
}

/**
 * Field arguments in the port's form; `minTail` is the smallest valid `tail`. Rejects with
 * invalid_request and the argument's name.
 */
export async function toLogOptions(args: LogArgs, minTail: number, context: OpsContext): Promise<LogOptions> {
  const { tail, since, until, stream, search, searchRegex, level } = args;
  const [ignoreCase, levelStrict] = [args.ignoreCase ?? false, args.levelStrict ?? false];
  if (tail < minTail || tail > maxTail)
    throw new OpsError("invalid_request", `tail must be from ${minTail} to ${maxTail}`);
  if (search && search.length > 200) throw new OpsError("invalid_request", "search must have at most 200 characters");
  return {
    tail,
    ...parseLogTimeArg("since", since),
    ...parseLogTimeArg("until", until),
    ...(stream && { stream }),
    ...(search && { search, ignoreCase }),
    ...(searchRegex && { pattern: await toPattern(searchRegex, ignoreCase, context) }),
    ...(level && { level, levelStrict }),
  };
}

/** As `toLogOptions`, for a stream: returns all lines since a time unless `tail` limits them. */
export async function toFollowOptions(
  { tail, ...args }: Omit<LogArgs, "tail"> & { readonly tail?: number | null | undefined },
  context: OpsContext,
): Promise<FollowOptions> {
  const options = await toLogOptions({ ...args, tail: tail ?? defaultTail }, 0, context);
  const isWhole = (tail ?? null) === null && options.since !== undefined;
  return isWhole ? { ...options, tail: wholeTail, whole: true } : options;
}

async function toPattern(text: string, ignoreCase: boolean, { loaders }: OpsContext) {
  const pattern = await loaders.logs.pattern(text, ignoreCase);
  if (pattern) return pattern;
  throw new OpsError("invalid_request", `The search expression must be ${patternRule}`);
}

function parseLogTimeArg(name: "since" | "until", text: string | null | undefined): { since?: string; until?: string } {
  return text ? { [name]: toLogTimestamp(parseTimeArg(name, text, Date.now())) } : {};
}
