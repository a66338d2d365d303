import { pause } from "../lib/abort.ts";
import { isLost, isPassing, OpsError } from "./error.ts";

/** A stream, and what is done with it. */
export interface FollowedStream<Data> {
  /**
   * Opens the stream behind what has been received so far. Calls `onOpen` once the gateway accepts
   * it.
   */
  open(signal: AbortSignal, onOpen: () => void): AsyncIterable<Data>;
  /**
   * Takes a message; the next one is read when it resolves. False closes the stream, and another
   * one is opened.
   */
  next(message: Data): unknown;
  /** The stream works: a message has arrived, or it was accepted and not refused. */
  opened?(): void;
  /** The stream broke or was refused for now, and will be opened again. */
  broken(error: OpsError): void;
  /**
   * Asks for the same data by a query: every 3 s while the gateway refuses the stream. Never
   * rejects.
   */
  poll?(signal: AbortSignal): Promise<void>;
}

/**
 * Pauses before a stream is opened again: they grow with each failure, and are shorter if the
 * gateway ended the stream.
 */
const reconnectMs = { broken: 500, ended: 200, most: 10_000 };
/** After a stream that lasted this long, pauses are short again, ms. */
const goodMs = 5000;
/**
 * A refusal follows the acceptance at once: without one in this time, the stream counts as open,
 * ms.
 */
const acceptedMs = 300;
/**
 * A stream that has been opening for longer than this is reopened once the connection is back, ms.
 */
const slowOpenMs = 2000;
const pollMs = 3000;

/** Keeps one stream open. `open` is responsible for what was missed between two openings. */
export class StreamFollower<Data> {
  readonly #followed: FollowedStream<Data>;
  readonly #signal: AbortSignal;
  /** The current stream, from its request to its end. */
  #stream: { readonly aborter: AbortController; isOpen: boolean; heardAt: number } | null = null;
  #failed = 0;
  #pollAt = 0;

  /** @param signal ends everything: nothing is called after it */
  constructor(followed: FollowedStream<Data>, signal: AbortSignal) {
    [this.#followed, this.#signal] = [followed, signal];
  }

  /**
   * Resolves once the signal aborts. Rejects when another try would not help, and with what `next`
   * rejects.
   */
  async run(): Promise<void> {
    const signal = this.#signal;
    while (!signal.aborted) {
      const beganAt = Date.now();
      const error = await this.#read();
      if (signal.aborted) return;
      if (error) this.#followed.broken(error);
      if (Date.now() - beganAt > goodMs) this.#failed = 0;
      const ms = Math.min(reconnectMs.most, (error ? reconnectMs.broken : reconnectMs.ended) * 2 ** this.#failed);
      this.#failed += 1;
      const endAt = Date.now() + ms * (0.8 + Math.random() * 0.4);
      if (error && !isLost(error)) await this.#poll(endAt);
      await pause(Math.max(0, endAt - Date.now()), signal);
    }
  }

  /**
   * The connection is back that was lost at `lostAt`, unix ms. A stream that has been silent since
   * then may be dead without any sign, so it is reopened, as is one without an answer.
   */
  renewSilent(lostAt: number): void {
    if (!this.#stream) return;
    const { aborter, isOpen, heardAt } = this.#stream;
    if (heardAt >= (isOpen ? lostAt : Date.now() - slowOpenMs)) return;
    aborter.abort(new OpsError("unreachable", "The stream was silent while the connection was lost"));
  }

  /** Reads one stream to its end. Resolves to why it broke; null when the gateway ended it. */
  async #read(): Promise<OpsError | null> {
    const [followed, signal] = [this.#followed, this.#signal];
    const stream = { aborter: new AbortController(), isOpen: false, heardAt: Date.now() };
    this.#stream = stream;
    let accepted: ReturnType<typeof setTimeout> | undefined;
    const hear = () => {
      [stream.isOpen, stream.heardAt] = [true, Date.now()];
    };
    const onOpen = () => {
      hear();
      accepted = setTimeout(() => followed.opened?.(), acceptedMs);
    };
    let isEmpty = true;
    try {
      for await (const message of followed.open(AbortSignal.any([signal, stream.aborter.signal]), onOpen)) {
        if (signal.aborted) return null;
        clearTimeout(accepted);
        hear();
        isEmpty = false;
        followed.opened?.();
        if ((await followed.next(message)) === false) return null;
      }
      return isEmpty ? new OpsError("unreachable", "The gateway ended the stream at once") : null;
    } catch (error) {
      if (signal.aborted) return null;
      if (!isPassing(error)) throw error;
      return error;
    } finally {
      clearTimeout(accepted);
      this.#stream = null;
    }
  }

  /** Asks in rounds while the gateway refuses the stream, until `endAt`, unix ms. */
  async #poll(endAt: number): Promise<void> {
    const [followed, signal] = [this.#followed, this.#signal];
    while (followed.poll && this.#pollAt < endAt) {
      if (!(await pause(Math.max(0, this.#pollAt - Date.now()), signal))) return;
      this.#pollAt = Date.now() + pollMs;
      await followed.poll(signal);
    }
  }
}
