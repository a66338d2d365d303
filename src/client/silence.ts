/**
 * A gateway writes to an open stream at least every 15 s (`heartbeatMs` of its edge). One that is
 * silent for two and a half of these has no way through the network any more, though nothing says
 * so.
 */
export const defaultSilenceMs = 37_500;

/**
 * The bytes of a stream. Errors with `toError()` when the next ones do not come within `ms`: a
 * reader that takes its time does not count.
 */
export function endInSilence(
  body: ReadableStream<Uint8Array>,
  ms: number,
  toError: () => Error,
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
          if (done) controller.close();
          else controller.enqueue(value);
        } finally {
          clearTimeout(timer);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
