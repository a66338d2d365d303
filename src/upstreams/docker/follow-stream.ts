import type { IncomingMessage } from "node:http";
import type { ReadBudget } from "../../budget/budget.ts";
import type { LogLine } from "../../domain/container.ts";
import { createDemuxer } from "./demux.ts";
import { createLineJoiner } from "./log-lines.ts";
import { AnswerError } from "./status-error.ts";
import { createTtySplitter } from "./tty-lines.ts";

/** What handing out a part of a chunk may take, and its most lines. */
const [slowMs, mostAtOnce] = [5, 10_000];

interface ReadOptions {
  readonly tty: boolean;
  readonly budget: Pick<ReadBudget, "signal" | "turn">;
  /** Whole lines of one chunk; false ends the reading. */
  readonly publish: (lines: readonly LogLine[]) => boolean;
  /** Resolves when somebody wants more; until then nothing is read, and the engine waits. */
  readonly room: () => Promise<void>;
}

/**
 * Reads one followed log to its end, a batch of lines for each chunk. A line that a broken connection cut short is not handed out: it is read
 * again, whole. Rejects when the stream breaks; the engine's stream is freed in any case, at once when the signal aborts.
 */
export async function readFollowed(response: IncomingMessage, { tty, budget, publish, room }: ReadOptions): Promise<void> {
  const { signal } = budget;
  let lines: LogLine[] = [];
  const joiner = createLineJoiner((line) => lines.push(line));
  const splitter = createTtySplitter((entry) => joiner.push("stdout", entry));
  const demuxer = createDemuxer((stream, entry) => joiner.push(stream, entry));
  /** As many as are handed out in a few milliseconds: a reader's expression may take long for each. */
  let atOnce = 64;
  const hand = async (): Promise<boolean> => {
    const whole = lines;
    lines = [];
    for (let start = 0; start < whole.length;) {
      const begin = performance.now();
      const part = start === 0 && whole.length <= atOnce ? whole : whole.slice(start, start + atOnce);
      if (!publish(part)) return false;
      start += part.length;
      atOnce = performance.now() - begin > slowMs ? Math.ceil(atOnce / 4) : Math.min(mostAtOnce, atOnce * 2);
      const wait = budget.turn();
      if (wait) await wait;
    }
    return true;
  };
  const free = () => response.destroy();
  signal.addEventListener("abort", free);
  try {
    if (signal.aborted) return;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (tty) splitter.push(chunk);
      else if (!demuxer.push(chunk)) throw new AnswerError("its log is not what Docker writes");
      if (!(await hand())) return;
      await room();
    }
    splitter.end();
    joiner.end();
    await hand();
  } finally {
    signal.removeEventListener("abort", free);
    response.destroy();
  }
}
