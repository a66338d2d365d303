import { toReleaseKey } from "../../../releases/service-group.ts";
import type { Container } from "../../container.ts";
import { type LogLine, type LogPage, maxPageBytes, toLineBytes, toMoment } from "../log.ts";
import { type RoleCut, type SpottedLine, toCut, toCutKey } from "./cut.ts";
import { byPlace, type PositionedLine, type RoleLine, toBeginning, toMarker, toRoleLine } from "./lines.ts";

/** The container's part of a line in an answer, bytes of JSON. */
export const aroundContainer = 250;

/** After all lines. */
const endOfTime = "9999-12-31T23:59:59.999999999Z";

interface Sized extends SpottedLine {
  /** As `toLineBytes`. */
  readonly size: number;
}

export interface RolePage {
  /**
   * Adds one container's newest lines, oldest first, in the order they were written. Returns the
   * size of what was dropped, as `toLineBytes`. `found` has LogPage.indexes and `truncated`, for
   * the cuts.
   */
  add(container: Container, lines: readonly LogLine[], found?: Partial<LogPage>): number;
  /**
   * All lines in the order of their times. A marker (not counted) stands where a release begins,
   * unless that is before the first line.
   */
  take(): RoleLine[];
  /** Where the page before ends, and where the page after begins; null without lines. */
  readonly start: RoleCut | null;
  readonly end: RoleCut | null;
  /** Whether older lines were left out here. */
  readonly dropped: boolean;
  /** How many, and of which containers. */
  readonly omitted: { readonly count: number; readonly containers: readonly Container[] };
  /**
   * `since` for reading another log for this page: older lines no longer fit; null while they do. A
   * second before the oldest line, because the two streams of a container are only almost in order.
   */
  readonly since: string | null;
}

/**
 * The newest `tail` lines of several containers. Lines that are too old are dropped with each
 * container that is added, so that no more than the answer is held. `until` (a log timestamp) hides
 * the markers of later releases.
 */
export function createRolePage(tail: number, until: string | null = null): RolePage {
  let selected: Sized[] = [];
  let bytes = 0;
  let count = 0;
  /** The newest line left out: nothing older is added again, even if it is short enough. */
  let floor: PositionedLine | null = null;
  const first = new Map<string, Container>();
  const dropped = new Map<string, SpottedLine>();
  /** Containers that may have older lines, though none was found. */
  const unsearched: string[] = [];

  return {
    add(container, lines, { indexes = [], truncated = false } = {}) {
      if (lines.length === 0 && truncated) unsearched.push(toCutKey(container));
      const known = first.get(toReleaseKey(container));
      if (!known || isBefore(container, known)) first.set(toReleaseKey(container), container);
      let place = "";
      for (const [at, line] of lines.entries()) {
        if (line.timestamp > place) place = line.timestamp;
        const size = toLineBytes(line);
        selected.push({ place, line: toRoleLine(container, line), size, index: indexes[at] ?? null });
        bytes += size + aroundContainer;
      }
      selected.sort(byPlace);
      let start = 0;
      const isOver = (one: PositionedLine) =>
        selected.length - start > tail || bytes > maxPageBytes || (floor !== null && byPlace(one, floor) < 0);
      let freed = 0;
      for (let one = selected[0]; one && isOver(one); one = selected[++start]) {
        bytes -= one.size + aroundContainer;
        freed += one.size;
        floor = floor && byPlace(one, floor) < 0 ? floor : one;
        dropped.set(toCutKey(one.line.container), one);
      }
      if (start > 0) selected = selected.slice(start);
      count += start;
      return freed;
    },
    take() {
      const [oldest] = selected;
      if (!oldest) return [];
      const markers = [...first.values()]
        .map((container) => ({ place: toBeginning(container), line: toMarker(container, toBeginning(container)) }))
        .filter(({ place }) => place >= oldest.place && (until === null || place <= until));
      return [...markers, ...selected].toSorted(byPlace).map(({ line }) => line);
    },
    get start() {
      const cut = toCut({ isStart: true, lines: selected, dropped, limit: null, cut: null });
      if (!cut) return null;
      return {
        ...cut,
        places: new Map([...unsearched.map((key) => [key, toMoment(endOfTime)] as const), ...cut.places]),
      };
    },
    get end() {
      return toCut({ isStart: false, lines: selected, dropped: new Map(), limit: null, cut: null });
    },
    get dropped() {
      return floor !== null;
    },
    get omitted() {
      return { count, containers: [...dropped.values()].map(({ line }) => line.container) };
    },
    get since() {
      const isFull = floor !== null || selected.length >= tail;
      return isFull && selected[0] ? toSecondBefore(selected[0].place) : null;
    },
  };
}

/** Whether it comes before another container of its release, in whatever order they are read. */
export function isBefore(container: Container, known: Container): boolean {
  if (container.createdAt !== known.createdAt) return container.createdAt < known.createdAt;
  return container.name < known.name;
}

export function toSecondBefore(timestamp: string): string {
  const second = new Date(Math.max(0, Date.parse(`${timestamp.slice(0, 19)}Z`) - 1000));
  return second.toISOString().slice(0, 19) + timestamp.slice(19);
}
