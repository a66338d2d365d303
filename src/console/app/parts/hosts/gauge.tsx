import type { Tone } from "../../../../facts/tone.ts";
import { formatShare } from "../../../../facts/format.ts";

/**
 * A share of something that is used, 0..1, as a bar. `threshold`: from where on it is a problem.
 * Unknown is hatched.
 */
export function Gauge({
  name,
  value,
  tone,
  threshold,
  title,
}: {
  readonly name: string;
  readonly value: number | null;
  readonly tone: Tone;
  readonly threshold: number | undefined;
  readonly title: string;
}) {
  const limit = threshold === undefined ? "" : `, alert at ${formatShare(threshold)}`;
  const isHot = tone === "warn";
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
