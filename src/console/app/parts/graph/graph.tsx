import { signal } from "@preact/signals";
import { useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { findCurrent, findGaps, findNearest, toPath, toTimeTicks, toValueTicks } from "./scale.ts";
import { formatLocalTime, unknownText } from "../../../../facts/format.ts";

type Tone = "accent" | "ok" | "warn" | "bad" | "muted";

export interface Series {
  readonly label: string;
  /** Null is unknown: a gap. As many as there are times. */
  readonly values: readonly (number | null)[];
  /** The colours of states, or the accent. */
  readonly tone?: Tone;
}

export interface GraphMark {
  /** Unix ms. */
  readonly at: number;
  readonly label: string;
  /** @default "accent" */
  readonly tone?: "accent" | "bad" | "muted";
}

interface GraphProps {
  /** Unix ms, ascending. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  readonly label: string;
  /** The time before which nothing is known, unix ms: hatched, like gaps between known points. */
  readonly knownSince?: number | null;
  /**
   * Whether a gap between points says that there was nothing to measure: then it is blank. @default
   * false
   */
  readonly isSparse?: boolean;
  /** Moments with a line across: deploys. */
  readonly marks?: readonly GraphMark[];
  /** A line that should not be crossed, in the series' unit. */
  readonly threshold?: number;
  /** The top of the scale, where it has one. */
  readonly max?: number;
  /** Pixels. @default 160 */
  readonly height?: number;
  /** Called with the time that was clicked, unix ms. */
  readonly onPick?: (at: number) => void;
}

const [left, right, top, bottom] = [56, 12, 8, 20];
const [tickWidth, tickHeight, letterWidth] = [84, 36, 6.2];
/** Half of the width of a time: nearer to the right edge it would be cut. */
const tickRoom = 18;

/** The time under the pointer, at which all graphs of a screen show their values. */
const pointed = signal<number | null>(null);

/**
 * A graph with axes, gaps where numbers are unknown, and a line for each deploy. The pointer's
 * values are in the legend.
 */
export function Graph(props: GraphProps) {
  const { times, series, format, label, knownSince, isSparse, marks = [], threshold, height = 160, onPick } = props;
  const [box, width] = useWidth();
  const hatch = useId();
  const [from, to] = [times[0] ?? 0, times.at(-1) ?? 1];
  const inner = Math.max(1, width - left - right);
  const toX = (at: number) => left + ((at - from) / (to - from || 1)) * inner;
  const { scaleTop, ticks } = useMemo(() => {
    const largest = Math.max(
      props.max ?? 0,
      threshold ?? 0,
      ...series.flatMap(({ values }) => values.filter((value) => value !== null)),
    );
    const { top: found, ticks: values } = toValueTicks(
      largest,
      Math.max(2, Math.floor((height - top - bottom) / tickHeight)),
    );
    return { scaleTop: found, ticks: values };
  }, [series, props.max, threshold, height]);
  const toY = (value: number) => height - bottom - (Math.max(0, value) / scaleTop) * (height - top - bottom);
  const lines = useMemo(() => {
    const xs = times.map(toX);
    return series.map(({ values, tone = "accent" }) => ({
      tone,
      path: toPath(
        xs,
        values.map((value) => (value === null ? null : toY(value))),
      ),
    }));
  }, [times, series, width, height, scaleTop]);
  const toTime = ({ clientX, currentTarget }: { readonly clientX: number; readonly currentTarget: Element }) =>
    from + ((clientX - currentTarget.getBoundingClientRect().left - left) / inner) * (to - from);
  const unknownEnd = knownSince === null || knownSince === undefined ? left : Math.min(toX(to), toX(knownSince));
  const isKnown = (index: number) => isSparse || series.some(({ values }) => typeof values[index] === "number");
  const unknown = [
    [left, unknownEnd] as const,
    ...findGaps(times, isKnown).map(([before, after]) => [toX(times[before] ?? 0), toX(times[after] ?? 0)] as const),
  ];
  const isNow = pointed.value !== null && pointed.value >= from && pointed.value <= to;

  return (
    <div class={`graph ${onPick ? "pick" : ""}`} ref={box}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={label}
        onPointerMove={(event) => (pointed.value = toTime(event))}
        onPointerLeave={() => (pointed.value = null)}
        onClick={(event) => onPick?.(Math.min(to, Math.max(from, toTime(event))))}
      >
        <pattern id={hatch} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line x1="0" x2="0" y1="0" y2="6" class="grid" />
        </pattern>
        {unknown.map(
          ([begin, end]) =>
            end > begin && (
              <rect
                key={begin}
                x={begin}
                y={top}
                width={end - begin}
                height={height - top - bottom}
                fill={`url(#${hatch})`}
              />
            ),
        )}
        {ticks.map((value) => (
          <g key={value}>
            <line class="grid" x1={left} x2={width - right} y1={toY(value)} y2={toY(value)} />
            <text x={left - 6} y={toY(value) + 4} text-anchor="end">
              {format(value)}
            </text>
          </g>
        ))}
        {toTimeTicks(from, to, inner / tickWidth).map((tick) => (
          <text
            key={tick.value}
            x={toX(tick.value)}
            y={height - 4}
            text-anchor={toX(tick.value) > width - tickRoom ? "end" : "middle"}
          >
            {tick.label}
          </text>
        ))}
        {threshold !== undefined && (
          <line class="limit" x1={left} x2={width - right} y1={toY(threshold)} y2={toY(threshold)} />
        )}
        {lines.map(({ tone, path }, index) => (
          <path key={series[index]?.label} class={tone} d={path} />
        ))}
        <Marks marks={marks.filter(({ at }) => at >= from && at <= to)} toX={toX} height={height} end={width - right} />
        {isNow && (
          <line
            class="pointed"
            x1={toX(pointed.value as number)}
            x2={toX(pointed.value as number)}
            y1={top}
            y2={height - bottom}
          />
        )}
      </svg>
      <Legend times={times} series={series} isKnown={isKnown} format={format} at={isNow ? pointed.value : null} />
    </div>
  );
}

interface LegendProps extends Pick<GraphProps, "times" | "series" | "format"> {
  readonly isKnown: (index: number) => boolean;
  /** Unix ms; null for now. */
  readonly at: number | null;
}

/**
 * The values at a time, else the current ones; an unknown value has the last known one on hover.
 */
function Legend({ times, series, format, isKnown, at }: LegendProps) {
  const index = at === null ? findCurrent(times, isKnown) : findNearest(times, at);
  return (
    <p class="legend">
      {series.map(({ label, values, tone = "accent" }) => {
        const value = values[index] ?? null;
        const last = value === null ? values.findLastIndex((one) => one !== null) : -1;
        const title =
          last < 0 ? undefined : `Last known: ${format(values[last] ?? 0)}, ${formatLocalTime(times[last] ?? 0)}`;
        return (
          <span key={label} title={title}>
            <i class={tone} aria-hidden="true" /> {label} {value === null ? unknownText : format(value)}
          </span>
        );
      })}
      <span>{at === null ? "" : formatLocalTime(times[index] ?? at)}</span>
    </p>
  );
}

interface MarksProps {
  readonly marks: readonly GraphMark[];
  readonly toX: (at: number) => number;
  readonly height: number;
  /** Where the graph ends. */
  readonly end: number;
}

/**
 * A line across for each mark, and its label where that has room before the next one; the newest
 * has room on its left as well.
 */
function Marks({ marks, toX, height, end: graphEnd }: MarksProps) {
  let end = graphEnd;
  return (
    <>
      {marks
        .toSorted((one, other) => other.at - one.at)
        .map(({ at, label, tone = "accent" }, index) => {
          const [x, room] = [toX(at), label.length * letterWidth + 8];
          const isLeft = index === 0 && x + room > end && x - room > left;
          const hasRoom = isLeft || x + room <= end;
          end = isLeft ? x - room : x;
          return (
            <g key={`${at} ${label}`}>
              <line class={tone} x1={x} x2={x} y1={top} y2={height - bottom}>
                <title>
                  {label} {formatLocalTime(at)}
                </title>
              </line>
              {hasRoom && (
                <text class={tone} x={x + (isLeft ? -4 : 4)} y={top + 9} text-anchor={isLeft ? "end" : "start"}>
                  {label}
                </text>
              )}
            </g>
          );
        })}
    </>
  );
}

/** The width that an element has, pixels, as it changes. */
function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const measure = () => setWidth(element.clientWidth);
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return [box, width] as const;
}
