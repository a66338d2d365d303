import { containerNumbers, containerStatuses, healthStates } from "../../../src/facts/container.ts";
import { driftKinds } from "../../../src/facts/deploy.ts";
import { hostNumbers } from "../../../src/facts/host.ts";
import { type NumberFact, toHeading } from "../../../src/facts/number.ts";
import { severities } from "../../../src/facts/problem.ts";
import { type QueueNumberName, queueStates, toQueueNumber } from "../../../src/facts/queue.ts";
import type { States, Tone } from "../../../src/facts/tone.ts";
import * as is from "../fields.ts";
import type { Column, TableSpec } from "../panels.ts";
import { by, chosenRows, graphql, rank, timeRange } from "../targets.ts";

/** A link to a dashboard, of which a variable has the cell's text. */
function toCellOf(dashboard: string, variable: string) {
  return { title: "Only ${__value.raw}", url: `/d/${dashboard}?var-${variable}=\${__value.raw:percentencode}` };
}

export const toQueue = toCellOf("ops-queues", "queue");
const toRole = toCellOf("ops-containers", "role");
const toHost = toCellOf("ops-containers", "host");
const toEngine = toCellOf("ops-containers", "engine");

/**
 * One container: needs the fields `container` and `engine`. The whole name is on hover, where a
 * column has no room for it.
 */
const toContainer = {
  title: "Only ${__data.fields.container} on ${__data.fields.engine}",
  url: "/d/ops-containers?var-container=${__data.fields.container:percentencode}&var-engine=${__data.fields.engine:percentencode}",
};

/** Its log in the console, which needs the same fields and signs in by itself. */
const toLog = {
  title: "Log of ${__data.fields.container} on ${__data.fields.engine}",
  url: "${console}/logs?name=${__data.fields.container:percentencode}&engine=${__data.fields.engine:percentencode}",
};

/** The environment and the engine of a row. */
const env: Column = { field: "env", name: "Environment", states: is.environments, width: 105 };
const engine: Column = { field: "engine", name: "Engine", width: 105, link: toEngine };
const source: Column = { field: "source", name: "Source", width: 165 };

/** Of Grafana, for the units that it knows; none for what is only counted. */
const units: Readonly<Partial<Record<NumberFact["unit"], Pick<Column, "unit" | "decimals">>>> = {
  seconds: { unit: "s" },
  rate: { decimals: 2 },
  share: { unit: "percentunit" },
  percent: { unit: "percent", decimals: 1 },
  load: { decimals: 2 },
};

/** A number, with the name and the unit that it has everywhere. */
export function toColumn(field: string, fact: NumberFact, more: Partial<Column>): Column {
  return {
    field,
    name: toHeading(fact),
    decimals: 0,
    ...units[fact.unit],
    ...(fact.isTrouble && { thresholds: is.anyIsTrouble }),
    ...more,
  };
}

function ofQueue(field: QueueNumberName, more: Partial<Column>): Column {
  return toColumn(field, toQueueNumber(field), more);
}

/** What the console's first screen has. */
export const problems: TableSpec = {
  title: "What is wrong now",
  description:
    "By the rules of the alerts, which wait longer: critical first, and what lasts longest. The console's first screen has the next step of each. What could not be checked counts above, under Cannot be asked.",
  target: graphql({
    query: `{ problems(${by.env}) { problems { severity title since evidence env } } }`,
    root: "data.problems.problems",
    columns: {
      severity: "string",
      title: "string",
      since: "timestamp",
      "evidence.0": "string",
      "evidence.1": "string",
      env: "string",
    },
    computed: { badness: rank("severity", Object.keys(severities).toReversed()) },
  }),
  worstFirst: "badness",
  columns: [
    { field: "severity", name: "Severity", states: is.severities, width: 90 },
    { field: "since", name: "Since", unit: "dateTimeFromNow", width: 125 },
    { field: "title", name: "What" },
    { field: "evidence.0", name: "Evidence" },
    { field: "evidence.1", name: "More evidence" },
    env,
  ],
};

