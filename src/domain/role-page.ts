import type { Container, LogLine } from "./container.ts";
import { byPlace, type Placed, type RoleLine, toBeginning, toMarker, toRelease, toRoleLine } from "./role-line.ts";

/** Text of one answer at most, characters; as that of a single container. */
const maxChars = 5_000_000;

export interface RolePage {
  /** What one container gives: its newest lines, oldest first, in the order they were written. */
  add(container: Container, lines: readonly LogLine[]): void;
  /** All of them in the order of their times, with a marker (not counted) where a release begins that begins not before the first line. */
  take(): RoleLine[];
  /** Whether older lines were left out here. */
  readonly dropped: boolean;
}

/**
 * The newest `tail` lines of several containers. What is too old is let go with each container that is added, so that no more than the answer is
 * held. `until` (a log timestamp) hides the markers of later releases.
 */
export function createRolePage(tail: number, until: string | null = null): RolePage {
  let kept: Placed[] = [];
  let chars = 0;
  let dropped = false;
  const first = new Map<string, Container>();

  return {
    add(container, lines) {
      const known = first.get(toRelease(container));
      if (!known || container.createdAt < known.createdAt) first.set(toRelease(container), container);
      let place = "";
      for (const line of lines) {
        if (line.timestamp > place) place = line.timestamp;
        kept.push({ place, line: toRoleLine(container, line) });
        chars += line.message.length;
      }
      kept.sort(byPlace);
      let start = 0;
      while (kept.length - start > tail || chars > maxChars) chars -= kept[start++]?.line.message.length ?? 0;
      if (start > 0) {
        dropped = true;
        kept = kept.slice(start);
      }
    },
    take() {
      const [oldest] = kept;
      if (!oldest) return [];
      const markers = [...first.values()]
        .map((container) => ({ place: toBeginning(container), line: toMarker(container, toBeginning(container)) }))
        .filter(({ place }) => place >= oldest.place && (until === null || place <= until));
      return [...markers, ...kept].toSorted(byPlace).map(({ line }) => line);
    },
    get dropped() {
      return dropped;
    },
  };
}
