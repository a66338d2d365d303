import { signal } from "@preact/signals";
import { OpsError } from "../../../client/error.ts";
import { type FollowedStream, StreamFollower } from "../../../client/follow.ts";
import { sendWithin, toLimitMs } from "../../../client/question.ts";
import { type ResultError, toBodyError, toOpsErrors } from "../../../client/refusals.ts";
import { readStream } from "../../../client/stream.ts";
import type { TypedDocumentString } from "../../../generated/console.ts";
import { onRefused, token } from "../session/session.ts";

/**
 * An error of the gateway: its code and its words. `path` is the field that has no value because
 * of it; null for the whole answer.
 */
export type Failure = Pick<OpsError, "code" | "message" | "path">;

export interface Answer<Data> {
  /** Null when nothing could be answered. */
  readonly data: Data | null;
  readonly failures: readonly OpsError[];
}

interface Result<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly ResultError[];
  /** For an answer that did not come from GraphQL. */
  readonly error?: { readonly code: string; readonly message: string };
}

/**
 * Null while the gateway answers. `since`: when it last did; `nextAt`: when it will be asked again
 * (both unix ms).
 */
export const lostConnection = signal<{ readonly since: number; readonly nextAt: number } | null>(null);

const path = "/graphql";
/** Its name in messages. */
const endpoint = "The gateway";

/** Without cookies, and without following redirects, which would lose the token. */
const send: typeof fetch = (input, init) =>
  fetch(input, { ...init, cache: "no-store", credentials: "omit", redirect: "manual" });

/** When the gateway answered last, unix ms. */
let answeredAt = 0;

/** When the gateway answered last, unix ms; now when it never did. */
export function lastAnswerAt(): number {
  return answeredAt || Date.now();
}

/**
 * Whether the gateway has answered anything since `at`, unix ms: then a late answer means that it
 * is slow, not that the connection is lost.
 */
export function hasAnsweredSince(at: number): boolean {
  return answeredAt >= at;
}

/** The gateway has answered: it is not lost. */
function noteAnswer(): void {
  answeredAt = Date.now();
  lostConnection.value = null;
}

/**
 * Runs a query or mutation. Rejects with an OpsError when the gateway does not answer (in 30 s, a
 * mutation in 180 s) or the session cannot be renewed for now: it may be asked again. Rejects with
 * an AbortError when `abort` aborts, or a refused token signs out.
 */
export async function ask<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  abort?: AbortSignal,
): Promise<Answer<Data>> {
  return toAnswer<Data>(JSON.parse(await askText(document, variables, abort)) as Result<Data>);
}

/**
 * As `ask`, but resolves to the text of the answer: equal texts need no work. `limitMs` replaces
 * the usual time.
 */
export async function askText<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  abort?: AbortSignal,
  limitMs = toLimitMs(document.toString()),
): Promise<string> {
  const sent = token.value;
  const [response, text] = await sendWithin({ endpoint, limitMs, signal: abort }, async (either) => {
    const answer = await send(path, {
      method: "POST",
      headers: { authorization: `Bearer ${sent}`, "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ query: document.toString(), variables }),
      signal: either,
    });
    return [answer, await answer.text()] as const;
  });
  if (response.status === 401) {
    if (await isRenewed(sent)) return askText(document, variables, abort, limitMs);
    throw new DOMException("signed out", "AbortError");
  }
  if (response.status >= 502 || !response.headers.get("content-type")?.includes("json"))
    throw toBodyError(text, response, endpoint);
  answeredAt = Date.now();
  return text;
}

/** Whether there is a new token in place of the refused one. Rejects when that is not known yet. */
function isRenewed(refused: string | null): Promise<boolean> {
  return onRefused(refused).catch((error: unknown) => {
    throw new OpsError("unreachable", "Could not renew the session yet", { cause: error });
  });
}

/** The data of an answer, and its failures in one form. */
export function toAnswer<Data>({ data = null, error, errors }: Result<Data>): Answer<Data> {
  return { data, failures: toOpsErrors(errors ?? (error && [{ ...error, extensions: error }])) };
}

/** A stream, and what is done with it. */
export interface Sink<Data> extends Omit<FollowedStream<Data>, "open"> {
  /** It will not be opened again. */
  readonly ended: (failure: OpsError) => void;
}

/**
 * Opens a subscription and keeps it open until the returned function is called. `variables` is
 * called each time that it is opened, so that it can continue where it ended.
 */
export function follow<Data, Variables extends object>(
  document: TypedDocumentString<Data, Variables>,
  variables: () => Variables,
  sink: Sink<Data>,
): () => void {
  const open = (abort: AbortSignal, onOpen: () => void) => openStream(document, variables(), abort, onOpen);
  return keepOpen({ ...sink, open }, sink.ended);
}

/**
 * Keeps a stream of `openStream` open until the returned function is called. `ended` is called
 * when it will not be opened again.
 */
export function keepOpen<Data>(followed: FollowedStream<Data>, ended: Sink<Data>["ended"]): () => void {
  const stop = new AbortController();
  const follower = new StreamFollower<Data>(followed, stop.signal);
  let lostAt: number | null = null;
  const unwatch = lostConnection.subscribe((loss) => {
    if (loss) lostAt ??= Date.now();
    else if (lostAt !== null) {
      const since = lostAt;
      lostAt = null;
      follower.renewSilent(since);
    }
  });
  void follower
    .run()
    .catch((error: unknown) => {
      if (!(error instanceof OpsError)) throw error;
      if (!stop.signal.aborted) ended(error);
    })
    .finally(unwatch);
  return () => stop.abort();
}

/** The messages of one subscription, from one connection. A refused token is renewed. */
export async function* openStream<Data, Variables extends object>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  abort: AbortSignal,
  onOpen: () => void,
): AsyncGenerator<Data, void> {
  const sent = token.value;
  try {
    const messages = readStream<Data>({
      endpoint: path,
      headers: { authorization: `Bearer ${sent}` },
      fetch: send,
      query: document.toString(),
      variables,
      signal: abort,
      onOpen: () => {
        noteAnswer();
        onOpen();
      },
    });
    for await (const message of messages) {
      noteAnswer();
      yield message;
    }
  } catch (error) {
    if (error instanceof OpsError && error.code === "unauthorized" && (await isRenewed(sent)))
      throw new OpsError("unreachable", "The session was renewed");
    throw error;
  }
}

/**
 * Keeps open what `open` opens while the page is visible, and `hiddenMs` longer, until the
 * returned function is called.
 */
export function whileVisible(open: () => () => void, hiddenMs = 0): () => void {
  let close: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const leave = () => {
    close?.();
    close = null;
  };
  const update = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(leave, hiddenMs);
    else close ??= open();
  };
  update();
  document.addEventListener("visibilitychange", update);
  return () => {
    document.removeEventListener("visibilitychange", update);
    clearTimeout(timer);
    leave();
  };
}
