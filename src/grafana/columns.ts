import type { Column } from "./metric.ts";

function text(...names: readonly string[]): Column[] {
  return names.map((name) => ({ name, type: "string" }));
}
function flag(name: string): Column {
  return { name, type: "boolean" };
}
function time(name: string): Column {
  return { name, type: "time" };
}
function number(name: string, unit = "short"): Column {
  return { name, type: "number", unit };
}

/** The columns of every table in order, with the names of the documents in schema/grafana/. */
export const containers = [
  ...text("container", "role", "destination", "env", "status", "health", "version", "commit_sha"),
  number("restarts"),
  time("started_at"),
  time("created_at"),
  number("cpu_pct", "percent"),
  number("mem_pct", "percent"),
  ...text("engine", "hostname", "image"),
  flag("stale"),
];

export const queues = [
  ...text("queue", "source", "env", "state"),
  number("depth"),
  number("processed_per_sec", "cps"),
  number("failures_last_hour"),
  number("oldest_age_seconds", "s"),
  number("active"),
  number("deferred"),
  number("retrying"),
  number("dead"),
  number("wait_p95_seconds", "s"),
  number("run_p95_seconds", "s"),
  number("drain_seconds", "s"),
  number("workers"),
  flag("paused"),
  flag("exact"),
  time("observed_at"),
];

export const queueErrors = [
  time("time"),
  ...text("queue", "source", "env", "error"),
  number("count"),
  ...text("job_id", "fingerprint"),
  time("first_seen"),
  number("attempts"),
  flag("complete"),
];

export const hosts = [
  ...text("host", "status"),
  number("cpu_util", "percentunit"),
  number("mem_util", "percentunit"),
  number("disk_util", "percentunit"),
  number("load1"),
  number("network_receive", "Bps"),
  number("network_transmit", "Bps"),
  flag("alert"),
  ...text("instance", "reason"),
];

export const engines = [...text("engine"), flag("ok"), number("age_seconds", "s"), ...text("error")];

/** The fields of Grafana's annotations. */
const annotation = [time("time"), ...text("title", "text", "tags")];

export const deploys = [
  ...annotation,
  ...text("tag", "previous_tag", "commit_sha", "deployed_by", "state", "service", "destination", "env"),
  number("duration_seconds", "s"),
  ...text("command", "origin"),
];

export const restarts = [
  ...annotation,
  ...text("container", "role", "service", "destination", "env", "engine", "version", "who", "outcome"),
];

export const alerts = [
  ...annotation,
  ...text(
    "kind",
    "service",
    "destination",
    "env",
    "from",
    "to",
    "container",
    "role",
    "engine",
    "version",
    "queue",
    "source",
    "host",
  ),
  number("exit_code"),
];
