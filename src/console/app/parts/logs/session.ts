import { signal } from "@preact/signals";
import { isLost, isPassing, OpsError } from "../../../../client/error.ts";
import { SeenLines } from "../../../../client/log-seen.ts";
import { LogBuffer } from "./buffer.ts";
import { toSortable } from "./moment.ts";
import type { LogMark } from "./marks.ts";
import { type LogPage, LogPages, type LogPart, type PageTurn, toFailed } from "./pages.ts";
import { KnownRows, omitEarlyMarkers, type LogBreak, type LogRow, toLine, toNote } from "./row.ts";
import { followPages } from "./stream.ts";
import type { LogFilter, LogSources, LogTarget } from "./target.ts";

/** Lines of a page, and of a whole one. */
const pageLines = 500;
const mostLines = 5000;
/** Pages of a gap that one click reads. */
const mostGapPages = 3;
const retryMs = 3000;

/**
 * The rows of one log, as its reader moves through it. Either its end is in memory and followed
 * (`isLive`), or a part of it that pages are added to at both ends. While the reader follows, the
 * oldest rows are dropped from memory; while they read, no row in view is. Failures are in
 * `failure`; nothing rejects.
 */
export class LogSession {
  readonly buffer = new LogBuffer();
  /** Grows once in a frame in which rows changed. */
  readonly version = signal(0);
  readonly failure = signal<OpsError | null>(null);
  /** The first rows are on their way. */
  readonly isLoading = signal(true);
  readonly isFollowing = signal(false);
  /** Rows that came since the reader stopped following. */
  readonly unseen = signal(0);
  /** Why the log is not streamed but asked for in rounds; null while it is streamed. */
  readonly limit = signal<string | null>(null);
  readonly parts = signal<readonly LogPart[]>([]);
  /** Where the view goes next: this row in the middle. */
  jump: number | null = null;
  /** The time of the row at the top of the view. */
  topAt: string | null = null;
  hasOlder = false;
  isLive = false;

  readonly pages: LogPages;
  #marks: readonly LogMark[] = [];
  #startCursor: string | null = null;
  #endCursor: string | null = null;
  #stopStream = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  #frame = 0;
  #unseen = 0;
  /** The place that is on its way: "end", or a time. */
  #opening: string | null = null;
  /** The newest line of the stream, in memory or not. */
  #last: string | null = null;
  #break: (LogBreak & { readonly number: number }) | null = null;

  constructor(target: LogTarget, filter: LogFilter, sources: LogSources) {
    this.pages = new LogPages(target, filter, sources);
  }

  /** How many containers wrote these lines. */
  get sourceCount(): number {
    return this.pages.sources.size;
  }

  close(): void {
    this.#reset();
    cancelAnimationFrame(this.#frame);
  }

  /** Closes its stream until `resume`. */
  suspend(): void {
    this.#stopStream();
  }

  /** Continues after the last line. */
  resume(): void {
    if (this.isLive) this.#followEnd();
  }

  /** Shows the end, and follows it. */
  toEnd(): void {
    this.isFollowing.value = true;
    this.#unseen = this.unseen.value = 0;
    if (this.isLive) return this.#changed();
    if (this.#opening === "end") return;
    this.#marks = [];
    void this.#open("end", {}, () => this.#followEnd());
  }

  /** Shows the lines around a moment, which marks may be drawn at. */
  toMoment(at: string, marks: readonly LogMark[]): void {
    this.isFollowing.value = false;
    this.#unseen = this.unseen.value = 0;
    this.#marks = marks
      .map((mark) => ({ ...mark, at: toSortable(mark.at) }))
      .toSorted((one, other) => (one.at < other.at ? -1 : 1));
    void this.#open(at, { at }, (page) => {
      this.jump = this.#find(toSortable(at));
      if (!page.hasNewer) this.#followEnd();
    });
  }

  /** Whether a moment is between the rows in memory. */
  has(at: string): boolean {
    const [oldest, newest] = [this.buffer.oldest, this.buffer.newest];
    return oldest !== undefined && newest !== undefined && oldest.at <= toSortable(at) && toSortable(at) <= newest.at;
  }

  /** Stops following: the view stays where it is. Lines still arrive while memory has room. */
  pause(): void {
    if (!this.isFollowing.value) return;
    this.isFollowing.value = false;
    this.#unseen = this.unseen.value = 0;
  }

  /** Stops following, and shows the oldest row in memory. */
  toStart(): void {
    this.pause();
    this.jump = this.buffer.first;
    this.#changed();
  }

