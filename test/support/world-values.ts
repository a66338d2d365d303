import { toMoment } from "../../src/containers/logs/log.ts";
import { toCursor } from "../../src/graphql/args.ts";
import { toRoleCursor } from "../../src/graphql/logs/paging.ts";
import { timelineKinds } from "../../src/timeline/timeline.ts";
import type { Values } from "./generated-documents.ts";
import { fingerprintOf, wordOf, worldNow } from "./world.ts";

const [own, others, lost] = [wordOf("staging"), wordOf("production"), wordOf("unknown")];
const named = (name: string) => ({ own: [`${own}-${name}`], foreign: [`${others}-${name}`, `${lost}-${name}`] });
const namedList = (name: string) => ({
  own: [[`${own}-${name}`]],
  foreign: [[`${others}-${name}`, `${lost}-${name}`]],
});
const time = (secondsAgo: number) => new Date(worldNow - secondsAgo * 1000).toISOString();
const only = (...values: readonly unknown[]) => ({ own: values });
const names = ["web", "redis", "guarded", "floating"].map((name) => `${own}-${name}`);

/** A cursor of `logs`, at a container of this half. */
function toLogCut(word: string, secondsAgo: number): string {
  const moment = toMoment(`${time(secondsAgo).slice(0, -1)}000000Z`);
  const places = new Map([[`${word}-1/${word}`, moment]]);
  return toRoleCursor({ timestamp: moment.timestamp, name: `${word}-web`, engine: `${word}-1`, places }) ?? "";
}

/** Values of the schema's arguments in the world of world.ts. */
export const worldValues: Values = {
  "auditLog.after": only(toCursor("auditLog", "1000")),
  "auditLog.before": only(toCursor("auditLog", "0")),
  after: only(toCursor("deploys", time(-60), "")),
  before: only(toCursor("deploys", time(1_000_000), "")),
  "jobs.after": only(toCursor("jobs", `${own}-jobs`, "", "", "", `${own}-job-1`)),
  "jobs.before": only(toCursor("jobs", `${own}-jobs`, "", "", "", `${own}-job-stuck`)),
  "timeline.after": only(toCursor("timeline", time(-60), "")),
  "timeline.before": only(toCursor("timeline", time(1_000_000), "")),
  last: only(),
  "logs.role": { own: ["web", "guarded"], always: true },
  "logs.name": { own: [names[0]], foreign: named("web").foreign, instead: ["role"] },
  "logs.names": { ...namedList("web"), instead: ["role"] },
  "logs.at": only(time(5)),
  "logs.since": { own: ["1h"], instead: ["at"] },
  "logs.until": { own: [time(0)], instead: ["at"] },
  "logs.before": { own: [toLogCut(own, -60)], foreign: [toLogCut(others, -60)], instead: ["at"] },
  "logs.after": { own: [toLogCut(own, 1_000_000)], foreign: [toLogCut(others, 1_000_000)], instead: ["at"] },
  "storedLogs.role": { own: ["web", "guarded"], always: true },
  "storedLogs.name": { own: [names[0]], foreign: named("web").foreign, instead: ["role"] },
  "storedLogs.names": { ...namedList("web"), instead: ["role"] },
  newest: only(1),
  containers: namedList("web"),
  "containers.env": { own: ["staging"], foreign: ["production"] },
  destination: named("destination"),
  destinations: namedList("destination"),
  dryRun: only(true),
  engine: named("1"),
  env: { own: ["staging"], foreign: ["production"] },
  ...Object.fromEntries(
    [
      "containerCpuPct",
      "containerMemPct",
      "containerSeries",
      "containerSeriesProblems",
      "queueDepth",
      "queueFailures",
      "queueOldestAge",
      "queueProcessedPerSec",
      "queueSeries",
      "queueSeriesSources",
    ].map((field) => [`${field}.env`, { own: [["staging"]], foreign: [["production"], ["staging", "production"]] }]),
  ),
  fingerprint: { own: [fingerprintOf("staging")], foreign: [fingerprintOf("production")] },
  first: { own: [2], always: true },
  from: only(time(3600)),
  hosts: namedList("node"),
  idempotencyKey: only("key-1"),
  ignoreCase: only(true),
  id: { own: [`${own}-job-1`], foreign: [`${others}-job-1`, `${lost}-job-1`] },
  includeAccessories: only(true),
  jobId: { own: [`${own}-job-1`, `${own}-job-stuck`, `${own}-job-lost`], foreign: [`${others}-job-1`] },
  kinds: only(),
  "containerSeries.kind": { own: ["cpu_pct", "mem_pct"], always: true },
  "hostSeries.kind": { own: ["cpu_util", "mem_util", "disk_util", "load"], always: true },
  "queueSeries.kind": { own: ["depth", "processed_per_sec", "failures", "oldest_age_seconds"], always: true },
  "series.kind": { own: ["cpu_pct", "mem_pct"], always: true },
  "timeline.first": { own: [50], always: true },
  "timeline.kinds": only(timelineKinds),
  "upCounts.kinds": only(["host", "engine", "queue_source", "container"]),
  "upCountKinds.kinds": only(["engine"]),
  level: only("error"),
  levelStrict: only(true),
  limit: only(3),
  maxAgeSeconds: only(100_000),
  maxPoints: only(5),
  name: { own: names, foreign: ["web", "foreign", "shared"].map((name) => `${others}-${name}`) },
  "restartContainer.name": { own: [`${own}-web`, `${own}-guarded`], foreign: [`${others}-web`, `${lost}-web`] },
  "host.name": named("node"),
  "queue.name": named("payouts"),
  needsQueues: only(false),
  probe: only(true),
  queue: named("payouts"),
  queues: namedList("payouts"),
  reason: only("because"),
  "roles.name": only("web"),
  role: only("web", "guarded"),
  roles: only(["web"]),
  search: only("wrote"),
  searchRegex: only("wr.te"),
  service: named("core"),
  show: { own: [true], always: true },
  since: only("1h"),
  source: named("jobs"),
  sources: namedList("jobs"),
  state: only("failed"),
  step: only(600),
  stream: only("stderr"),
  tag: named("v2"),
  tail: only(5),
  to: only(time(0)),
  until: only(time(0)),
  waitHealthy: { own: [true], always: true },
  waitSeconds: only(1),
  window: only(600),
};

