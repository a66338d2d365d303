import type { AnchorState } from "../audit/anchor-writer.ts";
import type { ObserveRequest } from "../http/request-log.ts";
import type { ErrorCode } from "../lib/errors.ts";
import type { Tracing } from "../lib/tracing/tracing.ts";
import { type ObserveCall, type Upstream, upstreams } from "../lib/upstream-call.ts";
import { built, released } from "../lib/build.ts";
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

/**
 * The codes of failed calls, which are counted from 0 on: a counter that begins with its first
 * error shows no increase.
 */
const errorCodes: Readonly<Record<Upstream, readonly ErrorCode[]>> = {
  docker: ["docker_unavailable", "docker_timeout", "docker_error", "docker_forbidden"],
  postgres: ["postgres_unavailable", "queue_locked", "schema_mismatch", "audit_unavailable"],
  prometheus: ["prometheus_unavailable", "invalid_request"],
  victorialogs: ["log_history_unavailable"],
  rabbitmq: ["queues_unavailable"],
  redis: ["queues_unavailable"],
  deploy: ["deploy_info_invalid", "deploy_info_unreadable"],
};

/**
 * The counters of one process. All label values are our own words, so their number is limited to
 * our routes, statuses and codes.
 */
export function createInstruments(
  tracing: Pick<Tracing, "call" | "dropped"> | null = null,
  anchors: (() => AnchorState) | null = null,
): Instruments {
  const [requests, calls, failures] = [createCounter(), createCounter(), createCounter()];
  const [durations, waits] = [createHistogram(), createHistogram()];
  /** What a request counts in, as writing its labels costs more than counting. */
  const answers = new Map<string, { sum: number }>();
  const times = new Map<string, { add(value: number): void }>();
  for (const upstream of upstreams) {
    calls.at({ upstream });
    for (const code of errorCodes[upstream]) failures.at({ upstream, code });
  }
  const build = toLabels({
    version: released,
    revision: built?.commit,
    built_at: built?.builtAt,
    node: process.versions.node,
  });
  const collectProcess = createProcessFamilies();
  const observeCall: ObserveCall = (upstream, seconds, code) => {
    calls.at({ upstream }).sum += 1;
    waits.at({ upstream }).add(seconds);
    if (code !== null) failures.at({ upstream, code }).sum += 1;
  };
  return {
    observeCall: tracing ? Object.assign(observeCall, { trace: tracing.call }) : observeCall,
    observeRequest: ({ method: sent, route = "none", status, seconds }) => {
      const method = methods.has(sent) ? sent : "other";
      const key = `${method} ${status} ${route}`;
      const counted = answers.get(key) ?? requests.at({ route, method, code: status });
      answers.set(key, counted);
      counted.sum += 1;
      if (seconds === null) return;
      const timed = times.get(route) ?? durations.at({ route });
      times.set(route, timed);
      timed.add(seconds);
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
      toFamily(
        "counter",
        "ops_upstream_errors_total",
        "Calls to an upstream that failed, by error code.",
        failures.samples(),
      ),
      toFamily(
        "histogram",
        "ops_upstream_request_duration_seconds",
        "How long a call to an upstream took until its answer.",
        waits.samples(),
      ),
      ...(tracing ? [toDroppedSpans(tracing)] : []),
      ...(anchors ? toAnchorFamilies(anchors()) : []),
      toFamily("info", "ops_build_info", "The build that runs: version, revision (the commit) and time; always 1.", [
        { labels: build, value: 1 },
      ]),
      ...collectProcess(),
    ],
  };
}

function toAnchorFamilies({ entries, failures }: AnchorState): Family[] {
  const ofEntries =
    "Number of the newest entry of the audit record, read once a minute: it never falls. Absent where it cannot be read, or nothing may be changed.";
  const ofFailures =
    "How often the head of the audit record could not be noted where WALLET_CORE_OPS_AUDIT_ANCHOR says.";
  return [
    toFamily("gauge", "ops_audit_entries", ofEntries, entries),
    toFamily("counter", "ops_audit_anchor_failures_total", ofFailures, failures),
  ];
}

function toDroppedSpans({ dropped }: Pick<Tracing, "dropped">): Family {
  const samples = Object.entries(dropped()).map(([reason, value]) => ({ labels: toLabels({ reason }), value }));
  const help =
    "Spans that were not sent, by reason: their request had too many (limit), too many waited (queue), the receiver did not take them (export).";
  return toFamily("counter", "ops_trace_spans_dropped_total", help, samples);
}

type Labels = Parameters<typeof toLabels>[0];

/** A sum for each set of labels. */
function createCounter() {
  const sums = new Map<string, { sum: number }>();
  return {
    at: (labels: Labels) => find(sums, labels, () => ({ sum: 0 })),
    samples: (): Sample[] => [...sums].map(([labels, { sum }]) => ({ labels, value: sum })),
  };
}

/**
 * How many values lie at or below each bound, their sum and their number, for each set of labels.
 */
function createHistogram() {
  const series = new Map<string, Distribution>();
  return {
    at: (labels: Labels) => find(series, labels, () => new Distribution()),
    samples: (): Sample[] =>
      [...series].flatMap(([labels, { counts, sum, count }]) => [
        ...counts.map((below, index) => toBucket(toFloat(buckets[index] ?? 0), labels, below)),
        toBucket("+Inf", labels, count),
        { suffix: "_sum", labels, value: sum },
        { suffix: "_count", labels, value: count },
      ]),
  };
}

class Distribution {
  readonly counts = buckets.map(() => 0);
  sum = 0;
  count = 0;

  add(value: number): void {
    for (let index = buckets.length - 1; index >= 0 && value <= (buckets[index] ?? 0); index -= 1)
      this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.sum += value;
    this.count += 1;
  }
}

function find<T>(all: Map<string, T>, labels: Labels, create: () => T): T {
  const text = toLabels(labels);
  const found = all.get(text) ?? create();
  all.set(text, found);
  return found;
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
