import { type States, type Steps, toMappings, toThresholds, unknownMapping } from "./fields.ts";
import type { PanelSpec, Target } from "./model.ts";

interface Common {
  readonly title: string;
  /** What the panel shows, its source, and what to do about bad values. */
  readonly description: string;
  readonly targets: readonly Target[];
  readonly unit?: string;
  readonly thresholds?: Steps;
}

interface GraphPanel extends Common {
  /** Grafana's template of a series' name. */
  readonly legend?: string;
  readonly max?: number;
  readonly stacked?: boolean;
  readonly bars?: boolean;
}

/** Lines over time, with the thresholds as areas. Deploys are on it by the dashboard's annotation. */
export function graph({
  title,
  description,
  targets,
  unit = "short",
  thresholds,
  legend,
  max,
  stacked,
  bars,
}: GraphPanel): PanelSpec {
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
        ...(legend !== undefined && { displayName: legend }),
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
      overrides: [],
    },
    options: {
      legend: {
        displayMode: "table",
        placement: "right",
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
  readonly unitOf?: Readonly<Record<string, string>>;
  /** Path of the dashboard that it leads to. */
  readonly leadsTo?: string;
}

/** Large numbers, one for each field. */
export function stat({
  title,
  description,
  targets,
  unit = "short",
  thresholds,
  states,
  fields = "",
  unitOf = {},
  leadsTo,
}: StatPanel): PanelSpec {
  return {
    type: "stat",
    title,
    description,
    datasource: toDatasource(targets),
    targets,
    ...(leadsTo !== undefined && { links: [{ title: "Open", url: toUrl(leadsTo) }] }),
    fieldConfig: {
      defaults: {
        unit,
        thresholds: toThresholds(thresholds ?? ["text"]),
        color: { mode: "thresholds" },
        mappings: [unknownMapping, ...(states ? toMappings(states) : [])],
      },
      overrides: Object.entries(unitOf).map(([name, own]) => override(name, { unit: own })),
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

/** One column of a table, in its place. */
export interface Column {
  /** Name of the field. */
  readonly field: string;
  readonly name: string;
  readonly unit?: string;
  readonly decimals?: number;
  readonly thresholds?: Steps;
  readonly states?: States;
  /** Path of the dashboard that a cell leads to, with `${__value.raw}` for its text. */
  readonly leadsTo?: string;
  readonly width?: number;
}

interface TablePanel extends Omit<Common, "unit" | "thresholds" | "targets"> {
  readonly target: Target;
  readonly columns: readonly Column[];
  /** Field whose largest values come first. */
  readonly worstFirst: string;
}

/** Rows, the worst first; fields that are no columns are only there to sort by. */
export function table({ title, description, target, columns, worstFirst }: TablePanel): PanelSpec {
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
          renameByName: Object.fromEntries(columns.map(({ field, name }) => [field, name])),
        },
      },
    ],
    fieldConfig: {
      defaults: { custom: { align: "auto", filterable: true } },
      overrides: columns.map(toColumnOverride).filter((one) => one !== null),
    },
    options: { showHeader: true, cellHeight: "sm" },
  };
}

function toColumnOverride({ name, unit, decimals, thresholds, states, leadsTo, width }: Column): object | null {
  const properties = {
    ...(unit !== undefined && { unit }),
    ...(decimals !== undefined && { decimals }),
    ...(width !== undefined && { "custom.width": width }),
    ...(thresholds && { thresholds: toThresholds(thresholds), color: { mode: "thresholds" } }),
    ...(states && { mappings: toMappings(states) }),
    ...((thresholds || states) && { "custom.cellOptions": { type: "color-text" } }),
    ...(leadsTo !== undefined && { links: [{ title: "Open ${__value.raw}", url: toUrl(leadsTo) }] }),
  };
  return Object.keys(properties).length === 0 ? null : override(name, properties);
}

function override(name: string, properties: object): object {
  return {
    matcher: { id: "byName", options: name },
    properties: Object.entries(properties).map(([id, value]) => ({ id, value: value as unknown })),
  };
}

/** A path that carries the time range and the environment over. */
function toUrl(path: string): string {
  return `${path}${path.includes("?") ? "&" : "?"}\${__url_time_range}&\${env:queryparam}`;
}

function toDatasource(targets: readonly Target[]): Target["datasource"] {
  const [first] = targets;
  if (!first) throw new Error("a panel needs a query");
  return first.datasource;
}
