import { type Colouring, type States, type Steps, toColour, toColours, toThresholds } from "./fields.ts";
import type { PanelSpec, Target } from "./model.ts";

interface Common {
  readonly title: string;
  /** What the panel shows, its source, and what to do about bad values. */
  readonly description: string;
  readonly targets: readonly Target[];
  readonly unit?: string;
  readonly thresholds?: Steps;
  /** In place of "No data", where no data is no fault. */
  readonly noValue?: string;
}

interface GraphPanel extends Common {
  /** Labels that name a series. Absent: the query names it. */
  readonly labels?: readonly string[];
  readonly max?: number;
  readonly stacked?: boolean;
  readonly bars?: boolean;
  /** Colours of series by their names. @default any */
  readonly states?: States;
}

/**
 * Lines over time, with the thresholds as areas, over a legend that is as wide as the panel.
 * Deploys are on it by the dashboard's annotation.
 */
export function graph(panel: GraphPanel): PanelSpec {
  const {
    title,
    description,
    targets,
    unit = "short",
    thresholds,
    noValue,
    labels,
    max,
    stacked,
    bars,
    states = {},
  } = panel;
  return {
    type: "timeseries",
    title,
    description,
    datasource: toDatasource(targets),
    targets,
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(max !== undefined && { max }),
        ...(noValue !== undefined && { noValue }),
        ...(labels && { displayName: labels.map((label) => `\${__field.labels.${label}}`).join(" · ") }),
        ...(thresholds && { thresholds: toThresholds(thresholds) }),
        color: { mode: "palette-classic" },
        custom: {
          drawStyle: bars ? "bars" : "line",
          lineWidth: 1,
          fillOpacity: bars || stacked ? 40 : 8,
          showPoints: "auto",
          spanNulls: false,
          stacking: { mode: stacked ? "normal" : "none", group: "A" },
          thresholdsStyle: { mode: thresholds ? "dashed" : "off" },
        },
      },
      overrides: Object.entries(states).map(([name, state]) =>
        override(name.toLowerCase(), { color: { mode: "fixed", fixedColor: toColour(state) } }),
      ),
    },
    options: {
      legend: {
        displayMode: "table",
        placement: "bottom",
        showLegend: true,
        calcs: ["lastNotNull", "max"],
        sortBy: "Max",
        sortDesc: true,
      },
      tooltip: { mode: "multi", sort: "desc" },
    },
  };
}

interface StatPanel extends Common {
  readonly states?: States;
  /** Which fields are shown: all numbers unless a pattern is given. */
  readonly fields?: string;
  /** Field that counts what is there at all: without anything, no problem is no good news. */
  readonly presence?: string;
  /** Path of the dashboard that it leads to. */
  readonly leadsTo?: string;
}

/** Large numbers, one for each field. */
export function stat(panel: StatPanel): PanelSpec {
  const { title, description, targets, unit = "short", thresholds, states, fields = "", presence, leadsTo } = panel;
  return {
    type: "stat",
    title,
    description,
    datasource: toDatasource(targets),
    targets,
    ...(leadsTo !== undefined && { links: [{ title: "Open", url: toUrl(leadsTo) }] }),
    fieldConfig: {
      defaults: { unit, noValue: "unknown", ...toColours(panel) },
      overrides:
        presence === undefined ? [] : [override(presence, { thresholds: toThresholds(["blue", [1, "green"]]) })],
    },
    options: {
      reduceOptions: { calcs: ["lastNotNull"], fields, values: false },
      colorMode: thresholds || states ? "background" : "none",
      graphMode: "none",
      justifyMode: "auto",
      textMode: "auto",
      orientation: "auto",
    },
  };
}

interface ColumnLink {
  /** Shown when the pointer is on the cell: says in full what the cell shortens. */
  readonly title: string;
  /**
   * A dashboard's path, which gets the time range and the environment, or a whole URL.
   * `${__value.raw}` is the cell's text, `${__data.fields.NAME}` that of a field.
   */
  readonly url: string;
}

/** One column of a table, in its place. */
export interface Column extends Colouring {
  /** Name of the field. */
  readonly field: string;
  /** Absent: the field has no column, and is there for links. */
  readonly name?: string;
  readonly unit?: string;
  readonly decimals?: number;
  readonly mappings?: readonly object[];
  readonly link?: ColumnLink;
  /** Pixels. Absent: it has the room that the others leave, for texts. */
  readonly width?: number;
  /** Pixels that one with that room has at least. @default those of a text */
  readonly minWidth?: number;
}

