import { createClient } from "graphql-sse";
import { OpsError } from "./error.ts";
import { toBodyError, toOpsError, toUnreachable } from "./refusals.ts";

interface StreamRequest {
  readonly endpoint: string;
  readonly headers: Record<string, string>;
  readonly fetch: typeof fetch;
  readonly query: string;
  readonly variables: object;
  /** Time until the stream is open, ms. Its messages may take any time. */
  readonly openMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The messages of one subscription, from one connection. Ends with the server's `complete`.
 *
 * @throws OpsError when it is refused, cannot be opened in time, or breaks; the signal's reason when that aborts
 */
export async function* readStream<Data>(request: StreamRequest): AsyncGenerator<Data, void> {
  const { endpoint, headers, query, openMs, signal } = request;
  signal?.throwIfAborted();
  // graphql-sse reports an error of fetch by its text alone.
  let refusal: OpsError | undefined;
  const open = async (...args: Parameters<typeof fetch>): Promise<Response> => {
    const response = await request.fetch(...args).catch((error: unknown) => {
      throw (refusal ??= toUnreachable(`${endpoint} cannot be reached`, error));
    });
    if (response.ok && response.headers.get("content-type")?.startsWith("text/event-stream")) return withEnd(response, endpoint);
    throw (refusal ??= toBodyError(await response.text().catch(() => ""), response, endpoint));
  };
  const streams = createClient({ url: endpoint, headers, retryAttempts: 0, fetchFn: open });
  const stop = () => streams.dispose();
  const opening = setTimeout(() => {
    refusal = new OpsError("timeout", `The gateway did not open the stream within ${openMs / 1000} s`);
    stop();
  }, openMs);
  signal?.addEventListener("abort", stop);
  try {
    const variables = request.variables as Record<string, unknown>;
    const messages = streams.iterate<Data>({ query, variables }, { connected: () => clearTimeout(opening) });
    for await (const { data, errors } of messages) {
      // As of a question: an error of a part stands beside data, one of the whole ends the stream.
      if (errors?.[0] && !Object.values(data ?? {}).some((value) => value !== null)) throw toOpsError(errors[0]);
      if (data) yield data;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof OpsError) throw error;
    throw refusal ?? toUnreachable(`The stream of ${endpoint} broke`, error);
  } finally {
    clearTimeout(opening);
    signal?.removeEventListener("abort", stop);
    stop();
  }
  signal?.throwIfAborted();
  if (refusal) throw refusal;
}

/**
 * Adds an error behind the last message. graphql-sse reads no further than `complete`, and waits for ever when a connection ends without it while it is not waiting for a
 * message.
 */
function withEnd(response: Response, endpoint: string): Response {
  const error = { message: `The stream of ${endpoint} ended early`, extensions: { code: "unreachable" } };
  const end = new TextEncoder().encode(`\n\nevent: next\ndata: ${JSON.stringify({ errors: [error] })}\n\n`);
  const flush = (controller: TransformStreamDefaultController<Uint8Array>) => controller.enqueue(end);
  return new Response(response.body?.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({ flush })), response);
}
