import { signal } from "@preact/signals";
import { createClient, NetworkError } from "graphql-sse";
import { defaultSilenceMs, fetchStream } from "../../../client/silence.ts";
import type { TypedDocumentString } from "../../../generated/console.ts";
import { answerMs, onRefused, token } from "../session/session.ts";

/** An error of the gateway: its code and its words. `path` is the field that has no value because of it; null for the whole answer. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly path: string | null;
}

export interface Answer<Data> {
  /** Null when nothing could be answered. */
  readonly data: Data | null;
  readonly failures: readonly Failure[];
}

interface ResultError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: { readonly code?: string; readonly retryAfter?: number };
}

interface Result<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly ResultError[];
}

/** When the gateway answered last before it was lost, and when it is asked again (unix ms). Null while it answers. */
export const lostConnection = signal<{ readonly since: number; readonly nextAt: number } | null>(null);

/** No answer from the gateway, or the session could not be renewed for now; the request may be sent again. */
export class Unreachable extends Error {}

/** Time for the answer to a change, ms: a restart may wait two minutes for the container to be healthy. */
const mutationMs = 150_000;

/** A stream that is still being opened after this time is opened anew once the gateway is back, ms. */
const slowOpenMs = 2000;

/** When the gateway answered last, unix ms. */
let answeredAt = 0;

/** When the gateway answered last, unix ms; now when it never did. */
export function lastAnswerAt(): number {
  return answeredAt || Date.now();
}

/** Whether the gateway has answered anything since `at`, unix ms: then what is late is slow, not lost. */
export function hasAnsweredSince(at: number): boolean {
  return answeredAt >= at;
}

/**
 * Runs a query or mutation. Rejects with Unreachable when the gateway does not answer in time (30 s, a mutation 150 s), and with an AbortError. A refused token signs out.
 */
export async function ask<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  abort?: AbortSignal,
): Promise<Answer<Data>> {
  const { data, failures } = toAnswer<Data>(JSON.parse(await askText(document, variables, abort)) as Result<Data>);
  return { data, failures };
}