  /** Shows a line whole, or as one line again. */
  toggle(number: number): void {
    const row = this.buffer.get(number);
    if (!row || row.note) return;
    row.isOpen = !row.isOpen;
    this.#changed();
  }

  /** Stops following, and adds the page before the oldest row. */
  toOlder(): void {
    this.pause();
    void this.loadOlder();
  }

  /** Adds the page before the oldest row. */
  async loadOlder(): Promise<void> {
    const { oldest } = this.buffer;
    if (!this.hasOlder || this.#running || !oldest || this.isFollowing.value) return;
    const turn = this.#startCursor ? { before: this.#startCursor } : { at: oldest.at };
    await this.#run(turn, turn.before ? pageLines : 2 * pageLines, (page) => {
      const known = this.#knownLines((at) => at <= oldest.at);
      const lines = page.lines
        .map((line) => this.pages.toRow(line))
        .filter((row) => row.at <= oldest.at && !known.take(row));
      for (const row of lines.toReversed()) this.buffer.unshift(row);
      this.hasOlder = page.hasOlder && (lines.length > 0 || page.startCursor !== null);
      this.#startCursor = page.startCursor;
      while (this.buffer.isOver) this.#dropLast();
    });
  }

  /** Adds the page after the newest row, when that is not the log's end. */
  async loadNewer(): Promise<void> {
    const { newest } = this.buffer;
    if (this.isLive || this.#running || !newest) return;
    const turn = this.#endCursor ? { after: this.#endCursor } : { at: newest.at };
    await this.#run(turn, turn.after ? pageLines : 2 * pageLines, (page) => {
      const known = this.#knownLines((at) => at >= newest.at);
      for (const line of page.lines) {
        const row = this.pages.toRow(line);
        if (row.at >= newest.at && !known.take(row)) this.#push(row);
      }
      this.#endCursor = page.endCursor;
      while (this.buffer.isOver) this.#dropFirst();
      if (!page.hasNewer) this.#followEnd();
    });
  }

  /**
   * Reads the lines of a gap, at most `mostGapPages` pages of them. What is left of it stays a gap.
   */
  async loadGap(number: number): Promise<void> {
    const gap = this.buffer.get(number)?.note;
    if (gap?.kind !== "gap" || this.#running) return;
    const read: LogRow[] = [];
    let turn: PageTurn | null = { at: gap.from };
    for (let pages = 0; turn !== null && pages < mostGapPages; pages++) {
      const page: LogPage | null = await this.#run(turn, mostLines);
      if (!page) break;
      for (const line of page.lines) read.push(this.pages.toRow(line));
      const isEnd = !page.hasNewer || (read.at(-1)?.at ?? "") > gap.to;
      turn = isEnd || page.endCursor === null ? null : { after: page.endCursor };
    }
    if (this.buffer.get(number)?.note !== gap) return;
    const known = this.#knownLines((at) => at >= gap.from);
    const rows = read.filter((row) => row.at >= gap.from && row.at <= gap.to && !known.take(row));
    const after = [...this.buffer.rows(number + 1)];
    while (this.buffer.end > number) this.buffer.dropLast();
    for (const row of rows) this.buffer.push(row);
    const from = rows.at(-1)?.at ?? gap.from;
    if (turn !== null) this.buffer.push(toNote(gap.to, { kind: "gap", count: null, from, to: gap.to }));
    for (const row of after) this.buffer.push(row);
    while (this.buffer.isOver) this.#dropFirst();
    this.#changed();
  }

  /** Reads the first page of another place, and begins there. */
  async #open(place: string, turn: PageTurn, then: (page: LogPage) => void): Promise<void> {
    this.#reset();
    this.#opening = place;
    this.isLoading.value = this.buffer.size === 0;
    await this.#run(turn, turn.at ? 2 * pageLines : pageLines, (page) => {
      this.buffer.clear();
      for (const line of omitEarlyMarkers(page)) this.#push(this.pages.toRow(line));
      this.hasOlder = page.hasOlder;
      [this.#startCursor, this.#endCursor] = [page.startCursor, page.endCursor];
      this.parts.value = toFailed(page);
      this.isLoading.value = false;
      this.#opening = null;
      then(page);
      if (!page.hasNewer || !turn.at) this.#drawMarks("\u{10ffff}");
    });
    if (isPassing(this.failure.value)) {
      this.#timer = setTimeout(() => void this.#open(place, turn, then), retryMs);
    }
  }

  #reset(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = null;
    this.#stopStream();
    this.isLive = false;
    [this.#last, this.#break, this.limit.value] = [null, null, null];
  }

  /** Reads a page. Null when it cannot be read, or is no longer wanted. */
  async #run(turn: PageTurn, tail: number, onPage?: (page: LogPage) => void): Promise<LogPage | null> {
    const running = new AbortController();
    this.#running = running;
    try {
      const page = await this.pages.read(turn, tail, running.signal);
      if (running.signal.aborted) return null;
      this.failure.value = null;
      onPage?.(page);
      return page;
    } catch (error) {
      if (running.signal.aborted) return null;
      this.isLoading.value = false;
      if (error instanceof OpsError) this.failure.value = error;
      else if (!(error instanceof DOMException)) throw error;
      return null;
    } finally {
      if (this.#running === running) this.#running = null;
      this.#changed();
    }
  }

  /** Follows the log from the newest row in memory on. */
  #followEnd(): void {
    this.#stopStream();
    this.isLive = true;
    this.#last = this.buffer.newest?.at ?? null;
    const seen = new SeenLines(null, true);
    for (const row of this.buffer.rows()) {
      const line = toLine(row);
      if (line) seen.take(line);
    }
    this.#stopStream = followPages(this.pages, seen, {
      rows: (rows) => {
        for (const row of rows) this.#pushLive(row);
        this.#changed();
      },
      missing: (count, before) => {
        const to = before?.at ?? toSortable(new Date().toISOString());
        this.#pushLive(toNote(to, { kind: "gap", count, from: this.#last ?? to, to }));
      },
      notice: (text, tone) => this.#note(text, tone),
      broken: (error) => this.#beginBreak(isLost(error) ? null : error.message),
      opened: () => {
        this.failure.value = null;
        this.#endBreak();
        this.#changed();
      },
      refused: (failure) => {
        this.failure.value = failure;
        this.isLive = false;
      },
    });
  }

  /** Lines in memory of these times. */
  #knownLines(isWanted: (at: string) => boolean): KnownRows {
    return new KnownRows([...this.buffer.rows()].filter(({ note, at }) => !note && isWanted(at)));
  }

  #pushLive(row: LogRow): void {
    if (!row.note && (this.#last === null || row.at > this.#last)) this.#last = row.at;
    if (!this.isLive) {
      this.#unseen += row.note ? 0 : 1;
      return;
    }
    this.#push(row);
    if (this.isFollowing.value) {
      while (this.buffer.isOver) this.#dropFirst();
      return;
    }
    if (!row.note) this.#unseen += 1;
    // Rows that the reader may be looking at stay. Newer lines are counted, and read again on
    // demand.
    if (this.buffer.isOver) this.#dropLast();
  }

  #push(row: LogRow): void {
    this.#drawMarks(row.at);
    this.buffer.push(row);
  }

  /** Draws the marks up to a time, before the row of that time. */
  #drawMarks(at: string): void {
    while (this.#marks[0] && this.#marks[0].at <= at) {
      const [mark, ...rest] = this.#marks;
      this.#marks = rest;
      this.buffer.push(toNote(mark.at, { kind: "event", text: mark.text, tone: "mark" }));
    }
  }

  #dropFirst(): void {
    this.buffer.dropFirst();
    this.hasOlder = true;
    this.#startCursor = null;
    if (this.#break && this.#break.number < this.buffer.first) this.#break = null;
  }

  #dropLast(): void {
    this.buffer.dropLast();
    this.isLive = false;
    this.#endCursor = null;
  }

  #note(text: string, tone: "muted" | "warn" | "bad"): void {
    this.#pushLive(toNote(toSortable(new Date().toISOString()), { kind: "event", text, tone }));
  }

  /** @param limit why no stream is possible; null when the connection was lost */
  #beginBreak(limit: string | null): void {
    if (this.limit.value !== limit) this.#endBreak();
    this.limit.value = limit;
    if (this.#break || !this.isLive) return;
    this.#break = { kind: "break", lostAt: Date.now(), backAt: null, limit, number: this.buffer.end };
    this.#push(toNote(toSortable(new Date().toISOString()), this.#break));
    this.#changed();
  }

  #endBreak(): void {
    this.limit.value = null;
    if (!this.#break) return;
    const { number } = this.#break;
    const row = this.buffer.get(number);
    if (row?.note === this.#break) this.buffer.replace(number, toNote(row.at, { ...this.#break, backAt: Date.now() }));
    this.#break = null;
  }

  /** The first row at a time or later. */
  #find(at: string): number {
    let [low, high] = [this.buffer.first, this.buffer.end];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.buffer.get(middle)?.at ?? "") < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #changed(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.unseen.value = this.#unseen;
      this.version.value += 1;
    });
  }
}
