import type { AlertName } from "../../src/problems/rules.ts";
import { deploys } from "../grafana/dashboards/deploys.ts";
import { queues } from "../grafana/dashboards/queues.ts";
import { labels, type RuleGroup, whileFound } from "./model.ts";

const ofQueue = (alert: AlertName, ...alike: readonly AlertName[]) =>
  whileFound(alert, labels.queue, { alike, owner: labels.owner });

export function toQueueAlerts(): RuleGroup {
  return {
    name: "wallet-core-ops-queues",
    rules: [
      {
        ...ofQueue("OpsQueueStalled"),
        summary: "The queue {{ $labels.queue }} of {{ $labels.source }} is stalled",
        description:
          "Jobs wait and none ends, or there is no worker. Look at the role that works on it, and at its last deploy.",
        panel: [queues, "Queues"],
      },
      {
        ...ofQueue("OpsQueueFailing"),
        why: "The state lasts until 5 minutes after the last failure: failures must go on for longer than the other 5.",
        summary: "Most jobs of {{ $labels.queue }} of {{ $labels.source }} fail",
        description: "The gateway's errorGroups says with what, and in which release.",
        panel: [queues, "Queues"],
      },
      {
        ...ofQueue("OpsQueueBehind", "OpsQueueStalled"),
        why: "A queue that gets worse is still behind: while it is stalled, the half hour goes on.",
        summary: "The queue {{ $labels.queue }} of {{ $labels.source }} has been behind for half an hour",
        description: "More jobs arrive than end.",
        panel: [queues, "Queues"],
      },
      {
        ...ofQueue("OpsOrphans"),
        summary: "Running jobs of {{ $labels.queue }} of {{ $labels.source }} have lost their worker",
        description:
          "Their worker is in no live container, or restarted since, and their system may count them as running for hours. The gateway's query `orphans` lists them.",
        panel: [queues, "Orphaned jobs"],
      },
      {
        ...whileFound("OpsFailuresUpSinceDeploy", ["service", "destination", "env", "tag"]),
        summary: "The deploy {{ $labels.tag }}{{ with $labels.service }} of {{ . }}{{ end }} made things worse",
        description:
          "Failures, waiting times or restarts rose significantly after it, or a queue stopped. The dashboard has the reasons; consider a rollback.",
        panel: [deploys, "What the verdict says"],
      },
    ],
  };
}
