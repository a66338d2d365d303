import { toReleaseKey } from "../../../releases/service-group.ts";
import { type Container } from "../../container.ts";
import { type LogLine, type StoredBatch, toLater } from "../log.ts";
import {
  byPlace,
  type PlaceOf,
  type PositionedLine,
  type RoleLine,
  toBeginning,
  toMarker,
  toRoleLine,
} from "./lines.ts";
import { isBefore } from "./page.ts";

/**
 * How one container was read. `truncated`: it has, or may have, older lines than were read.
 * `error`: why its further lines are missing; null when none are.
 */
export interface StoredPart {
  readonly container: Container;
  readonly truncated: boolean;
  readonly error: unknown;
  /** As StoredBatch. */
  readonly historyError?: unknown;
}

/** Some lines of several logs that are read once, in the order of their times. */
export interface StoredRoleBatch {
  readonly lines: readonly RoleLine[];
  /** In the last batch of a whole reading: each container. Else empty. */
  readonly parts: readonly StoredPart[];
  /**
   * In the last batch: no line after this time is missing, a log timestamp, where some container is
   * truncated. Else null.
   */
  readonly completeSince: string | null;
  /** Why this is the last batch: complete, or the reason of the signal; null while more follow. */
  readonly ended: string | null;
}

interface StoredRole {
  readonly containers: readonly Container[];
  /** Opens the log of one container; not before its lines may come next. */
  readonly read: (container: Container) => AsyncGenerator<StoredBatch, void>;
  /** Log timestamps. Markers outside of them are left out. */
  readonly since: string | null;
  readonly until: string | null;
  readonly signal: AbortSignal;
}

/**
 * Most lines and characters of a batch, and how long found lines wait for more while others are
 * searched for, ms.
 */
const most = { lines: 1000, size: 256 << 10, waitMs: 100 };
/** A container has no line longer before its creation, as its engine dates both, ms. */
const earlyMs = 5000;

/** One container, and its next line. */
interface Reading {
  readonly container: Container;
  /** None of its lines has an earlier time. */
  readonly opensAt: string;
  batches: AsyncGenerator<StoredBatch, void> | null;
  lines: readonly LogLine[];
  at: number;
  /** As PositionedLine.place of the next line. */
  place: string;
  cutAt: string | null;
  error: unknown;
  historyError?: unknown;
}

/**
 * Merges the stored lines of several containers: one pass over each log, in the order of their
 * times; lines of one container keep theirs. Holds one piece of each container that is read. A
 * container is opened when the merge comes to the time of its creation, so old releases are read
 * one after the other. One that cannot be read does not affect the others; rejects when none can. A
 * marker stands where a release begins. Ends with the signal.
 */
