import { alertRules, problemThresholds } from "../../src/problems/rules.ts";
import { containers } from "../grafana/dashboards/containers.ts";
import { deploys } from "../grafana/dashboards/deploys.ts";
import { countDrift } from "../grafana/targets.ts";
import { labels, list, type RuleGroup, type Time, worst } from "./model.ts";

const { lastingWithinSeconds, loopRestarts, loopSeconds } = problemThresholds;
const where = "{{ with $labels.destination }} at {{ . }}{{ end }}{{ with $labels.env }} in {{ . }}{{ end }}";

export function toContainerAlerts(time: Time): RuleGroup {
  return {
    name: "wallet-core-ops-containers",
    rules: [
      {
        alert: "OpsRoleDown",
        ...alertRules.OpsRoleDown,
        why: `Roles that are there to run: what Kamal runs, compose's own core roles, and what else ran for ten minutes at a stretch in the last day. A migration
of compose that has ended is not down. A role that a silent engine was running within the last day may still run there: OpsEngineDown says so.`,
        expr: `
role:ops_container_up:sum == 0
and (
  role:ops_container_up:sum{service!=""}
  or role:ops_container_up:sum{role=~"web|runner|worker"}
  or last_over_time(role:ops_container_lasting:count[${time.span(lastingWithinSeconds)}])
)
unless on ${list(labels.role)} (
  last_over_time(role_engine:ops_container_up:max[${time.span(86_400)}]) == 1
  and on (engine) ops_engine_up == 0
)`,
        summary: `No container of {{ $labels.role }} runs${where}`,
        description: "All that is left of {{ with $labels.service }}{{ . }} {{ end }}{{ $labels.role }} has stopped.",
        panel: [containers, "Containers"],
      },
      {
        alert: "OpsContainerUnhealthy",
        ...alertRules.OpsContainerUnhealthy,
        expr: worst(labels.container, 'ops_container_health{state="unhealthy"} == 1'),
        summary: "{{ $labels.name }} is unhealthy",
        description: "On {{ $labels.engine }}, release {{ $labels.version }}. Its health check says why.",
        panel: [containers, "Containers"],
      },
      {
        alert: "OpsContainerRestartLoop",
        ...alertRules.OpsContainerRestartLoop,
        expr: worst(
          labels.container,
          `increase(ops_container_restarts_total[${time.span(loopSeconds)}]) > ${loopRestarts - 1}`,
        ),
        summary: "{{ $labels.name }} keeps on restarting",
        description:
          "{{ $value | humanize }} restarts in 15 minutes on {{ $labels.engine }}, release {{ $labels.version }}.",
        panel: [containers, "Restarts by the policy"],
      },
      {
        alert: "OpsReleaseDrift",
        ...alertRules.OpsReleaseDrift,
        expr: "role:ops_container_versions:count > 1",
        summary: `{{ $labels.role }}${where} runs {{ $value }} releases`,
        description: "A deploy was not finished, or an engine missed it.",
        panel: [deploys, "What drifted"],
        grafana: {
          queries: [countDrift()],
          onError: "KeepLast",
          summary: "{{ $values.A.Value }} findings: what runs is not what was deployed",
        },
      },
    ],
  };
}
