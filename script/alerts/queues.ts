import { alertRules, problemThresholds } from "../../src/problems/rules.ts";
import { queueThresholds } from "../../src/queues/state.ts";
import { deploys } from "../grafana/dashboards/deploys.ts";
import { queues } from "../grafana/dashboards/queues.ts";
import { counts } from "../grafana/targets.ts";
import { labels, list, type Recording, type RuleGroup, type Time, worst } from "./model.ts";

const { backlogAgeSeconds, backlogDrainSeconds } = queueThresholds;

export function toQueueAlerts(time: Time): RuleGroup {
  return {
    name: "wallet-core-ops-queues",
    rules: [
      {
        alert: "OpsQueueStalled",
        ...alertRules.OpsQueueStalled,
        expr: `${worst(labels.queue, 'ops_queue_state{state=~"stalled|no_workers"}')} == 1`,
        summary: "The queue {{ $labels.queue }} of {{ $labels.source }} is stalled",
        description:
          "Jobs wait and none ends, or there is no worker. Look at the role that works on it, and at its last deploy.",
        panel: [queues, "Queues"],
      },
      {
        alert: "OpsQueueFailing",
        ...alertRules.OpsQueueFailing,
        why: "The state lasts until 5 minutes after the last failure: failures must go on for longer than the other 5.",
        expr: `${worst(labels.queue, 'ops_queue_state{state="failing"}')} == 1`,
        summary: "Most jobs of {{ $labels.queue }} of {{ $labels.source }} fail",
        description: "The gateway's errorGroups says with what, and in which release.",
        panel: [queues, "Queues"],
      },
      {
        alert: "OpsQueueBehind",
        ...alertRules.OpsQueueBehind,
        why: "By the numbers of the state backlog, not by the state: a queue that gets worse is still behind. Paused queues are excluded: somebody paused them.",
        expr: `
${worst(labels.queue, `ops_queue_oldest_age_seconds > ${backlogAgeSeconds} or ops_queue_drain_seconds > ${backlogDrainSeconds}`)}
unless on ${list(labels.queue)} ops_queue_state{state="paused"} == 1`,
        summary: "The queue {{ $labels.queue }} of {{ $labels.source }} has been behind for half an hour",
        description: "More jobs arrive than end.",
        panel: [queues, "Queues"],
      },
      {
        alert: "OpsOrphans",
        ...alertRules.OpsOrphans,
        expr: worst(labels.queue, "ops_queue_orphans > 0"),
        summary: "{{ $value }} running jobs of {{ $labels.queue }} of {{ $labels.source }} have lost their worker",
        description:
          "Their worker is in no live container, and their system may count them as running for hours. The gateway's query `orphans` lists them.",
        panel: [queues, "Orphaned jobs"],
      },
      ...toDeployRecordings(time),
      {
        alert: "OpsFailuresUpSinceDeploy",
        ...alertRules.OpsFailuresUpSinceDeploy,
        why: "The excess of the last hour over the hour before the last deploy of its service. Later than an hour after the deploy it says nothing about it.",
        expr: `
max by ${list(labels.queue)} (
  ops_queue_failures_last_hour - queue:ops_queue_failures:at_deploy >= 10
  and ops_queue_failures_last_hour > 3 * queue:ops_queue_failures:at_deploy
  and queue:ops_deploy_age:seconds >= ${time.seconds(900)}
  and queue:ops_deploy_age:seconds < ${time.seconds(problemThresholds.verdictSeconds)}
)`,
        summary: "Failures of {{ $labels.queue }} of {{ $labels.source }} are up since the deploy",
        description:
          "{{ $value }} more in the last hour than in the hour before the deploy, which had less than half of that.",
        panel: [deploys, "What the verdict says"],
        grafana: {
          // Not later than the rule of Prometheus.
          queries: [
            counts(
              `{ latestDeploys(maxAgeSeconds: ${problemThresholds.verdictSeconds}) { verdict(needsQueues: true) { outcome } } }`,
              {
                regressed: 'data.latestDeploys.#(verdict.outcome=="REGRESSED")#',
              },
            ),
          ],
          onError: "KeepLast",
          summary: "The last deploy made things worse",
          description:
            "Failures, waiting times or restarts rose significantly after it, or a queue stopped. The dashboard has the reasons; consider a rollback.",
        },
      },
    ],
  };
}

function toDeployRecordings(time: Time): readonly Recording[] {
  const known = time.seconds(180);
  return [
    {
      why: "How old the newest deploy is of a service that works on the queue. The gateway decides that; one scrape without it changes nothing.",
      record: "queue:ops_deploy_age:seconds",
      expr: `time() - ${worst(labels.queue, `last_over_time(ops_queue_deploy_time_seconds[${time.span(180)}])`)}`,
    },
    {
      why: `As it was in the five minutes before the deploy was over, or when the queue was first seen since. The least of them, and of the three minutes in which
the deploy becomes known: what the release itself breaks with its first jobs must not pass for what was there before it.`,
      record: "queue:ops_queue_failures:at_deploy",
      expr: `
min_over_time(ops_queue_failures_last_hour[${time.span(480)}]) and queue:ops_deploy_age:seconds < ${known}
or last_over_time(queue:ops_queue_failures:at_deploy[${time.span(180)}]) and ops_queue_failures_last_hour
or ops_queue_failures_last_hour`,
    },
  ];
}