/** Hosts, those that are down or hot first. */
export const hosts: TableSpec = {
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
    // Not by the disk: Grafana cannot compare a missing number.
    computed: { badness: "(status == 'DOWN' ? 2 : (alert == true ? 1 : 0))" },
  }),
  worstFirst: "badness",
  columns: [
    { field: "name", name: "Host", width: 150, link: toHost },
    { field: "status", name: "Status", states: is.hostStates, width: 75 },
    { field: "alert", name: "Hot or down", states: is.yes, width: 75 },
    toColumn("cpuUtil", hostNumbers.cpuUtil, { thresholds: is.utilisation, width: 80 }),
    toColumn("memUtil", hostNumbers.memUtil, { thresholds: is.utilisation, width: 80 }),
    toColumn("diskUtil", hostNumbers.diskUtil, { thresholds: is.diskUse, width: 80 }),
    toColumn("load1", hostNumbers.load1, { width: 75 }),
    { field: "reason", name: "Why unknown" },
  ],
};

/** Queues, the stalled first. */
export const queues: TableSpec = {
  title: "Queues",
  description:
    "Live from the jobs' own rows, the worst first: stalled (a job could have run for 5 minutes and nothing ended), no_workers, failing (half of what ended failed), backlog, unknown (jobs fail, and how many succeed is not known). A queue that cannot be read is missing: see Sources.",
  target: graphql({
    query: `{ queues(${by.env}) { name source state depth oldestAgeSeconds processedPerSec failuresLastHour dead drainSeconds } }`,
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
    computed: {
      badness: rank("state", Object.keys(queueStates).toReversed()),
    },
  }),
  worstFirst: "badness",
  columns: [
    { field: "name", name: "Queue", minWidth: 170, link: toQueue },
    { field: "state", name: "State", states: is.queueStates, width: 100 },
    ofQueue("depth", { width: 80 }),
    ofQueue("oldestAgeSeconds", { thresholds: is.waiting, absent: "none waits", width: 95 }),
    ofQueue("processedPerSec", { width: 85 }),
    ofQueue("failuresLastHour", { width: 85 }),
    ofQueue("dead", { width: 85 }),
    ofQueue("drainSeconds", { width: 85 }),
    source,
  ],
};

const containerFields = {
  container: "string",
  log: "string",
  role: "string",
  env: "string",
  status: "string",
  health: "string",
  stale: "boolean",
  restarts: "number",
  version: "string",
  startedAt: "timestamp",
  engine: "string",
} as const;
/** In the order of `compareContainers`. */
const badness = `(stale == true ? 1 : (${isContainer("bad")} ? 3 : (${isContainer("warn")} ? 2 : 0)))`;

/** Whether the state of a container that should run has a tone. */
function isContainer(tone: Tone): string {
  const of = (states: States) => Object.keys(states).filter((name) => states[name] === tone);
  return [
    ...of(containerStatuses).map((status) => `status == '${status.toLowerCase()}'`),
    ...of(healthStates).map((health) => `(status == 'running' && health == '${health}')`),
  ].join(" || ");
}

function toContainerTarget(fields: Readonly<Record<string, "string" | "number" | "boolean" | "timestamp">>) {
  const asked = Object.keys(fields).map((name) => ({ container: "container: name", log: "log: name" })[name] ?? name);
  return graphql({
    query: `{ containers(${by.place}) { ${asked.join(" ")} } }`,
    root: "data.containers",
    columns: fields,
    computed: { badness },
  });
}

const containerColumns: readonly Column[] = [
  { field: "role", name: "Role", minWidth: 120, link: toContainer },
  { field: "log", name: "Log", mappings: is.toWord("open"), link: toLog, width: 60 },
  { field: "health", name: "Health", states: is.healths, width: 80 },
  { field: "status", name: "Status", states: is.statuses, width: 85 },
  { field: "stale", name: "Stale", states: is.ifSet, width: 60 },
  toColumn("restarts", containerNumbers.restarts, { width: 80 }),
  engine,
  env,
  {
    field: "version",
    name: "Release",
    mappings: is.shortRelease,
    link: { title: "Deploys; this is ${__value.raw}", url: "/d/ops-deploys" },
    width: 110,
  },
  { field: "startedAt", name: "Started", unit: "dateTimeFromNow", width: 125 },
];

/** Containers, the unhealthy first. */
export const containers: TableSpec = {
  title: "Containers",
  description:
    "Core containers, unhealthy and restarting ones first; the whole name and release are shown when the pointer is on them. Stale: its engine does not answer, and this is the last known state. Restarts are those of the restart policy since it was last started by hand. Log opens the console.",
  target: toContainerTarget(containerFields),
  worstFirst: "badness",
  columns: [...containerColumns, { field: "container" }],
};

