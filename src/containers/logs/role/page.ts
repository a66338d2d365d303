import { parseLogTime } from "../../../lib/time.ts";
import { toReleaseKey } from "../../../releases/service-group.ts";
import type { Container } from "../../container.ts";
import { type LogLine, maxPageBytes, toLineBytes } from "../log.ts";
import { byPlace, type PositionedLine, type RoleLine, toBeginning, toMarker, toRoleLine } from "./lines.ts";

/** What the container adds to a line of an answer, bytes of JSON. */
const aroundContainer = 250;

interface Sized extends PositionedLine {
  /** As `toLineBytes`. */
  readonly size: number;
}

export interface RolePage {
  /** What one container gives: its newest lines, oldest first, in the order they were written. Answers what was let go, as `toLineBytes`. */
  add(container: Container, lines: readonly LogLine[]): number;
  /** All of them in the order of their times, with a marker (not counted) where a release begins that begins not before the first line. */
  take(): RoleLine[];
  /** Whether older lines were left out here. */
  readonly dropped: boolean;
  /**
   * From when on another log is to be read for this page, as `since` wants it: older lines have no place here; null while they have. A second before
   * the oldest line, for the two streams of a container are only almost in order.
   */
  readonly since: string | null;
}

/**
 * The newest `tail` lines of several containers. What is too old is let go with each container that is added, so that no more than the answer is
 * held. `until` (a log timestamp) hides the markers of later releases.
 */
export function createRolePage(tail: number, until: string | null = null): RolePage {
  let selected: Sized[] = [];
  let bytes = 0;
  /** The newest one that was left out: nothing comes back from before it, though it may be short enough. */
  let floor: PositionedLine | null = null;
  const first = new Map<string, Container>();

  return {
    add(container, lines) {
      const known = first.get(toReleaseKey(container));
      if (!known || isBefore(container, known)) first.set(toReleaseKey(container), container);
      let place = "";
      for (const line of lines) {
        if (line.timestamp > place) place = line.timestamp;
        const size = toLineBytes(line);
        selected.push({ place, line: toRoleLine(container, line), size });
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
      }
      if (start > 0) selected = selected.slice(start);
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
    get dropped() {
      return floor !== null;
    },
    get since() {
      const isFull = floor !== null || selected.length >= tail;
      return isFull && selected[0] ? toSecondBefore(selected[0].place) : null;
    },
  };
}

/** Whether it is the first of two of one release, whichever of them is read first. */
function isBefore(container: Container, known: Container): boolean {
  if (container.createdAt !== known.createdAt) return container.createdAt < known.createdAt;
  return container.name < known.name;
}

function toSecondBefore(timestamp: string): string {
  const [seconds = "0", fraction = "0"] = (parseLogTime(timestamp, 0) ?? "0").split(".");
  return `${Math.max(0, Number(seconds) - 1)}.${fraction}`;
}
