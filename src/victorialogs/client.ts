import pLimit from "p-limit";
import type { Agent } from "undici";
import { toOpsError } from "../lib/errors.ts";
import { parseApiUrl, parseJson } from "../lib/http-client.ts";
import type { CallSpan } from "../lib/tracing/tracing.ts";
import { type ObserveCall, observed, toApiFacts, unobserved } from "../lib/upstream-call.ts";
import { LogHistoryError, toLogHistoryError, toStatusFailure } from "./failure.ts";

/** One entry: all values are texts. */
export type Row = Readonly<Record<string, string>>;

export interface Answer {
  readonly rows: readonly Row[];
  readonly bytes: number;
  /** It was longer than `maxAnswerBytes`, and its end was not read. */
  readonly isCut: boolean;
}

export interface VictoriaLogsClient {
  /**
   * Sends a LogsQL query that limits its answer. @throws LogHistoryError for anything but rows, or
   * the reason of the signal
   */
  query(logsql: string, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

interface ClientOptions {
  /** http(s) base URL; may carry a path prefix and `user:password@`. */
  readonly url: string;
  /** Total deadline of one query, milliseconds, including its wait for others. @default 4000 */
  readonly timeoutMs?: number | undefined;
  readonly observe?: ObserveCall | undefined;
}

/**
 * How much of an answer is read, and how long one entry may be: VictoriaLogs stores at most 2 MiB,
 * which JSON may escape.
 */
const maxAnswerBytes = 4 << 20;
const maxRowBytes = 4 << 20;
/** Queries at a time. */
const atOnce = 4;

/**
 * `POST /select/logsql/query` of VictoriaLogs, which answers with a line of JSON for each entry.
 * @throws TypeError when the URL is not http(s)
 */
export function createVictoriaLogsClient({
  url,
  timeoutMs = 4000,
  observe = unobserved,
}: ClientOptions): VictoriaLogsClient {
  const { endpoint, headers } = parseTarget(url);
  const facts = () => toApiFacts("POST", endpoint);
  const limit = pLimit(atOnce);
  // undici takes 140 ms to load: the first query pays for it, not the start of the process.
  let agent: Promise<Agent> | undefined;
  const connect = async () => {
    const { Agent } = await import("undici");
    return new Agent({ connections: atOnce, keepAliveTimeout: 4000, connect: { timeout: timeoutMs } });
  };
  const ask = async (logsql: string, signal: AbortSignal, span: CallSpan): Promise<Answer> => {
    signal.throwIfAborted();
    agent ??= connect();
    const { statusCode, body } = await (
      await agent
    ).request({
      origin: endpoint.origin,
      path: endpoint.pathname,
      method: "POST",
      headers: { ...headers, ...span.headers },
      body: new URLSearchParams({ query: logsql, timeout: `${timeoutMs / 1000}s` }).toString(),
      signal,
    });
    span.answered(statusCode);
    const failure = toStatusFailure(statusCode);
    if (!failure) return readRows(body);
    // Its body is not read; when destroyed, it emits an error.
    body.on("error", () => {}).destroy();
    throw failure;
  };
  const run = async (logsql: string, signal: AbortSignal, span: CallSpan): Promise<Answer> => {
    const deadline = AbortSignal.timeout(timeoutMs);
    const either = AbortSignal.any([signal, deadline]);
    try {
      return await limit(() => ask(logsql, either, span));
    } catch (error) {
      if (signal.aborted && !deadline.aborted) throw signal.reason;
      throw toLogHistoryError(error, deadline, timeoutMs);
    }
  };
  return {
    query: (logsql, signal) =>
      observed({ observe, upstream: "victorialogs", signal, toCode, facts }, (span) => run(logsql, signal, span)),
    close: async () => {
      await (await agent)?.destroy();
    },
  };
}

const toCode = (error: unknown) => toOpsError(error).code;

/**
 * An answer may end anywhere when its server fails: only rows with a line end count, and a rest is
 * a failure.
 */
async function readRows(body: AsyncIterable<Buffer>): Promise<Answer> {
  const rows: Row[] = [];
  let bytes = 0;
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      pieces.push(chunk.subarray(start, end));
      const text = Buffer.concat(pieces).toString();
      if (text !== "") rows.push(parseRow(text));
      bytes += length + end - start + 1;
      [pieces, length, start] = [[], 0, end + 1];
      // Leaving the loop closes the connection, and VictoriaLogs ends the query.
      if (bytes > maxAnswerBytes) return { rows, bytes, isCut: true };
    }
    pieces.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > maxRowBytes) throw new LogHistoryError("not_logs", "an entry of more than 4 MB");
  }
  if (length > 0) throw new LogHistoryError("not_logs", "it ends inside an entry");
  return { rows, bytes, isCut: false };
}

function parseRow(text: string): Row {
  const row = parseJson(text);
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw new LogHistoryError("not_logs");
  if (!Object.values(row).every((value) => typeof value === "string")) throw new LogHistoryError("not_logs");
  return row as Row;
}

/**
 * The address of the query API, and the headers of each query. Throws TypeError when it is not
 * http(s).
 */
export function parseTarget(url: string) {
  return parseApiUrl(url, "The URL of the log history", "/select/logsql/query", "application/stream+json");
}
