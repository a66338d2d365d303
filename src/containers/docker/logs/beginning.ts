import type { ContainerRef } from "../../container.ts";
import { type LogBeginning, type LogLine, type LogStream, toLater } from "../../logs/log.ts";
import type { EngineCalls } from "../engine/engine.ts";
import type { ReadTimes } from "./read.ts";
import { readLines } from "./window.ts";

/**
 * The first lines of a log. Both engines send their oldest file first, and are stopped as soon as
 * both streams are past their first time. A stream that has not begun when no line can be out of
 * order any more begins later: none of its earlier lines is left.
 */
export async function readBeginning(
  engine: EngineCalls,
  { fullId }: ContainerRef,
  { timeoutMs, budget }: ReadTimes,
): Promise<LogBeginning | null> {
  const { tty } = await engine.inspect(fullId, budget.signal);
  const found: Partial<Record<LogStream, { timestamp: string; messages: string[] }>> = {};
  /** Streams with a line of a later time: they have no further line of the first time. */
  const passed = new Set<LogStream>();
  let last = "";
  /** When all lines up to `last` were sent. */
  let stop = "";
  const onLine = ({ timestamp, stream, message }: LogLine): boolean => {
    last ||= toLater(timestamp);
    stop ||= toLater(last);
    if (found[stream] === undefined && timestamp > last) return timestamp <= stop;
    const known = (found[stream] ??= { timestamp, messages: [] });
    if (known.timestamp === timestamp) known.messages.push(message);
    else passed.add(stream);
    return passed.size < 2 && timestamp <= stop;
  };
  const query = { stdout: 1, stderr: 1, timestamps: 1, tail: "all" };
  const read = async (signal: AbortSignal) =>
    readLines(await engine.client.open(fullId, "logs", query, signal), tty, budget, async (lines) =>
      lines.every(onLine),
    );
  await engine.ask(timeoutMs, read, budget.signal);
  if (last === "") return null;
  const later = { timestamp: last, messages: [] };
  return { stdout: found.stdout ?? later, stderr: found.stderr ?? later };
}
