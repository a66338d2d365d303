import type { NumberFact } from "../facts/number.ts";
import { queueNumberNames, toQueueNumber } from "../facts/queue.ts";
import { toSnakeCase } from "../lib/text.ts";
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
function numbers(unit: string, ...names: readonly string[]): Column[] {
  return names.map((name) => ({ name, type: "number", unit }));
}

/** What Grafana calls each unit. */
const units: Readonly<Record<NumberFact["unit"], string>> = {
  count: "short",
  seconds: "s",
  rate: "cps",
  share: "percentunit",
  percent: "percent",
  load: "short",
  bytes: "bytes",
  speed: "Bps",
};

/** The columns of every table in order, with the names of the documents in schema/grafana/. */
export const containers = [
  ...text("container", "role", "service", "destination", "env", "status", "health", "version", "commit_sha"),
  ...numbers("short", "restarts"),
  time("started_at"),
  time("created_at"),
  ...numbers("percent", "cpu_pct", "mem_pct"),
  ...text("engine", "hostname", "image"),
  flag("stale"),
];

export const queues = [
  ...text("queue", "source", "service", "env", "state"),
  ...queueNumberNames.flatMap((name) =>
    name === "orphans" ? [] : numbers(units[toQueueNumber(name).unit], toSnakeCase(name)),
  ),
  flag("paused"),
  flag("exact"),
  time("observed_at"),
];

export const queueErrors = [
  time("time"),
  ...text("queue", "source", "env", "error"),
  ...numbers("short", "count"),
  ...text("job_id", "fingerprint"),
  time("first_seen"),
  ...numbers("short", "attempts"),
  flag("complete"),
];

export const hosts = [
  ...text("host", "status"),
  ...numbers("percentunit", "cpu_util", "mem_util", "disk_util"),
  ...numbers("short", "load1"),
  ...numbers("Bps", "network_receive", "network_transmit"),
  flag("alert"),
  ...text("instance", "reason"),
];

export const engines = [...text("engine"), flag("ok"), ...numbers("s", "age_seconds"), ...text("error")];

/** The fields of Grafana's annotations. */
const annotation = [time("time"), ...text("title", "text", "tags")];

export const deploys = [
  ...annotation,
  ...text("tag", "previous_tag", "commit_sha", "deployed_by", "state", "service", "destination", "env"),
  ...numbers("s", "duration_seconds"),
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
  ...numbers("short", "exit_code"),
];
