import { describe, expect, it } from "vitest";
import { toAlerts } from "../../script/alerts/table.ts";
import { alertRules, problemRules } from "../../src/problems/rules.ts";

/** Alerts about the gateway, its tokens and its calls, which are no problems of the product. */
const ofGateway = new Set([
  "OpsGatewayDown",
  "OpsProblemsUnknown",
  "OpsUpstreamErrors",
  "OpsGatewayBusy",
  "OpsSeriesDropped",
  "OpsTokenEnds",
]);

describe("the rules of problems", () => {
  it("have every alert about the product, with its severity and duration", () => {
    const alerts = toAlerts().filter(({ alert }) => !ofGateway.has(alert));
    const own = new Set(
      Object.entries(alertRules).map(([alert, { severity, for: seconds }]) => `${alert} ${severity} ${seconds}`),
    );
    expect(own).toEqual(new Set(alerts.map(({ alert, severity, for: seconds }) => `${alert} ${severity} ${seconds}`)));
    expect(new Set(Object.values(problemRules).flatMap(({ alert }) => alert ?? []))).toEqual(
      new Set(Object.keys(alertRules)),
    );
  });

  it("have the severity of their alert, worst first", () => {
    const rules = Object.values(problemRules);
    for (const { alert, severity } of rules)
      expect(alert === null ? severity : alertRules[alert].severity).toBe(severity);
    expect(rules.map(({ severity }) => severity)).toEqual(rules.map(({ severity }) => severity).toSorted());
  });

  it("are whole sentences", () => {
    for (const { rule } of Object.values(problemRules)) expect(rule).toMatch(/^[A-Zd].*\.$/s);
  });
});
