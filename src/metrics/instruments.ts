import manifest from "../../package.json" with { type: "json" };
import type { ObserveRequest } from "../http/request-log.ts";
import { type ObserveCall, upstreams } from "../lib/upstream-call.ts";
import { type Family, type Sample, toFamily, toLabels } from "./exposition.ts";
import { createProcessFamilies } from "./process.ts";

/** The gateway's own costs: recorded at once, collected by a scrape. */
export interface Instruments {
  readonly observeCall: ObserveCall;
  readonly observeRequest: ObserveRequest;
  readonly collect: () => readonly Family[];
}

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Other methods count as "other": a client may send any. */
const methods = new Set(["GET", "HEAD", "POST", "OPTIONS"]);

/** The counters of one process. All label values are our own words, so their number is limited to our routes, statuses and codes. */
export function createInstruments(): Instruments {
  const [requests, calls, failures] = [createCounter(), createCounter(), createCounter()];
  const [durations, waits] = [createHistogram(), createHistogram()];
  for (const upstream of upstreams) calls.add({ upstream }, 0);
  const build = toLabels({ version: manifest.version, node: process.versions.node });
  const collectProcess = createProcessFamilies();
  return {
    observeCall: (upstream, seconds, code) => {
      calls.add({ upstream });
      waits.add({ upstream }, seconds);
      if (code !== null) failures.add({ upstream, code });
    },
    observeRequest: ({ method, route = "none", status, seconds }) => {
      requests.add({ route, method: methods.has(method) ? method : "other", code: status });
      if (seconds !== null) durations.add({ route }, seconds);
    },
    collect: () => [
      toFamily(
        "counter",
        "ops_http_requests_total",
        "Requests that were answered, by route (none: no path of ours, or no token) and HTTP status.",
        requests.samples(),
      ),
      toFamily(
        "histogram",
        "ops_http_request_duration_seconds",
        "From a request's arrival to the end of its answer; without answers that stream.",
        durations.samples(),
      ),
      toFamily("counter", "ops_upstream_requests_total", "Calls sent to an upstream.", calls.samples()),
      toFamily("counter", "ops_upstream_errors_total", "Calls to an upstream that failed, by error code.", failures.samples()),
      toFamily(
        "histogram",
        "ops_upstream_request_duration_seconds",
        "How long a call to an upstream took until its answer.",
        waits.samples(),
      ),
      toFamily("info", "ops_build_info", "What runs; always 1.", [{ labels: build, value: 1 }]),
      ...collectProcess(),
    ],
  };
}

type Labels = Parameters<typeof toLabels>[0];

/** A sum for each set of labels. */
function createCounter() {
  const sums = new Map<string, number>();
  return {
    add(labels: Labels, by = 1): void {
      const text = toLabels(labels);
      sums.set(text, (sums.get(text) ?? 0) + by);
    },
    samples: (): Sample[] => [...sums].map(([labels, value]) => ({ labels, value })),
  };
}

/** How many values lie at or below each bound, their sum and their number, for each set of labels. */
function createHistogram() {
  const series = new Map<string, { readonly counts: number[]; sum: number; count: number }>();
  return {
    add(labels: Labels, value: number): void {
      const text = toLabels(labels);
      const found = series.get(text) ?? { counts: buckets.map(() => 0), sum: 0, count: 0 };
      series.set(text, found);
      const first = buckets.findIndex((bound) => value <= bound);
      for (let index = first; index >= 0 && index < buckets.length; index += 1)
        found.counts[index] = (found.counts[index] ?? 0) + 1;
      found.sum += value;
      found.count += 1;
    },
    samples: (): Sample[] =>
      [...series].flatMap(([labels, { counts, sum, count }]) => [
        ...counts.map((below, index) => toBucket(toFloat(buckets[index] ?? 0), labels, below)),
        toBucket("+Inf", labels, count),
        { suffix: "_sum", labels, value: sum },
        { suffix: "_count", labels, value: count },
      ]),
  };
}

const toBucket = (bound: string, labels: string, value: number): Sample => ({
  suffix: "_bucket",
  labels: `le="${bound}",${labels}`,
  value,
});

/** OpenMetrics writes bounds as floating-point numbers. */
function toFloat(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