export async function* readStoredRole({
  containers,
  read,
  since,
  until,
  signal,
}: StoredRole): AsyncGenerator<StoredRoleBatch, void> {
  const all = containers.map(toReading);
  const waiting = all.toSorted((a, b) => (a.opensAt < b.opensAt ? -1 : Number(a.opensAt > b.opensAt)));
  const open: Reading[] = [];
  const markers = listMarkers(containers, since, until);
  let lines: RoleLine[] = [];
  let size = 0;
  let handedAt = performance.now();

  const give = (part: Partial<StoredRoleBatch> = {}): StoredRoleBatch => {
    const batch = { lines, parts: [], completeSince: null, ended: null, ...part };
    lines = [];
    size = 0;
    handedAt = performance.now();
    return batch;
  };
  const add = (line: RoleLine) => {
    lines.push(line);
    size += line.message.length + 64;
  };
  const isFull = () => lines.length >= most.lines || size >= most.size;
  const fill = async (reading: Reading): Promise<void> => {
    reading.batches ??= read(reading.container);
    try {
      for (;;) {
        const { value, done } = await reading.batches.next();
        if (done) break;
        reading.cutAt ??= value.cutAt;
        reading.historyError ??= value.historyError;
        if (value.lines.length === 0) continue;
        [reading.lines, reading.at] = [value.lines, 0];
        return toNext(reading);
      }
    } catch (error) {
      signal.throwIfAborted();
      reading.error = error;
    }
    open.splice(open.indexOf(reading), 1);
  };
  try {
    for (;;) {
      let [next, second] = findNext(open);
      const opening = waiting.filter(({ opensAt }) => !next || opensAt <= next.place);
      if (opening.length > 0) {
        // Without a line to compare with, only the oldest ones are due.
        const due = next ? opening : opening.filter(({ opensAt }) => opensAt === opening[0]?.opensAt);
        waiting.splice(0, due.length);
        open.push(...due);
        await Promise.all(due.map(fill));
        continue;
      }
      if (!next) break;
      // All that comes before the others' next lines.
      const bound = waiting[0]?.opensAt ?? null;
      for (;;) {
        while (markers[0] && markers[0].place <= next.place) add((markers.shift() as PositionedLine).line);
        add(toRoleLine(next.container, next.lines[next.at] as LogLine));
        next.at += 1;
        if (isFull()) yield give();
        if (next.at >= next.lines.length) {
          if (lines.length > 0 && performance.now() - handedAt > most.waitMs) yield give();
          await fill(next);
          break;
        }
        toNext(next);
        if (second && byPlace(toPlace(next), toPlace(second)) > 0) break;
        if (bound !== null && bound <= next.place) break;
      }
    }
    const failed = all.filter(({ error }) => error !== null);
    if (failed.length === all.length && failed[0]) throw failed[0].error;
    for (const { line } of markers) add(line);
    const parts = all.map(({ container, cutAt, error, historyError }) => ({
      container,
      truncated: cutAt !== null,
      error,
      ...(historyError !== undefined && { historyError }),
    }));
    const cuts = all.flatMap(({ cutAt }) => cutAt ?? []).toSorted();
    const latest = cuts.at(-1);
    yield give({ parts, completeSince: latest === undefined ? null : toLater(latest), ended: "complete" });
  } catch (error) {
    if (!signal.aborted) throw error;
    if (typeof signal.reason === "string") yield give({ ended: signal.reason });
  } finally {
    await Promise.all(open.map(async ({ batches }) => batches?.return()));
  }
}

function toReading(container: Container): Reading {
  const early = new Date(Math.max(0, Date.parse(toBeginning(container)) - earlyMs));
  const opensAt = `${early.toISOString().slice(0, 19)}.000000000Z`;
  return { container, opensAt, batches: null, lines: [], at: 0, place: "", cutAt: null, error: null };
}

/** Notes the place of the next line. */
function toNext(reading: Reading): void {
  const { timestamp } = reading.lines[reading.at] as LogLine;
  if (timestamp > reading.place) reading.place = timestamp;
}

function toPlace({ place, container }: Reading): PlaceOf {
  return { place, line: { container } };
}

/** Those whose next lines come first and second. */
function findNext(open: readonly Reading[]): [Reading | null, Reading | null] {
  let [first, second]: [Reading | null, Reading | null] = [null, null];
  for (const reading of open) {
    if (!first || byPlace(toPlace(reading), toPlace(first)) < 0) [first, second] = [reading, first];
    else if (!second || byPlace(toPlace(reading), toPlace(second)) < 0) second = reading;
  }
  return [first, second];
}

/** Where the releases begin, in order. */
function listMarkers(containers: readonly Container[], since: string | null, until: string | null): PositionedLine[] {
  const first = new Map<string, Container>();
  for (const container of containers) {
    const known = first.get(toReleaseKey(container));
    if (!known || isBefore(container, known)) first.set(toReleaseKey(container), container);
  }
  return [...first.values()]
    .map((container) => ({ place: toBeginning(container), line: toMarker(container, toBeginning(container)) }))
    .filter(({ place }) => (since === null || place >= since) && (until === null || place <= until))
    .toSorted(byPlace);
}
