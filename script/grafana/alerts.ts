import { type Alert, createTime, grafanaSeconds, keepFiringSeconds, toRunbook } from "../alerts/model.ts";
import { toAlerts } from "../alerts/table.ts";
import { expression } from "./datasources.ts";
import type { Target } from "./model.ts";
import { promqlNow } from "./targets.ts";

/**
 * Alert rules as Grafana provisions them, in the folder of the dashboards: the same conditions as
 * those of Prometheus, with its names, severities and durations. An empty answer and a failed one
 * are alerts of their own (DatasourceNoData, DatasourceError). A series that one evaluation lacks
 * ends no alert.
 *
 * @param factor divides all durations. @default 1
 */
export function toAlerting(factor = 1): object {
  const rules = toAlerts(factor).map((rule) => toRule(rule, factor));
  const group = {
    orgId: 1,
    name: "wallet-core-ops",
    folder: "Ops",
    interval: createTime(factor).span(grafanaSeconds),
    rules,
  };
  return { apiVersion: 1, groups: [group] };
}

function toRule(rule: Alert, factor: number): object {
  const { alert, severity, panel, grafana } = rule;
  const [dashboard, title] = panel;
  // A row's heading is no place to link to.
  const found = dashboard.panels.find((one) => one.title === title && one.type !== "row");
  if (!found) throw new Error(`${alert}: ${dashboard.title} has no panel ${title}`);
  const place = { __dashboardUid__: dashboard.uid, __panelId__: String(found.id) };
  const { summary, description, queries } = { queries: [promqlNow(toNumber(rule))], ...rule, ...grafana };
  const steps = grafana ? [toStep({ refId: "M", type: "math", expression: grafana.math })] : [];
  const conditions = [{ type: "query", evaluator: { type: "gt", params: [0] } }];
  const asked = grafana ? "M" : (queries[0]?.refId ?? "");
  return {
    uid: alert.replaceAll(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase(),
    title: alert,
    condition: "C",
    data: [...queries.map(toQuery), ...steps, toStep({ refId: "C", type: "threshold", expression: asked, conditions })],
    dashboardUid: dashboard.uid,
    panelId: found.id,
    noDataState: "NoData",
    execErrState: grafana ? "Alerting" : "Error",
    for: createTime(factor).span(rule.for),
    // A number that is 0 again, and a series that is gone: each has a setting of its own.
    keepFiringFor: createTime(factor).span(keepFiringSeconds),
    missing_series_evals_to_resolve: keepFiringSeconds / grafanaSeconds + 1,
    // Grafana fills in the variable when it reads the file: only braced ones in an annotation.
    annotations: {
      summary: toTemplate(summary),
      description: toTemplate(description),
      runbook_url: `\${RUNBOOKS}${toRunbook(alert)}`,
      ...place,
    },
    labels: { severity, team: "ops" },
    isPaused: false,
  };
}

/**
 * The expression with 0 added for "no problem": for Grafana an empty answer means that nothing is
 * scraped, or that the recordings of these rules are missing. Above 0 is an alert; a value that no
 * text shows may be any number.
 */
function toNumber({ expr, summary, description }: Alert): string {
  const found = `(${expr.trim()})`;
  const above = /\$value\b/.test(summary + description) ? found : `${found} * 0 + 1`;
  return `${above} or on () 0 * max(job:ops_gateway_up:max)`;
}

/** Templates are those of Prometheus, except for the value. */
function toTemplate(text: string): string {
  return text.replaceAll("$value", "$values.A.Value");
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
