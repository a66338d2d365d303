import type { IncomingMessage } from "node:http";
import { createNotifier, withEnd } from "../../../lib/broadcast.ts";
import { createSharedBudget, type ReadBudget } from "../../../lib/budget/budget.ts";
import { toOpsError } from "../../../lib/errors.ts";
import { type ContainerRef, toContainerKey } from "../../container.ts";
import { createLogCursor, type LogHistory } from "../../logs/cursor.ts";
import {
  createLineFilter,
  type FollowOptions,
  isSelective,
  type LogBatch,
  type LogLine,
  type LogOptions,
  toBatch,
} from "../../logs/log.ts";
import type { Engine, EngineCalls, Inspection } from "../engine/engine.ts";
import type { Query } from "../http/connect.ts";
import { AnswerError } from "../http/errors.ts";
import { createFollowBuffer, type FollowBuffer, sizeOf } from "./buffer.ts";
import { createDemuxer, createTtySplitter } from "./framing.ts";
import { createLineJoiner } from "./lines.ts";
import { readLogs, readWhole, toQueryTime } from "./read.ts";

/** What following needs of an engine. */
export type FollowedEngine = EngineCalls & Pick<Engine, "starts">;

/**
 * All readers of one container share one stream of its engine.
 *
 * @returns history, then new lines. Rejects when the log cannot be opened. A caller that does not
 *   iterate it to its end must call `return`.
 */
