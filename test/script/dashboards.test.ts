import { readdirSync, readFileSync } from "node:fs";
import { buildSchema, parse, validate } from "graphql";
import { describe, expect, it } from "vitest";
import { dashboards, toFiles } from "../../script/grafana/files.ts";
import type { Dashboard, Target, Variable } from "../../script/grafana/model.ts";
import { graphqlOf, panelsOf, queriesOf, targetsOf } from "../support/grafana-dashboard.ts";
import { display, toColour } from "../support/grafana-frames.ts";
import { interpolate } from "../support/grafana-queries.ts";

const schema = buildSchema(readFileSync("schema/schema.graphql", "utf8"));
const datasources = readFileSync("deploy/grafana/provisioning/datasources/ops.yaml", "utf8")
  .split("\n  - ")
  .slice(1)
  .map((text) => {
    const get = (key: string) => new RegExp(`^ *${key}: (.*)$`, "m").exec(text)?.[1];
    return {
      uid: get("uid"),
      type: get("type"),
      access: get("access"),
      secrets: text
        .split("secureJsonData:\n")[1]
        ?.trim()
        .split(/\n */)
        .filter((line) => /^\w+: /.test(line)),
    };
  });
const alerting = JSON.parse(toFiles().get("deploy/grafana/provisioning/alerting/ops.json") ?? "") as {
  groups: { folder: string; rules: Rule[] }[];
};
interface Rule {
  readonly uid: string;
  readonly title: string;
  readonly condition: string;
  readonly data: readonly { refId: string; datasourceUid: string; model: Target & { expression?: string } }[];
  readonly dashboardUid: string;
  readonly panelId: number;
  readonly execErrState: string;
  readonly noDataState: string;
  readonly labels: object;
  readonly annotations: Readonly<Record<string, string>>;
}
const rules = alerting.groups.flatMap((group) => group.rules);

const known = new Map(datasources.map(({ uid, type }) => [uid, type]));
const allOf = ({ templating }: Dashboard) => Object.fromEntries(templating.list.map(({ name }) => [name, null]));
const someOf = ({ templating }: Dashboard) =>
  Object.fromEntries(
    templating.list.map(({ name, type, multi }) => [
      name,
      type === "custom" ? "STAGING" : multi === true ? ["a", 'b"'] : 'b"',
    ]),
  );

it("the files in deploy/grafana equal their source", () => {
  for (const [path, text] of toFiles())
    expect(readFileSync(path, "utf8"), `${path}: run npm run dashboards`).toBe(text);
  expect(readdirSync("deploy/grafana/dashboards").toSorted()).toEqual(
    dashboards.map(({ uid }) => `${uid}.json`).toSorted(),
  );
});

it("there are four dashboards with fixed, different uids", () => {
  expect(dashboards.map(({ uid, title }) => [uid, title])).toEqual([
    ["ops-overview", "Overview"],
    ["ops-queues", "Queues"],
    ["ops-containers", "Containers"],
    ["ops-deploys", "Deploys"],
  ]);
});

describe.each(dashboards.map((one) => [one.title, one] as const))("%s", (_title, dashboard) => {
  it("has an id and a place for each panel", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { gridPos, title } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.has(`${x},${y}`), `${title} lies on another panel`).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
    }
  });

  it("describes the purpose of each panel", () => {
    const panels = panelsOf(dashboard);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    for (const { title, description = "" } of panels) expect(description.length, title).toBeGreaterThan(30);
  });

  it("uses only provisioned datasources, one for each panel", () => {
    // Grafana itself fills the list of alerts.
    for (const panel of panelsOf(dashboard).filter(({ type }) => type !== "alertlist")) {
      expect(targetsOf(panel).length, panel.title).toBeGreaterThan(0);
      expect(new Set(targetsOf(panel).map(({ refId }) => refId)).size).toBe(targetsOf(panel).length);
      for (const { datasource } of targetsOf(panel)) expect(datasource, panel.title).toEqual(panel.datasource);
      expect(known.get(panel.datasource?.uid ?? "")).toBe(panel.datasource?.type);
    }
  });

  it("has the environment, and only variables that the JSON plugin knows", () => {
    expect(dashboard.templating.list.map(({ name }) => name).slice(0, 2)).toEqual(["env", "destination"]);
    const types = dashboard.templating.list.map(({ type }) => type);
    expect(types.filter((type) => !["custom", "query", "constant"].includes(type))).toEqual([]);
  });

  it("marks the deploys on its graphs", () => {
    expect(dashboard.annotations.list).toContainEqual(
      expect.objectContaining({
        name: "Deploys",
        enable: true,
        datasource: { type: known.get("ops-infinity"), uid: "ops-infinity" },
      }),
    );
    expect(panelsOf(dashboard).some(({ type }) => type === "timeseries")).toBe(true);
    // Without a filter an annotation is on every panel.
    expect(dashboard.annotations.list.filter((one) => one["filter"] !== undefined)).toEqual([]);
  });

  it("asks valid GraphQL, whatever is chosen", () => {
    for (const query of queriesOf(dashboard)
      .map(graphqlOf)
      .filter((one) => one !== undefined)) {
      for (const chosen of [allOf(dashboard), someOf(dashboard)]) {
        const text = interpolate(query, chosen).replaceAll(/\$\{__time\w+:date:iso\}/g, "2026-11-25T10:00:00.000Z");
        expect(text).not.toContain("$");
        expect(
          validate(schema, parse(text)).map(({ message }) => message),
          text,
        ).toEqual([]);
      }
    }
  });

  it("names Infinity's fields as selected, and lets the server parse", () => {
    for (const target of queriesOf(dashboard).filter((one) => graphqlOf(one) !== undefined)) {
      expect(target).toMatchObject({
        type: "graphql",
        url_options: { method: "POST", body_content_type: "application/json" },
      });
      expect(target["parser"]).toBe("backend");
      for (const { selector, text } of target["columns"] as { selector: string; text: string }[])
        expect(text).toBe(selector);
    }
  });

  it("links to existing dashboards with variables that they have", () => {
    const variables = new Map(
      dashboards.map(({ uid, templating }) => [uid, templating.list.map(({ name }: Variable) => name)]),
    );
    const links = [...JSON.stringify(dashboard.panels).matchAll(/\/d\/([\w-]+)(\?[^"]*)?"/g)];
    expect(links.length).toBeGreaterThan(0);
    for (const [link, uid = "", query = ""] of links) {
      expect(variables.has(uid), link).toBe(true);
      for (const [, name = ""] of query.matchAll(/var-(\w+)=/g)) expect(variables.get(uid), link).toContain(name);
      // The time range, the environment and the destination go along.
      expect(query).toContain("${__url_time_range}&${env:queryparam}&${destination:queryparam}");
    }
  });
});

