import * as is from "../fields.ts";
import type { PanelSpec } from "../model.ts";
import { type Column, table } from "../panels.ts";
import { by, graphql, rank, timeRange } from "../targets.ts";

const toQueue = "/d/ops-queues?var-queue=${__value.raw}";
const toContainer = "/d/ops-containers?var-container=${__value.raw}";
const toRole = "/d/ops-containers?var-role=${__value.raw}";
const toHost = "/d/ops-containers?var-host=${__value.raw}";
const toDeploys = "/d/ops-deploys";

/** Hosts, those that are down or hot first. */
export const hosts: PanelSpec = table({
  title: "Hosts",
  description:
    "From Prometheus' node-exporters, down and hot ones first. Hot: at or above the gateway's CPU or memory threshold. A host that is down has no numbers, and its containers may be unknown too.",
  target: graphql({
    query: "{ hosts { name status alert cpuUtil memUtil diskUtil load1 reason } }",
    root: "data.hosts",
    columns: {
      name: "string",
      status: "string",
      alert: "boolean",
      cpuUtil: "number",
      memUtil: "number",
      diskUtil: "number",
      load1: "number",
      reason: "string",
    },
    computed: { badness: "(status == 'DOWN' ? 2 : (alert == true ? 1 : 0))" },
  }),
  worstFirst: "badness",
  columns: [
    { field: "name", name: "Host", leadsTo: toHost },
    { field: "status", name: "Status", states: is.hostStates, width: 80 },
    { field: "alert", name: "Hot or down", states: is.yes, width: 110 },
    { field: "cpuUtil", name: "CPU", unit: "percentunit", decimals: 0, thresholds: is.utilisation, width: 80 },
    { field: "memUtil", name: "Memory", unit: "percentunit", decimals: 0, thresholds: is.utilisation, width: 80 },
    { field: "diskUtil", name: "Fullest disk", unit: "percentunit", decimals: 0, thresholds: is.utilisation, width: 100 },
    { field: "load1", name: "Load", decimals: 2, width: 80 },
    { field: "reason", name: "Why unknown" },
  ],
});

/** Queues, the stalled first. */
export const queues: PanelSpec = table({
  title: "Queues",
  description:
    "Live from the jobs' own rows, the worst first: stalled (a job could have run for 5 minutes and nothing ended), no_workers, failing (half of what ended failed), backlog. A queue that cannot be read is missing: see Sources.",
  target: graphql({
    query: "{ queues { name source state depth oldestAgeSeconds processedPerSec failuresLastHour dead drainSeconds } }",
    root: "data.queues",
    columns: {
      name: "string",
      source: "string",
      state: "string",
      depth: "number",
      oldestAgeSeconds: "number",
      processedPerSec: "number",
      failuresLastHour: "number",
      dead: "number",
      drainSeconds: "number",
    },
    computed: { badness: rank("state", ["IDLE", "OK", "PAUSED", "BACKLOG", "FAILING", "NO_WORKERS", "STALLED"]) },
  }),
  worstFirst: "badness",
  columns: [
    { field: "name", name: "Queue", leadsTo: toQueue },
    { field: "state", name: "State", states: is.queueStates, width: 100 },
    { field: "depth", name: "Waiting", decimals: 0, width: 80 },
    { field: "oldestAgeSeconds", name: "Oldest waits", unit: "s", decimals: 0, thresholds: is.waiting, width: 110 },
    { field: "processedPerSec", name: "Done per second", decimals: 2, width: 120 },
    { field: "failuresLastHour", name: "Failed, last hour", decimals: 0, thresholds: is.anyIsBad, width: 130 },
    { field: "dead", name: "Dead", decimals: 0, width: 70 },
    { field: "drainSeconds", name: "Clear in", unit: "s", decimals: 0, width: 90 },
    { field: "source", name: "Source", width: 130 },
  ],
});

/** Containers, the unhealthy first. */
export const containers: PanelSpec = table({
  title: "Containers",
  description:
    "Core containers, unhealthy and restarting ones first. Stale: its engine does not answer, and this is the last known state. Restarts are those of the restart policy since it was last started by hand.",
  target: graphql({
    query: `{ containers(${by.env}) { name role env status health stale restarts version startedAt engine } }`,
    root: "data.containers",
    columns: {
      name: "string",
      role: "string",
      env: "string",
      status: "string",
      health: "string",
      stale: "boolean",
      restarts: "number",
      version: "string",
      startedAt: "timestamp",
      engine: "string",
    },
    computed: {
      badness:
        "(health == 'UNHEALTHY' ? 5 : (status == 'restarting' ? 4 : (status != 'running' ? 3 : (stale == true ? 2 : (health == 'STARTING' ? 1 : 0)))))",
    },
  }),
  worstFirst: "badness",
  columns: [
    { field: "name", name: "Container", leadsTo: toContainer },
    { field: "health", name: "Health", states: is.healths, width: 90 },
    { field: "status", name: "Status", states: is.statuses, width: 90 },
    { field: "stale", name: "Stale", states: is.yes, width: 70 },
    { field: "restarts", name: "Restarts", decimals: 0, thresholds: is.anyIsBad, width: 80 },
    { field: "startedAt", name: "Started", unit: "dateTimeFromNow", width: 120 },
    { field: "role", name: "Role", leadsTo: toRole, width: 90 },
    { field: "env", name: "Environment", states: is.environments, width: 100 },
    { field: "version", name: "Release", leadsTo: toDeploys },
    { field: "engine", name: "Engine", width: 100 },
  ],
});

