import type { Container, LogLine, LogStream } from "./container.ts";
import { cleanText } from "./log-clean.ts";
import { parseLogTime, toLogTimestamp } from "./log-time.ts";

/** A line of one of the containers of a role, or a marker: a release begins here. A marker has no stream and no level. */
export interface RoleLine extends Omit<LogLine, "stream"> {
  readonly kind: "line" | "marker";
  readonly stream: LogStream | null;
  /** The one that wrote it; of a marker the first one of its release. */
  readonly container: Container;
}

export function toRoleLine(container: Container, { timestamp, stream, level, message }: LogLine): RoleLine {
  return { kind: "line", timestamp, stream, level, message, container };
}

export function toMarker(container: Container, timestamp: string): RoleLine {
  const message = cleanText(`release ${container.version} begins: ${container.name} on ${container.engine}`);
  return { kind: "marker", timestamp, stream: null, level: null, message, container };
}

/** When it was created, which is told in whole seconds, as the time of a log line. */
export function toBeginning({ createdAt }: Container): string {
  return toLogTimestamp(parseLogTime(createdAt, 0) ?? "0");
}

/** A line with its place: the time that it is sorted by. */
export interface Placed {
  readonly line: RoleLine;
  /** Not before the line that the same container wrote before, whatever their clocks say: the order of one container is never changed. */
  readonly place: string;
}

/** By time, then by container; lines of one container stay as they are. */
export function byPlace(a: Placed, b: Placed): number {
  if (a.place !== b.place) return a.place < b.place ? -1 : 1;
  const [one, other] = [a.line.container, b.line.container];
  if (one.name !== other.name) return one.name < other.name ? -1 : 1;
  if (one.engine !== other.engine) return one.engine < other.engine ? -1 : 1;
  return 0;
}
