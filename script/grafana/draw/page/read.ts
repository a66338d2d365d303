import { FieldType, type PanelData } from "@grafana/data";
import { type EmbeddedScene, sceneGraph, VizPanel } from "@grafana/scenes";
import type { Dashboard, Panel } from "../../model.ts";
import type { DrawnColumn, DrawnPanel } from "../report.ts";

/** What every panel shows now; null while something is asked, or not drawn yet. */
export function readPanels(scene: EmbeddedScene, dashboard: Dashboard): DrawnPanel[] | null {
  const variables = sceneGraph.getVariables(scene);
  if (variables.state.variables.some((one) => one.state.loading || variables.isVariableLoadingOrWaitingToUpdate(one))) return null;
  const panels = dashboard.panels.filter(({ type }) => type !== "row").map((panel) => readPanel(scene, panel));
  return panels.includes(null) ? null : (panels as DrawnPanel[]);
}

function readPanel(scene: EmbeddedScene, panel: Panel): DrawnPanel | null {
  const model = sceneGraph.findObject(scene, (one) => one instanceof VizPanel && one.state.key === `panel-${panel.id}`);
  const element = document.querySelector(`[data-viz-panel-key="panel-${panel.id}"]`);
  const data = model && sceneGraph.getData(model).state.data;
  const hasQueries = (panel.targets ?? []).length > 0;
  if (!(model instanceof VizPanel) || !element) return null;
  if (hasQueries && (!data || data.state === "Loading" || data.state === "NotStarted")) return null;
  const content = element.querySelector<HTMLElement>('[data-testid$="panel content"]');
  if (!content || content.childElementCount === 0) return null;
  return {
    id: panel.id,
    title: panel.title,
    type: panel.type,
    state: data?.state ?? "Done",
    errors: readErrors(element, data),
    values: data ? countValues(panel, data) : 0,
    placeholder: element.querySelector<HTMLElement>("[data-placeholder]")?.innerText ?? null,
    drawn: isDrawn(content),
    columns: readColumns(element, model),
    links: [...element.querySelectorAll("a[href]")].map((link) => link.getAttribute("href") ?? ""),
  };
}

function readErrors(element: Element, data: PanelData | undefined): string[] {
  const alerts = [...element.querySelectorAll<HTMLElement>('[role="alert"]')].map(({ innerText }) => innerText);
  const asked = (data?.errors ?? []).map(({ message }) => message ?? "error");
  const badge = element.querySelector('[data-testid="data-testid Panel status error"]') && asked.length === 0 ? ["error badge"] : [];
  const notices = (data?.series ?? []).flatMap(({ meta }) => meta?.notices ?? []).filter(({ severity }) => severity === "error");
  return [...alerts, ...asked, ...badge, ...notices.map(({ text }) => text)];
}

function countValues({ type }: Panel, { series, timeRange }: PanelData): number {
  if (type !== "timeseries") return series.reduce((sum, { length }) => sum + length, 0);
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  let values = 0;
  for (const { fields } of series) {
    const times = fields.find(({ type: kind }) => kind === FieldType.time)?.values ?? [];
    for (const field of fields.filter(({ type: kind }) => kind === FieldType.number)) {
      values += field.values.filter((value, index) => value !== null && times[index] >= from && times[index] <= to).length;
    }
  }
  return values;
}

/** Has a size; on canvases there is more than their background. */
function isDrawn(content: HTMLElement): boolean {
  const { width, height } = content.getBoundingClientRect();
  if (width === 0 || height === 0) return false;
  const canvases = [...content.querySelectorAll("canvas")];
  return canvases.length === 0 ? content.innerText.trim() !== "" : canvases.some(hasInk);
}

function hasInk(canvas: HTMLCanvasElement): boolean {
  const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
  return pixels.some((value, index) => index % 4 === 3 && value > 0);
}

function readColumns(element: Element, model: VizPanel): DrawnColumn[] {
  const grid = element.querySelector('[role="grid"]');
  if (!grid) return [];
  const fields = model.applyFieldConfig(sceneGraph.getData(model).state.data).series[0]?.fields ?? [];
  const shown = fields.filter(({ config }) => config.custom?.hideFrom?.viz !== true);
  const right = grid.getBoundingClientRect().right;
  return shown.map(({ name, config, state }, index) => {
    const cells = [...grid.querySelectorAll<HTMLElement>(`[aria-colindex="${index + 1}"]`)];
    const cut = cells.filter((cell) => isCut(cell) || cell.getBoundingClientRect().right > right + 1).map(({ innerText }) => innerText);
    return {
      name: state?.displayName ?? config.displayName ?? name,
      isText: config.custom?.wrapText === true,
      // A column that is scrolled out of view has no cells.
      cut: cells.length === 0 ? ["the whole column"] : cut,
    };
  });
}

/** Whether a text within the cell ends before its end. */
function isCut(cell: HTMLElement): boolean {
  return [cell, ...cell.querySelectorAll<HTMLElement>("*")].some(
    (one) =>
      (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1) &&
      getComputedStyle(one).overflow !== "visible" &&
      one.clientWidth > 0,
  );
}
