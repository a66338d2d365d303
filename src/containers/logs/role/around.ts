import { toReleaseKey } from "../../../releases/service-group.ts";
import type { Container } from "../../container.ts";
import { type LogLine, type LogPage, type LogPoint, maxPageBytes, toLineBytes } from "../log.ts";
import { type RoleCut, type SearchLimit, type SpottedLine, toCut, toCutKey } from "./cut.ts";
import {
  byPlace,
  type PlaceOf,
  type PositionedLine,
  type RoleLine,
  toBeginning,
  toMarker,
  toRoleLine,
} from "./lines.ts";
import { aroundContainer, isBefore, toSecondBefore } from "./page.ts";

interface AroundOptions {
  /** At which the pages were read. */
  readonly cut: RoleCut;
  /** Most lines before the cut, and after it. One of them may be 0. */
  readonly older: number;
  readonly newer: number;
}

/** The lines of several logs around a cut. */
export interface RoleAroundPage {
  readonly lines: readonly RoleLine[];
  /** How many of them are before the cut. */
  readonly olderCount: number;
  /** Older, or newer, matching lines were or may have been left out. */
  readonly truncated: boolean;
  readonly hasNewer: boolean;
  /** Where the page before ends, and where the page after begins; null when unknown. */
  readonly start: RoleCut | null;
  readonly end: RoleCut | null;
}

export interface RoleAround {
  /**
   * Adds what was read of one container at the cut. Returns the size of what was dropped, as
   * `toLineBytes`.
   */
  add(container: Container, page: LogPage): number;
  take(): RoleAroundPage;
  /**
   * As RolePage.since: how far back another log is read for this page; null while that is
   * unlimited.
   */
  readonly since: string | null;
}

interface SizedLine extends SpottedLine {
  readonly size: number;
}

/** How far one container was read on one side. */
interface Ending {
  readonly timestamps: readonly string[];
  readonly hasMore: boolean;
  readonly point: LogPoint | null;
}

/** What one side of the cut has, its lines from the oldest to the newest. */
interface Side {
  readonly isOlder: boolean;
  readonly most: number;
  lines: SizedLine[];
  bytes: number;
  /**
   * By `toCutKey`: of each container of which lines were left out by number or size, the one
   * nearest to the cut.
   */
  readonly dropped: Map<string, SizedLine>;
  /**
   * The nearest end of a container that has, or may have, further lines: beyond it the merged lines
   * would be incomplete.
   */
  limit: SearchLimit | null;
  /** There is such a container. */
  hasMore: boolean;
}

/**
 * Merges the lines of several containers around a cut, in the order of their times. A page ends
 * where the first container ends that was not read further, so the order holds over all pages. Each
 * line is in one page, because the cut at each end has the places of the containers.
 */
