import {
  type Alert,
  createTime,
  isAlert,
  keepFiringSeconds,
  type Recording,
  type RuleGroup,
  toRunbook,
} from "./model.ts";
import { toRecordings } from "./recordings.ts";
import { toAlertGroups } from "./table.ts";

const header = "# Made by `npm run dashboards` from script/alerts: change it there.\n";

/**
 * Text of the rule files of Prometheus by their names. @param factor divides all durations.
 * @default 1
 */
export function toRuleFiles(factor = 1): ReadonlyMap<string, string> {
  return new Map([
    ["recording.yml", toYaml([toRecordings(createTime(factor))], factor)],
    ["alerts.yml", toYaml(toAlertGroups(factor), factor)],
  ]);
}

function toYaml(groups: readonly RuleGroup[], factor: number): string {
  const texts = groups.map(
    ({ name, rules }) => `  - name: ${name}\n    rules:\n${rules.map((rule) => toRule(rule, factor)).join("")}`,
  );
  return `${header}groups:\n${texts.join("\n")}`;
}

function toRule(rule: Recording | Alert, factor: number): string {
  const { why = "", expr } = rule;
  const comment = why === "" ? [] : why.split("\n").map((line) => `# ${line}`);
  const own = isAlert(rule) ? [`- alert: ${rule.alert}`] : [`- record: ${rule.record}`];
  const text = expr.trim().split("\n");
  const asYaml = text.length === 1 ? [`  expr: ${text[0]}`] : ["  expr: |-", ...text.map((line) => `    ${line}`)];
  const lines = [...comment, ...own, ...asYaml];
  if (isAlert(rule)) lines.push(...toDetails(rule, factor).map((line) => `  ${line}`));
  return lines.map((line) => `      ${line}\n`).join("");
}

/** A JSON string is a YAML string. */
function toDetails({ alert, severity, for: seconds, summary, description }: Alert, factor: number): string[] {
  return [
    ...(seconds > 0 ? [`for: ${createTime(factor).span(seconds)}`] : []),
    `keep_firing_for: ${createTime(factor).span(keepFiringSeconds)}`,
    `labels: { severity: ${severity} }`,
    "annotations:",
    `  summary: ${JSON.stringify(summary)}`,
    `  description: ${JSON.stringify(description)}`,
    // The external label `runbooks` has the documentation root and is on no alert: see
    // prometheus.yml.
    `  runbook_url: ${JSON.stringify(`{{ $externalLabels.runbooks }}${toRunbook(alert)}`)}`,
  ];
}
