import { readFileSync } from "node:fs";
import { buildSchema, type FieldNode, type OperationDefinitionNode, parse } from "graphql";
import { describe, expect, it } from "vitest";
import { toAlerting } from "../../script/grafana/alerts.ts";
import { dashboards, toFiles } from "../../script/grafana/files.ts";
import type { Dashboard, Panel, Target } from "../../script/grafana/model.ts";
import { shortRelease } from "../../script/grafana/fields.ts";
import { screenPaths } from "../../src/console/screens.ts";
import { getMetric } from "../../src/grafana/metrics.ts";
import { toShortRelease } from "../../src/lib/short-release.ts";
import {
  columnsOf,
  exprOf,
  graphqlOf,
  overridesOf,
  panelsOf,
  queriesOf,
  targetsOf,
} from "../support/grafana-dashboard.ts";
import { display, toColour } from "../support/grafana-frames.ts";
import { interpolate } from "../support/grafana-queries.ts";

const schema = buildSchema(readFileSync("schema/schema.graphql", "utf8"));
const all = dashboards.flatMap((dashboard) => panelsOf(dashboard).map((panel) => [dashboard, panel] as const));
const named = all.map(([dashboard, panel]) => [`${dashboard.title}: ${panel.title}`, panel, dashboard] as const);
const of = (type: string) => named.filter(([, panel]) => panel.type === type);
const get = (uid: string, title: string) => {
  const found = all.find(([dashboard, panel]) => dashboard.uid === uid && panel.title === title)?.[1];
  if (!found) throw new Error(`no panel ${title}`);
  return found;
};

interface Field {
  readonly name: string;
  readonly args: ReadonlyMap<string, string>;
}

/** The root fields of a query, with their arguments as written. */
function rootFields(query: string): Field[] {
  const marked = interpolate(query, {
    env: "IT",
    destination: "it",
    queue: ["it"],
    host: ["it"],
    container: ["it"],
    role: ["it"],
  });
  const [operation] = parse(marked).definitions as [OperationDefinitionNode];
  return operation.selectionSet.selections.map((selection) => {
    const { name, arguments: args = [] } = selection as FieldNode;
    return {
      name: name.value,
      args: new Map(args.map((arg) => [arg.name.value, marked.slice(arg.value.loc?.start, arg.value.loc?.end)])),
    };
  });
}

const isOfDestination = ({ name, args }: Field) => name === "containers" && args.size === 1;
const queryType = schema.getQueryType()?.getFields() ?? {};
const hasArgument = (field: string, name: string) => queryType[field]?.args.some((arg) => arg.name === name) ?? false;

/** What narrows each kind of row, by the field of the schema that has it. */
const drillDown: Readonly<Record<string, readonly string[]>> = {
  containers: ["container", "role", "engine"],
  containerSeries: ["container", "role", "engine"],
  timeline: ["container", "role", "engine"],
  engines: ["engine"],
  hosts: ["host"],
  hostSeries: ["host"],
  queues: ["queue"],
  queueSeries: ["queue"],
};

describe.each(dashboards.map((one) => [one.title, one] as const))("%s", (_title, dashboard) => {
  const queries = queriesOf(dashboard);

  it("passes the environment and destination wherever the schema takes them", () => {
    const given = queries.flatMap((target) => rootFields(graphqlOf(target) ?? "{ __typename }"));
    expect(given.filter(({ name }) => hasArgument(name, "env")).length).toBeGreaterThan(5);
    const lacking = (arg: string, values: readonly string[]) =>
      given.filter(({ name, args }) => hasArgument(name, arg) && !values.includes(args.get(arg) ?? ""));
    expect(lacking("env", ["IT"])).toEqual([]);
    // The destinations to choose from are those of all.
    expect(lacking("destination", ['"it"']).filter((field) => !isOfDestination(field))).toEqual([]);
    expect(lacking("destinations", ['"it"'])).toEqual([]);
  });

  it("passes the environment to the JSON plugin and to Prometheus", () => {
    const byPlugin = queries.filter(
      ({ target }) => typeof target === "string" && getMetric(target).payloads.includes("env"),
    );
    for (const { payload } of byPlugin)
      expect(JSON.parse(interpolate(String(payload), { env: "IT", queue: null }))).toHaveProperty("env", "IT");
    for (const expr of queries.map((one) => exprOf(one)).filter((one) => /ops_(container|queue)_/.test(one)))
      expect(expr).toContain('env=~"(?i)$env"');
  });

  it("shows only what its variables choose", () => {
    const variables = new Set(dashboard.templating.list.map(({ name }) => name));
    const shown = panelsOf(dashboard).filter(({ type }) => type !== "stat");
    for (const [title, target] of shown.flatMap((panel) =>
      targetsOf(panel).map((one) => [panel.title, one] as const),
    )) {
      const fields = rootFields(graphqlOf(target) ?? "{ __typename }").flatMap(({ name }) => drillDown[name] ?? []);
      const wanted = fields.filter((name) => variables.has(name));
      expect(
        wanted.filter((name) => !new RegExp(`\\$\\{${name}:\\w+\\}`).test(JSON.stringify(target))),
        title,
      ).toEqual([]);
    }
  });

  it("uses no variable that it does not have", () => {
    const known = new Set(dashboard.templating.list.map(({ name }) => name));
    for (const target of queries) {
      const used = [...JSON.stringify(target).matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name);
      expect(
        used.filter((name) => !known.has(name ?? "")),
        JSON.stringify(target),
      ).toEqual([]);
    }
  });

  it("marks deploys, OOM kills, deaths and restarts on its graphs", () => {
    const marks = dashboard.annotations.list.filter((one) => one["target"] !== undefined);
    expect(marks.map(({ name }) => name)).toEqual(["Deploys", "OOM kills", "Deaths", "Restarts"]);
    expect(new Set(marks.map((one) => one["iconColor"])).size).toBe(marks.length);
    for (const mark of marks) {
      expect(mark).toMatchObject({ enable: true, target: { refId: "Anno" } });
      expect(columnsOf(mark["target"] as Target, "timestamp")).toEqual(["time"]);
    }
  });
});

