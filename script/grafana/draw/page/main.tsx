import "react-grid-layout/css/styles.css";
import "uplot/dist/uPlot.min.css";
import "./main.css";
import { config } from "@grafana/runtime";
import type { EmbeddedScene } from "@grafana/scenes";
import { GlobalStyles, PortalContainer } from "@grafana/ui";
import { ThemeContext } from "@grafana/data";
import { createRoot } from "react-dom/client";
import { MemoryRouter } from "react-router-dom";
import type { Dashboard } from "../../model.ts";
import { registerDatasources } from "./datasources.ts";
import { registerFieldOptions } from "./fields.ts";
import { registerPanels } from "./panels/index.ts";
import { readDashboard } from "./read.ts";
import { setUpRuntime } from "./runtime.ts";
import { toScene } from "./scene.ts";

/** `?dashboard=<uid>&theme=dark|light&from=now-1h&var-<name>=<value>` */
const query = new URLSearchParams(location.search);

function readVariables(): Record<string, string[]> {
  const names = [...query.keys()].filter((key) => key.startsWith("var-"));
  return Object.fromEntries(names.map((key) => [key.slice(4), query.getAll(key)]));
}

async function start(): Promise<void> {
  await setUpRuntime(query.get("theme") !== "light");
  registerFieldOptions();
  registerPanels();
  registerDatasources();
  const response = await fetch(`/dashboards/${query.get("dashboard")}`);
  const dashboard = (await response.json()) as Dashboard;
  const from = query.get("from");
  const scene = toScene(dashboard, { ...(from !== null && { from }), variables: readVariables() });
  await loadFonts();
  render(scene);
  Object.assign(window, { readDashboard: () => readDashboard(scene, dashboard) });
}

/** Tables measure texts when they are drawn first: by then the fonts must be there. */
async function loadFonts(): Promise<void> {
  for (const [name, weight] of [
    ["Regular", "400"],
    ["Medium", "500"],
  ] as const) {
    const font = new FontFace("Inter", `url(/public/fonts/inter/Inter-${name}.woff2)`, { weight });
    document.fonts.add(await font.load());
  }
}

function render(scene: EmbeddedScene): void {
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no root");
  createRoot(root).render(
    <ThemeContext.Provider value={config.theme2}>
      <GlobalStyles />
      <MemoryRouter>
        <scene.Component model={scene} />
      </MemoryRouter>
      <PortalContainer />
    </ThemeContext.Provider>,
  );
}

await start();
