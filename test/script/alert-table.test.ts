import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createTime, grafanaSeconds, keepFiringSeconds } from "../../script/alerts/model.ts";
import { toRuleFiles } from "../../script/alerts/prometheus.ts";
import { toAlerts } from "../../script/alerts/table.ts";

interface Found {
  readonly severity: string | undefined;
  readonly for: string;
}

/** Alerts of the shipped rule file of Prometheus. */
function readPrometheus(): Map<string, Found> {
  const [, ...blocks] = readFileSync("deploy/prometheus/rules/alerts.yml", "utf8").split(
    /^ {6}- (?=alert: |record: )/m,
  );
  return new Map(
    blocks
      .filter((block) => block.startsWith("alert: "))
      .map((block) => {
        const get = (pattern: RegExp) => pattern.exec(block)?.[1];
        const found = { severity: get(/^ +labels: \{ severity: (\w+) \}$/m), for: get(/^ +for: (\w+)$/m) ?? "0s" };
        return [get(/^alert: (\w+)$/m) ?? "", found];
      }),
  );
}

/** The same of Grafana's. */
function readGrafana(): Map<string, Found> {
  const { groups } = JSON.parse(readFileSync("deploy/grafana/provisioning/alerting/ops.json", "utf8")) as {
    groups: { rules: { title: string; for: string; labels: { severity: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  return new Map(rules.map((rule) => [rule.title, { severity: rule.labels.severity, for: rule.for }]));
}

describe("the shipped alerts of Prometheus and of Grafana", () => {
  it("are the same conditions, severities and durations", () => {
    const prometheus = readPrometheus();
    expect(prometheus.size).toBe(22);
    expect([...prometheus.keys()]).toContain("OpsRoleDown");
    expect(Object.fromEntries(readGrafana())).toEqual(Object.fromEntries(prometheus));
  });

  it("go on for two scrapes that fail, at the shipped interval", () => {
    const config = readFileSync("deploy/prometheus/prometheus.yml", "utf8");
    const seconds = Number(/^ {2}scrape_interval: (\d+)s$/m.exec(config)?.[1]);
    // From the first evaluation without a series to the first one after the next good scrape.
    expect(keepFiringSeconds).toBeGreaterThan(3 * seconds);
    const text = readFileSync("deploy/prometheus/rules/alerts.yml", "utf8");
    expect(
      text
        .split(/^ {6}- alert: /m)
        .slice(1)
        .filter((rule) => !rule.includes("\n        keep_firing_for: 1m\n")),
    ).toEqual([]);
    const { groups } = JSON.parse(readFileSync("deploy/grafana/provisioning/alerting/ops.json", "utf8")) as {
      groups: { interval: string; rules: Record<string, unknown>[] }[];
    };
    expect(groups.map(({ interval }) => interval)).toEqual([createTime().span(grafanaSeconds)]);
    for (const rule of groups.flatMap(({ rules }) => rules)) {
      expect(rule).toMatchObject({ keepFiringFor: "1m", missing_series_evals_to_resolve: 2 });
      // Grafana resolves at the second of these evaluations, a whole interval after the first.
      expect(grafanaSeconds).toBeGreaterThan(3 * seconds);
    }
  });

  it("have a docs page each, with what to look at and what to do", () => {
    const [, ...sections] = readFileSync("docs/alerts.md", "utf8").split(/^### (?=Ops)/m);
    const pages = new Map(sections.map((section) => [/^\w+/.exec(section)?.[0] ?? "", section]));
    expect([...pages.keys()]).toEqual([...readPrometheus().keys()]);
    for (const [name, page] of pages) expect(page, name).toMatch(/^- \*\*Look at\*\*: .+[^]*^- \*\*Do\*\*: /m);
  });
});

describe("durations", () => {
  it("are written in the largest unit that divides them", () => {
    const time = createTime();
    expect([86_400, 7200, 480, 90, 0].map((seconds) => time.span(seconds))).toEqual(["1d", "2h", "8m", "90s", "0s"]);
    expect(time.seconds(900)).toBe(900);
  });

  it("are all divided by the factor of a test", () => {
    const scaled = [...toRuleFiles(60).values()].join("\n");
    const real = [...toRuleFiles().values()].join("\n");
    const toSeconds = (text: string) => {
      const [, amount, unit] = /^(\d+)(d|h|m|s|ms)$/.exec(text) ?? [];
      return Number(amount) * { d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 }[unit as "d"];
    };
    const find = (text: string) => [...text.matchAll(/(?:\[|for: )(\w+)/g)].map(([, span = ""]) => toSeconds(span));
    expect(find(real).length).toBeGreaterThan(20);
    expect(find(scaled)).toEqual(find(real).map((length) => length / 60));
  });
});

it("a text shows a value only above 0, as Grafana fires above 0", () => {
  const shown = toAlerts().filter(({ summary, description }) => /\$value\b/.test(summary + description));
  // Or it is a time.
  const isAbove = (expr: string) => / >=? \d/.test(expr) || expr.includes("_timestamp_seconds <");
  expect(shown.filter(({ expr }) => !isAbove(expr)).map(({ alert }) => alert)).toEqual([]);
  expect(shown.length).toBeGreaterThan(3);
});
