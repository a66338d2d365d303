import { assembleReport, type HostReading, type HostReport, type Thresholds } from "../hosts/host.ts";
import type { Steps } from "../lib/budget/steps.ts";
import { escapeName } from "../lib/redact/names.ts";
import { formatRfc3339 } from "../lib/time.ts";
import type { Sample, Vector } from "./answer.ts";
import { PrometheusError } from "./failure.ts";
import { type Metric, metrics } from "./query.ts";

/** The series of one job and instance, by metric. */
interface Target {
  readonly job: string;
  readonly instance: string;
  readonly series: Partial<Record<Metric, Sample>>;
}

/** Metrics that become values of a host, and their words in a reason. */
const words = { cpu: "CPU", mem: "memory", disk: "file system", load1: "load", rx: "network", tx: "network" } as const;
type ValueMetric = keyof typeof words;

const downReason = "node-exporter does not answer Prometheus (up is 0)";
const missedReason = "node-exporter missed the last scrape: these are the values before it";

/**
 * The answer of `hostQuery` as hosts. @throws PrometheusError `no_metrics` when nothing in it is
 * usable: no host, or only hosts that are up without one finite value.
 */
export function* toHostReport(vector: Vector, thresholds: Thresholds): Steps<HostReport> {
  const targets = mergeByInstance((yield* groupByTarget(vector.samples)).filter(isHost));
  yield;
  const readings = targets.map(toReading);
  const isAnyUsable = readings.some(isUsable) || targets.some(hasMissed);
  if (vector.evaluatedAt === null || !isAnyUsable) throw new PrometheusError("no_metrics");
  return assembleReport(readings, thresholds, formatRfc3339(vector.evaluatedAt * 1000));
}

function isUsable(reading: HostReading): boolean {
  const { cpuUtil, memUtil, diskUtil, load1, networkReceiveBytesPerSec, networkTransmitBytesPerSec } = reading;
  const values = [cpuUtil, memUtil, diskUtil, load1, networkReceiveBytesPerSec, networkTransmitBytesPerSec];
  return reading.status === "down" || values.some((value) => value !== null);
}

function* groupByTarget(samples: readonly Sample[]): Steps<Target[]> {
  const targets = new Map<string, Target>();
  for (const sample of samples) {
    yield;
    const { m: metric, job = "", instance } = sample.labels;
    if (!instance || !isMetric(metric)) continue;
    const key = JSON.stringify([job, instance]);
    const target = targets.get(key) ?? { job, instance, series: {} };
    targets.set(key, target);
    // Two node names in the hour before a host went down: any rule works that does not depend on
    // the order of the answer.
    const known = target.series[metric];
    if (!known || (metric === "uname" && nodename(sample) < nodename(known))) target.series[metric] = sample;
  }
  return [...targets.values()];
}

/**
 * Without `up` (pushed metrics) only an instant value shows that a host is alive: rates and the
 * last node name continue for minutes from the samples of a dead one.
 */
function isHost({ series }: Target): boolean {
  return Boolean(series.up ?? series.mem ?? series.disk ?? series.load1);
}

/**
 * Two jobs that scrape one address see one machine: the job that reaches it counts, then one that
 * missed a scrape, else the first by name.
 */
function mergeByInstance(targets: readonly Target[]): Target[] {
  const byInstance = new Map<string, Target>();
  for (const target of targets.toSorted((a, b) => (a.job < b.job ? -1 : 1))) {
    const known = byInstance.get(target.instance);
    if (!known || rank(known) > rank(target)) byInstance.set(target.instance, target);
  }
  return [...byInstance.values()];
}

/**
 * Needs `up`: rate() continues for up to 5 minutes for a dead host. One failed scrape does not
 * prove a dead host.
 */
function isDown(target: Target): boolean {
  const { up } = target.series;
  return up !== undefined && Number(up.value) !== 1 && !hasMissed(target);
}

function hasMissed({ series }: Target): boolean {
  return series.missed !== undefined;
}

/** Rank of a reading: of two of one machine, the lower counts. */
function rank(target: Target): number {
  if (isDown(target)) return 2;
  return hasMissed(target) ? 1 : 0;
}

function toReading(target: Target): HostReading {
  const down = isDown(target);
  const reasons = new Set<string>(down ? [downReason] : hasMissed(target) ? [missedReason] : []);
  const read = (metric: ValueMetric): number | null => {
    if (down) return null;
    const sample = target.series[metric];
    const value = sample ? Number(sample.value) : Number.NaN;
    if (sample?.value.trim() && Number.isFinite(value)) return value;
    reasons.add(sample ? `the ${words[metric]} value is not finite` : `no ${words[metric]} metrics`);
    return null;
  };
  const label = (name: string) => (down ? null : escapeName(target.series.disk?.labels[name] ?? "") || null);
  return {
    nodename: target.series.uname ? escapeName(nodename(target.series.uname)) || null : null,
    instance: escapeName(target.instance),
    status: down ? "down" : "up",
    cpuUtil: clamp(read("cpu")),
    memUtil: clamp(read("mem")),
    diskUtil: clamp(read("disk")),
    diskMountpoint: label("mountpoint"),
    diskDevice: label("device"),
    load1: read("load1"),
    networkReceiveBytesPerSec: read("rx"),
    networkTransmitBytesPerSec: read("tx"),
    reason: reasons.size > 0 ? [...reasons].join("; ") : null,
  };
}

/** Rounding in rate() can leave the range slightly; a share never does. `+ 0` turns -0 into 0. */
function clamp(value: number | null): number | null {
  return value === null ? null : Math.min(1, Math.max(0, value)) + 0;
}

function nodename(sample: Sample): string {
  return sample.labels["nodename"] ?? "";
}

function isMetric(name: string | undefined): name is Metric {
  return (metrics as readonly (string | undefined)[]).includes(name);
}