export function createFollower(timeoutMs: number) {
  const feeds = new Map<string, Feed>();
  const enter = (engine: FollowedEngine, ref: ContainerRef): Feed => {
    const key = toContainerKey(ref);
    const known = feeds.get(key);
    if (known) return known;
    const feed: Feed = createFeed(engine, ref, () => {
      if (feeds.get(key) === feed) feeds.delete(key);
    });
    feeds.set(key, feed);
    return feed;
  };
  return async (
    engine: FollowedEngine,
    ref: ContainerRef,
    options: FollowOptions,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<LogBatch, void>> => {
    const budget = createSharedBudget(signal);
    const readHistory = async (history: LogHistory): Promise<LogBatch> => {
      const times = { timeoutMs, budget };
      if (options.tail === 0 || history.until === "") return toBatch({});
      if (!options.whole) {
        const page = await readLogs(engine, ref, options, times);
        return toBatch({ lines: await history.pick(page.lines, options, budget) });
      }
      const { until } = history;
      const { lines, missing, counted } = await readWhole(engine, ref, { ...options, until }, times);
      const cut = { cut: counted ? "counted" : "at_least", notice: "truncated" } as const;
      return toBatch({
        lines: await history.pick(lines, options, budget),
        dropped: missing,
        ...(missing > 0 && cut),
      });
    };
    const feed = enter(engine, ref);
    const filter = isSelective(options) ? createLineFilter(options) : null;
    const buffer = createFollowBuffer({ filter, budget, onRoom: feed.resume });
    const leave = () => {
      signal.removeEventListener("abort", leave);
      feed.leave(buffer);
      buffer.close();
    };
    signal.addEventListener("abort", leave);
    try {
      const history = await readHistory(await feed.join(buffer));
      return withEnd(leave, async function* () {
        if (history.lines.length > 0 || history.cut !== null) yield history;
        yield* buffer.read(signal);
      });
    } catch (error) {
      leave();
      throw error;
    }
  };
}

const callMs = 5000;
/**
 * Wait between two inspections of a stopped container, or two attempts to reach a lost engine, ms.
 * A reported start ends it.
 */
const pauseMs = { first: 250, most: 5000 };
/**
 * Most lines that are expected between two calls. If there were more, a second request makes the
 * engine read a large log from its start.
 */
const likelyTail = 20_000;

/** One followed log of an engine, for any number of readers. */
interface Feed {
  /**
   * Adds a reader. Lines up to the feed's cursor are history, selected by the returned object; all
   * later lines, and nothing else, go to the buffer.
   */
  join(buffer: FollowBuffer): Promise<LogHistory>;
  /** When the last reader leaves, the engine's stream ends at once. */
  leave(buffer: FollowBuffer): void;
  /** Called when a buffer has room again. */
  readonly resume: () => void;
}

/**
 * Follows one container: reads the engine's stream no faster than the fastest reader, continues
 * after the last line when the stream ends, waits for a stopped container, and ends only when the
 * container is gone or nobody reads.
 */
export function createFeed(engine: FollowedEngine, ref: ContainerRef, onClose: () => void): Feed {
  const readers = new Set<FollowBuffer>();
  const stop = new AbortController();
  const { signal } = stop;
  const cursor = createLogCursor();
  const starts = engine.starts.wait(ref.fullId, signal);
  const space = createNotifier();
  let started: Promise<void> | null = null;
  let isStarted = false;

  const publish = (lines: readonly LogLine[]) => {
    cursor.add(lines);
    const [batch, size] = [toBatch({ lines }), sizeOf(lines)];
    for (const reader of readers) reader.push(batch, size);
  };
  const room = async () => {
    while (!signal.aborted && [...readers].every((reader) => reader.isFull)) await space.wait(signal);
  };
  const inspect = () => engine.inspect(ref.fullId, signal);
  const budget = createSharedBudget(signal);
  const readPage = (options: LogOptions) => readLogs(engine, ref, options, { timeoutMs: callMs, budget });
  /**
   * Reads the stream to its end. Returns false, with nothing published, when lines are missing
   * between the cursor and the engine's first line.
   */
  const open = async (query: Query, { tty }: Inspection): Promise<boolean> => {
    let isWhole = query.tail === "all";
    const ask = async (asking: AbortSignal) => {
      // Podman's newest lines lack those written while it reads them.
      isWhole ||= await engine.client.isPodman(asking);
      return engine.client.open(
        ref.fullId,
        "logs",
        { ...everything, ...query, ...(isWhole && { tail: "all" }) },
        asking,
      );
    };
    const { isNew } = cursor.createFilter();
    const publishNew = (lines: readonly LogLine[]) => {
      isWhole ||= cursor.adjoins(lines[0] as LogLine);
      if (isWhole) publish(lines.filter(isNew));
      return isWhole;
    };
    await readFollowed(await engine.ask(callMs, ask, signal), { tty, budget, publish: publishNew, room });
    return isWhole;
  };
  const goOn = async (current: Inspection): Promise<void> => {
    const from = cursor.latest === "" ? null : { since: toQueryTime(cursor.latest) };
    if (from && (await open({ ...from, tail: likelyTail }, current))) return;
    if (!signal.aborted) await open({ ...from, tail: "all" }, current);
  };

  /** Starts at the last existing line, including all lines of its time. */
  const findStart = async () => {
    const { lines } = await readPage({ tail: 1 });
    cursor.begin(lines[0]?.timestamp ?? "");
    const since = cursor.latest;
    if (since !== "") cursor.add((await readPage({ tail: likelyTail, since })).lines);
    return inspect();
  };
  const run = async (first: Inspection) => {
    let current = first;
    let pause = pauseMs.first;
    let lives = true;
    while (!signal.aborted) {
      const before = cursor.latest;
      try {
        // A stream ends before the engine reports the stop, and the container may have started
        // again in between.
        if (!lives) current = await lookAgain(current);
        lives = false;
        await goOn(current);
        const now = await waitForRun(current);
        lives = isOtherLife(now, current);
        current = now;
      } catch (error) {
        if (signal.aborted) return;
        if (toOpsError(error).code === "container_not_found") return close("container_gone");
        if (pause === pauseMs.first) for (const reader of readers) reader.notify("engine_lost");
      }
      pause = lives || cursor.latest !== before ? pauseMs.first : Math.min(pause * 2, pauseMs.most);
      // A restarted container is read at once: this cannot happen more often than it starts.
      if (!lives) await starts.wait(signal, pause * (0.5 + Math.random() / 2));
    }
  };
  const lookAgain = async (last: Inspection): Promise<Inspection> => {
    const now = await inspect();
    if (isOtherLife(now, last)) for (const reader of readers) reader.notify("resumed");
    return now;
  };
  /** After the end of a stream: resolves once the container runs, or has run meanwhile. */
  const waitForRun = async (last: Inspection): Promise<Inspection> => {
    let isStopReported = false;
    for (let pause = pauseMs.first; ; pause = Math.min(pause * 1.5, 2000)) {
      const now = await inspect();
      const hasRun = isOtherLife(now, last);
      if (hasRun || isLive(now)) {
        if (isStopReported || hasRun) for (const reader of readers) reader.notify("resumed");
        return now;
      }
      if (!isStopReported) for (const reader of readers) reader.notify("stopped");
      isStopReported = true;
      await starts.wait(signal, pause);
    }
  };
  const begin = async () => {
    const first = await findStart();
    isStarted = true;
    run(first).catch((error: unknown) => close(toOpsError(error)));
  };
  const close = (reason: string | Error) => {
    onClose();
    for (const reader of readers) reader.end(reason);
    stop.abort();
  };

  return {
    async join(buffer) {
      readers.add(buffer);
      started ??= begin();
      // No await when already started: lines that come meanwhile would count as history too.
      if (!isStarted) await started;
      return cursor.createHistory();
    },
    leave(buffer) {
      readers.delete(buffer);
      if (readers.size === 0) {
        onClose();
        stop.abort();
      }
      space.notify();
    },
    resume: () => space.notify(),
  };
}

const everything = { follow: 1, stdout: 1, stderr: 1, timestamps: 1 } as const;

function isOtherLife(now: Inspection, before: Inspection): boolean {
  return now.raw.startedAt !== before.raw.startedAt;
}

function isLive({ raw }: Inspection): boolean {
  return raw.state === "running" || raw.state === "paused";
}

interface ReadOptions {
  readonly tty: boolean;
  readonly budget: Pick<ReadBudget, "signal" | "turn">;
  /** Receives whole lines of one chunk; false ends the reading. */
  readonly publish: (lines: readonly LogLine[]) => boolean;
  /** Resolves when a reader wants more; until then nothing is read, and the engine waits. */
  readonly room: () => Promise<void>;
}

/**
 * Reads one followed log to its end, a batch of lines for each chunk. A line cut short by a broken
 * connection is not published: it is read again, whole. Rejects when the stream breaks. The
 * engine's stream is always closed, at once when the signal aborts.
 */
export async function readFollowed(
  response: IncomingMessage,
  { tty, budget, publish, room }: ReadOptions,
): Promise<void> {
  const { signal } = budget;
  let lines: LogLine[] = [];
  const joiner = createLineJoiner((line) => lines.push(line));
  const splitter = createTtySplitter((entry) => joiner.push("stdout", entry));
  const demux = createDemuxer((stream, entry) => joiner.push(stream, entry));
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
      const wait = budget.turn();
      if (wait) await wait;
      if (tty) splitter.push(chunk);
      else if (!demux(chunk)) throw new AnswerError("unexpected response to GET /containers/{id}/logs");
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
