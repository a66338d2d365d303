import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import {
  type ContainerSeriesKind,
  GrafanaAlertsDocument,
  GrafanaContainerSeriesDocument,
  GrafanaContainersDocument,
  GrafanaDeploysDocument,
  GrafanaEnginesDocument,
  GrafanaHostSeriesDocument,
  GrafanaHostsDocument,
  GrafanaQueueErrorsDocument,
  GrafanaQueueSeriesDocument,
  GrafanaQueuesDocument,
  GrafanaRestartsDocument,
  GrafanaUpDocument,
  type HostSeriesKind,
  type QueueSeriesKind,
} from "../generated/grafana.ts";
import * as columns from "./columns.ts";
import { deploys, happenings } from "./events.ts";
import { findNamed, type PayloadName } from "./filters.ts";
import { type Metric, series, table } from "./metric.ts";

const ofQueues: readonly PayloadName[] = ["queue", "source", "env"];
const ofContainers: readonly PayloadName[] = ["container", "role", "destination", "env", "engine", "accessories"];

/** Every metric. To add one: a row here and a document in schema/grafana/. */
export const metrics: readonly Metric[] = [
  table("containers", "Containers", GrafanaContainersDocument, columns.containers, ofContainers),
  table("queues", "Queues", GrafanaQueuesDocument, columns.queues, ofQueues),
  table("queue_errors", "Errors of queues, last hour", GrafanaQueueErrorsDocument, columns.queueErrors, ofQueues),
  table("hosts", "Hosts", GrafanaHostsDocument, columns.hosts, ["host"]),
  deploys("deploys", "Deploys", GrafanaDeploysDocument, columns.deploys, ["env", "destination"]),
  happenings("restarts", "Restarts", GrafanaRestartsDocument, columns.restarts, [
    "env",
    "destination",
    "role",
    "container",
  ]),
  happenings("alerts", "Alerts", GrafanaAlertsDocument, columns.alerts, [
    "env",
    "destination",
    "role",
    "container",
    "queue",
    "host",
    "kind",
  ]),
  table("engines", "Container engines", GrafanaEnginesDocument, columns.engines, ["engine", "env"]),
  queueSeries("queue_depth", "Depth of queues", "depth", "short"),
  queueSeries("queue_processed_per_sec", "Processed each second", "processed_per_sec", "cps"),
  queueSeries("queue_failures", "Failures in each step", "failures", "short"),
  queueSeries("queue_oldest_age", "Age of the oldest waiting job", "oldest_age_seconds", "s"),
  hostSeries("host_cpu_util", "CPU of hosts", "cpu_util", "percentunit"),
  hostSeries("host_mem_util", "Memory of hosts", "mem_util", "percentunit"),
  hostSeries("host_disk_util", "Fullest disk of hosts", "disk_util", "percentunit"),
  hostSeries("host_load1", "Load of hosts", "load", "short"),
  containerSeries("container_cpu_pct", "CPU of containers", "cpu_pct", "percent"),
  containerSeries("container_mem_pct", "Memory of containers", "mem_pct", "percent"),
  series("up", "How many are up", GrafanaUpDocument, { up: "short", total: "short" }, ["kind", "env"]),
];

function queueSeries(name: string, label: string, kind: QueueSeriesKind, unit: string): Metric {
  return series(name, label, GrafanaQueueSeriesDocument, { value: unit }, ofQueues, { kind });
}

function hostSeries(name: string, label: string, kind: HostSeriesKind, unit: string): Metric {
  return series(name, label, GrafanaHostSeriesDocument, { value: unit }, ["host"], { kind });
}

function containerSeries(name: string, label: string, kind: ContainerSeriesKind, unit: string): Metric {
  return series(name, label, GrafanaContainerSeriesDocument, { value: unit }, ofContainers, { kind });
}

export function isMetric(name: string): boolean {
  return metrics.some((metric) => metric.name === name);
}

/** Throws invalid_request with the known names for an unknown one. */
export function getMetric(name: string): Metric {
  return findNamed("metric", metrics, name);
}

/** The documents of all metrics, for compilation. */
export const metricDocuments: readonly TypedDocumentNode<never, never>[] = [
  ...new Set(metrics.map(({ document }) => document)),
];