/** Errors over all queues, the most frequent first. */
export const errors: PanelSpec = table({
  title: "Errors of jobs, last hour",
  description:
    "Each error once over all queues and sources (without numbers and ids), the most frequent first. First seen after a deploy: see the verdict on Deploys. Not complete: its source had more errors than it returns.",
  target: graphql({
    query: "{ errorGroups(first: 50) { count error firstSeen lastSeen attempts complete fingerprint } }",
    root: "data.errorGroups",
    columns: {
      count: "number",
      error: "string",
      firstSeen: "timestamp",
      lastSeen: "timestamp",
      attempts: "number",
      complete: "boolean",
      fingerprint: "string",
    },
  }),
  worstFirst: "count",
  columns: [
    { field: "count", name: "Failures", decimals: 0, thresholds: is.anyIsBad, width: 90 },
    { field: "error", name: "Error" },
    { field: "firstSeen", name: "First seen", unit: "dateTimeFromNow", width: 130 },
    { field: "lastSeen", name: "Last seen", unit: "dateTimeFromNow", width: 130 },
    { field: "attempts", name: "Most attempts", decimals: 0, width: 110 },
    { field: "complete", name: "Complete", states: is.no, width: 90 },
    { field: "fingerprint", name: "Fingerprint", width: 120 },
  ],
});

/** Drift from the last deploy. */
export const drift: PanelSpec = table({
  title: "What drifted",
  description:
    "Containers that differ from the last deploy; empty if there are none. Settling: a container of the role was created in the last 5 minutes, so a deploy may be in progress.",
  target: graphql({
    query: `{ drift(${by.env}) { kind message service destination role env engine expected settling } }`,
    root: "data.drift",
    columns: {
      kind: "string",
      message: "string",
      service: "string",
      destination: "string",
      role: "string",
      env: "string",
      engine: "string",
      expected: "string",
      settling: "boolean",
    },
    computed: {
      badness: rank("kind", ["ENGINE_UNKNOWN", "LEFTOVER", "MIXED_RELEASES", "MISSING_ON_ENGINE", "UNEXPECTED_RELEASE"]),
    },
  }),
  worstFirst: "badness",
  columns: [
    { field: "kind", name: "Kind", states: is.driftKinds, width: 130 },
    { field: "message", name: "What" },
    { field: "service", name: "Service", width: 130 },
    { field: "destination", name: "Destination", width: 100 },
    { field: "role", name: "Role", leadsTo: toRole, width: 90 },
    { field: "env", name: "Environment", states: is.environments, width: 100 },
    { field: "engine", name: "Engine", width: 100 },
    { field: "expected", name: "Should run" },
    { field: "settling", name: "Settling", width: 80 },
  ],
});

const happened: readonly Column[] = [
  { field: "time", name: "Time", width: 170 },
  { field: "kind", name: "Kind", states: is.timelineKinds, width: 130 },
  { field: "message", name: "What" },
  { field: "who", name: "Who", width: 110 },
  { field: "container", name: "Container", leadsTo: toContainer },
  { field: "queue", name: "Queue", leadsTo: toQueue },
  { field: "host", name: "Host", leadsTo: toHost, width: 120 },
];

/** What happened, the newest first; of all kinds or of some. */
export function timeline(title: string, description: string, kinds: readonly string[] = []): PanelSpec {
  const only = kinds.length > 0 ? `, kinds: [${kinds.join(", ")}]` : "";
  return table({
    title,
    description,
    target: graphql({
      query: `{ timeline(${timeRange}, first: 200, ${by.env}${only}) { nodes { time kind message who container queue host } } }`,
      root: "data.timeline.nodes",
      columns: {
        time: "timestamp",
        kind: "string",
        message: "string",
        who: "string",
        container: "string",
        queue: "string",
        host: "string",
      },
    }),
    worstFirst: "time",
    columns: happened,
  });
}