/** The same with what they use, for those that are chosen. */
export const containerUse: TableSpec = {
  ...containers,
  description: `${containers.description} CPU is of one CPU, memory of the container's limit, or of the host's memory without one.`,
  target: chosenRows(toContainerTarget({ ...containerFields, cpuPct: "number", memPct: "number" }), {
    container: "container",
    role: "role",
    engine: "engine",
  }),
  columns: [
    // Grafana measures a name without spaces as one line.
    { field: "container", name: "Container", minWidth: 400, link: toContainer },
    ...containerColumns.filter(({ field }) => field !== "role"),
    toColumn("cpuPct", containerNumbers.cpuPct, { width: 80 }),
    toColumn("memPct", containerNumbers.memPct, { thresholds: is.percentOfLimit, width: 85 }),
  ],
};

/** Errors over all queues, the most frequent first. */
export const errors: TableSpec = {
  title: "Errors of jobs, last hour",
  description:
    "Each error once over all queues and sources (without numbers and ids), the most frequent first. First seen after a deploy: see the verdict on Deploys. Not complete: its source had more errors than it returns, and the number is a lower bound.",
  target: graphql({
    query: `{ errorGroups(first: 50, ${by.env}) { count error firstSeen lastSeen attempts complete } }`,
    root: "data.errorGroups",
    columns: {
      count: "number",
      error: "string",
      firstSeen: "timestamp",
      lastSeen: "timestamp",
      attempts: "number",
      complete: "boolean",
    },
  }),
  worstFirst: "count",
  columns: [
    { field: "count", name: "Failures", decimals: 0, thresholds: is.anyIsTrouble, width: 80 },
    { field: "error", name: "Error" },
    { field: "firstSeen", name: "First seen", unit: "dateTimeFromNow", width: 125 },
    { field: "lastSeen", name: "Last seen", unit: "dateTimeFromNow", width: 125 },
    { field: "attempts", name: "Most attempts", decimals: 0, width: 85 },
    { field: "complete", name: "Complete", states: is.no, width: 85 },
  ],
};

/** Drift from the last deploy. */
export const drift: TableSpec = {
  title: "What drifted",
  description:
    "Containers that differ from the last deploy; empty if there are none. Settling: a container of the role was created in the last 5 minutes, so a deploy may be in progress. Engine is silent: nothing is known of what it runs.",
  target: graphql({
    query: `{ drift(${by.place}) { kind message service destination role env engine settling } }`,
    root: "data.drift",
    columns: {
      kind: "string",
      message: "string",
      service: "string",
      destination: "string",
      role: "string",
      env: "string",
      engine: "string",
      settling: "boolean",
    },
    computed: {
      badness: `(settling == true ? 0 : ${rank("kind", Object.keys(driftKinds).toReversed())})`,
    },
  }),
  worstFirst: "badness",
  columns: [
    { field: "kind", name: "Kind", states: is.driftKinds, width: 145 },
    { field: "message", name: "What" },
    { field: "settling", name: "Settling", states: is.neutral, width: 80 },
    { field: "role", name: "Role", width: 120, link: toRole },
    engine,
    { field: "service", name: "Service", width: 130 },
    { field: "destination", name: "Destination", width: 105 },
    env,
  ],
};

/** What happened, the newest first; of all kinds or of some. */
export function timeline(title: string, description: string, kinds: readonly string[] = []): TableSpec {
  const ofKinds = kinds.length > 0 ? `, kinds: [${kinds.join(", ")}]` : "";
  return {
    title,
    description: `${description} Who restarted needs a token with ops:operate: Grafana's own only reads, and shows who deployed.`,
    target: graphql({
      query: `{ timeline(${timeRange}, first: 200, ${by.place}${ofKinds}) { nodes { time kind message who role engine container } } }`,
      root: "data.timeline.nodes",
      columns: {
        time: "timestamp",
        kind: "string",
        message: "string",
        who: "string",
        role: "string",
        engine: "string",
        container: "string",
      },
    }),
    worstFirst: "time",
    columns: [
      { field: "time", name: "Time", width: 160 },
      { field: "kind", name: "Kind", states: is.timelineKinds, width: 130 },
      { field: "message", name: "What" },
      { field: "role", name: "Role", width: 120, link: toContainer },
      engine,
      { field: "who", name: "Who", width: 120 },
      { field: "container" },
    ],
  };
}
