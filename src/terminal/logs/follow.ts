import { FollowContainerLog, FollowLogs, type OpsClient, OpsError } from "../../client/client.ts";
import { pause } from "../../lib/abort.ts";
import type { Session } from "../command.ts";
import { toOneLine } from "../output/style.ts";
import type { Line } from "./line.ts";
import { type LogFilter, pageLines } from "./pages.ts";
import type { LogPrinter } from "./printer.ts";
import type { SeenLines } from "./seen.ts";
import { isPassing } from "../../client/error.ts";
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

/** One message, of a role or of a container. */
interface Batch {
  readonly lines: readonly Line[];
  readonly dropped: number;
  readonly notices: readonly {
    readonly name: string;
    readonly notice: keyof typeof noticeTexts;
    readonly reason: string | null;
  }[];
  readonly ended: string | null;
}

const noticeTexts = {
  STOPPED: "stopped: lines continue at its next start",
  RESUMED: "resumed: it runs again",
  ENGINE_LOST: "engine lost: its engine does not answer; lines continue when it does, none will be missing",
  JOINED: "joined: it is followed from here on",
  LEFT: "left: it no longer belongs to the role",
  TRUNCATED: "truncated: it wrote more than is read at once; its oldest lines are missing",
  UNREADABLE: "unreadable: its log cannot be read; it is tried again",
} as const;

const waitMs = { least: 500, most: 10_000 };
/** A refusal comes at once: a stream without one in this time is open, ms. */
const openMs = 300;
/** A stream that lasted this long was a good one: the next is opened at once, ms. */
const goodMs = 5000;
/** After a reader made a stream wait so long it is given back, so that its lines wait at the gateway and not in this process, ms. */
const slowMs = 2000;
/** How far beyond the lines of a stream missing ones are looked for, ms. */
const beyondMs = 10_000;

/**
 * Follows a log after what was seen of it, until the signal aborts or the container is gone. A lost connection is opened again: what was written meanwhile is read
 * first, then the next stream begins before its end. Rejects with an OpsError that waiting does not change.
 */
export async function followLog(options: FollowOptions): Promise<void> {
  const { session, target, signal } = options;
  const { note, paintError } = session;
  let delayMs = waitMs.least;
  let isLost = false;
  const onOpen = () => {
    if (isLost) note(paintError("ok", "back"));
    isLost = false;
  };
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const beganAt = Date.now();
    let reason: string | null;
    try {
      if (!isFirst) await catchUp(options, null);
      const end = await readStream(options, onOpen);
      if (signal.aborted) return;
      if (end === "container_gone") return note(paintError("warn", "the container is gone"));
      if (end === "unauthorized" || end === "forbidden")
        throw new OpsError(end, "The token may not read this log any more");
      reason = end === "lost" || end === "shutdown" ? "the gateway ended it" : null;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof OpsError && error.code === "container_not_found") {
        if (target.single && isFirst) throw error;
        if (target.single) return note(paintError("warn", "the container is gone"));
      } else if (!isPassing(error)) throw error;
      reason = error.message;
    }
    if (reason !== null && !isLost) {
      note(`${paintError("warn", "connection lost, trying again")} (${toOneLine(reason)})`);
      isLost = true;
    }
    const isGood = Date.now() - beganAt > goodMs;
    if (isGood) delayMs = waitMs.least;
    if (isGood && reason === null) continue;
    await pause(delayMs * (0.75 + Math.random() / 4), signal);
    delayMs = Math.min(waitMs.most, delayMs * 2);
  }
}

/** Shows what was written since the last line. `beyond`: the time of lines that are shown afterwards. */
async function catchUp({ stored, printer, seen, signal }: FollowOptions, beyond: string | null): Promise<void> {
  const from = seen.resumeAt;
  // Nothing was read yet: the stream begins with what there is.
  if (from === null) return;
  for await (const lines of stored.read(seen, { since: from, until: null })) {
    await printer.write(lines);
    if (signal.aborted) return;
    if (beyond !== null && Date.parse(lines.at(-1)?.timestamp ?? "") > Date.parse(beyond) + beyondMs) return;
  }
}

/** Shows a stream to its end. Resolves to why it ended: what the gateway says, `slow` for a slow reader, `lost` for no reason. */
async function readStream(options: FollowOptions, onOpen: () => void): Promise<string> {
  const { session, printer, seen, signal } = options;
  const since = seen.resumeAt;
  seen.begin(since);
  let isWhole = false;
  /** No line of it has come yet: what it leaves out is after `since`, and may be known. */
  let isBeginning = since !== null;
  let waitedMs = 0;
  const opened = setTimeout(onOpen, openMs);
  try {
    for await (const { lines, notices, dropped, ended } of openStream(options, since)) {
      onOpen();
      const isCut = isBeginning && notices.some(({ notice }) => notice === "TRUNCATED");
      const hasGap = !isWhole && (isCut || seen.mayMiss(lines));
      if (lines.length > 0) isBeginning = false;
      for (const { name, notice, reason } of notices) {
        if (notice === "ENGINE_LOST" || notice === "UNREADABLE") seen.holdBack(name);
        // What it leaves out is read below.
        if (notice === "TRUNCATED" && hasGap) continue;
        const tone = notice === "JOINED" || notice === "RESUMED" || notice === "LEFT" ? "muted" : "warn";
        session.note(
          session.paintError(
            tone,
            toOneLine(`${name}: ${noticeTexts[notice]}${reason === null ? "" : ` (${reason})`}`),
          ),
        );
      }
      if (dropped > 0 && !hasGap) {
        session.note(session.paintError("warn", `${dropped} lines are missing here: more came than is read at once`));
      }
      if (hasGap) {
        isWhole = true;
        await catchUp(options, lines.at(-1)?.timestamp ?? null);
        seen.begin(null);
      }
      const beganAt = Date.now();
      await printer.write(lines.filter((line) => seen.take(line)));
      waitedMs += Date.now() - beganAt;
      if (signal.aborted) return "closed";
      if (ended !== null) return ended;
      if (waitedMs > slowMs) return "slow";
    }
  } finally {
    clearTimeout(opened);
  }
  return "lost";
}

async function* openStream(
  { client, target, filter, signal }: FollowOptions,
  since: string | null,
): AsyncGenerator<Batch, void> {
  const { variables, single } = target;
  // Without a number, all lines since then come.
  const wanted = { ...filter, ...(since === null ? { tail: pageLines } : { since }) };
  if (!single) {
    for await (const { logs } of client.subscribe(FollowLogs, { ...variables, ...wanted }, { signal })) {
      if (!logs) continue;
      const notices = logs.notices.map(({ container, notice, error }) => ({
        name: container.name,
        notice,
        reason: error?.message ?? null,
      }));
      yield { ...logs, notices };
    }
    return;
  }
  const { name, engine, version } = single;
  const container = { name, engine: engine ?? "", version };
  for await (const { containerLogs } of client.subscribe(FollowContainerLog, { name, engine, ...wanted }, { signal })) {
    if (!containerLogs) continue;
    const { notice, lines } = containerLogs;
    yield {
      ...containerLogs,
      lines: lines.map((line) => ({ kind: "LINE", ...line, container })),
      notices: notice === null ? [] : [{ name, notice, reason: null }],
    };
  }
}
