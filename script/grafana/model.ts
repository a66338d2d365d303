/** The part of Grafana's dashboard JSON (schema version 41) that our dashboards use. */

export interface DatasourceRef {
  readonly type: string;
  readonly uid: string;
}

/** One query; further fields depend on its datasource. */
export interface Target {
  readonly refId: string;
  readonly datasource: DatasourceRef;
  readonly [key: string]: unknown;
}

interface GridPos {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** A panel before it has a place. */
export interface PanelSpec {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: DatasourceRef;
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: object; readonly overrides: readonly object[] };
  readonly options?: object;
  readonly transformations?: readonly { readonly id: string; readonly options: object }[];
  readonly links?: readonly object[];
  readonly collapsed?: boolean;
  readonly panels?: readonly [];
}

export interface Panel extends PanelSpec {
  readonly id: number;
  readonly gridPos: GridPos;
}

export interface Variable {
  readonly name: string;
  readonly type: "constant" | "custom" | "query";
  readonly [key: string]: unknown;
}

export interface Annotation {
  readonly name: string;
  readonly [key: string]: unknown;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly Annotation[] };
  readonly [key: string]: unknown;
}

/** A threshold or a state's colour, by Grafana's names. */
export type Colour = "green" | "yellow" | "orange" | "red" | "light-red" | "blue" | "purple" | "text";
