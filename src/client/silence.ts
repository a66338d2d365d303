/**
 * A gateway writes to an open stream at least every 15 s (`heartbeatMs` of its edge). If a stream
 * is silent for two and a half times as long, its connection is lost, even if no error says so.
 */
export const defaultSilenceMs = 37_500;

/** How long a stream may keep its reader waiting. */
export interface StreamLimits {
  /** For the head of its answer, and the text of a refusal, ms. */
  readonly openMs: number;
  /** How long nothing may come at all, not even a heartbeat, ms. */
  readonly silenceMs: number;
  /** The error of each. */
  readonly toError: (limit: "open" | "silence") => Error;
  /**
   * The error in place of the end, for a reader that stops at the stream's last message and would
   * wait for it. @default none
   */
  readonly toEndError?: (() => Error) | undefined;
}

/** How a stream was answered. */
export interface StreamAnswer {
  readonly response: Response;
  /** The text of an answer that is no stream, or its start; null for a stream. */
  readonly refusal: string | null;
}

/**
 * Asks for a stream of events, which ends in an error when nothing comes in time: a connection may
 * hang from its first byte on without any error. An answer that is no stream is read here. Rejects
 * as `ask` does, and with `toError("open")`.
 */
export async function fetchStream(
  ask: typeof fetch,
  [input, init = {}]: Parameters<typeof fetch>,
  { openMs, silenceMs, toError, toEndError }: StreamLimits,
): Promise<StreamAnswer> {
  const opening = new AbortController();
  const timer = setTimeout(() => opening.abort(toError("open")), openMs);
  const signal = init.signal ? AbortSignal.any([init.signal, opening.signal]) : opening.signal;
  try {
    const response = await ask(input, { ...init, signal });
    if (response.ok && response.body && response.headers.get("content-type")?.startsWith("text/event-stream")) {
      const body = endInSilence(response.body, silenceMs, () => toError("silence"), toEndError);
      return { response: new Response(body, response), refusal: null };
    }
    const refusal = await readStart(response).catch(() => "");
    signal.throwIfAborted();
    return { response, refusal };
  } finally {
    clearTimeout(timer);
  }
}

/** Characters of a refusal that are read. */
const mostRefusal = 65_536;

/** The text of a body; of a longer one the start, and its connection is closed. */
async function readStart({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let read = await reader?.read(); read?.value && text.length < mostRefusal; read = await reader?.read()) {
    text += decoder.decode(read.value, { stream: true });
  }
  await reader?.cancel();
  return text;
}

/**
 * The bytes of a stream. Errors with `toError()` when the next ones do not come within `ms`: a
 * reader that takes its time does not count. With `toEndError` its end is an error too, behind all
 * bytes.
 */
export function endInSilence(
  body: ReadableStream<Uint8Array>,
  ms: number,
  toError: () => Error,
  toEndError?: () => Error,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const timer = setTimeout(() => {
          const error = toError();
          controller.error(error);
          void reader.cancel(error).catch(() => {});
        }, ms);
        try {
          const { done, value } = await reader.read();
          if (!done) controller.enqueue(value);
          else if (toEndError) controller.error(toEndError());
          else controller.close();
        } finally {
          clearTimeout(timer);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
