import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import {
  GrafanaAlertsDocument,
  GrafanaContainerCpuPctDocument,
  GrafanaContainerMemPctDocument,
  GrafanaContainersDocument,
  GrafanaDeploysDocument,
  GrafanaEnginesDocument,
  GrafanaHostCpuUtilDocument,
  GrafanaHostDiskUtilDocument,
  GrafanaHostLoad1Document,
  GrafanaHostMemUtilDocument,
  GrafanaHostsDocument,
  GrafanaQueueDepthDocument,
  GrafanaQueueErrorsDocument,
  GrafanaQueueFailuresDocument,
  GrafanaQueueOldestAgeDocument,
  GrafanaQueueProcessedPerSecDocument,
  GrafanaQueuesDocument,
  GrafanaRestartsDocument,
  GrafanaUpDocument,
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
  series("queue_depth", "Depth of queues", GrafanaQueueDepthDocument, { value: "short" }, ofQueues),
  series(
    "queue_processed_per_sec",
    "Processed each second",
    GrafanaQueueProcessedPerSecDocument,
    { value: "cps" },
    ofQueues,
  ),
  series("queue_failures", "Failures in each step", GrafanaQueueFailuresDocument, { value: "short" }, ofQueues),
  series("queue_oldest_age", "Age of the oldest waiting job", GrafanaQueueOldestAgeDocument, { value: "s" }, ofQueues),
  series("host_cpu_util", "CPU of hosts", GrafanaHostCpuUtilDocument, { value: "percentunit" }, ["host"]),
  series("host_mem_util", "Memory of hosts", GrafanaHostMemUtilDocument, { value: "percentunit" }, ["host"]),
  series("host_disk_util", "Fullest disk of hosts", GrafanaHostDiskUtilDocument, { value: "percentunit" }, ["host"]),
  series("host_load1", "Load of hosts", GrafanaHostLoad1Document, { value: "short" }, ["host"]),
  series("container_cpu_pct", "CPU of containers", GrafanaContainerCpuPctDocument, { value: "percent" }, ofContainers),
  series(
    "container_mem_pct",
    "Memory of containers",
    GrafanaContainerMemPctDocument,
    { value: "percent" },
    ofContainers,
  ),
  series("up", "How many are up", GrafanaUpDocument, { up: "short", total: "short" }, ["kind", "env"]),
];

export function isMetric(name: string): boolean {
  return metrics.some((metric) => metric.name === name);
}

/** Throws invalid_request with the known names for an unknown one. */
export function getMetric(name: string): Metric {
  return findNamed("metric", metrics, name);
}

/** The documents of all metrics, for compilation. */
export const metricDocuments: readonly TypedDocumentNode<never, never>[] = metrics.map(({ document }) => document);
