import { addNanosecond, parseLogTime, toLogTimestamp } from "../../../lib/time.ts";
import type { Container } from "../../container.ts";
import { disorderMs, type LogPoint, toMoment } from "../log.ts";
import type { PositionedLine } from "./lines.ts";

/**
 * Where two neighbouring pages of several logs meet. A container with a place of its own is cut
 * there. All others are cut at a time, in the order of merged lines: of those of this very time,
 * the lines of containers up to `name` and `engine` are before the cut.
 */
export interface RoleCut {
  readonly timestamp: string;
  readonly name: string;
  readonly engine: string;
  /** By `toCutKey`. */
  readonly places: ReadonlyMap<string, LogPoint>;
}

/** A container in a cut. Short, because a cursor has it. */
export function toCutKey({ engine, id }: Pick<Container, "engine" | "id">): string {
  return `${engine}/${id}`;
}

/** The point at which the log of one container is cut. */
export function toCutPoint({ timestamp, name, engine, places }: RoleCut, container: Container): LogPoint {
  const place = places.get(toCutKey(container));
  if (place) return place;
  const isBefore = container.name !== name ? container.name < name : container.engine < engine;
  return toMoment(isBefore ? toLater(timestamp) : timestamp);
}

function toLater(timestamp: string): string {
  return toLogTimestamp(addNanosecond(parseLogTime(timestamp, 0) ?? "0.000000000"));
}

/** A merged line, and where it stands in its own log; null when unknown. */
export interface SpottedLine extends PositionedLine {
  /** LogPoint.index. */
  readonly index: number | null;
}

/** A container that was searched up to this point. */
export interface SearchLimit {
  readonly container: Container;
  readonly point: LogPoint;
  /** Its time in the order of merged lines, as PositionedLine.place. */
  readonly place: string;
}

interface PageEnd {
  readonly isStart: boolean;
  /** The lines of the page, oldest first. */
  readonly lines: readonly SpottedLine[];
  /** The nearest line beyond this end of each container of which lines were left out. */
  readonly dropped: ReadonlyMap<string, SpottedLine>;
  /** Where the page ends, if not with its lines. */
  readonly limit: SearchLimit | null;
  /** The cut at which the page was read. */
  readonly cut: RoleCut | null;
}

/**
 * The cut at one end of a page; null for a page without lines or limit. A container of which the
 * page has no lines is cut where it was, unless that is so far away that its lines there are
 * certainly on the other side of the new time.
 */
export function toCut({ isStart, lines, dropped, limit, cut }: PageEnd): RoleCut | null {
  const edge = isStart ? lines[0] : lines.at(-1);
  const end = limit ? { place: limit.place, line: { container: limit.container } } : edge;
  if (!end) return null;
  const isNear = (point: LogPoint) => Math.abs(Date.parse(point.timestamp) - Date.parse(end.place)) <= disorderMs;
  const places = new Map([...(cut?.places ?? [])].filter(([, point]) => isNear(point)));
  const set = ({ line, index }: SpottedLine, isAfter: boolean) => {
    if (index === null || line.stream === null) return;
    places.set(toCutKey(line.container), { timestamp: line.timestamp, stream: line.stream, index, isAfter });
  };
  for (const line of dropped.values()) set(line, isStart);
  for (const line of isStart ? lines.toReversed() : lines) set(line, !isStart);
  if (limit) places.set(toCutKey(limit.container), limit.point);
  const { name, engine } = end.line.container;
  return { timestamp: end.place, name, engine, places };
}
