import { Unreachable } from "../../data/client.ts";
import { toSortable } from "./moment.ts";
import { disorderMs, type LogPages, type PageTurn, RefusedError } from "./pages.ts";
import type { LogRow } from "./row.ts";

/** From the start of one round to that of the next, ms. */
const pollMs = 3000;
/** Lines of a page, around the last line that is known: half of them are newer. */
const pageLines = 1000;
/** Pages of one round; the next one goes on after them. */
const mostPages = 8;

interface PollEvents {
  /** Asked before each round: from when on. */
  resume(behindMs: number): { readonly since: string | null; readonly tail: number };
  rows(rows: readonly LogRow[], dropped: number): void;
}

/** Asks for new lines in rounds of 3 s while no stream is possible. A round that fails is asked again. */
export class LogPoll {
  readonly #pages: LogPages;
  readonly #events: PollEvents;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  #beganAt = 0;

  constructor(pages: LogPages, events: PollEvents) {
    [this.#pages, this.#events] = [pages, events];
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
    try {
      await this.#read(running.signal);
    } catch (error) {
      if (running.signal.aborted) return;
      if (!(error instanceof RefusedError || error instanceof Unreachable)) throw error;
    }
    if (!running.signal.aborted) this.start();
  }

  async #read(abort: AbortSignal): Promise<void> {
    const { since, tail } = this.#events.resume(disorderMs);
    const from = since === null ? "" : toSortable(since);
    // A marker is no line that would be recognised: only those after the last line are new.
    const last = since === null ? "" : toSortable(new Date(Date.parse(since) + disorderMs + 1).toISOString());
    let turn: PageTurn | null = since === null ? {} : { at: since };
    for (let count = 0; turn !== null && count < mostPages; count++) {
      const page = await this.#pages.read(turn, since === null ? tail : pageLines, abort);
      if (abort.aborted) return;
      const rows = page.lines.map((line) => this.#pages.toRow(line));
      this.#events.rows(
        rows.filter((row) => row.at >= (row.note ? last : from)),
        0,
      );
      turn = page.hasNewer && page.endCursor !== null ? { after: page.endCursor } : null;
    }
  }
}
