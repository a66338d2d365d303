import type { DataQueryRequest, VariableRefresh, VariableSort } from "@grafana/data";
import { DashboardCursorSync, type DataSourceRef, type VariableHide } from "@grafana/schema";
import {
  behaviors,
  ConstantVariable,
  CustomVariable,
  dataLayers,
  EmbeddedScene,
  QueryVariable,
  SceneControlsSpacer,
  SceneDataLayerSet,
  SceneDataTransformer,
  SceneGridItem,
  type SceneGridItemLike,
  SceneGridLayout,
  SceneGridRow,
  type SceneObject,
  SceneQueryRunner,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  type SceneVariable,
  SceneVariableSet,
  VariableValueSelectors,
  VizPanel,
} from "@grafana/scenes";
import type { Dashboard, Panel, Variable } from "../../model.ts";
import { AnnotationControls, toTitleItems } from "./parts.tsx";

export interface SceneOptions {
  /** Replaces the dashboard's, such as `now-1h`. */
  readonly from?: string;
  /** Values of variables by their names. */
  readonly variables: Readonly<Record<string, readonly string[]>>;
}

/** The dashboard's scene, which gives requests what Grafana's own does. */
class DashboardScene extends EmbeddedScene {
  readonly dashboard: Dashboard;

  constructor(dashboard: Dashboard, state: ConstructorParameters<typeof EmbeddedScene>[0]) {
    super(state);
    this.dashboard = dashboard;
  }

  enrichDataRequest(source: SceneObject): Partial<DataQueryRequest> {
    const { uid, title } = this.dashboard;
    const panel = findPanel(source);
    return {
      app: "dashboard",
      dashboardUID: uid,
      dashboardTitle: title,
      ...(panel && {
        panelId: panel.getLegacyPanelId(),
        panelName: panel.state.title,
        panelPluginId: panel.state.pluginId,
      }),
    };
  }
}

function findPanel(source: SceneObject | undefined): VizPanel | null {
  if (!source) return null;
  return source instanceof VizPanel ? source : findPanel(source.parent);
}

/**
 * A dashboard's JSON (schema version 41) as a scene. Throws on what our dashboards do not use, and
 * this does not know.
 */
export function toScene(dashboard: Dashboard, { from, variables }: SceneOptions): EmbeddedScene {
  const time = dashboard["time"] as { from: string; to: string };
  const { list } = dashboard.templating;
  const scene: unknown = new DashboardScene(dashboard, {
    $timeRange: new SceneTimeRange({ from: from ?? time.from, to: time.to, timeZone: "browser" }),
    $variables: new SceneVariableSet({ variables: list.map((one) => toVariable(one, variables[one.name])) }),
    $data: new SceneDataLayerSet({ layers: dashboard.annotations.list.map(toLayer) }),
    $behaviors: [new behaviors.CursorSync({ key: "sync", sync: DashboardCursorSync.Crosshair })],
    controls: [
      new VariableValueSelectors({}),
      new AnnotationControls({}),
      new SceneControlsSpacer(),
      new SceneTimePicker({ isOnCanvas: true }),
      new SceneRefreshPicker({ intervals: [], isOnCanvas: true }),
    ],
    body: new SceneGridLayout({
      isLazy: false,
      isDraggable: false,
      isResizable: false,
      children: toGrid(dashboard.panels),
    }),
  });
  return scene as EmbeddedScene;
}

/** Of Grafana's variables, what the types that our dashboards use have. */
interface VariableModel {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly multi: boolean;
  readonly includeAll: boolean;
  readonly allValue?: string;
  readonly hide: VariableHide;
  readonly current: { readonly text: string | string[]; readonly value: string | string[] };
  readonly query: string;
  readonly datasource?: DataSourceRef;
  readonly refresh?: VariableRefresh;
  readonly sort?: VariableSort;
  readonly regex?: string;
}

function toVariable(variable: Variable, chosen: readonly string[] | undefined): SceneVariable {
  const model = variable as unknown as VariableModel;
  const { name, label, type, multi, includeAll, allValue, hide, query, datasource, refresh, sort, regex } = model;
  const current = chosen ? (multi ? [...chosen] : String(chosen[0])) : model.current.value;
  const text = chosen ? current : model.current.text;
  const common = {
    name,
    label,
    value: current,
    text,
    isMulti: multi,
    includeAll,
    defaultToAll: includeAll,
    allValue,
    hide,
  };
  if (type === "custom") return new CustomVariable({ ...common, query });
  if (type === "constant") return new ConstantVariable({ name, value: query, hide });
  if (type === "query") return new QueryVariable({ ...common, query, datasource, refresh, sort, regex });
  throw new Error(`${name}: a variable of the type ${type} cannot be drawn yet`);
}

function toLayer(
  annotation: Dashboard["annotations"]["list"][number],
): InstanceType<typeof dataLayers.AnnotationsDataLayer> {
  return new dataLayers.AnnotationsDataLayer({
    key: `annotations-${annotation.name}`,
    name: annotation.name,
    query: annotation as never,
    isEnabled: Boolean(annotation["enable"]),
    isHidden: Boolean(annotation["hide"]),
  });
}

/** Panels, those after a row's heading within the row. */
function toGrid(panels: readonly Panel[]): SceneGridItemLike[] {
  const items: SceneGridItemLike[] = [];
  let row: SceneGridRow | null = null;
  for (const panel of panels) {
    if (panel.type === "row") {
      if (panel.collapsed) throw new Error(`${panel.title}: a collapsed row cannot be drawn yet`);
      row = new SceneGridRow({
        key: `panel-${panel.id}`,
        title: panel.title,
        y: panel.gridPos.y,
      });
      items.push(row);
    } else if (row) row.setState({ children: [...row.state.children, toItem(panel)] });
    else items.push(toItem(panel));
  }
  return items;
}

function toItem(panel: Panel): SceneGridItem {
  if ("repeat" in panel) throw new Error(`${panel.title}: a repeated panel cannot be drawn yet`);
  const { x, y, w, h } = panel.gridPos;
  return new SceneGridItem({ key: `grid-item-${panel.id}`, x, y, width: w, height: h, body: toPanel(panel) });
}

function toPanel(panel: Panel): VizPanel {
  const { id, type, title, description, datasource, targets = [], transformations = [], links = [] } = panel;
  const queries = new SceneQueryRunner({
    queries: targets as never,
    maxDataPointsFromWidth: true,
    dataLayerFilter: { panelId: id },
    ...(datasource && { datasource }),
  });
  return new VizPanel({
    key: `panel-${id}`,
    pluginId: type,
    title,
    ...(description !== undefined && { description }),
    options: structuredClone(panel.options ?? {}),
    fieldConfig: structuredClone(panel.fieldConfig ?? { defaults: {}, overrides: [] }) as never,
    ...(links.length > 0 && { titleItems: toTitleItems(links) }),
    ...(targets.length > 0 && {
      $data: new SceneDataTransformer({ $data: queries, transformations: structuredClone(transformations) as never }),
    }),
  });
}
