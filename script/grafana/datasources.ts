import type { DatasourceRef } from "./model.ts";

/** As deploy/grafana/provisioning/datasources/ops.yaml names them. */
export const infinity = {
  type: "yesoreyeram-infinity-datasource",
  uid: "ops-infinity",
} as const satisfies DatasourceRef;
export const json = { type: "simpod-json-datasource", uid: "ops-json" } as const satisfies DatasourceRef;
export const prometheus = { type: "prometheus", uid: "prometheus" } as const satisfies DatasourceRef;
/** Grafana's own. */
export const grafana = { type: "grafana", uid: "-- Grafana --" } as const satisfies DatasourceRef;
export const expression = { type: "__expr__", uid: "__expr__" } as const satisfies DatasourceRef;
