import { Counter, Gauge, Histogram, Registry } from "prom-client";
import manifest from "../../package.json" with { type: "json" };
import { type Upstream, upstreams } from "../lib/upstream-call.ts";
import { addProcess } from "./process.ts";

/** An answered request. */
export interface Answered {
  readonly method: string;
  /** Template of the path, or the mount of its surface; undefined for a path that is not ours. */
  readonly route: string | undefined;
  /** HTTP status; 499 when the client disconnected. */
  readonly status: number;
  /** Null for an endless answer. */
  readonly seconds: number | null;
}

export interface Recorders {
  readonly registry: Registry;
  call(upstream: Upstream, seconds: number, code: string | null): void;
  request(answered: Answered): void;
}

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Other methods count as "other": a client may send any. */
const methods = new Set(["GET", "HEAD", "POST", "OPTIONS"]);

/** The counters, in their own registry. All label values are our own words, so their number is limited to our routes, statuses and codes. */
export function createRecorders(): Recorders {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "ops_http_requests_total",
    help: "Requests that were answered, by route (none: no path of ours, or no token) and HTTP status.",
    labelNames: ["route", "method", "code"],
    registers,
  });
  const durations = new Histogram({
    name: "ops_http_request_duration_seconds",
    help: "From a request's arrival to the end of its answer; without answers that stream.",
    labelNames: ["route"],
    buckets,
    registers,
  });
  const calls = new Counter({
    name: "ops_upstream_requests_total",
    help: "Calls sent to an upstream.",
    labelNames: ["upstream"],
    registers,
  });
  const failures = new Counter({
    name: "ops_upstream_errors_total",
    help: "Calls to an upstream that failed, by error code.",
    labelNames: ["upstream", "code"],
    registers,
  });
  const waits = new Histogram({
    name: "ops_upstream_request_duration_seconds",
    help: "How long a call to an upstream took until its answer.",
    labelNames: ["upstream"],
    buckets,
    registers,
  });
  for (const upstream of upstreams) calls.inc({ upstream }, 0);
  addBuild(registry);
  addProcess(registry);
  return {
    registry,
    call(upstream, seconds, code) {
      calls.inc({ upstream });
      waits.observe({ upstream }, seconds);
      if (code !== null) failures.inc({ upstream, code });
    },
    request({ method, route = "none", status, seconds }) {
      requests.inc({ route, method: methods.has(method) ? method : "other", code: String(status) });
      if (seconds !== null) durations.observe({ route }, seconds);
    },
  };
}

function addBuild(registry: Registry): void {
  const build = new Gauge({
    name: "ops_build_info",
    help: "What runs; always 1.",
    labelNames: ["version", "node"],
    registers: [registry],
  });
  build.set({ version: manifest.version, node: process.versions.node }, 1);
}
