import { expression } from "./datasources.ts";
import { deploys } from "./dashboards/deploys.ts";
import { containers } from "./dashboards/containers.ts";
import { overview } from "./dashboards/overview.ts";
import { queues } from "./dashboards/queues.ts";
import type { Dashboard, Target } from "./model.ts";
import { counts, promqlNow } from "./targets.ts";

interface RuleSpec {
  readonly uid: string;
  readonly title: string;
  readonly severity: "critical" | "warning";
  readonly queries: readonly Target[];
  /** Over the queries' numbers; above 0 is an alert. When absent: the one query. */
  readonly math?: string;
  readonly for: string;
  readonly noData: "NoData" | "OK";
  /** What an answer that cannot be had is. @default "Alerting" */
  readonly onError?: "KeepLast";
  readonly summary: string;
  readonly description: string;
  readonly dashboard: Dashboard;
  /** Title of the panel of that dashboard which shows it. */
  readonly panel: string;
}

const perContainer = "max by (name, service, destination, role, env, engine)";

/**
 * The first three ask Prometheus, whose answers name the host, the container or the queue, and know the past; the others ask the gateway for what no
 * metric says. An answer that cannot be had is an alert too: nothing is known then. Not so for what a deploy did or left: the last rule speaks of the gateway.
 */
const rules: readonly RuleSpec[] = [
  {
    uid: "ops-host",
    title: "Host hot or down",
    severity: "critical",
    queries: [promqlNow("max by (host) (ops_host_alert) > bool 0")],
    for: "5m",
    noData: "NoData",
    summary: "Host {{ $labels.host }} is hot or down",
    description:
      "At or above the gateway's CPU or memory threshold, or its node-exporter does not answer. A host that is down takes its containers along.",
    dashboard: containers,
    panel: "Hosts",
  },
  {
    uid: "ops-container",
    title: "Container unhealthy or in a restart loop",
    severity: "critical",
    queries: [
      promqlNow(
        `${perContainer} (label_replace(ops_container_health{state="unhealthy"}, "why", "health", "", "") or label_replace(increase(ops_container_restarts_total[15m]) > bool 2, "why", "restarts", "", ""))`,
      ),
    ],
    for: "2m",
    noData: "NoData",
    summary: "{{ $labels.name }} on {{ $labels.engine }} is unhealthy or keeps on restarting",
    description:
      "Its health check has failed, or the restart policy has started it three times in 15 minutes. The newest lines of its log say why.",
    dashboard: containers,
    panel: "Containers",
  },
  {
    uid: "ops-queue",
    title: "Queue stalled",
    severity: "critical",
    queries: [promqlNow('max by (queue, source, env) (ops_queue_state{state=~"stalled|no_workers"})')],
    for: "5m",
    // Without any queue there is none; a source that cannot be read is a matter of the last rule.
    noData: "OK",
    summary: "Queue {{ $labels.queue }} of {{ $labels.source }} stands still",
    description:
      "Jobs wait and none is done, or nobody is there to do them. Look at the role that works on it, and at its last deploy.",
    dashboard: queues,
    panel: "Queues",
  },
  {
    uid: "ops-deploy-failures",
    title: "Failures up since the deploy",
    severity: "critical",
    queries: [
      // Later than an hour it is no news of the deploy, as of OpsFailuresUpSinceDeploy.
      counts("{ latestDeploys(maxAgeSeconds: 3600) { verdict(needsQueues: true) { outcome } } }", {
        regressed: 'data.latestDeploys.#(verdict.outcome=="regressed")#',
      }),
    ],
    for: "2m",
    noData: "OK",
    onError: "KeepLast",
    summary: "The last deploy made things worse",
    description:
      "More fails, waits or restarts after it than before, beyond chance, or a queue has stopped. Its reasons are on the dashboard; consider a rollback. An hour after the deploy this is over.",
    dashboard: deploys,
    panel: "What the verdict says",
  },
  {
    uid: "ops-drift",
    title: "Release drift",
    severity: "warning",
    queries: [counts("{ drift { kind settling } }", { findings: 'data.drift.#(settling==false)#|#(kind!="engine_unknown")#' })],
    for: "10m",
    noData: "OK",
    onError: "KeepLast",
    summary: "{{ $values.A.Value }} findings: what runs is not what was deployed",
    description: "A deploy was not finished, missed an engine, or left old containers behind.",
    dashboard: deploys,
    panel: "What drifted",
  },
  {
    uid: "ops-upstream",
    title: "Upstream of the gateway down",
    severity: "critical",
    queries: [
      counts("{ engines { ok } }", { engines: "data.engines.#(ok==false)#" }, "A"),
      counts("{ queueSources { numbersOk } }", { sources: "data.queueSources.#(numbersOk==false)#" }, "B"),
      counts("{ hosts { name } }", { hosts: "data.hosts" }, "H"),
    ],
    // No host at all: Prometheus answers, and knows none.
    math: "$A + $B + ($H < 1)",
    for: "2m",
    noData: "NoData",
    summary: "The ops gateway cannot ask an upstream, or does not answer itself",
    description:
      "A container engine, a queue source or Prometheus does not answer: what it holds is unknown, and no other rule speaks of it. `wallet-core-ops check` says why.",
    dashboard: overview,
    panel: "Cannot be asked",
  },
];

/** Alert rules as Grafana provisions them, in the folder of the dashboards. */
export function toAlerting(): object {
  const group = { orgId: 1, name: "wallet-core-ops", folder: "Ops", interval: "1m", rules: rules.map(toRule) };
  return { apiVersion: 1, groups: [group] };
}

function toRule(rule: RuleSpec): object {
  const { uid, title, severity, queries, math, noData, onError = "Alerting", summary, description, dashboard, panel } = rule;
  const found = dashboard.panels.find((one) => one.title === panel);
  if (!found) throw new Error(`${title}: ${dashboard.title} has no panel ${panel}`);
  const place = { __dashboardUid__: dashboard.uid, __panelId__: String(found.id) };
  const steps = math === undefined ? [] : [toStep({ refId: "M", type: "math", expression: math })];
  const conditions = [{ type: "query", evaluator: { type: "gt", params: [0] } }];
  const asked = math === undefined ? (queries[0]?.refId ?? "") : "M";
  return {
    uid,
    title,
    condition: "C",
    data: [...queries.map(toQuery), ...steps, toStep({ refId: "C", type: "threshold", expression: asked, conditions })],
    dashboardUid: dashboard.uid,
    panelId: found.id,
    noDataState: noData,
    execErrState: onError,
    for: rule.for,
    annotations: { summary, description, ...place },
    labels: { severity, team: "ops" },
    isPaused: false,
  };
}

function toQuery(target: Target): object {
  const { refId, datasource } = target;
  const model = { ...target, intervalMs: 60_000, maxDataPoints: 300 };
  return { refId, datasourceUid: datasource.uid, relativeTimeRange: { from: 600, to: 0 }, model };
}

function toStep(step: { readonly refId: string; readonly [key: string]: unknown }): object {
  const model = { ...step, datasource: expression };
  return { refId: step.refId, datasourceUid: expression.uid, relativeTimeRange: { from: 0, to: 0 }, model };
}
