import { toSortable } from "./moment.ts";
import type { LogRow } from "./row.ts";

/** A role's lines are merged half a second behind: later ones may be older by this much, ms. */
export const disorderMs = 1000;

/** From the start of one round to that of the next, ms. */
const pollMs = 3000;
/** Lines of a page, around the last line that is known: half of them are newer. */
const pageLines = 1000;
/** Pages of one round; the next one goes on after them. */
const mostPages = 8;

/** Rows of a page; the cursor is null where the log has no more. */
interface Round {
  readonly rows: readonly LogRow[];
  readonly nextCursor: string | null;
}

interface PollOptions {
  /** Asked before each round: from when on. */
  resume(behindMs: number): { readonly since: string | null; readonly tail: number };
  /** Reads the newest lines, those around a time or those after a cursor. Null when the gateway cannot be asked now. */
  read(turn: { at?: string; after?: string }, tail: number, abort: AbortSignal): Promise<Round | null>;
  rows(rows: readonly LogRow[]): void;
}

/** Asks for new lines in rounds of 3 s while no stream is possible. A round that fails is asked again. */
export class LogPoll {
  readonly #options: PollOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  #beganAt = 0;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  /** Begins the next round when it is due. */
  start(): void {
    this.stop();
    this.#timer = setTimeout(() => void this.#round(), Math.max(0, this.#beganAt + pollMs - Date.now()));
  }

  /** No row is given after this. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = null;
  }

  async #round(): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    this.#beganAt = Date.now();
    await this.#read(running.signal);
    if (!running.signal.aborted) this.start();
  }

  async #read(abort: AbortSignal): Promise<void> {
    const { since, tail } = this.#options.resume(disorderMs);
    const from = since === null ? "" : toSortable(since);
    // A marker is no line that would be recognised: only those after the last line are new.
    const last = since === null ? "" : toSortable(new Date(Date.parse(since) + disorderMs + 1).toISOString());
    let turn: { at?: string; after?: string } | null = since === null ? {} : { at: since };
    for (let count = 0; turn !== null && count < mostPages; count++) {
      const page: Round | null = await this.#options.read(turn, since === null ? tail : pageLines, abort);
      if (abort.aborted || !page) return;
      this.#options.rows(page.rows.filter((row) => row.at >= (row.note ? last : from)));
      turn = page.nextCursor === null ? null : { after: page.nextCursor };
    }
  }
}
