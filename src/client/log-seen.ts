/** A line of a log, or a marker where a release begins, as far as it is recognised. */
export interface LogLine {
  readonly kind: string;
  /** With nine decimals: such texts sort as their times do. */
  readonly timestamp: string;
  readonly stream?: string | null;
  readonly message: string;
  readonly container: { readonly name: string; readonly engine: string };
}

/** A container of its engine: names are unique on one engine only. */
export function toWriterKey({ name, engine }: LogLine["container"]): string {
  return `${engine}/${name}`;
}

/**
 * How far one stream (stdout, stderr) of one container was seen. The times of its lines only grow.
 */
interface Mark {
  at: string;
  /** Lines with this very time. */
  count: number;
  /** The reading in which it occurred last. */
  reading: number;
  /** In this reading: how many lines of the time `at` were repeated. */
  repeats: number;
  /** In this reading, a line after those seen has come: all later ones are new. */
  isPast: boolean;
}

/** How far merged lines may be out of order, ms; they may also be half a second late. */
const disorderMs = 2000;
/** By how much two readings may date the same marker differently, ms. */
const markerMs = 60_000;

/**
 * What was shown of a log, so that it can be read again from an earlier time without a repeated
 * line. It needs no lines, only the last one of each stream of each container.
 */
export class SeenLines {
  /** Lines before this time are not wanted; "" while it is unknown. */
  #floor: string;
  readonly #since: string | null;
  #newest = "";
  #reading = 0;
  /** The time from which the reading has all lines; null if it is known to miss none. */
  #from: string | null = null;
  /** Newest line when the reading began. */
  #before = "";
  readonly #marks = new Map<string, Mark>();
  readonly #markers = new Map<string, number>();
  /** By name: containers whose lines are late, as their engine does not answer. */
  readonly #late = new Map<string, { readonly from: string; readonly until: string }>();

  /**
   * @param since from when on lines are wanted, with nine decimals; null: no limit
   * @param isCut only the newest lines of that time are wanted: those before the first one that is
   * shown are not
   */
  constructor(since: string | null, isCut: boolean) {
    this.#since = since;
    this.#floor = isCut ? "" : (since ?? "");
  }

  /**
   * Where a reading continues: a little before the newest line, because lines may be out of order.
   * Null when nothing is known.
   */
  get resumeAt(): string | null {
    if (this.#newest === "") return this.#since;
    const from = [toEarlier(this.#newest), ...[...this.#late.values()].map((late) => late.from)].toSorted()[0] ?? "";
    return from > this.#floor ? from : this.#floor;
  }

  /** A new reading begins, from this time on: what was seen may come again. */
  begin(since: string | null): void {
    this.#reading += 1;
    this.#from = since;
    this.#before = this.#newest;
  }

  /** Lines of this container may come later than others'. */
  holdBack(name: string): void {
    if (this.#newest !== "" && !this.#late.has(name))
      this.#late.set(name, { from: toEarlier(this.#newest), until: this.#newest });
  }

  /**
   * Whether lines before these are missing: the first lines of a container are not the ones that
   * were seen last.
   */
  mayMiss(lines: readonly LogLine[]): boolean {
    const met = new Set<string>();
    return lines.some((line) => {
      const key = toKey(line);
      if (line.kind === "MARKER" || met.has(key)) return false;
      met.add(key);
      const mark = this.#marks.get(key);
      if (!mark || mark.reading === this.#reading || this.#from === null) return false;
      return mark.at >= this.#from && line.timestamp > mark.at;
    });
  }

  /** Whether the line was not seen yet; from now on it was. */
  take(line: LogLine): boolean {
    const { timestamp: at } = line;
    const isNew = line.kind === "MARKER" ? this.#takeMarker(line) : this.#takeLine(toKey(line), at);
    if (!isNew) return false;
    if (at > this.#newest) this.#newest = at;
    if (this.#floor === "") this.#floor = at;
    if (this.#late.size > 0 && at > (this.#late.get(line.container.name)?.until ?? at))
      this.#late.delete(line.container.name);
    return true;
  }

  #takeLine(key: string, at: string): boolean {
    const mark = this.#marks.get(key);
    if (!mark) {
      this.#marks.set(key, { at, count: 1, reading: this.#reading, repeats: 0, isPast: true });
      return true;
    }
    if (mark.reading !== this.#reading) {
      mark.reading = this.#reading;
      mark.repeats = mark.count;
      mark.isPast = false;
    }
    if (!mark.isPast) {
      if (at < mark.at) return false;
      if (at === mark.at && mark.repeats > 0) {
        mark.repeats -= 1;
        return false;
      }
      mark.isPast = true;
    }
    mark.count = at === mark.at ? mark.count + 1 : 1;
    mark.at = at;
    return true;
  }

  /** A marker has no place in a log: its time depends on who reads. */
  #takeMarker({ message, timestamp }: LogLine): boolean {
    const ms = Date.parse(timestamp);
    const last = this.#markers.get(message);
    if (last !== undefined && Math.abs(ms - last) < markerMs) return false;
    if (timestamp.slice(0, 19) < this.#before.slice(0, 19)) return false;
    this.#markers.set(message, ms);
    return true;
  }
}

function toKey({ container, stream }: LogLine): string {
  return `${toWriterKey(container)} ${stream ?? ""}`;
}

function toEarlier(at: string): string {
  return new Date(Date.parse(at) - disorderMs).toISOString().replace("Z", "000000Z");
}
