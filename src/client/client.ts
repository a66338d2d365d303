import { ClientError, GraphQLClient } from "graphql-request";
import { pause } from "../lib/abort.ts";
import { OpsError } from "./error.ts";
import { answerMs, changesThings, sendWithin, toLimitMs } from "./question.ts";
import { toBodyError, toOpsErrors } from "./refusals.ts";
import { readStream } from "./stream.ts";
import type { CallOptions, ClientOptions, OpsClient, TypedDocument } from "./types.ts";

export * from "../generated/client.ts";
export { OpsError } from "./error.ts";
export type { ClientOptions, OpsClient, PartialAnswer, TypedDocument } from "./types.ts";
export { type JudgedDeploy, type ReleaseVerdict, type VerdictOptions, waitForVerdict } from "./verdict.ts";

type Text = Pick<TypedDocument<unknown, never>, "toString">;

const longestWaitSeconds = 10;

/** Codes of errors that another try may avoid, and that mean that nothing was done. */
const passing: ReadonlySet<string> = new Set(["rate_limited", "overloaded", "unreachable"]);

/**
 * A client of one gateway. A query that failed for the moment is sent again, up to twice, after a
 * short pause or as long as the gateway says (at most 10 s). Changes are sent once, except a
 * restart with an idempotency key, which the gateway does only once, however often it is sent. An
 * error of the `token` function is thrown as it is.
 *
 * @throws TypeError for an address that is not http or https, or has a user or password
 */
export function createClient(given: ClientOptions): OpsClient {
  const { url, token, agent, timeoutMs = answerMs, silenceMs, retries = 2, fetch: ownFetch } = given;
  const endpoint = toEndpoint(url);
  // Looked up at each call, as some tools replace it later.
  const ask: typeof fetch = (input, init) => (ownFetch ?? fetch)(input, { ...init, redirect: "manual" });
  const http = new GraphQLClient(endpoint, { errorPolicy: "all", fetch: ask });
  const toHeaders = async () => {
    const name = typeof agent === "function" ? agent() : agent;
    return {
      authorization: `Bearer ${toCredential(typeof token === "function" ? await token() : token)}`,
      ...(name && { "x-agent": name }),
    };
  };

  const send = async (query: string, variables: object, signal: AbortSignal | undefined, limitMs: number) => {
    signal?.throwIfAborted();
    const requestHeaders = await toHeaders();
    return sendWithin({ endpoint, limitMs, signal }, async (either) => {
      const request = { query, variables, requestHeaders, signal: either };
      const { data, errors, ...answer } = await http.rawRequest<object>(request).catch((error: unknown) => {
        throw toCallError(error, endpoint);
      });
      if (Array.isArray(data)) return { data: null, errors: [] };
      return { data, errors: toOpsErrors(errors, answer) };
    });
  };

  const queryPartial = async (
    document: Text,
    variables: object = {},
    { signal, timeoutMs: ownMs }: CallOptions = {},
  ) => {
    const text = toText(document);
    const tries = !changesThings(text) || (variables as { idempotencyKey?: unknown }).idempotencyKey ? retries : 0;
    const limitMs = ownMs ?? toLimitMs(text, timeoutMs);
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

  async function* subscribe<Data>(document: Text, variables: object = {}, { signal, onOpen }: CallOptions = {}) {
    const text = toText(document);
    signal?.throwIfAborted();
    const headers = await toHeaders();
    yield* readStream<Data>({
      endpoint,
      headers,
      fetch: ask,
      query: text,
      variables,
      openMs: timeoutMs,
      silenceMs,
      signal,
      onOpen,
    });
  }

  return { query, queryPartial, subscribe } as OpsClient;
}

function toEndpoint(url: string): string {
  const parsed = new URL(url);
  // Without the address: it may have a password.
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:")
    throw new TypeError("The gateway's address is not http or https");
  if (parsed.username || parsed.password) throw new TypeError("The gateway's address must not have a user or password");
  parsed.pathname = `${parsed.pathname.replace(/\/+(?:graphql\/*)?$/, "")}/graphql`;
  parsed.search = parsed.hash = "";
  return parsed.href;
}

/** fetch would quote a value that it refuses. Programs in JavaScript may pass an unset variable. */
function toCredential(token: string | undefined): string {
  const trimmed = (token ?? "").trim();
  if (!/^[\x21-\x7e]+$/.test(trimmed))
    throw new OpsError("unauthorized", "The token is empty or contains a character that is not allowed");
  return trimmed;
}

function toText(document: Text): string {
  const text = document.toString();
  if (text === "[object Object]")
    throw new TypeError('A document must be a string: with codegen, set documentMode: "string"');
  return text;
}

/**
 * The message of graphql-request's own error has the whole request: it must not be shown, not even
 * as a cause.
 */
function toCallError(error: unknown, endpoint: string): unknown {
  if (!(error instanceof ClientError)) return error;
  const { status, headers, body } = error.response as typeof error.response & { readonly body?: string };
  return toBodyError(body ?? "", { status, headers }, endpoint);
}
