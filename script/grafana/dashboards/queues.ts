import { dashboard } from "../dashboard.ts";
import * as is from "../fields.ts";
import type { Dashboard } from "../model.ts";
import { graph, stat, table } from "../panels.ts";
import { by, graphql, metric, promql } from "../targets.ts";
import { queue } from "../variables.ts";
import { badQueues } from "./figures.ts";
import { queueGraphs } from "./graphs.ts";
import { errors, queues as queueTable } from "./tables.ts";

const graphs = queueGraphs([by.env, by.queues]);
const chosen = { queue: "${queue:json}" };

const sources = table({
  title: "Sources",
  description: "Where queues are read from. One that cannot be read is not empty: its queues are missing from all other panels.",
  target: graphql({
    query: "{ queueSources { name kind env ok numbersOk error { message } } }",
    root: "data.queueSources",
    columns: { name: "string", kind: "string", env: "string", ok: "boolean", numbersOk: "boolean", "error.message": "string" },
    computed: { badness: "(numbersOk == false ? 2 : (ok == false ? 1 : 0))" },
  }),
  worstFirst: "badness",
  columns: [
    { field: "name", name: "Source" },
    { field: "kind", name: "Job system", width: 110 },
    { field: "env", name: "Environment", states: is.environments, width: 110 },
    { field: "numbersOk", name: "Numbers read", states: is.no, width: 110 },
    { field: "ok", name: "Errors read too", states: is.no, width: 120 },
    { field: "error.message", name: "Why not" },
  ],
});

const orphans = stat({
  title: "Orphaned jobs",
  description:
    "Running jobs whose worker is in no live container: nobody works on them, and their system may notice only after hours. No number: no source names its workers, or an engine does not answer.",
  targets: [graphql({ query: "{ orphans { total } }", root: "data.orphans", columns: { total: "number" } })],
  thresholds: is.anyIsBad,
});

const times = table({
  title: "Waiting and running times",
  description: "95 of 100 jobs that succeeded in the last 5 minutes waited, or ran, no longer. From the JSON datasource.",
  target: metric("queues", chosen),
  worstFirst: "wait_p95_seconds",
  columns: [
    { field: "queue", name: "Queue" },
    { field: "wait_p95_seconds", name: "Waited (p95)", unit: "s", decimals: 2, thresholds: is.waiting, width: 120 },
    { field: "run_p95_seconds", name: "Ran (p95)", unit: "s", decimals: 2, width: 110 },
    { field: "active", name: "Running", decimals: 0, width: 80 },
    { field: "deferred", name: "Deferred", decimals: 0, width: 80 },
    { field: "retrying", name: "Retrying", decimals: 0, width: 80 },
    { field: "dead", name: "Dead", decimals: 0, width: 70 },
    { field: "workers", name: "Workers", decimals: 0, width: 80 },
    { field: "source", name: "Source", width: 130 },
  ],
});

const queueErrors = table({
  title: "Errors by queue, last hour",
  description: "Of the chosen queues, the most frequent first, with the newest failed job. From the JSON datasource.",
  target: metric("queue_errors", chosen),
  worstFirst: "count",
  columns: [
    { field: "count", name: "Failures", decimals: 0, thresholds: is.anyIsBad, width: 90 },
    { field: "queue", name: "Queue", width: 180 },
    { field: "error", name: "Error" },
    { field: "job_id", name: "Newest job", width: 120 },
    { field: "attempts", name: "Most attempts", decimals: 0, width: 110 },
    { field: "time", name: "Last seen", unit: "dateTimeFromNow", width: 130 },
    { field: "first_seen", name: "First seen", unit: "dateTimeFromNow", width: 130 },
  ],
});

const jobs = graph({
  title: "Jobs by where they are",
  description:
    "Over all queues: waiting, running, deferred, retrying and dead jobs, as far as their systems record them. From Prometheus, since it scrapes the gateway.",
  targets: [promql('sum by (__name__) ({__name__=~"ops_queue_(depth|active|deferred|retrying|dead)"})', "{{__name__}}")],
});

const states = graph({
  title: "Queues by state",
  description: "How many queues were in each state. From Prometheus, since it scrapes the gateway.",
  targets: [promql("sum by (state) (ops_queue_state)", "{{state}}")],
  stacked: true,
});

/** Everything about queues; all panels but the states show the chosen queues. */
export const queues: Dashboard = dashboard({
  uid: "ops-queues",
  title: "Queues",
  description: "Waiting and failing jobs, their errors, and since when.",
  variables: [queue],
  lines: [
    {
      height: 4,
      panels: [
        [18, badQueues],
        [6, orphans],
      ],
    },
    {
      height: 9,
      panels: [
        [14, queueTable],
        [10, times],
      ],
    },
    {
      height: 8,
      panels: [
        [12, graphs.depth],
        [12, graphs.age],
      ],
    },
    {
      height: 8,
      panels: [
        [12, graphs.done],
        [12, graphs.failures],
      ],
    },
    "Errors",
    {
      height: 9,
      panels: [
        [12, queueErrors],
        [12, errors],
      ],
    },
    "Over all queues",
    {
      height: 7,
      panels: [
        [8, states],
        [8, jobs],
        [8, sources],
      ],
    },
  ],
});
