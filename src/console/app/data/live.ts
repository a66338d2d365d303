import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { OpsError } from "../../../client/error.ts";
import type { TypedDocumentString } from "../../../generated/console.ts";
import { askText, type Failure, hasAnsweredSince, lastAnswerAt, lostConnection, toAnswer } from "./client.ts";
import { LastAnswers } from "./last-answers.ts";
import { fillWithLast } from "./last-values.ts";
import { token } from "../session/session.ts";

/** The state of a query that is polled. */
export interface Live<Data> {
  /**
   * The last answer; undefined before the first. It stays while the gateway is away; fields that
   * cannot be read for now keep their last value.
   */
  readonly data: Data | undefined;
  /**
   * The time of the fields that keep their last value, unix ms; null when all are of `at`.
   * `failures` names them.
   */
  readonly oldFrom: number | null;
  /** What could not be answered in it. */
  readonly failures: readonly Failure[];
  /** When it was answered, unix ms. */
  readonly at: number;
  /** Whether the answer is to earlier variables, while the new one is on its way. */
  readonly isOld: boolean;
  /**
   * Whether the whole answer is from before the last pause of the query, which has been sent again
   * and is not answered yet.
   */
  readonly isPast: boolean;
}

const empty: Live<never> = { data: undefined, oldFrom: null, failures: [], at: 0, isOld: false, isPast: false };

/**
 * Questions in use, by document and variables: two parts of a screen that ask the same share it.
 */
const polls = new Map<string, Poll<unknown>>();

const lastAnswers = new LastAnswers<Live<unknown>>();
token.subscribe(() => lastAnswers.clear());

/**
 * How long a last answer is shown as if it were current, ms: most new ones have arrived by then.
 */
const freshMs = 1000;

/** Between two times that a question is asked, ms. */
const leastMs = 1000;

/**
 * A query that is sent at least this often must be answered within `quickMs`, ms, so that a gateway
 * that hangs is noticed soon.
 */
const oftenMs = 5000;
const quickMs = 6000;

/** One question, asked every `everyMs` while a visible page uses it. */
class Poll<Data> {
  readonly state: Signal<Live<Data>> = signal(empty);
  readonly #key: string;
  readonly #document: TypedDocumentString<Data, unknown>;
  readonly #variables: unknown;
  readonly #users = new Map<symbol, number>();
  #text = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | undefined;
  #failed = 0;
  #isAnswered = false;
  /** The token that has got the answer. */
  #token = token.value;
  /** Unix ms. */
  #askedAt = 0;

