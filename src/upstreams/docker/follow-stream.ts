import type { IncomingMessage } from "node:http";
import type { LogLine } from "../../domain/container.ts";
import { createDemuxer } from "./demux.ts";
import { createLineJoiner } from "./log-lines.ts";
import { AnswerError } from "./status-error.ts";
import { createTtySplitter } from "./tty-lines.ts";

interface ReadOptions {
  readonly tty: boolean;
  readonly signal: AbortSignal;
  /** The whole lines of one chunk; false ends the reading. */
  readonly publish: (lines: readonly LogLine[]) => boolean;
  /** Resolves when somebody wants more; until then nothing is read, and the engine waits. */
  readonly room: () => Promise<void>;
}

/**
 * Reads one followed log to its end, a batch of lines for each chunk. A line that a broken connection cut short is not handed out: it is read
 * again, whole. Rejects when the stream breaks; the engine's stream is freed in any case, at once when the signal aborts.
 */
export async function readFollowed(response: IncomingMessage, { tty, signal, publish, room }: ReadOptions): Promise<void> {
  let lines: LogLine[] = [];
  const joiner = createLineJoiner((line) => lines.push(line));
  const splitter = createTtySplitter((entry) => joiner.push("stdout", entry));
  const demuxer = createDemuxer((stream, entry) => joiner.push(stream, entry));
  const hand = (): boolean => {
    const whole = lines;
    lines = [];
    return whole.length === 0 || publish(whole);
  };
  const free = () => response.destroy();
  signal.addEventListener("abort", free);
  try {
    if (signal.aborted) return;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (tty) splitter.push(chunk);
      else if (!demuxer.push(chunk)) throw new AnswerError("its log is not what Docker writes");
      if (!hand()) return;
      await room();
    }
    splitter.end();
    joiner.end();
    hand();
  } finally {
    signal.removeEventListener("abort", free);
    response.destroy();
  }
}
