import { now } from "../page/clock.ts";
import { formatAge, formatClock, formatDay, formatLocalTime, unknownText } from "../../../facts/format.ts";

/**
 * How long ago: "12 min", with the absolute time on hover. `prefix` and `suffix` go around it, only
 * where the time is known.
 */
export function Since({
  at,
  suffix = "",
}: {
  readonly at: string | number | null | undefined;
  readonly suffix?: string;
}) {
  if (at === null || at === undefined) return <span class="none">{unknownText}</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={formatLocalTime(at)}>
      {formatAge(at, now.value)}
      {suffix}
    </time>
  );
}

/** The time of day, and the day when it is another one. */
export function Clock({ at, millis = false }: { readonly at: string | number; readonly millis?: boolean }) {
  const isToday = formatDay(at) === formatDay(now.peek());
  return (
    <time dateTime={new Date(at).toISOString()} title={formatLocalTime(at)}>
      {isToday ? "" : `${formatDay(at)} `}
      {formatClock(at, { millis })}
    </time>
  );
}
