import { FollowContainerLog, FollowLogs, type OpsClient } from "../../client/client.ts";
import { StreamFollower } from "../../client/follow.ts";
import { type LogBatch, LogReader, mostPageLines, ofContainer, ofRole } from "../../client/log-reader.ts";
import type { SeenLines } from "../../client/log-seen.ts";
import { logNotices } from "../../facts/log.ts";
import type { Session } from "../command.ts";
import { toOneLine } from "../output/style.ts";
import type { Line } from "./line.ts";
import { type LogFilter, readPage } from "./pages.ts";
import type { LogPrinter } from "./printer.ts";
import type { StoredLog } from "./stored.ts";
import type { LogTarget } from "./target.ts";

interface FollowOptions {
  readonly client: OpsClient;
  readonly session: Session;
  readonly target: LogTarget;
  readonly filter: LogFilter;
  readonly stored: StoredLog;
  readonly printer: LogPrinter;
  /** What was shown so far. */
  readonly seen: SeenLines;
  /** Aborts when the reader has gone, or at Ctrl-C. */
  readonly signal: AbortSignal;
}

/** How far beyond the lines of a stream missing lines are searched for, ms. */
const beyondMs = 10_000;

/**
 * Follows a log after what was seen of it, until the signal aborts or the container is gone. A lost
 * connection is opened again: what was written meanwhile is read first, then the next stream begins
 * before its end. Rejects with an OpsError if waiting does not help.
 */
export async function followLog(options: FollowOptions): Promise<void> {
  const { session, target, printer, seen, signal } = options;
  const { note, paintError } = session;
  const gone = new AbortController();
  let isLost = false;
  const reader = new LogReader<Line>({
    seen,
    isSingle: target.single !== null,
    open: (since, end, onOpen) => openStream(options, since, { signal: end, onOpen }),
    readPage: (turn, end) => readPage(options, turn, end),
    show: (lines) => printer.write(lines),
    note: ({ name, notice, reason }) => {
      const { text, tone } = logNotices[notice];
      note(paintError(tone, toOneLine(`${name}: ${text}${reason === null ? "" : ` (${reason})`}`)));
    },
    miss: (count) => note(paintError("warn", `${count} lines are missing here: more came than is read at once`)),
    catchUp: (beyond) => catchUp(options, beyond),
    opened: () => {
      if (isLost) note(paintError("ok", "back"));
      isLost = false;
    },
    broken: ({ message }) => {
      if (!isLost) note(`${paintError("warn", "connection lost, retrying")} (${toOneLine(message)})`);
      isLost = true;
    },
    gone: () => {
      note(paintError("warn", "the container is gone"));
      gone.abort();
    },
  });
  await new StreamFollower(reader, AbortSignal.any([signal, gone.signal])).run();
}

/**
 * Shows what was written since the last line. `beyond`: the time of lines that are shown
 * afterwards.
 */
async function catchUp({ stored, printer, seen, signal }: FollowOptions, beyond: string | null): Promise<void> {
  const from = seen.resumeAt;
  // Nothing was read yet: the stream begins with the existing lines.
  if (from === null) return;
  for await (const lines of stored.read(seen, { since: from, until: null })) {
    await printer.write(lines);
    if (signal.aborted) return;
    if (beyond !== null && Date.parse(lines.at(-1)?.timestamp ?? "") > Date.parse(beyond) + beyondMs) return;
  }
}

function openStream(
  { client, target, filter }: FollowOptions,
  since: string | null,
  options: { readonly signal: AbortSignal; readonly onOpen: () => void },
): AsyncIterable<LogBatch<Line>> {
  const { variables, single } = target;
  // Without a number, the stream sends all lines since then.
  const wanted = { ...filter, ...(since === null ? { tail: mostPageLines } : { since }) };
  if (!single) return ofRole(client.subscribe(FollowLogs, { ...variables, ...wanted }, options));
  const { name, engine, version } = single;
  const messages = client.subscribe(FollowContainerLog, { name, engine, ...wanted }, options);
  return ofContainer(messages, { name, engine: engine ?? "", version });
}
