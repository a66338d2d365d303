import { ClientError, GraphQLClient } from "graphql-request";
import { createClient as createStreams, NetworkError } from "graphql-sse";
import { OpsError } from "./error.ts";

export * from "../generated/client.ts";
export { OpsError } from "./error.ts";

/** A document of this package, or one of your own from codegen: its text, with the types of its data and variables. */
export interface TypedDocument<Data, Variables> {
  toString(): string;
  readonly __apiType?: ((variables: Variables) => Data) | undefined;
}

export interface ClientOptions {
  /** Address of the gateway, such as `https://ops.example.com`; what it is behind may add a path. */
  readonly url: string;
  /** Bearer token, or how to get the current one: asked before each request. */
  readonly token: string | (() => string | Promise<string>);
  /** Time for an answer, ms. @default 30_000; mutations have six times as much */
  readonly timeoutMs?: number;
  /** How often a question is asked again that was not answered for now. @default 2 */
  readonly retries?: number;
  /** @default the global fetch */
  readonly fetch?: typeof fetch;
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Time for this answer, ms, in place of the client's own. Queries and mutations only. */
  readonly timeoutMs?: number | undefined;
}

/** What could be read, and the errors of what could not: their fields are null. */
export interface PartialAnswer<Data> {
  readonly data: Data;
  readonly errors: readonly OpsError[];
}

type Args<Variables> = {} extends Variables
  ? [variables?: Variables, options?: CallOptions]
  : [variables: Variables, options?: CallOptions];

export interface OpsClient {
  /** Resolves to the data. Rejects with an OpsError, also when only a part could not be read. */
  query<Data, Variables>(document: TypedDocument<Data, Variables>, ...args: Args<Variables>): Promise<Data>;
  /** As `query`, but what can be read is answered beside the errors. Rejects when nothing can. */
  queryPartial<Data, Variables>(document: TypedDocument<Data, Variables>, ...args: Args<Variables>): Promise<PartialAnswer<Data>>;
  /**
   * The messages of a subscription. Ends with the gateway's end of the stream; throws an OpsError when it breaks or is refused. It is not opened again by itself: what was
   * missed depends on the subscription (see `since` of logs).
   */
  subscribe<Data, Variables>(document: TypedDocument<Data, Variables>, ...args: Args<Variables>): AsyncIterableIterator<Data>;
}

type Text = Pick<TypedDocument<unknown, never>, "toString">;

const mutationFactor = 6;
const longestWaitSeconds = 10;

/** Codes of answers that another try may change, and that say that nothing was done. */
const passing: ReadonlySet<string> = new Set(["rate_limited", "overloaded", "unreachable"]);

/**
 * A client of one gateway. Questions that were not answered for now are asked again, twice, after a moment or as long as the gateway says (at most 10 s). Changes
 * are sent once, except a restart with an idempotency key, which the gateway does once however often it is sent.
 *
 * @throws TypeError for an address that is none
 */
