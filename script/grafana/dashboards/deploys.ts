import { dashboard } from "../dashboard.ts";
import {
  deployNumbers,
  verdictNumbers,
  verdictOutcomes,
  windowNumbers,
  type WindowNumberName,
} from "../../../src/facts/deploy.ts";
import { toHeading } from "../../../src/facts/number.ts";
import * as is from "../fields.ts";
import type { Dashboard } from "../model.ts";
import { type Column, narrow, table } from "../panels.ts";
import { by, graphql, rank } from "../targets.ts";
import { drifted, lastDeploy, verdict } from "./figures.ts";
import { queueGraphs } from "./graphs.ts";
import { drift, errors, timeline, toColumn, toQueue } from "./tables.ts";

const graphs = queueGraphs([by.env]);

const history = table({
  title: "Deploys",
  description:
    "The newest first, each once, from deploy_history.jsonl, deploy_info.json, Kamal's audit log and the containers. incomplete: some live containers do not run it. previous: the target of a rollback.",
  target: graphql({
    query: `{ deploys(first: 50, ${by.place}) { nodes { deployedAt tag state deployedBy durationSeconds commitSha previousTag service destination env command origin } } }`,
    root: "data.deploys.nodes",
    columns: {
      deployedAt: "timestamp",
      tag: "string",
      state: "string",
      deployedBy: "string",
      durationSeconds: "number",
      commitSha: "string",
      previousTag: "string",
      service: "string",
      destination: "string",
      env: "string",
      command: "string",
      origin: "string",
    },
  }),
  worstFirst: "deployedAt",
  columns: [
    { field: "deployedAt", name: "When", width: 160 },
    { field: "tag", name: "Release" },
    { field: "state", name: "State", states: is.deployStates, width: 110 },
    { field: "deployedBy", name: "Who", width: 110 },
    toColumn("durationSeconds", deployNumbers.durationSeconds, { width: 80 }),
    { field: "commitSha", name: "Commit", mappings: is.shortRelease, width: 85 },
    { field: "previousTag", name: "Before it", mappings: is.shortRelease, width: 115 },
    { field: "service", name: "Service", width: 130 },
    { field: "destination", name: "Destination", width: 105 },
    { field: "env", name: "Environment", states: is.environments, width: 105 },
    { field: "command", name: "Command", width: 90 },
    { field: "origin", name: "Known from", states: is.deployOrigins, width: 110 },
  ],
});

const reasons = table({
  title: "What the verdict says",
  description: "Of the last deploy: its reasons, the length of the two windows, and the sources that did not answer.",
  target: graphql({
    query: `{ deploys(first: 1, ${by.place}) { nodes { deployedAt verdict { outcome windowSeconds reasons gaps containers { restartsBefore restartsAfter } } } } }`,
    root: "data.deploys.nodes",
    columns: {
      deployedAt: "timestamp",
      "verdict.outcome": "string",
      "verdict.windowSeconds": "number",
      "verdict.reasons.0": "string",
      "verdict.reasons.1": "string",
      "verdict.gaps.0": "string",
      "verdict.containers.restartsBefore": "number",
      "verdict.containers.restartsAfter": "number",
    },
  }),
  worstFirst: "deployedAt",
  columns: [
    { field: "verdict.outcome", name: "Verdict", states: is.outcomes, width: 130 },
    { field: "verdict.reasons.0", name: "Reason" },
    { field: "verdict.reasons.1", name: "Another reason" },
    { field: "verdict.gaps.0", name: "Could not be asked" },
    toColumn("verdict.windowSeconds", verdictNumbers.windowSeconds, { width: 85 }),
    toColumn("verdict.containers.restartsBefore", verdictNumbers.restartsBefore, { width: 85 }),
    toColumn("verdict.containers.restartsAfter", verdictNumbers.restartsAfter, { width: 85 }),
  ],
});

function ofWindow(window: "before" | "after", name: WindowNumberName, more: Partial<Column>): Column {
  const fact = windowNumbers[name];
  return toColumn(`${window}.${name}`, fact, { name: `${toHeading(fact)} ${window}`, ...more });
}

const byQueue = table({
  title: "Before and after, by queue",
  description:
    "Of the last deploy: what failed, and how long 95 of 100 jobs waited and ran, in equal windows before and after it. Regressed queues first. The p value is the probability of so many failures if nothing had changed.",
  target: graphql({
    query: `{ deploys(first: 1, ${by.place}) { nodes { verdict { queues { queue source outcome pValue before { failed failureRatio waitP95Seconds runP95Seconds } after { failed failureRatio waitP95Seconds runP95Seconds } } } } } }`,
    root: "data.deploys.nodes.#.verdict.queues|@flatten",
    columns: {
      queue: "string",
      source: "string",
      outcome: "string",
      pValue: "number",
      "before.failureRatio": "number",
      "after.failureRatio": "number",
      "after.failed": "number",
      "before.waitP95Seconds": "number",
      "after.waitP95Seconds": "number",
      "before.runP95Seconds": "number",
      "after.runP95Seconds": "number",
    },
    computed: { badness: rank("outcome", Object.keys(verdictOutcomes).toReversed()) },
  }),
  worstFirst: "badness",
  columns: [
    { field: "queue", name: "Queue", link: toQueue },
    { field: "source", name: "Source", width: 165 },
    { field: "outcome", name: "Verdict", states: is.outcomes, width: 130 },
    ofWindow("before", "failureRatio", { decimals: 1, width: 110 }),
    ofWindow("after", "failureRatio", { decimals: 1, width: 110 }),
    ofWindow("after", "failed", { width: 110 }),
    { field: "pValue", name: "p", decimals: 4, width: 80 },
    ofWindow("before", "waitP95Seconds", { decimals: 1, width: 110 }),
    ofWindow("after", "waitP95Seconds", { decimals: 1, width: 110 }),
    ofWindow("before", "runP95Seconds", { decimals: 1, width: 100 }),
    ofWindow("after", "runP95Seconds", { decimals: 1, width: 100 }),
  ],
});

const around = timeline(
  "Deploys, and what happened around them",
  "The newest first. Deploys and restarts are from records; other events are those since the gateway started.",
);

/** The deploys, their verdicts, and drift. */
export const deploys: Dashboard = dashboard({
  uid: "ops-deploys",
  title: "Deploys",
  description:
    "What was deployed when and by whom, whether it is worse than the previous release, and whether it runs.",
  lines: [
    {
      height: 4,
      panels: [
        [14, table(narrow(lastDeploy, "tag", "state", "deployedBy", "deployedAt", "destination"))],
        [5, verdict],
        [5, drifted],
      ],
    },
    { height: 5, panels: [[24, reasons]] },
    { height: 8, panels: [[24, byQueue]] },
    {
      height: 8,
      panels: [
        [12, graphs.failures],
        [12, graphs.age],
      ],
    },
    { height: 8, panels: [[24, table(drift)]] },
    { height: 9, panels: [[24, history]] },
    {
      height: 9,
      panels: [
        [12, table(narrow(errors, "count", "error", "firstSeen", "lastSeen"))],
        [12, table(narrow(around, "time", "kind", "message", "who"))],
      ],
    },
  ],
});
