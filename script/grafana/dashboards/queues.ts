import { queueNumbers } from "../../../src/facts/queue.ts";
import { dashboard } from "../dashboard.ts";
import * as is from "../fields.ts";
import type { Dashboard } from "../model.ts";
import { graph, stat, table } from "../panels.ts";
import { by, chosenRows, chosenSeries, graphql, metric, promql } from "../targets.ts";
import { queue } from "../variables.ts";
import { badQueues } from "./figures.ts";
import { queueGraphs } from "./graphs.ts";
import { errors, queues as queueTable, toColumn, toQueue } from "./tables.ts";

const graphs = queueGraphs([by.env, by.queues]);
const chosen = { queue: "${queue:json}", env: "${env:doublequote}" };
const inEnvironment = (name: string) => chosenSeries(name, { env: "env", queue: "queue" });

const sources = table({
  title: "Sources",
  description:
    "Where queues are read from. One that cannot be read is not empty: its queues are missing from all other panels.",
  target: graphql({
    query: `{ queueSources(${by.env}) { name kind ok numbersOk error { message } } }`,
    root: "data.queueSources",
    columns: { name: "string", kind: "string", ok: "boolean", numbersOk: "boolean", "error.message": "string" },
    computed: { badness: "(numbersOk == false ? 2 : (ok == false ? 1 : 0))" },
  }),
  worstFirst: "badness",
  columns: [
    { field: "name", name: "Source", width: 165 },
    { field: "kind", name: "Job system", width: 70 },
    { field: "numbersOk", name: "Numbers read", states: is.no, absent: "unsupported", width: 100 },
    { field: "ok", name: "Errors read too", states: is.no, width: 85 },
    { field: "error.message", name: "Why not", minWidth: 160 },
  ],
});

const orphans = stat({
  title: "Orphaned jobs",
  description: `${queueNumbers.orphans.about} Nobody works on them, and their system may notice only after hours. No number: no source names its workers, or an engine does not answer.`,
  targets: [graphql({ query: `{ orphans(${by.env}) { total } }`, root: "data.orphans", columns: { total: "number" } })],
  thresholds: is.anyIsTrouble,
});

const times = table({
  title: "Waiting and running times",
  description:
    "95 of 100 jobs that succeeded in the last 5 minutes waited, or ran, no longer. Unknown: none succeeded, or its system does not record it. From the JSON datasource.",
  target: metric("queues", chosen),
  worstFirst: "wait_p95_seconds",
  columns: [
    { field: "queue", name: "Queue", minWidth: 170, link: toQueue },
    toColumn("wait_p95_seconds", queueNumbers.waitP95Seconds, { decimals: 2, thresholds: is.waiting, width: 95 }),
    toColumn("run_p95_seconds", queueNumbers.runP95Seconds, { decimals: 2, width: 75 }),
    toColumn("active", queueNumbers.active, { width: 75 }),
    toColumn("deferred", queueNumbers.deferred, { width: 80 }),
    toColumn("retrying", queueNumbers.retrying, { width: 80 }),
    toColumn("workers", queueNumbers.workers, { width: 75 }),
    { field: "source", name: "Source", width: 165 },
  ],
});

const queueErrors = table({
  title: "Errors by queue, last hour",
  description: "Of the chosen queues, the most frequent first, with the newest failed job. From the JSON datasource.",
  target: metric("queue_errors", chosen),
  worstFirst: "count",
  columns: [
    { field: "count", name: "Failures", decimals: 0, thresholds: is.anyIsTrouble, width: 90 },
    { field: "queue", name: "Queue", width: 175, link: toQueue },
    { field: "error", name: "Error" },
    { field: "job_id", name: "Newest job", width: 150 },
    { field: "attempts", name: "Most attempts", decimals: 0, width: 85 },
    { field: "time", name: "Last seen", unit: "dateTimeFromNow", width: 125 },
    { field: "first_seen", name: "First seen", unit: "dateTimeFromNow", width: 125 },
  ],
});

const jobs = graph({
  title: "Jobs by where they are",
  description:
    "Waiting, running, deferred, retrying and dead jobs of the chosen queues together, as far as their systems record them. From Prometheus, since it scrapes the gateway.",
  targets: [
    promql(
      `sum by (__name__) ({__name__=~"ops_queue_(depth|active|deferred|retrying|dead)"} and on (queue, source) ${inEnvironment("ops_queue_depth")})`,
      "{{__name__}}",
    ),
  ],
});

const states = graph({
  title: "Queues by state",
  description: "How many of the chosen queues were in each state. From Prometheus, since it scrapes the gateway.",
  targets: [promql(`sum by (state) (${inEnvironment("ops_queue_state")})`, "{{state}}")],
  stacked: true,
  states: is.queueStates,
});

/**
 * Everything about queues; all panels but the first row, the errors of all queues and the sources
 * show the chosen queues.
 */
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
    { height: 9, panels: [[24, table({ ...queueTable, target: chosenRows(queueTable.target, { name: "queue" }) })]] },
    {
      height: 10,
      panels: [
        [12, graphs.depth],
        [12, graphs.age],
      ],
    },
    {
      height: 10,
      panels: [
        [12, graphs.done],
        [12, graphs.failures],
      ],
    },
    "Errors",
    { height: 9, panels: [[24, queueErrors]] },
    { height: 9, panels: [[24, table(errors)]] },
    "More about these queues",
    {
      height: 9,
      panels: [
        [14, times],
        [10, sources],
      ],
    },
    {
      height: 9,
      panels: [
        [12, states],
        [12, jobs],
      ],
    },
  ],
});
