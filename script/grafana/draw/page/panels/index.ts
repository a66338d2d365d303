import type { PanelPlugin } from "@grafana/data";
import { sceneUtils } from "@grafana/scenes";
import { alertList } from "./alert-list.tsx";
import { stat } from "./stat.tsx";
import { table } from "./table.tsx";
import { timeSeries } from "./time-series.tsx";

// Grafana's own panels are not on npm. These are @grafana/ui's components behind the same options.
const plugins = { alertlist: alertList, stat, table, timeseries: timeSeries };

export function registerPanels(): void {
  for (const [pluginId, plugin] of Object.entries(plugins)) {
    sceneUtils.registerRuntimePanelPlugin({ pluginId, plugin: plugin as PanelPlugin });
  }
}
