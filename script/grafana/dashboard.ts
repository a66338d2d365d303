import { grafana, infinity } from "./datasources.ts";
import { type Line, place } from "./layout.ts";
import type { Annotation, Dashboard, Variable } from "./model.ts";
import { by, graphql, timeRange } from "./targets.ts";
import { destination, environment, toConsole } from "./variables.ts";

interface DashboardSpec {
  /** Fixed, because links and alert rules refer to it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** In addition to the environment and the destination. */
  readonly variables?: readonly Variable[];
  readonly lines: readonly Line[];
}

const tag = "wallet-core-ops";

/** Marks on every graph. The names of the fields are those that Grafana looks for. */
function toMarks(name: string, iconColor: string, query: string, root: string): Annotation {
  const columns = { time: "timestamp", title: "string", text: "string", tags: "string" } as const;
  return {
    name,
    datasource: infinity,
    enable: true,
    hide: false,
    iconColor,
    target: graphql({ refId: "Anno", query, root, columns }),
  };
}

const deploys = toMarks(
  "Deploys",
  "blue",
  `{ deploys(first: 100, ${timeRange}, ${by.place}) { nodes { time: deployedAt title: tag text: deployedBy tags: state } } }`,
  "data.deploys.nodes",
);

/** The newest ten of a kind: marks of a crash loop would cover the graphs. */
function toEvents(name: string, iconColor: string, kind: string, root = "data.timeline.nodes"): Annotation {
  const fields = "time title: container text: message tags: kind requested";
  return toMarks(
    name,
    iconColor,
    `{ timeline(${timeRange}, first: 10, ${by.place}, kinds: [${kind}]) { nodes { ${fields} } } }`,
    root,
  );
}

// A deploy ends every container of the release before: those ends were asked for.
const events = [
  toEvents("OOM kills", "red", "OOM_KILL"),
  toEvents("Deaths", "orange", "CONTAINER_DEATH", "data.timeline.nodes.#(requested==false)#"),
  toEvents("Restarts", "purple", "RESTART"),
];

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
    templating: { list: [environment, destination, ...variables, toConsole()] },
    annotations: { list: [alerts, deploys, ...events] },
    panels: place(lines),
  };
}