export function createRoleAround({ cut, older: mostOlder, newer: mostNewer }: AroundOptions): RoleAround {
  const { timestamp } = cut;
  const first = new Map<string, Container>();
  const mostBytes = maxPageBytes / (mostOlder > 0 && mostNewer > 0 ? 2 : 1);
  const [older, newer] = [createSide(true, mostOlder), createSide(false, mostNewer)];

  const put = (side: Side, container: Container, page: LogPage, begin: number, end: number): number => {
    // What comes after the cut has its time at least, though the other stream may have an earlier
    // one.
    let place = side.isOlder ? "" : timestamp;
    for (let at = begin; at < end; at++) {
      const line = page.lines[at] as LogLine;
      if (line.timestamp > place) place = line.timestamp;
      const size = toLineBytes(line);
      side.lines.push({ place, line: toRoleLine(container, line), size, index: page.indexes[at] ?? null });
      side.bytes += size + aroundContainer;
    }
    side.lines.sort(byPlace);
    return trim(side);
  };
  /** Drops lines from the far end. */
  const trim = (side: Side): number => {
    const { lines, most, isOlder } = side;
    let [freed, count] = [0, 0];
    for (; lines.length - count > most || side.bytes > mostBytes; count++) {
      const line = lines.at(isOlder ? count : -1 - count) as SizedLine;
      side.bytes -= line.size + aroundContainer;
      freed += line.size;
      side.dropped.set(toCutKey(line.line.container), line);
    }
    if (count > 0) side.lines = isOlder ? lines.slice(count) : lines.slice(0, -count);
    return freed;
  };
  return {
    add(container, page) {
      const known = first.get(toReleaseKey(container));
      if (!known || isBefore(container, known)) first.set(toReleaseKey(container), container);
      const timestamps = page.lines.map((line) => line.timestamp);
      endAt(older, container, {
        timestamps: timestamps.slice(0, page.olderCount),
        hasMore: page.truncated,
        point: page.start,
      });
      endAt(newer, container, {
        timestamps: timestamps.slice(page.olderCount),
        hasMore: page.hasNewer,
        point: page.end,
      });
      return (
        put(older, container, page, 0, page.olderCount) +
        put(newer, container, page, page.olderCount, page.lines.length)
      );
    },
    take() {
      const [before, after] = [selectComplete(older), selectComplete(newer)];
      const lines = [...before, ...after];
      const start = toCut({ isStart: true, lines, ...toEnd(older, before), cut });
      const stop = toCut({ isStart: false, lines, ...toEnd(newer, after), cut });
      const truncated = older.hasMore || older.dropped.size > 0;
      const hasNewer = newer.hasMore || newer.dropped.size > 0;
      // Each marker is in the page of its time; none is before the first line of all, or after the
      // last one.
      const from = mostOlder === 0 ? timestamp : (start?.timestamp ?? timestamp);
      const isShown = ({ place }: PositionedLine) =>
        place < timestamp ? place >= from : mostNewer > 0 && place < (stop?.timestamp ?? "");
      const markers = [...first.values()]
        .map((container) => ({ place: toBeginning(container), line: toMarker(container, toBeginning(container)) }))
        .filter(isShown);
      const olderLines = [...markers.filter(({ place }) => place < timestamp), ...before].toSorted(byPlace);
      const newerLines = [...markers.filter(({ place }) => place >= timestamp), ...after].toSorted(byPlace);
      const merged = [...olderLines, ...newerLines].map(({ line }) => line);
      return { lines: merged, olderCount: olderLines.length, truncated, hasNewer, start, end: stop };
    },
    get since() {
      const [oldest] = older.lines;
      return mostOlder > 0 && older.lines.length >= mostOlder && oldest ? toSecondBefore(oldest.place) : null;
    },
  };
}

function createSide(isOlder: boolean, most: number): Side {
  return { isOlder, most, lines: [], bytes: 0, dropped: new Map(), limit: null, hasMore: false };
}

/** Notes how far one container was read. */
function endAt(side: Side, container: Container, { timestamps, hasMore, point }: Ending): void {
  side.hasMore ||= hasMore;
  if (side.most === 0 || !hasMore || !point) return;
  // Not before its own lines, though times may be out of order.
  const place = [point.timestamp, ...timestamps].toSorted().at(side.isOlder ? 0 : -1) ?? point.timestamp;
  const limit = { container, point, place };
  if (!side.limit || isBeyond(side, toOrder(side.limit), toOrder(limit))) side.limit = limit;
}

/**
 * The lines up to the limit, and all of the container that it is of: its own are complete in
 * whatever order their times are.
 */
function selectComplete(side: Side): SizedLine[] {
  const { lines, limit } = side;
  if (!limit) return lines;
  const [order, key] = [toOrder(limit), toCutKey(limit.container)];
  return lines.filter((line) => toCutKey(line.line.container) === key || !isBeyond(side, line, order));
}

function toOrder({ container, place }: SearchLimit): PlaceOf {
  return { place, line: { container } };
}

/** Whether one place is further from the cut than another. */
function isBeyond({ isOlder }: Side, one: PlaceOf, other: PlaceOf): boolean {
  return isOlder ? byPlace(one, other) < 0 : byPlace(one, other) > 0;
}

/** How a page ends on one side: at the limit, if not with its last line. */
function toEnd({ lines, limit, dropped, most, isOlder }: Side, selected: readonly SizedLine[]) {
  const beyond = new Map(dropped);
  const chosen = new Set(selected);
  const left = lines.filter((line) => !chosen.has(line));
  for (const line of isOlder ? left : left.toReversed()) beyond.set(toCutKey(line.line.container), line);
  const isLimited =
    limit !== null &&
    !dropped.has(toCutKey(limit.container)) &&
    (left.length > 0 || (dropped.size === 0 && selected.length < most));
  return { dropped: beyond, limit: isLimited ? limit : null };
}
