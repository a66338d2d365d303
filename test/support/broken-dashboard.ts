import { prometheus } from "../../script/grafana/datasources.ts";
import type { Dashboard, Panel, PanelSpec } from "../../script/grafana/model.ts";
import { place } from "../../script/grafana/layout.ts";
import { graph, stat, table } from "../../script/grafana/panels.ts";
import { graphql, promql } from "../../script/grafana/targets.ts";

const description = "What a drawn dashboard must not have.";
const names = { root: "data.queues", columns: { name: "string" } } as const;

/** A table of one column, with more options of that column. */
function tableOf(title: string, options: Readonly<Record<string, unknown>>): PanelSpec {
  const target = graphql({ query: "{ queues { name } }", ...names });
  const spec = table({ title, description, target, columns: [{ field: "name", name: "Queue" }], worstFirst: "name" });
  const properties = Object.entries(options).map(([id, value]) => ({ id, value }));
  const overrides = [{ matcher: { id: "byName", options: "Queue" }, properties }];
  return { ...spec, fieldConfig: { defaults: {}, overrides } };
}

const specs: readonly PanelSpec[] = [
  stat({ title: "Refused query", description, targets: [graphql({ query: "{ queues { nothing } }", ...names })] }),
  graph({ title: "Wrong PromQL", description, targets: [promql("sum(", "")] }),
  graph({ title: "No series", description, targets: [promql("nothing_has_this_name", "")] }),
  { ...graph({ title: "Unknown panel", description, targets: [promql("vector(1)", "")] }), type: "nothing" },
  tableOf("Cut text", { "custom.wrapText": true, "custom.width": 60 }),
  tableOf("Text that is not marked", { "custom.width": 60 }),
  tableOf("Whole text", { "custom.wrapText": true, "custom.width": 300 }),
  stat({
    title: "Lost link",
    description,
    targets: [
      { refId: "A", datasource: prometheus, editorMode: "code", expr: "vector(1)", range: false, instant: true },
    ],
    leadsTo: "/d/nowhere",
  }),
  { ...tableOf("A title that does not fit into its panel's width at all", { "custom.width": 300 }) },
];

/** A dashboard with each fault that a drawing must show, and panels without one. */
export function breakDashboard(sample: Dashboard): Dashboard {
  const panels: Panel[] = place([{ height: 8, panels: specs.slice(0, 4).map((spec) => [6, spec] as const) }]);
  const below = place([{ height: 8, panels: specs.slice(4).map((spec) => [4, spec] as const) }]);
  const moved = below.map((panel) => ({ ...panel, id: panel.id + panels.length, gridPos: { ...panel.gridPos, y: 8 } }));
  return { ...sample, uid: "broken", title: "Broken", panels: [...panels, ...moved] };
}