  constructor(key: string, document: TypedDocumentString<Data, unknown>, variables: unknown) {
    this.#key = key;
    this.#document = document;
    this.#variables = variables;
    const last = lastAnswers.get(key, Date.now()) as Live<Data> | undefined;
    if (!last) return;
    const show = (isPast: boolean) => {
      if (!this.#isAnswered) this.state.value = { ...last, isPast };
    };
    show(lostConnection.value !== null);
    setTimeout(show, freshMs, true);
  }

  enter(everyMs: number): () => void {
    const user = Symbol("user");
    this.#users.set(user, everyMs);
    this.#plan(this.#isAnswered ? undefined : 0);
    return () => {
      this.#users.delete(user);
      if (this.#users.size > 0) return;
      clearTimeout(this.#timer);
      this.#running?.abort();
      polls.delete(this.#key);
      if (this.state.value.at > 0 && this.#token === token.value)
        lastAnswers.set(this.#key, this.state.value, Date.now());
    };
  }

  /** Asks now, or a second after the last time: changes may come in storms. */
  refresh(): void {
    this.#plan(Math.max(0, this.#askedAt + leastMs - Date.now()));
  }

  #plan(afterMs = Math.min(...this.#users.values())): void {
    clearTimeout(this.#timer);
    if (this.#users.size === 0 || document.hidden || !Number.isFinite(afterMs)) return;
    this.#timer = setTimeout(() => void this.#run(), afterMs);
  }

  async #run(): Promise<void> {
    const sent = token.value;
    if (this.#running || sent === null) return;
    const running = new AbortController();
    this.#running = running;
    this.#askedAt = Date.now();
    try {
      const timeoutMs = Math.min(...this.#users.values()) <= oftenMs ? quickMs : undefined;
      const text = await askText(this.#document, this.#variables, running.signal, timeoutMs);
      this.#failed = 0;
      this.#isAnswered = true;
      this.#token = sent;
      lostConnection.value = null;
      // The same text is the same data, so nothing needs to be drawn again.
      if (text === this.#text) this.state.value = { ...this.state.value, at: Date.now(), isPast: false };
      else {
        this.#text = text;
        const answer = toAnswer<Data>(JSON.parse(text));
        const { data, hasOld } = fillWithLast(this.state.value.data, answer);
        const oldFrom = hasOld ? (this.state.value.oldFrom ?? this.state.value.at) : null;
        this.state.value = { data, oldFrom, failures: answer.failures, at: Date.now(), isOld: false, isPast: false };
      }
    } catch (error) {
      if (error instanceof OpsError) this.#lost();
      // Aborted: nobody asks any more, or the token was refused.
      else if (!(error instanceof DOMException)) throw error;
    } finally {
      this.#running = undefined;
      this.#plan(this.#failed > 0 ? retryMs(this.#failed) : undefined);
    }
  }

  #lost(): void {
    this.#failed += 1;
    if (hasAnsweredSince(this.#askedAt)) return;
    const nextAt = Date.now() + retryMs(this.#failed);
    lostConnection.value = { since: lostConnection.value?.since ?? lastAnswerAt(), nextAt };
  }
}

function retryMs(failed: number): number {
  return Math.min(5000, 500 * 2 ** (failed - 1));
}

/** Hidden pages ask nothing; one that is shown again asks at once. Call once. */
export function pauseWhileHidden(): void {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const poll of polls.values()) poll.refresh();
  });
}

/** Asks all questions in use at once: after an action, or a change that others depend on. */
export function refreshAll(): void {
  for (const poll of polls.values()) poll.refresh();
}

/** Asks the questions in use of this document at once. */
export function refresh(asked: { toString(): string }): void {
  const text = asked.toString();
  for (const [key, poll] of polls) if (key.startsWith(text)) poll.refresh();
}

/**
 * The answer to a query, live: asked every `everyMs` (never again without it) while the component
 * is mounted and the page is visible. When the variables change, the last answer stays, marked old,
 * until the new one is there. `skip` asks nothing.
 */
export function useLive<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  { everyMs = Number.POSITIVE_INFINITY, skip = false }: { readonly everyMs?: number; readonly skip?: boolean } = {},
): ReadonlySignal<Live<Data>> {
  const key = toKey(document, variables);
  const shown = useMemo(() => signal<Live<Data>>(lastAnswerTo(document, variables) ?? empty), [document]);
  useEffect(() => {
    if (skip) return undefined;
    const poll = (polls.get(key) ??
      new Poll(key, document as TypedDocumentString<unknown, unknown>, variables)) as Poll<Data>;
    polls.set(key, poll);
    const leave = poll.enter(everyMs);
    if (poll.state.value.at === 0) shown.value = { ...shown.value, isOld: shown.value.data !== undefined };
    const unsubscribe = poll.state.subscribe((state) => {
      if (state.at > 0) shown.value = state;
    });
    return () => {
      unsubscribe();
      leave();
    };
  }, [key, everyMs, skip]);
  return shown;
}

function toKey(document: { toString(): string }, variables: unknown): string {
  return `${document.toString()}\n${JSON.stringify(variables)}`;
}

/** The last answer to a question, whether it is still asked or was left; undefined without one. */
export function lastAnswerTo<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Live<Data> | undefined {
  const key = toKey(document, variables);
  return (polls.get(key)?.state.peek() ?? lastAnswers.get(key, Date.now())) as Live<Data> | undefined;
}

/** The failure of a field, by its path's beginning; undefined when it was answered. */
export function failureOf(state: Live<unknown>, path: string): Failure | undefined {
  return state.failures.find(
    (failure) => failure.path === null || failure.path === path || failure.path.startsWith(`${path}.`),
  );
}

/** The time of a field, by the beginning of its path, unix ms; null when it is current. */
export function oldFromOf(state: Live<unknown>, path: string): number | null {
  return (failureOf(state, path) && state.oldFrom) ?? (state.isPast ? state.at : null);
}