export interface TableSpec extends Omit<Common, "unit" | "thresholds" | "targets"> {
  readonly target: Target;
  readonly columns: readonly Column[];
  /** Field whose largest values come first. */
  readonly worstFirst: string;
}

/** Pixels that a text has at least: else the table scrolls sideways. */
const textWidth = 200;

/**
 * Rows, the worst first; fields that are no columns are only there to sort by. Texts and headers
 * wrap, so that none is cut off.
 */
export function table({ title, description, target, columns, worstFirst, noValue }: TableSpec): PanelSpec {
  const named = columns.filter(({ name }) => name !== undefined);
  return {
    type: "table",
    title,
    description,
    datasource: target.datasource,
    targets: [target],
    transformations: [
      { id: "sortBy", options: { fields: {}, sort: [{ field: worstFirst, desc: true }] } },
      { id: "filterFieldsByName", options: { include: { names: columns.map(({ field }) => field) } } },
      {
        id: "organize",
        options: {
          excludeByName: {},
          indexByName: Object.fromEntries(columns.map(({ field }, index) => [field, index])),
          renameByName: Object.fromEntries(named.map(({ field, name }) => [field, name])),
        },
      },
    ],
    fieldConfig: {
      defaults: {
        ...(noValue !== undefined && { noValue }),
        custom: { align: "auto", wrapText: true, wrapHeaderText: true, minWidth: textWidth },
      },
      overrides: columns.map(toColumnOverride),
    },
    options: { showHeader: true, cellHeight: "sm" },
  };
}

/** The same table with fewer columns. */
export function narrow(spec: TableSpec, ...fields: readonly string[]): TableSpec {
  const columns = fields.map((field) => {
    const column = spec.columns.find((one) => one.field === field);
    if (!column) throw new Error(`${spec.title} has no column ${field}`);
    return column;
  });
  return { ...spec, columns: [...columns, ...spec.columns.filter(({ name }) => name === undefined)] };
}

function toColumnOverride(column: Column): object {
  const { field, name, unit, decimals, thresholds, states, mappings, link, width, minWidth } = column;
  const isColoured = thresholds !== undefined || states !== undefined;
  const properties = {
    ...(name === undefined && { "custom.hideFrom.viz": true }),
    ...(unit !== undefined && { unit }),
    ...(decimals !== undefined && { decimals }),
    ...(width !== undefined && { "custom.width": width }),
    ...(minWidth !== undefined && { "custom.minWidth": minWidth }),
    // Its mark takes room of the header.
    ...(width === undefined && name !== undefined && { "custom.filterable": true }),
    ...(isColoured && { ...toColours(column), "custom.cellOptions": { type: "color-text" } }),
    // Rows would be as high as the whole text needs, of which the mapping shows a part.
    ...(mappings && { mappings, "custom.wrapText": false }),
    ...(link && { links: [{ title: link.title, url: toUrl(link.url) }] }),
  };
  return override(name ?? field, properties);
}

function override(name: string, properties: object): object {
  return {
    matcher: { id: "byName", options: name },
    properties: Object.entries(properties).map(([id, value]) => ({ id, value: value as unknown })),
  };
}

/** A path that carries the time range, the environment and the destination over. */
function toUrl(path: string): string {
  if (!path.startsWith("/d/")) return path;
  return `${path}${path.includes("?") ? "&" : "?"}\${__url_time_range}&\${env:queryparam}&\${destination:queryparam}`;
}

function toDatasource(targets: readonly Target[]): Target["datasource"] {
  const [first] = targets;
  if (!first) throw new Error("a panel needs a query");
  return first.datasource;
}

/** Grafana's own list of alerts of these dashboards, those that fire first. */
export function alertList(title: string, description: string): PanelSpec {
  return {
    type: "alertlist",
    title,
    description,
    fieldConfig: { defaults: {}, overrides: [] },
    options: {
      viewMode: "list",
      groupMode: "default",
      groupBy: [],
      maxItems: 20,
      // By importance.
      sortOrder: 3,
      dashboardAlerts: false,
      alertName: "",
      alertInstanceLabelFilter: '{team="ops"}',
      datasource: "-- Grafana --",
      stateFilter: { firing: true, pending: true, recovering: true, noData: true, error: true, normal: false },
      showInstances: true,
    },
  };
}
