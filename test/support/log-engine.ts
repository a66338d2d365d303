import type { Deadline } from "../../src/lib/abort.ts";
import { Readable } from "node:stream";
import type { Inspection } from "../../src/containers/docker/engine/engine.ts";
import { createStarts } from "../../src/containers/docker/engine/events.ts";
import type { FollowedEngine } from "../../src/containers/docker/logs/follow.ts";
import type { LogStream } from "../../src/containers/logs/log.ts";
import { toLogTimestamp } from "../../src/lib/time.ts";
import { facts } from "./docker-facts.ts";
import { frame, splitBy } from "./docker-frames.ts";

/** One entry of a log: unix seconds, and its text without the newline. */
export interface LogEntry {
  readonly at: number;
  readonly text: string;
  readonly stream?: LogStream;
}

type Query = Readonly<Record<string, string | number>>;

/**
 * An engine with one container, without a connection: its log is read from an array, as Docker
 * would choose from it.
 */
export function createLogEngine() {
  const state = {
    log: [] as LogEntry[],
    /** What each request asked for, in order. */
    queries: [] as Query[],
    deadlines: [] as number[],
    inspection: { raw: facts({ name: "web" }), tty: false, stopTimeout: null } as Inspection,
    inspections: 0,
    /** Runs before an answer; may wait, change the log or fail. */
    before: async (_query: Query, _signal: AbortSignal): Promise<unknown> => null,
    beforeInspect: async (): Promise<unknown> => null,
    streams: [] as Readable[],
    /** As some versions of Docker: from the first line that is not before `since`, it sends all. */
    sendsAllFromFirst: false,
    /**
     * Makes it a Podman. During each answer entries are written: an answer of the newest ones lacks
     * `lost`, but has `later`.
     */
    meanwhile: null as { lost: LogEntry[]; later: LogEntry[] }[] | null,
  };
  const engine = {
    name: "web-1",
    starts: createStarts(),
    async ask(
      deadlineMs: number | Deadline,
      run: (signal: AbortSignal) => Promise<unknown>,
      ...callers: readonly AbortSignal[]
    ) {
      for (const caller of callers) caller.throwIfAborted();
      state.deadlines.push(typeof deadlineMs === "number" ? deadlineMs : deadlineMs.ms);
      return run(callers[0] ?? new AbortController().signal);
    },
    client: {
      isPodman: async () => state.meanwhile !== null,
      async open(_: string, action: string, query: Query, signal: AbortSignal) {
        if (action !== "logs") throw new TypeError(`Not a log: ${action}`);
        state.queries.push(query);
        await state.before(query, signal);
        const [since, until] = [
          toLogTimestamp(String(query["since"] ?? 0)),
          toLogTimestamp(String(query["until"] ?? 9e9)),
        ];
        const { lost = [], later = [] } = state.meanwhile?.splice(0, 1)[0] ?? {};
        const before = state.log;
        state.log = [...before, ...lost, ...later];
        // Both take the newest entries first, then filter.
        const newest = query["tail"] === "all" ? state.log : [...before.slice(-Number(query["tail"])), ...later];
        const timed = newest.map((entry) => ({ ...entry, time: toLogTimestamp(String(entry.at)) }));
        const first = timed.findIndex(({ time }) => time >= since);
        const isSent = (time: string, index: number) =>
          state.sendsAllFromFirst ? first !== -1 && index >= first : time >= since;
        const wanted = timed.filter(
          ({ time, stream = "stdout" }, index) => isSent(time, index) && time <= until && query[stream] === 1,
        );
        const chunks = wanted.map(({ time, text, stream = "stdout" }) =>
          frame(stream, Buffer.from(`${time} ${text}\n`)),
        );
        const stream = Readable.from(splitBy(Buffer.concat(chunks), [65_536]));
        state.streams.push(stream);
        return stream;
      },
    },
    async inspect(_fullId: string, ...callers: readonly AbortSignal[]) {
      for (const caller of callers) caller.throwIfAborted();
      state.inspections++;
      await state.beforeInspect();
      return state.inspection;
    },
  } as unknown as FollowedEngine;
  return { engine, state };
}