/** As `ask`, the answer's text: equal texts need no work. `timeoutMs` replaces the usual time. */
export async function askText<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  abort?: AbortSignal,
  timeoutMs = document.toString().trimStart().startsWith("mutation") ? mutationMs : answerMs,
): Promise<string> {
  const sent = token.value;
  const timeout = AbortSignal.timeout(timeoutMs);
  let response: Response;
  let text: string;
  try {
    response = await fetch("/graphql", {
      method: "POST",
      headers: { authorization: `Bearer ${sent}`, "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ query: document.toString(), variables }),
      signal: abort ? AbortSignal.any([abort, timeout]) : timeout,
      cache: "no-store",
      credentials: "omit",
    });
    text = await response.text();
  } catch (error) {
    if (abort?.aborted) throw error;
    throw new Unreachable("The gateway does not answer", { cause: error });
  }
  if (response.status === 401) {
    const isRenewed = await onRefused(sent).catch((error: unknown) => {
      throw new Unreachable("The session could not be renewed yet", { cause: error });
    });
    if (isRenewed) return askText(document, variables, abort, timeoutMs);
    throw new DOMException("signed out", "AbortError");
  }
  const type = response.headers.get("content-type") ?? "";
  if (response.status >= 502 || !type.includes("json"))
    throw new Unreachable(`The gateway answered ${response.status}`);
  answeredAt = Date.now();
  return text;
}

/** The data of an answer, and its failures in one form. */
export function toAnswer<Data>(
  result: Result<Data> & { readonly error?: { readonly code: string; readonly message: string } },
): Answer<Data> {
  if (result.error) return { data: null, failures: [{ ...result.error, path: null }] };
  const failures = (result.errors ?? []).map(({ message, path, extensions }) => ({
    code: extensions?.code ?? "invalid_request",
    message,
    path: path ? path.join(".") : null,
  }));
  return { data: result.data ?? null, failures };
}

export interface Sink<Data> {
  /** The stream is open: its subscription was accepted, even if it has nothing to say yet. */
  connected?(): void;
  /** A message. */
  next(answer: Answer<Data>): void;
  /** The stream is broken, or was refused for now (rate_limited), and will be opened again: what it missed is up to the subscription. */
  broken(refusal: Failure | null): void;
  /** It will not be opened again; the reason in words, null after its own end. */
  ended(failure: Failure | null): void;
}

const client = createClient({
  url: "/graphql",
  credentials: "omit",
  headers: () => ({ authorization: `Bearer ${token.value}` }),
  // Retries are ours: with what is known by then, such as where a log ended.
  retryAttempts: 0,
  fetchFn: async (...args: Parameters<typeof fetch>) => {
    const toError = () => new Unreachable();
    const limits = { openMs: answerMs, silenceMs: defaultSilenceMs, toError, toEndError: toError };
    const { response, refusal } = await fetchStream(fetch, args, limits);
    // What is no stream and no refusal comes from something before the gateway.
    if (refusal !== null && response.ok) throw new Unreachable();
    return response;
  },
});

/**
 * Opens a subscription and keeps it open until the returned function is called: after a break it is opened again, after 0.5 s and at most 10 s later.
 * `variables` is asked each time, so that it can go on where it ended.
 */
export function follow<Data, Variables extends object>(
  document: TypedDocumentString<Data, Variables>,
  variables: () => Variables,
  sink: Sink<Data>,
): () => void {
  let stop = () => {};
  let isOver = false;
  let tries = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let state: "closed" | "opening" | "open" = "closed";
  /** When the stream said something last, or was asked for, unix ms. */
  let heardAt = 0;
  let lostAt: number | null = null;

  const again = (afterMs: number) => {
    if (isOver) return;
    timer = setTimeout(open, afterMs);
  };
  const lost = (refusal: Failure | null = null) => {
    sink.broken(refusal);
    const waitMs = Math.min(10_000, 500 * 2 ** tries) * (0.8 + Math.random() * 0.4);
    tries += 1;
    again(waitMs);
  };
  const end = (failure: Failure | null) => {
    isOver = true;
    unwatch();
    sink.ended(failure);
  };
  const refused = async (sent: string | null) => {
    if (await onRefused(sent).catch(() => true)) lost();
  };
  const open = () => {
    let hasData = false;
    let refusal: Failure | null = null;
    let isClosed = false;
    const sent = token.value;
    [state, heardAt] = ["opening", Date.now()];
    const close = client.subscribe<Data>(
      { query: document.toString(), variables: variables() as Record<string, unknown> },
      {
        next: (result) => {
          if (isOver || isClosed) return;
          heardAt = answeredAt = Date.now();
          const answer = toAnswer<Data>(result as Result<Data>);
          hasData = answer.data !== null;
          if (hasData) [tries, lostConnection.value] = [0, null];
          const [failure] = answer.data === null ? answer.failures : [];
          if (!failure) sink.next(answer);
          else if (failure.code === "rate_limited") refusal = failure;
          else end(failure);
        },
        error: (error) => {
          if (isOver || isClosed) return;
          state = "closed";
          const status =
            error instanceof NetworkError && error.response instanceof Response ? error.response.status : 0;
          if (status === 401) void refused(sent);
          else if (status === 403) end({ code: "forbidden", message: "This token may not do that", path: null });
          else lost();
        },
        // Ended by the gateway: after an hour, at its stop, or because this reader was too slow.
        complete: () => {
          if (isOver || isClosed) return;
          state = "closed";
          if (hasData) again(200);
          else lost(refusal);
        },
      },
      {
        connected: () => {
          if (isOver || isClosed) return;
          state = "open";
          heardAt = answeredAt = Date.now();
          lostConnection.value = null;
          sink.connected?.();
        },
      },
    );
    stop = () => {
      isClosed = true;
      close();
    };
  };
  // A stream that was silent since the connection was lost may never speak again: nothing says that its way through the
  // network is gone. The same goes for one that was asked for meanwhile, and has no answer.
  const unwatch = lostConnection.subscribe((loss) => {
    if (loss) lostAt ??= Date.now();
    else if (lostAt !== null) {
      const isSilent = heardAt < (state === "open" ? lostAt : Date.now() - slowOpenMs);
      lostAt = null;
      if (!isSilent || state === "closed") return;
      state = "closed";
      stop();
      lost();
    }
  });
  open();
  return () => {
    isOver = true;
    unwatch();
    clearTimeout(timer);
    stop();
  };
}
