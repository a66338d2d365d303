import { quartiles } from "../statistics.ts";

/** What grows, by its name in /metrics; the factor makes megabytes of bytes. */
const gauges = {
  rss: ["process_resident_memory_bytes", 1e-6],
  heap: ["nodejs_heap_size_used_bytes", 1e-6],
  external: ["nodejs_external_memory_bytes", 1e-6],
  descriptors: ["process_open_fds", 1],
} as const;
type Gauge = keyof typeof gauges;
export const gaugeNames = Object.keys(gauges) as Gauge[];

/** A process at one time: megabytes, and a number of descriptors. */
export type Sample = Readonly<Record<Gauge, number>> & { readonly seconds: number };

/** Of the text of /metrics. */
export function parseSample(text: string, seconds: number): Sample {
  const entries = Object.entries(gauges).map(([name, [family, factor]]) => {
    const value = new RegExp(`^${family} (\\S+)$`, "m").exec(text)?.[1];
    return [name, Number(value) * factor];
  });
  return { ...(Object.fromEntries(entries) as Record<Gauge, number>), seconds };
}

export interface Growth {
  /** Least squares, an hour. */
  readonly slope: number;
  /** Medians of the first and the last twelfth of the time. */
  readonly first: number;
  readonly last: number;
  /** From the one to the other, in per cent. */
  readonly percent: number;
}

/** The caches are full after this share of the time. */
const warmShare = 1 / 3;
/** Five minutes of an hour. */
const endShare = 1 / 12;

/** How a gauge grew from a third of the time on. */
export function toGrowth(samples: readonly Sample[], gauge: Gauge): Growth {
  const [begin, end] = [samples[0]?.seconds ?? 0, samples.at(-1)?.seconds ?? 0];
  const all = samples.filter(({ seconds }) => seconds >= begin + (end - begin) * warmShare);
  const width = (end - begin) * endShare;
  const from = all[0]?.seconds ?? 0;
  const median = (some: readonly Sample[]) => quartiles(some.map((sample) => sample[gauge])).median;
  const first = median(all.filter(({ seconds }) => seconds <= from + width));
  const last = median(all.filter(({ seconds }) => seconds >= end - width));
  return {
    slope: toSlope(all.map((sample) => [sample.seconds / 3600, sample[gauge]])),
    first,
    last,
    percent: (last / first - 1) * 100,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Least squares. */
function toSlope(points: readonly (readonly [x: number, y: number])[]): number {
  const [middle, level] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const above = points.reduce((sum, [x, y]) => sum + (x - middle) * (y - level), 0);
  return above / points.reduce((sum, [x]) => sum + (x - middle) ** 2, 0);
}
