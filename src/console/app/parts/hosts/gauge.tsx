import { formatShare } from "../../../../facts/format.ts";

/**
 * A share of something that is used, 0..1, as a bar. `threshold`: where the host raises its alert flag. Unknown is hatched.
 */
export function Gauge({
  name,
  value,
  threshold,
  title,
}: {
  readonly name: string;
  readonly value: number | null;
  readonly threshold?: number | undefined;
  readonly title: string;
}) {
  const limit = threshold === undefined ? "" : `, alert at ${formatShare(threshold)}`;
  const isHot = isAtLimit(value, threshold);
  const words = value === null ? "unknown" : formatShare(value);
  return (
    <span class={`gauge ${value === null ? "none" : isHot ? "hot" : ""}`} title={`${title}: ${words}${limit}`}>
      <span
        class="track"
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={value === null ? 0 : Math.round(value * 100)}
        aria-valuetext={words}
      >
        {value !== null && <span class="fill" style={{ width: `${Math.min(100, value * 100)}%` }} />}
        {threshold !== undefined && <span class="limit" style={{ left: `${threshold * 100}%` }} />}
      </span>
      <span class="value">
        {isHot && <span aria-hidden="true">▲ </span>}
        {words}
      </span>
    </span>
  );
}

/** Whether a known share is at its threshold or above. */
export function isAtLimit(value: number | null, threshold: number | undefined): boolean {
  return value !== null && threshold !== undefined && value >= threshold;
}
