import { type AlertName, alertRules, problemKinds, problemRules } from "../../src/problems/rules.ts";
import type { Dashboard, Target } from "../grafana/model.ts";

/**
 * Durations of the rules. A test divides them all by one factor, so that half an hour passes in
 * half a minute.
 */
export interface Time {
  /** As PromQL and `for` write it. */
  span(seconds: number): string;
  /** To compare an age with. */
  seconds(seconds: number): number;
}

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

/** @param factor divides all durations. @default 1 */
export function createTime(factor = 1): Time {
  return {
    span(seconds) {
      const ms = (seconds * 1000) / factor;
      if (ms === 0) return "0s";
      const [unit, size] = units.find(([, length]) => ms % length === 0) ?? ["ms", 1];
      return `${ms / size}${unit}`;
    },
    seconds: (seconds) => seconds / factor,
  };
}

/** A series that Prometheus records; rules of its group that come later use it. */
export interface Recording {
  readonly record: string;
  readonly expr: string;
  /** What the expression does not show. */
  readonly why?: string;
}

/**
 * How long an alert goes on after its condition was last seen, seconds. A scrape that fails ends
 * all series of the gateway: this covers two in a row at the shipped interval of 15 s.
 */
export const keepFiringSeconds = 60;

/** How often Grafana evaluates the rules, seconds. */
export const grafanaSeconds = 60;

/** One condition that needs attention: an alert of Prometheus and one of Grafana. */
export interface Alert {
  readonly alert: string;
  /**
   * critical: somebody must act now. warning: somebody must act today. info: the rules themselves
   * lack data.
   */
  readonly severity: "critical" | "warning" | "info";
  /** How long it must hold, seconds. */
  readonly for: number;
  /** PromQL: the series for which the condition holds. */
  readonly expr: string;
  /** What the expression does not show. */
  readonly why?: string;
  /** Templates over `$labels` and `$value`. `$value` may only be used where it is above 0. */
  readonly summary: string;
  readonly description: string;
  /** The panel that shows it. */
  readonly panel: readonly [Dashboard, title: string];
  /** The query if Grafana asks the gateway itself, which has more than its metrics. */
  readonly grafana?: GrafanaCondition;
}

interface GrafanaCondition {
  readonly queries: readonly Target[];
  /** Over the queries' numbers; above 0 is an alert. */
  readonly math: string;
  /** In place of the other one. */
  readonly summary: string;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly (Recording | Alert)[];
}

/**
 * Labels of the subject of a series. Alerts have these and no others, however many gateways are
 * scraped.
 */
export const labels = {
  role: ["service", "destination", "role", "env"],
  container: ["name", "engine", "service", "destination", "role", "env", "version"],
  queue: ["queue", "source", "env"],
  owner: ["service", "destination"],
} as const;

/** `by (...)`, `on (...)` and the like take this. */
export function list(names: readonly string[]): string {
  return `(${names.join(", ")})`;
}

/** One series for each of these labels: the worst, if several gateways report it. */
export function worst(names: readonly string[], expr: string): string {
  return `max by ${list(names)} (${expr})`;
}

/**
 * The severity, the duration and the expression of an alert: that the gateway finds a problem. It
 * decides what one is, and the rule adds how long it lasts. `alike`: alerts whose problems count
 * too. `owner`: labels of the service that has it, which one of several gateways may not know yet.
 */
export function whileFound(
  alert: AlertName,
  names: readonly string[],
  { alike = [], owner = [] }: { readonly alike?: readonly AlertName[]; readonly owner?: readonly string[] } = {},
): Pick<Alert, "alert" | "severity" | "for" | "expr"> {
  const kinds = problemKinds.filter((kind) => [alert, ...alike].some((one) => one === problemRules[kind].alert));
  const found = kinds.length === 1 ? `kind="${kinds[0]}"` : `kind=~"${kinds.join("|")}"`;
  const any = `${worst(names, `ops_problem{${found}}`)} > 0`;
  const owned = `${worst([...names, ...owner], `ops_problem{${found}, service!=""}`)} > 0`;
  return { alert, ...alertRules[alert], expr: owner.length === 0 ? any : `${owned} or on ${list(names)} ${any}` };
}

export function isAlert(rule: Recording | Alert): rule is Alert {
  return "alert" in rule;
}

/** The docs page of an alert, below the documentation root that the operator configures. */
export function toRunbook(alert: string): string {
  return `docs/alerts.md#${alert.toLowerCase()}`;
}