it("an unknown number is not green, and 0 is", () => {
  const figures = dashboards.flatMap(({ panels }) => panels.filter(({ type }) => type === "stat"));
  const counted = figures.filter(({ fieldConfig }) => JSON.stringify(fieldConfig).includes('"red","value":1'));
  expect(counted.map(({ title }) => title)).toContain("Bad hosts");
  for (const { title, fieldConfig } of figures) {
    expect(display(fieldConfig?.defaults ?? {}, null), title).toMatchObject({
      text: "unknown",
      color: toColour("blue"),
    });
  }
  for (const { title, fieldConfig } of counted) {
    const show = (value: number) => display(fieldConfig?.defaults ?? {}, value).color;
    expect([show(0), show(1)], title).toEqual([toColour("green"), toColour("red")]);
  }
});

describe("alert rules", () => {
  it("are in the dashboards' folder, each with its own id", () => {
    expect(alerting.groups.map(({ folder }) => folder)).toEqual(["Ops"]);
    expect(readFileSync("deploy/grafana/provisioning/dashboards/ops.yaml", "utf8")).toContain("folder: Ops");
    expect(new Set(rules.map(({ uid }) => uid)).size).toBe(rules.length);
    for (const { uid } of rules) expect(uid).toMatch(/^ops-[a-z-]{3,36}$/);
  });

  it.each(rules.map((rule) => [rule.title, rule] as const))(
    "%s: each step uses what is before it, and the panel exists",
    (_title, rule) => {
      const before = new Set<string>();
      for (const { refId, datasourceUid, model } of rule.data) {
        expect(known.has(datasourceUid) || datasourceUid === "__expr__").toBe(true);
        const used = model.expression?.match(/\$?[A-Z]\b/g)?.map((name) => name.replace("$", "")) ?? [];
        for (const name of used) expect(before, model.expression).toContain(name);
        before.add(refId);
      }
      expect(before).toContain(rule.condition);
      const dashboard = dashboards.find(({ uid }) => uid === rule.dashboardUid);
      expect(dashboard?.panels.map(({ id }) => id)).toContain(rule.panelId);
      expect(rule.annotations["__panelId__"]).toBe(String(rule.panelId));
      // Grafana fills in braced environment variables when it reads the file.
      const { runbook_url, ...texts } = rule.annotations;
      expect(JSON.stringify([texts, rule.labels])).not.toContain("${");
      expect(runbook_url).toBe(`\${RUNBOOKS}docs/alerts.md#${rule.title.toLowerCase()}`);
    },
  );

  it("are neither green nor firing when their answer is empty or fails", () => {
    const others: Readonly<Record<string, string>> = {
      // It is about just that.
      OpsGatewayDown: "Alerting",
    };
    expect(rules.map(({ title, execErrState }) => [title, execErrState])).toEqual(
      rules.map(({ title }) => [title, others[title] ?? "Error"]),
    );
    expect(new Set(rules.map(({ noDataState }) => noDataState))).toEqual(new Set(["NoData"]));
  });

  it("depend on no dashboard, and read one number of each query", () => {
    for (const { model } of rules.flatMap(({ data }) => data)) {
      const query = graphqlOf(model);
      if (query === undefined) continue;
      expect(query).not.toContain("$");
      expect(validate(schema, parse(query))).toEqual([]);
      expect((model["columns"] as { type: string }[]).map(({ type }) => type)).toEqual(["number"]);
      expect(model["computed_columns"]).toEqual([]);
    }
  });
});

it("each datasource gets its token from a file, through Grafana's server", () => {
  expect(datasources.map(({ uid, access }) => [uid, access])).toEqual([
    ["ops-infinity", "proxy"],
    ["ops-json", "proxy"],
    ["prometheus", "proxy"],
  ]);
  expect(datasources.map(({ secrets }) => secrets)).toEqual([
    ["bearerToken: $__file{/run/secrets/grafana_token}", 'httpHeaderValue1: "1"'],
    ["httpHeaderValue1: Bearer $__file{/run/secrets/grafana_token}"],
    undefined,
  ]);
});
