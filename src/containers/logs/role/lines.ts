import { redactText } from "../../../lib/redact/sanitize.ts";
import { parseLogTime, toLogTimestamp } from "../../../lib/time.ts";
import type { Container } from "../../container.ts";
import type { FollowNotice, LogLine, LogStream } from "../log.ts";

/**
 * A line of one of a role's containers, or a marker: a release begins here. A marker has no stream
 * and no level.
 */
export interface RoleLine extends Omit<LogLine, "stream"> {
  readonly kind: "line" | "marker";
  readonly stream: LogStream | null;
  /** The container that wrote it; for a marker the first container of its release. */
  readonly container: Container;
}

export function toRoleLine(container: Container, { timestamp, stream, level, message }: LogLine): RoleLine {
  return { kind: "line", timestamp, stream, level, message, container };
}

export function toMarker(container: Container, timestamp: string): RoleLine {
  const message = redactText(`release ${container.version} begins: ${container.name} on ${container.engine}`);
  return { kind: "marker", timestamp, stream: null, level: null, message, container };
}

/** Its creation time, which is known in whole seconds, as the time of a log line. */
export function toBeginning({ createdAt }: Container): string {
  return toLogTimestamp(parseLogTime(createdAt, 0) ?? "0");
}

/** A line with the time that it is sorted by. */
export interface PositionedLine {
  readonly line: RoleLine;
  /**
   * Never before the previous line of the same container, whatever the clocks say: the order of one
   * container never changes.
   */
  readonly place: string;
}

/** What the order of merged lines depends on. */
export interface PlaceOf {
  readonly place: string;
  readonly line: { readonly container: Pick<Container, "name" | "engine"> };
}

/** By time, then by container; lines of one container keep their order. */
export function byPlace(a: PlaceOf, b: PlaceOf): number {
  if (a.place !== b.place) return a.place < b.place ? -1 : 1;
  const [one, other] = [a.line.container, b.line.container];
  if (one.name !== other.name) return one.name < other.name ? -1 : 1;
  if (one.engine !== other.engine) return one.engine < other.engine ? -1 : 1;
  return 0;
}

/**
 * What happened to one container of a followed role: something in its own log, or it joined, left,
 * or cannot be read now (it is tried again). `truncated`: it had written more than is sent at once
 * since the reader's `since`, or before it was found, so the oldest of these lines are missing.
 */
export interface RoleNotice {
  readonly notice: FollowNotice | "joined" | "left" | "unreadable";
  readonly container: Container;
  /** Why it cannot be read; else null. */
  readonly error: unknown;
}

/** Some lines of a followed role in the order of their times, with notices for the reader. */
export interface RoleBatch {
  readonly lines: readonly RoleLine[];
  /**
   * Minimum number of matching lines left out before these: this reader was slower than others of
   * the same logs, or one log was truncated.
   */
  readonly dropped: number;
  readonly notices: readonly RoleNotice[];
  /** Why this is the last batch (the reason of the signal); null while more follow. */
  readonly ended: string | null;
}
