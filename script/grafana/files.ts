import { toRuleFiles } from "../alerts/prometheus.ts";
import { toAlerting } from "./alerts.ts";
import { containers } from "./dashboards/containers.ts";
import { deploys } from "./dashboards/deploys.ts";
import { overview } from "./dashboards/overview.ts";
import { queues } from "./dashboards/queues.ts";
import type { Dashboard } from "./model.ts";
import { toConsole } from "./variables.ts";

export const dashboards: readonly Dashboard[] = [overview, queues, containers, deploys];

/**
 * Text of every generated file, by its path from the root of the repository. @param consoleUrl
 * where people open the console
 */
export function toFiles(consoleUrl?: string): ReadonlyMap<string, string> {
  const shown = consoleUrl === undefined ? dashboards : dashboards.map((one) => withConsole(one, consoleUrl));
  const files: [string, object][] = shown.map((one) => [`deploy/grafana/dashboards/${one.uid}.json`, one]);
  files.push(["deploy/grafana/provisioning/alerting/ops.json", toAlerting()]);
  const rules = [...toRuleFiles()].map(([name, text]) => [`deploy/prometheus/rules/${name}`, text] as const);
  return new Map([
    ...files.map(([path, content]) => [path, `${JSON.stringify(content, null, 2)}\n`] as const),
    ...rules,
  ]);
}

function withConsole(dashboard: Dashboard, url: string): Dashboard {
  const constant = toConsole(url);
  const list = dashboard.templating.list.map((variable) => (variable.name === constant.name ? constant : variable));
  return { ...dashboard, templating: { list } };
}
