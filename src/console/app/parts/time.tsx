import { now } from "../page/clock.ts";
import { toClock, toDay, toDuration, toLocalTime, unknownText } from "../../../lib/format.ts";

/** How long ago: "12 min", with the absolute time on hover. `prefix` and `suffix` go around it, only where the time is known. */
export function Since({
  at,
  suffix = "",
}: {
  readonly at: string | number | null | undefined;
  readonly suffix?: string;
}) {
  if (at === null || at === undefined) return <span class="none">{unknownText}</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={toLocalTime(at)}>
      {toDuration(wholeSecondsSince(at))}
      {suffix}
    </time>
  );
}

function wholeSecondsSince(at: string | number): number {
  return Math.max(0, Math.floor((now.value - new Date(at).getTime()) / 1000));
}

/** The time of day, and the day when it is another one. */
export function Clock({ at, millis = false }: { readonly at: string | number; readonly millis?: boolean }) {
  const isToday = toDay(at) === toDay(now.peek());
  return (
    <time dateTime={new Date(at).toISOString()} title={toLocalTime(at)}>
      {isToday ? "" : `${toDay(at)} `}
      {toClock(at, { millis })}
    </time>
  );
}
