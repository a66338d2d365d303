import type { DocumentNode } from "graphql";
import type { LogBatch } from "../containers/logs/log.ts";
import type { Follow } from "../graphql/execute.ts";
import type { Caller } from "../graphql/sources.ts";
import type { EdgeStream } from "../http/surface.ts";
import { OpsError } from "../lib/errors.ts";
import { formatCount } from "../facts/format.ts";
import { addNanosecond, parseLogTime } from "../lib/time.ts";

/** A followed log as the body of an answer, with its content type. */
type FollowedBody = Omit<EdgeStream, "signal"> & { readonly type: string };

interface FollowOptions {
  readonly document: DocumentNode;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Lines of text instead of server-sent events. */
  readonly isPlain: boolean;
  /** Sent by an EventSource that reconnects: the time of its last line. */
  readonly lastEventId: string | undefined;
}

/** Opens the log; rejects with the reason when that fails. */
export async function followLog(follow: Follow, caller: Caller, options: FollowOptions): Promise<FollowedBody> {
  const { document, isPlain } = options;
  if (options.variables["until"] !== undefined)
    throw new OpsError("invalid_request", "until cannot be combined with follow=true");
  if (options.variables["download"] === true)
    throw new OpsError("invalid_request", "download cannot be combined with follow=true");
  const batches = await follow(document, { ...options.variables, ...toResume(options.lastEventId) }, caller);
  if (isPlain) return { type: "text/plain; charset=utf-8", chunks: map(batches, toText) };
  return { type: "text/event-stream; charset=utf-8", chunks: toStream(batches), heartbeat: ": still here\n\n" };
}

async function* map(batches: AsyncIterable<LogBatch>, write: (batch: LogBatch) => string): AsyncGenerator<string> {
  for await (const batch of batches) yield write(batch);
}

async function* toStream(batches: AsyncIterable<LogBatch>): AsyncGenerator<string> {
  yield "retry: 1000\n\n";
  yield* map(batches, toEvents);
}

/** Readers of one log get the identical lines: their text is built once. */
const written = new WeakMap<LogBatch["lines"], string>();

/**
 * `data` is one line of JSON: lines as in the finite answer, or another message. The id is the
 * position to resume from.
 */
function toEvents({ lines, dropped, notice, ended }: LogBatch): string {
  let text = "";
  if (dropped > 0) text += toEvent("dropped", { lines: dropped });
  const last = lines.at(-1);
  if (last) {
    let event = written.get(lines);
    if (event === undefined) written.set(lines, (event = `id: ${last.timestamp}\n${toEvent("lines", lines)}`));
    text += event;
  }
  if (notice !== null) text += toEvent("notice", { notice });
  if (ended !== null) text += toEvent("end", { reason: ended });
  return text;
}

function toEvent(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Lines as written; other messages are in brackets. */
function toText({ lines, dropped, cut, notice, ended }: LogBatch): string {
  let text = "";
  if (notice === "truncated")
    text += `[${cut === "at_least" ? "at least " : ""}${formatCount(dropped, "older line")} left out: more than is sent at once]\n`;
  else if (dropped > 0) text += `[${formatCount(dropped, "line")} dropped: this client reads too slowly]\n`;
  for (const { message } of lines) text += `${message}\n`;
  if (notice !== null && notice !== "truncated") text += `[${notice}]\n`;
  return ended === null ? text : `${text}[end: ${ended}]\n`;
}

/**
 * Resumes one nanosecond after the last line, with all lines since, whatever `tail` says. An id
 * that is not a line's time is the client's mistake.
 */
function toResume(lastEventId: string | undefined): { since?: string; tail?: null } {
  if (!lastEventId) return {};
  const time = /T.*\.\d{9}Z$/.test(lastEventId) ? parseLogTime(lastEventId, 0) : null;
  if (time === null) throw new OpsError("invalid_request", "Last-Event-ID must be the id of an event of this stream");
  return { since: addNanosecond(time), tail: null };
}
