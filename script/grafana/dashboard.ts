import { grafana, infinity } from "./datasources.ts";
import { type Line, place } from "./layout.ts";
import type { Dashboard, Variable } from "./model.ts";
import { by, graphql, timeRange } from "./targets.ts";
import { environment } from "./variables.ts";

interface DashboardSpec {
  /** Fixed, because links and alert rules refer to it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** In addition to the environment. */
  readonly variables?: readonly Variable[];
  readonly lines: readonly Line[];
}

const tag = "wallet-core-ops";

/** Names are those that Grafana looks for in an annotation's frame. */
const deploys = {
  name: "Deploys",
  datasource: infinity,
  enable: true,
  hide: false,
  iconColor: "blue",
  target: graphql({
    refId: "Anno",
    query: `{ deploys(first: 100, ${timeRange}, ${by.env}) { nodes { time: deployedAt title: tag text: deployedBy tags: state } } }`,
    root: "data.deploys.nodes",
    columns: { time: "timestamp", title: "string", text: "string", tags: "string" },
  }),
};

const alerts = {
  name: "Annotations & Alerts",
  builtIn: 1,
  datasource: grafana,
  enable: true,
  hide: true,
  iconColor: "rgba(0, 211, 255, 1)",
  type: "dashboard",
};

/** A dashboard of the folder Ops: links to the others, and the deploys on every graph. */
export function dashboard({ uid, title, description, variables = [], lines }: DashboardSpec): Dashboard {
  return {
    uid,
    title,
    description,
    tags: [tag],
    schemaVersion: 41,
    version: 1,
    editable: false,
    graphTooltip: 1,
    timezone: "browser",
    time: { from: "now-6h", to: "now" },
    timepicker: { refresh_intervals: ["30s", "1m", "5m", "15m"] },
    refresh: "1m",
    links: [
      {
        type: "dashboards",
        title: "Ops",
        tags: [tag],
        asDropdown: false,
        includeVars: true,
        keepTime: true,
        targetBlank: false,
        icon: "dashboard",
      },
    ],
    templating: { list: [environment, ...variables] },
    annotations: { list: [alerts, deploys] },
    panels: place(lines),
  };
}
