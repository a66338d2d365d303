import { type Container } from "../../containers/container.ts";
import { type LogAround, type LogPoint, type LogStream, toMoment } from "../../containers/logs/log.ts";
import { type RoleCut, toCutKey } from "../../containers/logs/role/cut.ts";
import { OpsError } from "../../lib/errors.ts";
import { toLogTimestamp } from "../../lib/time.ts";
import { parseCursor, toCursor } from "../args.ts";
import { parseTimeArg } from "../range.ts";

interface PageArgs {
  readonly tail: number;
  readonly since?: string | null | undefined;
  readonly until?: string | null | undefined;
  readonly at?: string | null | undefined;
  readonly before?: string | null | undefined;
  readonly after?: string | null | undefined;
}

/** A page other than the newest lines: around a time (a log timestamp), or next to a cursor. */
export type PageTurn =
  | { readonly kind: "at"; readonly timestamp: string }
  | { readonly kind: "before" | "after"; readonly cursor: string };

/** How many lines a page has before its point, and from it on. */
export type PageSides = Omit<LogAround, "point">;

/**
 * The page that the arguments request; null for the newest lines. Throws invalid_request for
 * arguments that exclude each other.
 */
export function toPageTurn({ since, until, at, before, after }: PageArgs): PageTurn | null {
  const given = Object.entries({ at, before, after }).filter(([, value]) => value);
  const [[kind, value] = [], other] = given;
  if (other) throw refuse(`${kind} and ${other[0]} cannot be combined`);
  if (!kind || !value) return null;
  if (kind !== "at") return { kind: kind === "before" ? "before" : "after", cursor: value };
  if (since || until) throw refuse(`at cannot be combined with ${since ? "since" : "until"}`);
  return { kind, timestamp: toLogTimestamp(parseTimeArg("at", value, Date.now())) };
}

/** Around a time, half of the lines are before it; an odd one is from it on. */
export function toPageSides({ kind }: PageTurn, tail: number): PageSides {
  if (kind === "before") return { older: tail, newer: 0 };
  return kind === "after" ? { older: 0, newer: tail } : { older: Math.floor(tail / 2), newer: Math.ceil(tail / 2) };
}

const oneLog = "LogPage";
const someLogs = "RoleLogPage";

/** A cursor for `toLinePoint`; null without a point. */
export function toLineCursor(container: Container, point: LogPoint | null): string | null {
  return point && toCursor(oneLog, toCutKey(container), ...toTexts(point));
}

/**
 * The point in the log of this container. Throws invalid_request for a cursor of another container,
 * and for any other text.
 */
export function toLinePoint(turn: PageTurn, container: Container): LogPoint {
  if (turn.kind === "at") return toMoment(turn.timestamp);
  const [key, ...texts] = parseCursor(oneLog, turn.kind, turn.cursor);
  const point = parsePoint(texts);
  if (!point || key !== toCutKey(container)) throw refuse(`${turn.kind} is not a cursor of this log`);
  return point;
}

/** A cursor for `toRoleCut`; null without a cut. */
export function toRoleCursor(cut: RoleCut | null): string | null {
  if (!cut) return null;
  // In a fixed order, whichever log was read first: equal cuts have equal cursors.
  const keys = [...cut.places.keys()].toSorted();
  const places = keys.flatMap((key) => [key, ...toTexts(cut.places.get(key) as LogPoint)]);
  return toCursor(someLogs, cut.timestamp, cut.name, cut.engine, ...places);
}

/**
 * The points at which the logs are cut. Throws invalid_request for a text that is no cursor of a
 * page of several logs.
 */
export function toRoleCut(turn: PageTurn): RoleCut {
  if (turn.kind === "at") return { timestamp: turn.timestamp, name: "", engine: "", places: new Map() };
  const [timestamp = "", name = "", engine = "", ...texts] = parseCursor(someLogs, turn.kind, turn.cursor);
  const places = new Map<string, LogPoint>();
  for (let at = 0; at < texts.length; at += 4) {
    const point = parsePoint(texts.slice(at + 1, at + 4));
    if (point) places.set(texts[at] ?? "", point);
  }
  if (!isTimestamp(timestamp) || places.size * 4 !== texts.length)
    throw refuse(`${turn.kind} is not a cursor of these logs`);
  return { timestamp, name, engine, places };
}

function toTexts({ timestamp, stream, index, isAfter, other, hash }: LogPoint): string[] {
  const [cut, text] = [other === undefined ? "" : `/${other}`, hash === undefined ? "" : `#${hash}`];
  return [timestamp, stream ?? "", `${index}${isAfter ? "+" : ""}${cut}${text}`];
}

const streams = new Map<string, LogStream | null>([
  ["stdout", "stdout"],
  ["stderr", "stderr"],
  ["", null],
]);

function parsePoint([timestamp = "", name = "none", text = ""]: readonly string[]): LogPoint | null {
  const stream = streams.get(name);
  // Cursors of earlier versions have no `hash`, or not even `other`.
  const [, digits, sign, other, hash] = /^(\d{1,9})(\+?)(?:\/(.{30}))?(?:#([0-9a-f]{0,10}))?$/.exec(text) ?? [];
  if (stream === undefined || digits === undefined || !isTimestamp(timestamp)) return null;
  if (other !== undefined && (stream === null || !isTimestamp(other))) return null;
  const point = { timestamp, stream, index: Number(digits), isAfter: sign === "+" };
  return { ...point, ...(other !== undefined && { other }), ...(hash !== undefined && { hash }) };
}

function isTimestamp(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(text) && !Number.isNaN(Date.parse(text));
}

function refuse(message: string): OpsError {
  return new OpsError("invalid_request", message);
}
