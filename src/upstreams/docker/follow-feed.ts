import { createSharedBudget } from "../../budget/budget.ts";
import type { ContainerRef, LogLine, LogOptions } from "../../domain/container.ts";
import { toOpsError } from "../../errors.ts";
import type { Query } from "./connect.ts";
import type { Engine } from "./engine.ts";
import { type FollowBuffer, sizeOf } from "./follow-buffer.ts";
import { createPosition, type FollowHistory } from "./follow-position.ts";
import { readFollowed } from "./follow-stream.ts";
import type { Inspection, Inspector } from "./inspect.ts";
import { readLogs } from "./logs.ts";

const callMs = 5000;
/** Between two looks at a container that does not run, or two attempts at an engine that is gone; a start that the engine tells of ends it. */
const pauseMs = { first: 250, most: 5000 };
/** Lines that may come between two calls; when there were more, the engine is asked again, and has to read a large log from its start. */
const likelyTail = 20_000;

/** One followed log of an engine, for any number of readers. */
export interface Feed {
  /** Adds a reader. What is up to the feed's position is history, picked by what is answered; all after it, and nothing else, comes into the buffer. */
  join(buffer: FollowBuffer): Promise<FollowHistory>;
  /** The last one to leave ends the engine's stream, at once. */
  leave(buffer: FollowBuffer): void;
  /** To be called when a buffer has room again. */
  readonly resume: () => void;
}

/**
 * Follows one container: reads the engine's stream no faster than the fastest reader, goes on after the last line when the stream ends,
 * waits for a container that stopped, and ends only when the container is gone or nobody reads.
 */
export function createFeed(engine: Engine, inspector: Inspector, ref: ContainerRef, onClose: () => void): Feed {
  const readers = new Set<FollowBuffer>();
  const stop = new AbortController();
  const { signal } = stop;
  const position = createPosition();
  const starts = engine.starts.hang(ref.fullId, signal);
  let resume: (() => void) | null = null;
  let started: Promise<void> | null = null;
  let isStarted = false;

  const publish = (lines: readonly LogLine[]) => {
    position.add(lines);
    const size = sizeOf(lines);
    for (const reader of readers) reader.push(lines, size);
  };
  const room = async () => {
    while (!signal.aborted && [...readers].every((reader) => reader.isFull)) {
      await new Promise<void>((resolve) => {
        resume = resolve;
      });
    }
  };
  const inspect = () => inspector.inspect(engine, ref.fullId, signal);
  const budget = createSharedBudget(signal);
  const readPage = (options: LogOptions) => readLogs(engine, inspector, ref, options, { timeoutMs: callMs, budget });
  /** Reads the stream to its end. False, with nothing read, when lines are missing between the position and what the engine gave. */
  const open = async (query: Query, { tty }: Inspection): Promise<boolean> => {
    const ask = (asking: AbortSignal) => engine.client.open(ref.fullId, "logs", { ...everything, ...query }, asking);
    const isNew = position.createFilter();
    let isWhole = query.tail === "all";
    const publishNew = (lines: readonly LogLine[]) => {
      isWhole ||= position.adjoins(lines[0] as LogLine);
      if (isWhole) publish(lines.filter(isNew));
      return isWhole;
    };
    await readFollowed(await engine.ask(callMs, ask, signal), { tty, budget, publish: publishNew, room });
    return isWhole;
  };
  const goOn = async (current: Inspection): Promise<void> => {
    const since = position.since();
    const from = since === undefined ? {} : { since };
    if (since !== undefined && (await open({ ...from, tail: likelyTail }, current))) return;
    if (!signal.aborted) await open({ ...from, tail: "all" }, current);
  };

  /** Where to begin: the last line that there is, and all of its time. */
  const findStart = async () => {
    const { lines } = await readPage({ tail: 1 });
    position.begin(lines[0]?.timestamp ?? "");
    const since = position.since();
    if (since !== undefined) position.add((await readPage({ tail: likelyTail, since })).lines);
    return inspect();
  };
  const run = async (first: Inspection) => {
    let current = first;
    let pause = pauseMs.first;
    while (!signal.aborted) {
      const before = position.latest;
      let lives = false;
      try {
        await goOn(current);
        const now = await waitForRun(current);
        lives = isOtherLife(now, current);
        current = now;
      } catch (error) {
        if (signal.aborted) return;
        if (toOpsError(error).code === "container_not_found") return close("container_gone");
        if (pause === pauseMs.first) for (const reader of readers) reader.tell("engine_lost");
      }
      pause = lives || position.latest !== before ? pauseMs.first : Math.min(pause * 2, pauseMs.most);
      // A new life is read at once: there are no more of them than starts.
      if (!lives) await starts.next(signal, pause * (0.5 + Math.random() / 2));
    }
  };
  /** After the end of a stream: answers once the container runs, or has run meanwhile. */
  const waitForRun = async (last: Inspection): Promise<Inspection> => {
    let told = false;
    for (let pause = pauseMs.first; ; pause = Math.min(pause * 1.5, 2000)) {
      const now = await inspect();
      const hasRun = isOtherLife(now, last);
      if (hasRun || isLive(now)) {
        if (told || hasRun) for (const reader of readers) reader.tell("resumed");
        return now;
      }
      if (!told) for (const reader of readers) reader.tell("stopped");
      told = true;
      await starts.next(signal, pause);
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
      // Without a pause where none is needed: what comes meanwhile would be history, too.
      if (!isStarted) await started;
      return position.createHistory();
    },
    leave(buffer) {
      readers.delete(buffer);
      if (readers.size === 0) {
        onClose();
        stop.abort();
      }
      resume?.();
    },
    resume: () => resume?.(),
  };
}

const everything = { follow: 1, stdout: 1, stderr: 1, timestamps: 1 } as const;

function isOtherLife(now: Inspection, before: Inspection): boolean {
  return now.facts.startedAt !== before.facts.startedAt;
}

function isLive({ facts }: Inspection): boolean {
  return facts.state === "running" || facts.state === "paused";
}
