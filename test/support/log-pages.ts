import {
  createLineCounter,
  createLogFilter,
  type LogLine,
  type LogOptions,
  type LogPage,
  type LogPoint,
  toLogPage,
} from "../../src/containers/logs/log.ts";

/**
 * The page of a log in memory, in the order it was written. Around a point at most `reach` lines
 * are searched on each side.
 */
export function readPage(log: readonly LogLine[], options: LogOptions, reach = Infinity): LogPage {
  const { accepts: matches } = createLogFilter(options);
  const toIndex = createLineCounter();
  const lines = log.map((line) => ({ line, index: toIndex(line) }));
  const { around } = options;
  if (!around) {
    const all = lines.filter(({ line }, at) => matches(line, at));
    return toPage(all.slice(-options.tail), { truncated: all.length > options.tail });
  }
  const { point, older, newer } = around;
  const at = lines.findIndex(({ line, index }) => isAt(line, index, point));
  const begin = at === -1 ? (point.stream === null ? lines.length : 0) : at + Number(point.isAfter);
  const near = lines.slice(Math.max(0, begin - reach), begin);
  const far = lines.slice(begin, begin + reach);
  const [before, after] = [near.filter(({ line }) => matches(line, 0)), far.filter(({ line }) => matches(line, 0))];
  const [isOlderCut, isNewerCut] = [begin > reach, lines.length - begin > reach];
  const kept = older === 0 ? [] : before.slice(-older);
  const page = [...kept, ...after.slice(0, newer)];
  return toPage(page, {
    olderCount: kept.length,
    truncated: before.length > older || isOlderCut || (older === 0 && begin > 0),
    hasNewer: after.length > newer || isNewerCut || (newer === 0 && begin < lines.length),
    ...(older > 0 && before.length <= older && isOlderCut && { start: toPoint(near[0], false) }),
    ...(newer > 0 && after.length <= newer && isNewerCut && { end: toPoint(far.at(-1), true) }),
  });
}

interface Placed {
  readonly line: LogLine;
  readonly index: number;
}

function isAt({ timestamp, stream }: LogLine, index: number, point: LogPoint): boolean {
  if (point.stream === null) return timestamp >= point.timestamp;
  return timestamp === point.timestamp && stream === point.stream && index === point.index;
}

function toPage(placed: readonly Placed[], more: Partial<LogPage>): LogPage {
  return toLogPage({ lines: placed.map(({ line }) => line), indexes: placed.map(({ index }) => index), ...more });
}

function toPoint(placed: Placed | undefined, isAfter: boolean): LogPoint | null {
  return placed ? { timestamp: placed.line.timestamp, stream: placed.line.stream, index: placed.index, isAfter } : null;
}