export function createClient({ url, token, timeoutMs = 30_000, retries = 2, fetch }: ClientOptions): OpsClient {
  const endpoint = toEndpoint(url);
  const http = new GraphQLClient(endpoint, { errorPolicy: "all", ...(fetch && { fetch }) });
  const toHeaders = async () => ({ authorization: `Bearer ${typeof token === "string" ? token : await token()}` });

  const send = async (query: string, variables: object, signal: AbortSignal | undefined, limitMs: number) => {
    const timeout = AbortSignal.timeout(limitMs);
    const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
    try {
      const { data, errors, status } = await http.rawRequest<object>({
        query,
        variables,
        requestHeaders: await toHeaders(),
        signal: either,
      });
      const problems = (errors ?? []).map((error) => toOpsError(error, status));
      return { data, errors: problems };
    } catch (error) {
      signal?.throwIfAborted();
      if (timeout.aborted)
        throw new OpsError("timeout", `The gateway did not answer within ${limitMs / 1000} s`, { cause: error });
      throw toCallError(error, endpoint);
    }
  };

  const queryPartial = async (document: Text, variables: object = {}, { signal, timeoutMs: ownMs }: CallOptions = {}) => {
    const text = document.toString();
    const isMutation = /^\s*mutation\b/.test(text);
    const tries = !isMutation || (variables as { idempotencyKey?: unknown }).idempotencyKey ? retries : 0;
    const limitMs = ownMs ?? (isMutation ? timeoutMs * mutationFactor : timeoutMs);
    for (let failed = 0; ; failed += 1) {
      try {
        const { data, errors } = await send(text, variables, signal, limitMs);
        if (data && Object.values(data).some((value) => value !== null)) return { data, errors };
        if (data && errors.length === 0) return { data, errors };
        throw errors[0] ?? new OpsError("not_a_gateway", `${endpoint} answered without data`);
      } catch (error) {
        if (!(error instanceof OpsError) || failed >= tries || !passing.has(error.code)) throw error;
        const waitSeconds = error.retryAfterSeconds ?? 0.3 * 4 ** failed;
        if (waitSeconds > longestWaitSeconds) throw error;
        await pause(waitSeconds * 1000, signal);
      }
    }
  };

  const query = async (document: Text, variables?: object, options?: CallOptions): Promise<object> => {
    const { data, errors } = await queryPartial(document, variables, options);
    if (errors[0]) throw errors[0];
    return data;
  };

  async function* subscribe<Data>(document: Text, variables: object = {}, { signal }: CallOptions = {}) {
    signal?.throwIfAborted();
    const streams = createStreams({ url: endpoint, headers: toHeaders, retryAttempts: 0, ...(fetch && { fetchFn: fetch }) });
    const messages = streams.iterate<Data>({ query: document.toString(), variables: variables as Record<string, unknown> });
    const stop = () => streams.dispose();
    signal?.addEventListener("abort", stop);
    try {
      for await (const { data, errors } of messages) {
        // The gateway's own refusals are `{error: {code, message}}`, GraphQL's are a list.
        const [error] = errors ?? [];
        if (error && !data) throw toOpsError(error);
        if (data) yield data;
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw await toStreamError(error, endpoint);
    } finally {
      signal?.removeEventListener("abort", stop);
      streams.dispose();
    }
    signal?.throwIfAborted();
  }

  return { query, queryPartial, subscribe } as OpsClient;
}

function toEndpoint(url: string): string {
  const parsed = new URL(url);
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") throw new TypeError(`Not an address of the web: ${url}`);
  parsed.pathname = `${parsed.pathname.replace(/\/(?:graphql\/?)?$/, "")}/graphql`;
  parsed.search = parsed.hash = "";
  return parsed.href;
}

interface ResultError {
  readonly message: string;
  readonly path?: readonly (string | number)[] | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

function toOpsError({ message, path, extensions = {} }: ResultError, status?: number): OpsError {
  const [code, ownStatus, retryAfter] = ["code", "status", "retryAfter"].map((name) => extensions[name]);
  return new OpsError(typeof code === "string" ? code : "invalid_request", message, {
    status: typeof ownStatus === "number" ? ownStatus : status,
    retryAfterSeconds: typeof retryAfter === "number" ? retryAfter : undefined,
    path: path?.join("."),
  });
}

/** The message of graphql-request's own error has the whole request: it must not be shown. */
function toCallError(error: unknown, endpoint: string): OpsError {
  if (error instanceof ClientError) {
    const { errors, status, headers, body } = error.response as typeof error.response & { readonly body?: string };
    const retryAfterSeconds = toSeconds((headers as Headers | undefined)?.get("retry-after"));
    const [first] = (errors ?? []) as ResultError[];
    if (first) return new OpsError(toOpsError(first).code, first.message, { status, retryAfterSeconds });
    return toBodyError(body ?? "", status, retryAfterSeconds, endpoint);
  }
  if (error instanceof TypeError || (error as { code?: unknown }).code !== undefined) {
    return new OpsError("unreachable", `${endpoint} cannot be reached${toReason(error)}`, { cause: error });
  }
  return new OpsError("not_a_gateway", `${endpoint} did not answer as a gateway does`, { cause: error });
}

async function toStreamError(error: unknown, endpoint: string): Promise<OpsError> {
  if (error instanceof OpsError) return error;
  if (!(error instanceof NetworkError)) {
    return new OpsError("unreachable", `The stream of ${endpoint} broke${toReason(error)}`, { cause: error });
  }
  const { response } = error as NetworkError<Response>;
  if (!response) return new OpsError("unreachable", `${endpoint} cannot be reached${toReason(error)}`, { cause: error });
  return toBodyError(await readText(response), response.status, toSeconds(response.headers.get("retry-after")), endpoint);
}

async function readText(response: Response): Promise<string> {
  try {
    return response.bodyUsed ? "" : await response.text();
  } catch {
    return "";
  }
}

/** An answer without GraphQL's shape: the gateway's `{error: {code, message}}`, or that of something before it. */
function toBodyError(body: string, status: number, retryAfterSeconds: number | undefined, endpoint: string): OpsError {
  const options = { status, retryAfterSeconds };
  try {
    const { error, errors } = JSON.parse(body) as {
      readonly error?: { readonly code?: unknown; readonly message?: unknown };
      readonly errors?: readonly ResultError[];
    };
    if (errors?.[0]) return toOpsError(errors[0], status);
    if (typeof error?.code === "string") return new OpsError(error.code, String(error.message), options);
  } catch {
    // Not JSON.
  }
  if (status === 401) return new OpsError("unauthorized", "The token was refused", options);
  if (status >= 502 && status <= 504) return new OpsError("unreachable", `${endpoint} answered ${status}`, options);
  return new OpsError("not_a_gateway", `${endpoint} answered ${status}, but not as a gateway does`, options);
}

/** What a failed connection says, from the innermost cause: `(connect ECONNREFUSED 127.0.0.1:1)`. */
function toReason(error: unknown): string {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause;
  const { message, errors, code } = innermost as { message?: string; errors?: readonly Error[]; code?: string };
  const reason = message || errors?.[0]?.message || code || "";
  return reason === "" || reason === "fetch failed" ? "" : ` (${reason})`;
}

function toSeconds(text: string | null | undefined): number | undefined {
  const seconds = Number(text ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds : undefined;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, ms);
    signal?.addEventListener("abort", end, { once: true });
  });
}
