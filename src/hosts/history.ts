import { type HistoryRange, isFresh, toGrid } from "../lib/range.ts";

/**
 * A host at one time. Values are null where unknown and where the host was down; they never repeat
 * earlier ones.
 */
export interface HostPoint {
  /** RFC 3339 UTC with seconds. */
  readonly time: string;
  /** Whether its exporter answered Prometheus; null where Prometheus did not scrape it. */
  readonly up: boolean | null;
  /**
   * Busy share of all CPUs, 0..1, over the step that ends here: at least 5 minutes, at most an
   * hour.
   */
  readonly cpuUtil: number | null;
  readonly memUtil: number | null;
  /** The fullest real file system. */
  readonly diskUtil: number | null;
  readonly load1: number | null;
}

export interface HostHistory {
  /**
   * Between two points, seconds: the requested step, or its next multiple that is no shorter than
   * Prometheus' scrape interval.
   */
  readonly stepSeconds: number;
  /** Oldest first. */
  readonly points: readonly HostPoint[];
}

/** The values of a host in one scrape job, one for each time of the range; NaN without one. */
export interface HostSeries {
  /** Unix seconds of the newest scrape. */
  readonly sampled: readonly number[];
  /** 1 when the scrape succeeded. */
  readonly up: readonly number[];
  readonly cpu: readonly number[];
  readonly mem: readonly number[];
  readonly disk: readonly number[];
  readonly load1: readonly number[];
}

type Values = Omit<HostPoint, "time">;

const unknown: Values = { up: null, cpuUtil: null, memUtil: null, diskUtil: null, load1: null };

/**
 * The past of one host from all jobs that scrape it: at each time, from a job that reached it.
 * Without jobs all points are unknown. Values need `up`: rates continue for minutes from the
 * samples of a dead host.
 */
export function toHostHistory(range: HistoryRange, jobs: readonly HostSeries[]): HostHistory {
  const sampled = Array.from({ length: range.steps }, (_, index) => newest(jobs, index));
  const { stepSeconds, points } = toGrid(range, sampled);
  const scraped = jobs.filter(({ up }) => up.some(isFinite));
  const pushed = jobs.filter(({ up }) => !up.some(isFinite));
  return {
    stepSeconds,
    points: points.map(({ index, at, time }) => {
      const asked = scraped.filter((job) => isFresh(job.sampled[index], at, stepSeconds));
      const alive = asked.find(({ up }) => up[index] === 1) ?? pushed.find((job) => hasValue(job, index));
      const silent = asked.length > 0 ? { ...unknown, up: false } : unknown;
      return { time, ...(alive ? read(alive, index) : silent) };
    }),
  };
}

function newest(jobs: readonly HostSeries[], index: number): number {
  const times = jobs.map(({ sampled }) => sampled[index]).filter(isFinite);
  return times.length > 0 ? Math.max(...times) : Number.NaN;
}

/** For pushed metrics without `up`: a value that is not a rate shows that the host was alive. */
function hasValue({ mem, disk, load1 }: HostSeries, index: number): boolean {
  return [mem, disk, load1].some((series) => isFinite(series[index]));
}

function read({ cpu, mem, disk, load1 }: HostSeries, index: number): Values {
  return {
    up: true,
    cpuUtil: toShare(cpu[index]),
    memUtil: toShare(mem[index]),
    diskUtil: toShare(disk[index]),
    load1: isFinite(load1[index]) ? load1[index] : null,
  };
}

/** `+ 0` turns -0 into 0. */
function toShare(value: number | undefined): number | null {
  return isFinite(value) ? Math.min(1, Math.max(0, value)) + 0 : null;
}

function isFinite(value: number | undefined): value is number {
  return Number.isFinite(value);
}