describe("a graph", () => {
  it.each(of("timeseries"))("%s has all labels of a series in its legend", (_title, panel) => {
    const { displayName = "" } = (panel.fieldConfig?.defaults ?? {}) as { displayName?: string };
    for (const target of targetsOf(panel)) {
      const grouped =
        /sum by \(([\w, ]+)\)/
          .exec(exprOf(target))?.[1]
          ?.split(", ")
          .filter((one) => one !== "le") ?? [];
      for (const label of grouped) expect(String(target["legendFormat"])).toContain(`{{${label}}}`);
      for (const label of columnsOf(target, "string")) expect(displayName).toContain(`\${__field.labels.${label}}`);
      // A name is one of its engine alone, a queue one of its source.
      const labels = new Set([...grouped, ...columnsOf(target, "string")]);
      expect([labels.has("engine"), labels.has("source")]).toEqual([
        labels.has("name") || labels.has("container"),
        labels.has("queue"),
      ]);
    }
  });

  it.each(of("timeseries"))("%s has its legend below", (_title, panel) => {
    expect(panel.options).toMatchObject({ legend: { placement: "bottom" } });
  });
});

const toConfig = ({ fieldConfig = { defaults: {}, overrides: [] } }: Panel) => fieldConfig;

/** Pixels of a panel on a screen of 1440, without its padding. */
const pixelsOf = ({ gridPos }: Panel) => (gridPos.w / 24) * 1400;

describe("a table", () => {
  it.each(of("table"))("%s wraps its texts and its headers", (_title, { fieldConfig }) => {
    expect(fieldConfig?.defaults).toMatchObject({ custom: { wrapText: true, wrapHeaderText: true } });
  });

  it.each(of("table"))("%s gives the telling text the room", (_title, panel) => {
    const names = new Map(Object.entries(readOrganize(panel).renameByName));
    const overrides = overridesOf(panel);
    const telling = [...names].filter(([field]) =>
      /(^|\.)(message|error|reason|reasons\.\d|gaps\.\d|note)$/.test(field),
    );
    for (const [, name] of telling) expect(overrides.get(name), name).not.toHaveProperty("custom.width");
    const free = [...names.values()].filter((name) => overrides.get(name)?.["custom.width"] === undefined);
    expect(free.length).toBeGreaterThan(0);
  });

  it.each(of("table"))("%s fits its panel", (_title, panel) => {
    const { custom } = toConfig(panel).defaults as { custom: { minWidth: number } };
    const overrides = overridesOf(panel);
    const widths = Object.values(readOrganize(panel).renameByName).map(
      (name) => overrides.get(name)?.["custom.width"] ?? overrides.get(name)?.["custom.minWidth"] ?? custom.minWidth,
    );
    expect(widths.reduce((sum: number, width) => sum + Number(width), 0)).toBeLessThanOrEqual(pixelsOf(panel));
  });

  it.each(of("table"))("%s has only overrides of columns that it has", (_title, panel) => {
    const { renameByName, indexByName } = readOrganize(panel);
    const names = new Set([
      ...Object.values(renameByName),
      ...Object.keys(indexByName).filter((field) => !(field in renameByName)),
    ]);
    expect([...overridesOf(panel).keys()].filter((name) => !names.has(name))).toEqual([]);
  });
});

