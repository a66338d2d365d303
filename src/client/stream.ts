import { createClient } from "graphql-sse";
import { OpsError } from "./error.ts";
import { toBodyError, toOpsError, toUnreachable } from "./refusals.ts";
import { defaultSilenceMs, fetchStream } from "./silence.ts";

interface StreamRequest {
  readonly endpoint: string;
  readonly headers: Record<string, string>;
  readonly fetch: typeof fetch;
  readonly query: string;
  readonly variables: object;
  /** Time until the stream is open, ms. Its messages may take any time. */
  readonly openMs: number;
  /** How long nothing may come at all, not even a heartbeat, ms. @default 37_500 */
  readonly silenceMs?: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * The messages of one subscription, from one connection, read no faster than they are taken. Ends with the server's `complete`.
 *
 * @throws OpsError when it is refused, cannot be opened in time, or breaks; the signal's reason when that aborts
 */
export async function* readStream<Data>(request: StreamRequest): AsyncGenerator<Data, void> {
  const { endpoint, headers, query, openMs, silenceMs = defaultSilenceMs, signal } = request;
  signal?.throwIfAborted();
  // graphql-sse reports an error of fetch by its text alone.
  let refusal: OpsError | undefined;
  const gate = createGate(mostAhead);
  const toError = (limit: "open" | "silence") =>
    (refusal ??=
      limit === "open"
        ? new OpsError("timeout", `The gateway did not open the stream within ${openMs / 1000} s`)
        : new OpsError("unreachable", `Nothing came from ${endpoint} for ${silenceMs / 1000} s`));
  const open = async (...args: Parameters<typeof fetch>): Promise<Response> => {
    const answer = await fetchStream(request.fetch, args, { openMs, silenceMs, toError }).catch((error: unknown) => {
      throw (refusal ??= toUnreachable(`${endpoint} cannot be reached`, error));
    });
    if (answer.refusal !== null) throw (refusal ??= toBodyError(answer.refusal, answer.response, endpoint));
    return withEnd(answer.response, endpoint, gate, (error) => (refusal ??= error));
  };
  const streams = createClient({ url: endpoint, headers, retryAttempts: 0, fetchFn: open });
  const stop = () => streams.dispose();
  signal?.addEventListener("abort", stop);
  try {
    const variables = request.variables as Record<string, unknown>;
    const messages = streams.iterate<Data>({ query, variables });
    for await (const { data, errors } of messages) {
      // As of a question: an error of a part stands beside data, one of the whole ends the stream.
      if (errors?.[0] && !Object.values(data ?? {}).some((value) => value !== null)) throw toOpsError(errors[0]);
      if (data) yield data;
      gate.leave();
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof OpsError) throw error;
    throw refusal ?? toUnreachable(`The stream of ${endpoint} broke`, error);
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
    gate.open();
  }
  signal?.throwIfAborted();
  if (refusal) throw refusal;
}

/** Bytes of one message: a gateway's has 5 MB, and what is around it. */
const mostMessage = 5_100_000;

/** Bytes of messages that may wait here for their reader: a burst. graphql-sse itself holds all that arrive. */
const mostAhead = 4_000_000;

/** Lets messages of so many bytes in, one after the other, and further ones as others leave in the same order. */
function createGate(most: number) {
  const inside: number[] = [];
  let bytes = 0;
  let limit = most;
  let next: (() => void) | null = null;
  const wake = () => {
    if (bytes <= limit) next?.();
  };
  return {
    /** Resolves when the next one may come. */
    async enter(size: number): Promise<void> {
      inside.push(size);
      bytes += size;
      if (bytes > limit) await new Promise<void>((resolve) => (next = resolve));
    },
    leave(): void {
      bytes -= inside.shift() ?? 0;
      wake();
    },
    /** From now on all may enter. */
    open(): void {
      limit = Number.POSITIVE_INFINITY;
      wake();
    },
  };
}

type Gate = ReturnType<typeof createGate>;

/**
 * Adds an error behind the last message. graphql-sse reads no further than `complete`, and waits for ever when a connection ends without it while it is not waiting for a
 * message. Each message passes the gate: while that is closed, the rest waits at the server. One that is too long breaks the stream; `refuse` gets the reason.
 */
function withEnd(response: Response, endpoint: string, gate: Gate, refuse: (reason: OpsError) => OpsError): Response {
  const error = { message: `The stream of ${endpoint} ended early`, extensions: { code: "unreachable" } };
  const end = new TextEncoder().encode(`\n\nevent: next\ndata: ${JSON.stringify({ errors: [error] })}\n\n`);
  /** Bytes of the line and of the event that are read, and the first one of the event. */
  let [lineBytes, size, first]: [number, number, number | null] = [0, 0, null];
  const transform = async (chunk: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>) => {
    let [passed, line] = [0, 0];
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, line)) {
      const isEmpty = lineBytes + at - line === 0;
      if (!isEmpty) first ??= chunk[line] ?? null;
      size += at + 1 - line;
      lineBytes = 0;
      line = at + 1;
      if (!isEmpty || first === null) continue;
      controller.enqueue(chunk.subarray(passed, line));
      passed = line;
      if (first !== colon) await gate.enter(size);
      [size, first] = [0, null];
    }
    if (line < chunk.length) first ??= chunk[line] ?? null;
    lineBytes += chunk.length - line;
    size += chunk.length - line;
    if (size > mostMessage) throw refuse(new OpsError("not_a_gateway", `${endpoint} sends a message without an end`));
    controller.enqueue(chunk.subarray(passed));
  };
  const flush = (controller: TransformStreamDefaultController<Uint8Array>) => controller.enqueue(end);
  return new Response(
    response.body?.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({ transform, flush })),
    response,
  );
}

/** An empty line ends an event; one that begins with a colon is a comment. */
const [newline, colon] = [0x0a, 0x3a];
