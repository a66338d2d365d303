import { OpsError } from "./error.ts";
import { answerMs } from "./question.ts";
import { type ResultError, toBodyError, toOpsErrors, toUnreachable } from "./refusals.ts";
import { defaultSilenceMs, fetchStream } from "./silence.ts";

interface StreamRequest {
  readonly endpoint: string;
  readonly headers: Record<string, string>;
  readonly fetch: typeof fetch;
  readonly query: string;
  readonly variables: object;
  /** Time until the stream is open, ms. Its messages may take any time. @default 30_000 */
  readonly openMs?: number;
  /** How long nothing may come at all, not even a heartbeat, ms. @default 37_500 */
  readonly silenceMs?: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** The stream is open, even if it has nothing to say yet. */
  readonly onOpen?: (() => void) | undefined;
  /** Parses a message. A process that also serves others parses in steps. @default JSON.parse */
  readonly parse?: (text: string) => unknown;
}

/** A message of a subscription, as a gateway has it. */
interface Result<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly ResultError[];
}

/**
 * The messages of one subscription, from one connection, read no faster than they are taken. Ends
 * with the server's `complete`.
 *
 * @throws OpsError when it is refused, cannot be opened in time, or breaks; the signal's reason
 *   when that aborts
 */
export async function* readStream<Data>(request: StreamRequest): AsyncGenerator<Data, void> {
  const { endpoint, openMs = answerMs, silenceMs = defaultSilenceMs, signal, parse = parseMessage } = request;
  signal?.throwIfAborted();
  const left = new AbortController();
  const toError = (limit: "open" | "silence") =>
    limit === "open"
      ? new OpsError("timeout", `The gateway did not open the stream within ${openMs / 1000} s`)
      : new OpsError("unreachable", `Nothing came from ${endpoint} for ${silenceMs / 1000} s`);
  const limits = { openMs, silenceMs, toError };
  try {
    const init = toInit(request, signal ? AbortSignal.any([signal, left.signal]) : left.signal);
    const answer = await fetchStream(request.fetch, [endpoint, init], limits).catch((error: unknown) => {
      throw error instanceof OpsError ? error : toUnreachable(`${endpoint} cannot be reached`, error);
    });
    const { response, refusal } = answer;
    if (refusal !== null || !response.body) throw toBodyError(refusal ?? "", response, endpoint);
    request.onOpen?.();
    for await (const { event, data: text } of readEvents(response.body, endpoint)) {
      if (event === "complete") return;
      if (event !== "next") throw new TypeError("Not an event of a subscription");
      const { data, errors } = (await parse(text)) as Result<Data>;
      const [error] = toOpsErrors(errors);
      // As for a query: an error of a part comes beside data, an error of the whole ends the
      // stream.
      if (error && !Object.values(data ?? {}).some((value) => value !== null)) throw error;
      if (data) yield data;
    }
    throw new OpsError("unreachable", `The stream of ${endpoint} ended early`);
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof OpsError ? error : toUnreachable(`The stream of ${endpoint} broke`, error);
  } finally {
    left.abort();
  }
}

function toInit({ headers, query, variables }: StreamRequest, signal: AbortSignal): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json; charset=utf-8", ...headers, accept: "text/event-stream" },
    body: JSON.stringify({ query, variables }),
    signal,
  };
}

/** The parser's own error would quote the text. */
function parseMessage(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TypeError("Invalid stream data");
  }
}

/** Bytes of one message: a gateway's has 5 MB, and what is around it. */
const mostMessage = 5_100_000;

/** An empty line ends an event; one that begins with a colon is a comment. */
const [newline, colon, blank, carriageReturn] = [0x0a, 0x3a, 0x20, 0x0d];

/**
 * The events of a stream, in the form that browsers know (server-sent events), with lines that end
 * as a gateway's.
 */
async function* readEvents(
  body: ReadableStream<Uint8Array>,
  endpoint: string,
): AsyncGenerator<{ readonly event: string; readonly data: string }, void> {
  const reader = body.getReader();
  /** The parts of a line whose end has not come. */
  let parts: Uint8Array[] = [];
  /** Bytes of the event that is read. */
  let size = 0;
  let event = "";
  let data: string[] = [];
  const count = (bytes: number) => {
    size += bytes;
    if (size > mostMessage) throw new OpsError("not_a_gateway", `${endpoint} sends a message without an end`);
  };
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const chunk = read.value;
      let from = 0;
      for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
        count(at + 1 - from);
        const line = join(parts, chunk.subarray(from, at));
        parts = [];
        from = at + 1;
        const [field, value] = toField(line);
        if (field === "event") event = value;
        else if (field === "data") data.push(value);
        if (line.byteLength > 0) continue;
        size = 0;
        if (event === "" && data.length === 0) continue;
        const found = { event, data: data.join("\n") };
        [event, data] = ["", []];
        yield found;
      }
      if (from === chunk.byteLength) continue;
      count(chunk.byteLength - from);
      parts.push(chunk.subarray(from));
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

/** The bytes of a line, without the end of it. */
function join(parts: readonly Uint8Array[], last: Uint8Array): Uint8Array {
  const whole = new Uint8Array([...parts, last].reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of [...parts, last]) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole;
}

/** The name and the value of a line; no name for a comment and an empty line. */
function toField(line: Uint8Array): readonly [name: string, value: string] {
  const end = line.indexOf(colon);
  if (end <= 0) return ["", ""];
  const decoder = new TextDecoder();
  const value = line.subarray(line[end + 1] === blank ? end + 2 : end + 1);
  return [decoder.decode(line.subarray(0, end)), decoder.decode(value)];
}