function readOrganize({ transformations = [] }: Panel) {
  const organize = transformations.find(({ id }) => id === "organize");
  return organize?.options as { renameByName: Record<string, string>; indexByName: Record<string, number> };
}

describe("what is not known", () => {
  const coloured = named.flatMap(([title, panel]) => {
    const defaults = panel.type === "stat" ? [[title, panel.fieldConfig?.defaults ?? {}] as const] : [];
    const columns = [...overridesOf(panel)].filter(([, one]) => one["thresholds"] !== undefined);
    return [
      ...defaults,
      ...columns.map(([name, one]) => [`${title}: ${name}`, { ...toConfig(panel).defaults, ...one }] as const),
    ];
  });

  it.each(coloured)("is not green: %s", (_title, config) => {
    expect(coloured.length).toBeGreaterThan(30);
    const shown = display(config, null);
    expect(shown.text).not.toBe("");
    expect([toColour("blue"), toColour("text")]).toContain(shown.color);
  });

  it.each(coloured.filter(([, config]) => JSON.stringify(config).includes('"type":"value"')))(
    "is not green: a state that %s does not list",
    (_title, config) => {
      expect(display(config, "SOMETHING_NEW").color).toBe(toColour("text"));
    },
  );
});

it.each([
  ["ops-overview", "Unhealthy containers", "running"],
  ["ops-queues", "Queues in trouble", "known"],
])("is not green where there is nothing: %s, %s", (uid, title, name) => {
  const panel = get(uid, title);
  const show = (value: number) =>
    display({ ...toConfig(panel).defaults, ...overridesOf(panel).get(name) }, value).color;
  expect([show(0), show(1)]).toEqual([toColour("blue"), toColour("green")]);
});

it("a short release is that of the console", () => {
  const tags = [
    "deploy-20261127-090637-staging",
    "deploy-20261127-0906",
    "v1.2",
    "8e31249b8e72f9ce9a5482e3c466c23c90bb4811",
    "8e31249",
  ];
  expect(tags.map((tag) => display({ mappings: shortRelease }, tag).text)).toEqual(tags.map(toShortRelease));
});

it("every list of containers leads to their logs in the console", () => {
  const lists = of("table").filter(([, panel]) => JSON.stringify(panel.targets).includes("containers("));
  expect(lists.map(([title]) => title)).toEqual(["Overview: Containers", "Containers: Containers"]);
  for (const [, panel] of lists) {
    const links = overridesOf(panel).get("Log")?.["links"] as { url: string }[] | undefined;
    const [, path = "", query = ""] = /^\$\{console\}([^?]+)\?(.*)$/.exec(links?.[0]?.url ?? "") ?? [];
    expect(screenPaths).toContain(path);
    // The fields are there, though they are no columns of their own.
    const fields = [...query.matchAll(/__data\.fields\.(\w+)/g)].map(([, name = ""]) => name);
    expect(fields).toEqual(["container", "engine"]);
    for (const field of fields) expect(Object.keys(readOrganize(panel).indexByName)).toContain(field);
  }
});

it("the links to the console have the address that is given", () => {
  const files = [...toFiles("https://ops.example.com")].filter(([path]) => path.includes("/dashboards/"));
  expect(files).toHaveLength(dashboards.length);
  for (const [, text] of files) {
    const { templating } = JSON.parse(text) as Dashboard;
    expect(templating.list.find(({ name }) => name === "console")).toMatchObject({
      query: "https://ops.example.com",
      type: "constant",
    });
  }
});

it("Overview lists the alerts", () => {
  expect(get("ops-overview", "Alerts")).toMatchObject({
    type: "alertlist",
    options: { stateFilter: { firing: true, error: true, noData: true }, alertInstanceLabelFilter: '{team="ops"}' },
  });
});

describe("alerts", () => {
  const { groups } = toAlerting() as { groups: readonly { rules: readonly AlertRule[] }[] };
  interface AlertRule {
    readonly title: string;
    readonly dashboardUid: string;
    readonly panelId: number;
    readonly data: readonly { readonly model: Target }[];
  }
  const rules = groups.flatMap((group) => group.rules);

  it("lead to panels, not to headings", () => {
    const targets = rules.map(({ title, dashboardUid, panelId }) => {
      const dashboard = dashboards.find(({ uid }) => uid === dashboardUid);
      return [title, dashboard?.panels.find(({ id }) => id === panelId)?.type];
    });
    expect(targets.filter(([, type]) => type === undefined || type === "row")).toEqual([]);
  });
});
