import type { Tone } from "../../../../facts/tone.ts";

export interface SparkPoint {
  /** Unix ms. */
  readonly at: number;
  readonly value: number | null;
}

/**
 * A small graph, 96 x 24, without axes. Unknown values are gaps; without any known point it is
 * hatched. `marks` are the times of deploys, unix ms. The scale begins at 0 and ends at `max` or at
 * the largest value.
 */
export function Spark({
  points,
  tone = "ok",
  max,
  marks = [],
  label,
}: {
  readonly points: readonly SparkPoint[];
  readonly tone?: Tone;
  readonly max?: number | undefined;
  readonly marks?: readonly number[];
  readonly label: string;
}) {
  const known = points.filter((point): point is { at: number; value: number } => point.value !== null);
  const [first, last] = [points.at(0), points.at(-1)];
  if (known.length < 2 || !first || !last || last.at === first.at)
    return <span class="spark-none" role="img" aria-label={`${label}: no data yet`} />;
  const top = Math.max(max ?? 0, ...known.map(({ value }) => value)) || 1;
  const x = (at: number) => (((at - first.at) / (last.at - first.at)) * 96).toFixed(1);
  const y = (value: number) => (23 - (value / top) * 22).toFixed(1);
  const unknown = (((known[0]?.at ?? first.at) - first.at) / (last.at - first.at)) * 100;
  let line = "";
  let area = "";
  let previous: { at: number; value: number } | null = null;
  for (const { at, value } of points) {
    if (value === null) {
      if (previous) area += `L${x(previous.at)} 24Z`;
      previous = null;
      continue;
    }
    line += `${previous ? "L" : "M"}${x(at)} ${y(value)}`;
    area += previous ? `L${x(at)} ${y(value)}` : `M${x(at)} 24L${x(at)} ${y(value)}`;
    previous = { at, value };
  }
  if (previous) area += `L${x(previous.at)} 24Z`;
  return (
    <svg
      style={{ backgroundSize: `${unknown.toFixed(0)}% 100%` }}
      class={`spark ${tone}`}
      viewBox="0 0 96 24"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="area" d={area} />
      <path d={line} />
      {marks
        .filter((at) => at > first.at && at < last.at)
        .map((at) => (
          <line key={at} x1={x(at)} x2={x(at)} y1="0" y2="24" />
        ))}
    </svg>
  );
}