/** Values of the REST parameters. */
export const restValues: Values = {
  ...worldValues,
  dry_run: only(true, false),
  download: only(true),
  follow: only(true),
  "Idempotency-Key": only("key-2"),
  ignore_case: only(true),
  include_accessories: only(true),
  include_stats: only(true),
  level_strict: only(true),
  search_regex: only("wr.te"),
  wait: only("healthy"),
  wait_seconds: only(1),
};

/** Values of the fields of Grafana's query builder. */
export const grafanaValues: Values = {
  ...worldValues,
  accessories: only("true"),
  container: named("web"),
  host: named("node"),
  kind: only("engine"),
};

/** Values of the arguments of the tools at /mcp. */
export const mcpValues: Values = Object.fromEntries(
  Object.entries<Values[string]>({
    ...worldValues,
    accessories: only(true),
    fingerprint: { own: [fingerprintOf("staging")], foreign: [fingerprintOf("production")] },
    from: only("2h"),
    idempotency_key: only("key-of-an-agent"),
    ignore_case: only(false),
    job_id: { own: [`${own}-job-1`], foreign: [`${others}-job-1`] },
    kinds: only(["deploy", "restart"]),
    lines: only(5),
    limit: only(2),
    name: { own: [`${own}-web`, `${own}-guarded`], foreign: [`${others}-web`, `${lost}-web`] },
    names: namedList("web"),
    regex: only("wr.te"),
    status: only("running"),
    text: only("wrote"),
    at: only(time(5)),
    since: only("1h"),
    until: only(time(0)),
    role: only("web"),
    usage: only(true),
    window_minutes: only(10),
  }).map(([name, value]) => [`mcp.${name}`, value]),
);

/** The range that Grafana asks for. */
export const grafanaRange = { from: time(3600), to: time(0) };
