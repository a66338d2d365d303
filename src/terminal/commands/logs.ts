import { mostPageLines } from "../../client/log-reader.ts";
import { UsageError } from "../../cli/command.ts";
import type { LogLevel, LogStream } from "../../client/client.ts";
import { parseLogTime, toLogTimestamp } from "../../lib/time.ts";
import { pause } from "../../lib/abort.ts";
import { defineCommand, type Options, type Session, type Values } from "../command.ts";
import { followLog } from "../logs/follow.ts";
import { createPartReporter, readNewest as readNewestPage } from "../logs/pages.ts";
import type { Line } from "../logs/line.ts";
import { LogPrinter } from "../logs/printer.ts";
import { SeenLines } from "../../client/log-seen.ts";
import { StoredLog } from "../logs/stored.ts";
import { findTarget } from "../logs/target.ts";
import { toOneLine } from "../output/style.ts";
import { outputOption, placeOptions, toPlace, toWhole } from "../options.ts";

const levels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
/** Lines without --tail and --since. */
const usualTail = 200;
/** Most lines of --tail, which are held in memory until the oldest one is found. */
const mostTail = 100_000;
/** How long `head` may take to read its lines and exit, ms. */
const headMs = 250;

const options = {
  follow: {
    type: "boolean",
    short: "f",
    about: "keep printing new lines until Ctrl-C, across restarts and lost connections",
  },
  since: { type: "string", value: "TIME", about: "only lines since then: 90s, 10m, 1h30m, or an RFC 3339 time" },
  until: { type: "string", value: "TIME", about: "only lines until then, as --since; not with --follow" },
  tail: {
    type: "string",
    short: "n",
    value: "COUNT",
    about: `the newest lines, 0 to ${mostTail}, or all; without --since ${usualTail}, else all`,
  },
  level: {
    type: "string",
    short: "l",
    value: "LEVEL",
    choices: levels,
    about: "only lines of this level or worse, and lines without a level",
  },
  "level-strict": { type: "boolean", about: "exclude lines without a level" },
  search: { type: "string", value: "TEXT", about: "only lines that contain this text" },
  regex: { type: "string", value: "RE", about: "only lines that match this regular expression (RE2)" },
  "ignore-case": { type: "boolean", short: "i", about: "--search and --regex ignore case" },
  stream: { type: "string", value: "STREAM", choices: ["stdout", "stderr"], about: "only stdout or stderr" },
  ...placeOptions,
  engine: { type: "string", value: "NAME", about: "only on this engine" },
  all: { type: "boolean", short: "a", about: "include accessories" },
  timestamps: { type: "boolean", short: "t", about: "print the time before each line" },
  output: outputOption(["text", "jsonl"]),
} as const satisfies Options;

type LogValues = Values<typeof options>;

export const logsCommand = defineCommand(
  {
    name: "logs",
    summary: "log lines of a role or of containers, across releases and restarts",
    args: "ROLE|NAME...",
    about:
      "The lines of a role's containers and releases are merged by time. Notices go to stderr.\n" +
      "Ctrl-C ends --follow with exit code 0; so does a closed pipe (| head).",
    options,
    examples: [
      ["wallet-core-ops logs -f web", "The log of the web role from now on, across deploys"],
      [
        'wallet-core-ops logs payouts-worker --since 10m --level warn --search "timeout"',
        "Warnings and errors of the last 10 minutes",
      ],
    ],
  },
  async (session, values, asked) => {
    const range = toRange(values);
    const filter = toFilter(values);
    if (asked.length === 0 || asked.includes(""))
      throw new UsageError("Which role, or which containers? `ps` shows them");
    const place = {
      ...toPlace(values),
      engine: values.engine ?? null,
      all: values.all ?? false,
    };
    const client = session.client();
    const ends = new AbortController();
    const signal = AbortSignal.any([ends.signal, session.context.stop]);
    for (const event of ["error", "close"]) session.context.stdio.stdout.once(event, () => ends.abort());
    try {
      const target = await findTarget(client, asked, place, signal);
      const printer = new LogPrinter(session, {
        isJson: values.output === "jsonl",
        hasTimes: values.timestamps ?? false,
        hasNames: target.single === null,
        hasEngines: target.hasEngines,
        group: target.group,
      });
      let failed = false;
      const onProblem = (text: string) => {
        failed = true;
        session.note(session.paintError("warn", toOneLine(text)));
      };
      const reading = { client, target, filter, signal, onParts: createPartReporter(onProblem) };
      const stored = new StoredLog(reading);
      const seen = new SeenLines(range.since, range.tail !== null);
      const readNewest = async (): Promise<Newest> => {
        const { since, until, isAsked } = range;
        // Without a line nothing would say where to go on.
        const tail = Math.max(1, range.tail ?? 0);
        if (tail > mostPageLines) return { lines: await stored.newest(tail, range), hasOlder: false };
        const page = await readNewestPage(reading, { tail, since, until });
        // A page has fewer lines where they are long.
        const isWhole = !isAsked || !page.hasOlder || page.lines.filter(({ kind }) => kind === "LINE").length >= tail;
        return isWhole ? page : { lines: await stored.newest(tail, range), hasOlder: false };
      };
      await showStored({ session, stored, readNewest, printer, seen, signal }, range);
      if (!values.follow) return toExitCode(session.context.stop.aborted, failed && !ends.signal.aborted);
      await followLog({ client, session, target, filter, stored, printer, seen, signal });
      return 0;
    } catch (error) {
      if (ends.signal.aborted || (values.follow && signal.aborted)) return 0;
      throw error;
    }
  },
);

