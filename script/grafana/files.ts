import { toRuleFiles } from "../alerts/prometheus.ts";
import { toAlerting } from "./alerts.ts";
import { containers } from "./dashboards/containers.ts";
import { deploys } from "./dashboards/deploys.ts";
import { overview } from "./dashboards/overview.ts";
import { queues } from "./dashboards/queues.ts";
import type { Dashboard } from "./model.ts";

export const dashboards: readonly Dashboard[] = [overview, queues, containers, deploys];

/** Text of every generated file, by its path from the root of the repository. */
export function toFiles(): ReadonlyMap<string, string> {
  const files: [string, object][] = dashboards.map((one) => [`deploy/grafana/dashboards/${one.uid}.json`, one]);
  files.push(["deploy/grafana/provisioning/alerting/ops.json", toAlerting()]);
  const rules = [...toRuleFiles()].map(([name, text]) => [`deploy/prometheus/rules/${name}`, text] as const);
  return new Map([...files.map(([path, content]) => [path, `${JSON.stringify(content, null, 2)}\n`] as const), ...rules]);
}
