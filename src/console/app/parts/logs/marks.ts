import { formatClock } from "../../../../facts/format.ts";

/** A line that is drawn across the log at a moment. */
export interface LogMark {
  /** RFC 3339. */
  readonly at: string;
  readonly text: string;
}

/**
 * Lines across at the moment that was asked for. With a `name`, such as an attempt: where it began
 * and ended, as far as that is known; one whose end is its beginning too has no known beginning. An
 * end in whole seconds is drawn after the lines of its second.
 * @param at RFC 3339
 * @param to its end, RFC 3339; null when unknown
 */
export function toMarks(at: string, to: string | null, name: string | null): LogMark[] {
  if (name === null && to === null) return [{ at, text: toPreciseClock(at) }];
  const what = name ?? "it";
  return [
    ...(to === at ? [] : [{ at, text: `${what} began, ${toPreciseClock(at)}` }]),
    ...(to === null
      ? []
      : [{ at: to.replace(/(:\d\d)Z$/, "$1.999999999Z"), text: `${what} ended, ${toPreciseClock(to)}` }]),
  ];
}

/** With milliseconds where they are known. */
function toPreciseClock(at: string): string {
  return formatClock(at, { millis: at.includes(".") });
}
