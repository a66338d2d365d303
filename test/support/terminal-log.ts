import { FollowLogs, type OpsClient, OpsError, StoredLogs } from "../../src/client/client.ts";
import type { Line } from "../../src/terminal/logs/line.ts";
import { at } from "./logs.ts";
import { until } from "./until.ts";

/** A line of a role's log, `ms` after a fixed moment. */
export function roleLine(ms: number, message: string, more: Partial<Line> = {}): Line {
  const container = { name: "web-1", engine: "own", version: "v1" };
  return { kind: "LINE", timestamp: at(ms), level: null, stream: "STDOUT", message, container, ...more };
}

type Batch = {
  readonly lines?: readonly Line[];
  readonly ended?: string;
  readonly dropped?: number;
  readonly notices?: readonly object[];
};

/**
 * A gateway with one log, as far as `logs` asks it: all stored lines, and a stream that begins with
 * the newest ones, both in messages of at most `most` lines.
 */
export function createFakeLog({ most }: { readonly most: number }) {
  const lines: Line[] = [];
  let streams = 0;
  let push: ((batch: Batch | Error) => void) | null = null;
  let refusal: OpsError | null = null;
  /** From when on the stored lines were read. */
  const read: (string | null)[] = [];
  const client = {
    subscribe: async function* (
      document: unknown,
      { since, tail }: { since?: string | null; tail?: number },
      { signal }: { signal: AbortSignal },
    ) {
      if (refusal) throw refusal;
      const wanted = lines.filter((line) => line.timestamp >= (since ?? ""));
      if (document === StoredLogs) {
        read.push(since ?? null);
        const message = { lines: [] as Line[], completeSince: null, containers: [], engines: [], ended: null };
        for (let start = 0; start < wanted.length; start += most)
          yield { storedLogs: { ...message, lines: wanted.slice(start, start + most) } };
        yield { storedLogs: { ...message, ended: "complete" } };
        return;
      }
      if (document !== FollowLogs) throw new Error("unexpected document");
      streams += 1;
      const lost = tail === undefined ? Math.max(0, wanted.length - most) : 0;
      const notices = [{ notice: "TRUNCATED", container: { name: "web-1" }, error: null }];
      const waiting: (Batch | Error)[] = [{ lines: wanted.slice(-most), dropped: lost, ...(lost > 0 && { notices }) }];
      push = (batch) => void waiting.push(batch);
      for (;;) {
        const next = waiting.shift();
        if (next instanceof Error) throw next;
        if (next) yield { logs: { lines: [], dropped: 0, ended: null, notices: [], ...next } };
        if (next?.ended) return;
        if (!next) await new Promise((resolve) => setTimeout(resolve, 1));
        if (signal.aborted) return;
      }
    },
  } as unknown as OpsClient;
  return {
    client,
    read,
    streams: () => streams,
    /** Writes lines, which a stream that is open sends. */
    write(...more: Line[]) {
      lines.push(...more);
      push?.({ lines: more });
    },
    send: (batch: Batch) => push?.(batch),
    /** Breaks the stream; until `mend` nothing is answered. */
    async cut() {
      refusal = new OpsError("unreachable", "refused");
      push?.(new OpsError("unreachable", "The stream broke"));
      push = null;
    },
    refuse(error: OpsError) {
      refusal = error;
      push?.(error);
      push = null;
    },
    async mend() {
      const before = streams;
      refusal = null;
      await until(() => streams > before);
    },
  };
}
