import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { theme } from "../data/theme.ts";
import { toClock, toDay, toLocalTime } from "./format.ts";

export interface Series {
  readonly label: string;
  /** Null is unknown: a gap. As many as there are times. */
  readonly values: readonly (number | null)[];
  /** The colours of states, or the accent. */
  readonly tone?: "accent" | "ok" | "warn" | "bad" | "muted";
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
  /** Before it nothing is known, unix ms: hatched. */
  readonly knownSince?: number | null;
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

function readColour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

/** The course of numbers with axes, gaps where they are unknown, and a line for each deploy. The cursor's values are read in the legend. */
export function Graph(props: GraphProps) {
  const { times, series, label, height = 160 } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = `${series.map(({ label: name, tone }) => `${name} ${tone}`).join("|")} ${height} ${theme.value} ${props.threshold} ${props.max}`;

  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const made = new uPlot(toOptions(latest, element.clientWidth, height), toData(latest.current), element);
    plot.current = made;
    // uPlot's own `bind.click` is that of the legend.
    made.over.addEventListener("click", () => latest.current.onPick?.(made.posToVal(made.cursor.left ?? 0, "x") * 1000));
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(toData(latest.current)), [times, series, props.marks, props.knownSince]);

  return <div class={`graph ${props.onPick ? "pick" : ""}`} ref={box} role="img" aria-label={label} />;
}

function toData({ times, series }: GraphProps): uPlot.AlignedData {
  return [times.map((at) => at / 1000), ...series.map(({ values }) => values as (number | null)[])];
}

function toOptions(latest: { readonly current: GraphProps }, width: number, height: number): uPlot.Options {
  const [line, muted] = [readColour("line"), readColour("muted")];
  const markColours = { accent: readColour("accent"), bad: readColour("bad"), muted };
  const axis = {
    stroke: muted,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
    font: "11px system-ui, sans-serif",
  };
  const { series, format, threshold, max } = latest.current;
  const top = (found: number | null) =>
    Math.max(max ?? 0, (found ?? 0) * (max === undefined ? 1.1 : 1), threshold === undefined ? 0 : threshold * 1.05) || 1;
  return {
    width,
    height,
    padding: [8, 20, 0, 0],
    // Ranges are in the URL: dragging would choose one that no link knows. All graphs of a screen show their values at the same moment.
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: "screen" } },
    legend: { live: true },
    scales: { x: { time: true }, y: { range: (_self, _min, found) => [0, top(found)] } },
    axes: [
      { ...axis, size: 28, values: toTimeLabels },
      { ...axis, size: 56, values: (_self, splits) => splits.map((value) => format(value)) },
    ],
    series: [
      { label: "at", value: (_self, value) => (value === null ? "" : toLocalTime(value * 1000)) },
      ...series.map(({ label, tone = "accent" }) => ({
        label,
        stroke: readColour(tone),
        width: 1.5,
        spanGaps: false,
        points: { show: false },
        value: (_self: uPlot, value: number | null, _series: number, index: number | null) =>
          value !== null ? format(value) : index === null ? "" : "unknown",
      })),
    ],
    hooks: {
      drawClear: [(self) => hatchUnknown(self, latest.current.knownSince ?? null, line)],
      draw: [
        (self) => {
          const { ctx, bbox } = self;
          const ratio = devicePixelRatio;
          ctx.save();
          ctx.lineWidth = ratio;
          drawMarks(self, latest.current.marks ?? [], markColours);
          if (threshold !== undefined) {
            const y = Math.round(self.valToPos(threshold, "y", true));
            ctx.strokeStyle = readColour("bad");
            ctx.setLineDash([4 * ratio, 4 * ratio]);
            ctx.beginPath();
            ctx.moveTo(bbox.left, y);
            ctx.lineTo(bbox.left + bbox.width, y);
            ctx.stroke();
          }
          ctx.restore();
        },
      ],
    },
  };
}

/** A line across for each mark, and its label where that has room before the next one. */
function drawMarks(self: uPlot, marks: readonly GraphMark[], colours: Readonly<Record<string, string>>): void {
  const { ctx, bbox } = self;
  const ratio = devicePixelRatio;
  const right = bbox.left + bbox.width;
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.setLineDash([]);
  let end = right;
  for (const { at, label, tone = "accent" } of marks.toSorted((one, other) => other.at - one.at)) {
    const x = Math.round(self.valToPos(at / 1000, "x", true));
    if (x < bbox.left || x > right) continue;
    [ctx.strokeStyle, ctx.fillStyle] = [colours[tone] ?? "", colours[tone] ?? ""];
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (!label) continue;
    const width = ctx.measureText(label).width + 8 * ratio;
    // The newest one has room on its left as well.
    const isLeft = x + width > end && end === right;
    if (isLeft || x + width <= end) {
      ctx.textAlign = isLeft ? "right" : "left";
      const text = isLeft ? cutText(ctx, label, x - bbox.left - 8 * ratio) : label;
      ctx.fillText(text, x + (isLeft ? -4 : 4) * ratio, bbox.top + 11 * ratio);
    }
    end = isLeft ? x - width : x;
  }
}

function cutText(ctx: CanvasRenderingContext2D, text: string, room: number): string {
  let cut = text;
  while (cut && ctx.measureText(cut).width > room) cut = cut.replace(/.…?$/u, "…").replace(/^…$/, "");
  return cut;
}

/** 24 hours, in the person's zone; the day at midnight and for steps of days. @param step seconds between the labels */
function toTimeLabels(_self: uPlot, splits: readonly number[], _axis: number, _space: number, step: number): string[] {
  return splits.map((seconds) => {
    const clock = toClock(seconds * 1000);
    if (step >= 86_400 || clock === "00:00:00") return toDay(seconds * 1000).slice(5);
    return step < 60 ? clock : clock.slice(0, 5);
  });
}

/** Fills the time before `since` with slanted lines: nothing is known of it. */
function hatchUnknown(self: uPlot, since: number | null, colour: string): void {
  if (since === null) return;
  const { ctx, bbox } = self;
  const end = Math.min(bbox.left + bbox.width, self.valToPos(since / 1000, "x", true));
  if (!(end > bbox.left)) return;
  const { left, top, height } = bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, end - left, height);
  ctx.clip();
  ctx.beginPath();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  for (let x = left - height; x < end; x += 6 * devicePixelRatio) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}