function toExitCode(isStopped: boolean, failed: boolean): number {
  if (isStopped) return 130;
  return failed ? 1 : 0;
}

interface Range {
  /** Log timestamps; null: no limit. */
  readonly since: string | null;
  readonly until: string | null;
  /** Null: all of that time. */
  readonly tail: number | null;
  /** The number of lines was asked for. */
  readonly isAsked: boolean;
  readonly isFollowed: boolean;
}

interface Newest {
  readonly lines: readonly Line[];
  readonly hasOlder: boolean;
}

interface Showing {
  readonly session: Session;
  readonly stored: StoredLog;
  readonly readNewest: () => Promise<Newest>;
  readonly printer: LogPrinter;
  readonly seen: SeenLines;
  readonly signal: AbortSignal;
}

/** Shows what was written up to now. */
async function showStored(
  { session, stored, readNewest, printer, seen, signal }: Showing,
  range: Range,
): Promise<void> {
  const { tail, isAsked, isFollowed } = range;
  if (tail === null) {
    for await (const lines of stored.readOn(seen, range)) {
      await printer.write(lines);
      if (signal.aborted) return;
    }
    return;
  }
  seen.begin(null);
  const { lines, hasOlder } = await readNewest();
  const fresh = lines.filter((line) => seen.take(line));
  // Only a write shows that `head` has exited, and a quiet log has none after these lines.
  const isHeld = isFollowed && !session.context.stdio.stdout.isTTY && fresh.length > 1;
  if (tail > 0) await printer.write(isHeld ? fresh.slice(0, -1) : fresh);
  if (isHeld && (await pause(headMs, signal))) await printer.write(fresh.slice(-1));
  if (!isAsked && hasOlder && !signal.aborted) {
    session.note(session.paintError("muted", "there are older lines: use --since or --tail to see more"));
  }
}

/** @throws UsageError */
function toRange({ since, until, tail, follow }: LogValues): Range {
  if (follow && until !== undefined) throw new UsageError("--until cannot be combined with --follow");
  const times = { isFollowed: follow ?? false, since: toTime("since", since), until: toTime("until", until) };
  if (times.since !== null && times.until !== null && times.since > times.until) {
    throw new UsageError("--since must be before --until");
  }
  if (tail === undefined) return { ...times, tail: times.since === null ? usualTail : null, isAsked: false };
  if (tail === "all") return { ...times, tail: null, isAsked: true };
  return { ...times, tail: toWhole("tail", tail, 0, mostTail), isAsked: true };
}

/** @throws UsageError */
function toTime(name: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  const seconds = parseLogTime(text, Date.now());
  if (seconds === null) {
    throw new UsageError(`--${name} must be a time such as 90s, 10m or 2026-11-27T09:41:00Z, not '${text}'`);
  }
  return toLogTimestamp(seconds);
}

/** @throws UsageError */
function toFilter(values: LogValues) {
  const { level, search, regex, stream } = values;
  if (search !== undefined && regex !== undefined) throw new UsageError("--search and --regex cannot be combined");
  if (values["level-strict"] && level === undefined) throw new UsageError("--level-strict needs --level");
  return {
    level: (level?.toUpperCase() as LogLevel | undefined) ?? null,
    levelStrict: values["level-strict"] ?? false,
    search: search ?? null,
    searchRegex: regex ?? null,
    ignoreCase: values["ignore-case"] ?? false,
    stream: (stream?.toUpperCase() as LogStream | undefined) ?? null,
  };
}
