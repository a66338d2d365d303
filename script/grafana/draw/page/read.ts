import { FieldType, getDefaultTimeRange, LoadingState, type PanelData } from "@grafana/data";
import { type EmbeddedScene, sceneGraph, VizPanel } from "@grafana/scenes";
import type { Dashboard, Panel } from "../../model.ts";
import type { DrawnColumn, DrawnDashboard, DrawnPanel } from "../report.ts";
import { getAnnotations } from "./parts.tsx";

/** What a dashboard shows now, or the name of what is not drawn yet. */
export function readDashboard(scene: EmbeddedScene, dashboard: Dashboard): Omit<DrawnDashboard, "uid"> | string {
  const faults: string[] = [];
  for (const { state } of getAnnotations(scene).filter((one) => one.state.isEnabled)) {
    if (!state.data || state.data.state === LoadingState.Loading) return state.name;
    if (state.data.state === LoadingState.Error) faults.push(`the annotation ${state.name} fails`);
  }
  const panels: DrawnPanel[] = [];
  for (const panel of dashboard.panels.filter(({ type }) => type !== "row")) {
    const drawn = readPanel(scene, panel);
    if (!drawn) return panel.title;
    panels.push(drawn);
  }
  return { panels, faults };
}

const noData: PanelData = { state: LoadingState.Done, series: [], timeRange: getDefaultTimeRange() };

function readPanel(scene: EmbeddedScene, { id, title, type, targets = [] }: Panel): DrawnPanel | null {
  const model = sceneGraph.findObject(scene, (one) => one instanceof VizPanel && one.state.key === `panel-${id}`);
  const element = document.querySelector(`[data-viz-panel-key="panel-${id}"]`);
  const content = element?.querySelector<HTMLElement>('[data-testid$="panel content"]');
  if (!(model instanceof VizPanel) || !element || !content) return null;
  const data = targets.length > 0 ? sceneGraph.getData(model).state.data : noData;
  const { _pluginLoadError: missing } = model.state;
  const isReady = data?.state === LoadingState.Done || data?.state === LoadingState.Error;
  if (!isReady || (content.childElementCount === 0 && missing === undefined)) return null;
  const heading = element.querySelector<HTMLElement>("h2");
  return {
    id,
    title,
    isTitleCut: !heading || isCut(heading, element),
    errors: missing === undefined ? readErrors(element, data) : [missing],
    values: type === "timeseries" ? countPoints(data) : data.series.reduce((sum, { length }) => sum + length, 0),
    placeholder: readPlaceholder(content),
    isDrawn: isDrawn(content),
    columns: readColumns(element, model, data),
    links: [...element.querySelectorAll("a[href]")].map((link) => link.getAttribute("href") ?? ""),
  };
}

function readErrors(element: Element, { errors = [], series }: PanelData): string[] {
  const failed = [...element.querySelectorAll<HTMLElement>('[role="alert"]')].map(({ innerText }) => innerText);
  const notices = series.flatMap(({ meta }) => meta?.notices ?? []).filter(({ severity }) => severity === "error");
  const found = [...failed, ...errors.map(({ message = "error" }) => message), ...notices.map(({ text }) => text)];
  const hasBadge = element.querySelector('[data-testid="data-testid Panel status error"]') !== null;
  return found.length === 0 && hasBadge ? ["it has an error badge"] : found;
}

function countPoints({ series, timeRange }: PanelData): number {
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  let points = 0;
  for (const { fields } of series) {
    const times = fields.find(({ type }) => type === FieldType.time)?.values ?? [];
    for (const { values } of fields.filter(({ type }) => type === FieldType.number)) {
      points += values.filter((value, row) => value !== null && times[row] >= from && times[row] <= to).length;
    }
  }
  return points;
}

/** A stat shows it as its value. */
function readPlaceholder(content: HTMLElement): string | null {
  const own = content.querySelector<HTMLElement>("[data-placeholder]")?.innerText;
  return own ?? /^No data$/m.exec(content.innerText)?.[0] ?? null;
}

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

function readColumns(element: Element, model: VizPanel, data: PanelData): DrawnColumn[] {
  const grid = element.querySelector('[role="grid"]');
  if (!grid) return [];
  const fields = model.applyFieldConfig(data).series[0]?.fields ?? [];
  const shown = fields.filter(({ config }) => config.custom?.hideFrom?.viz !== true);
  return shown.map(({ name: field, config, state }, index) => {
    const name = state?.displayName ?? field;
    const of = (role: string) => [
      ...grid.querySelectorAll<HTMLElement>(`[role="${role}"][aria-colindex="${index + 1}"]`),
    ];
    const [header] = of("columnheader");
    const cut = of("gridcell").filter((cell) => isCut(cell, grid));
    return {
      name,
      isNameCut: header !== undefined && isCut(header, header),
      isText: config.custom?.wrapText === true,
      // A column that is scrolled out of view is not in the document.
      cut: header ? cut.map(({ innerText }) => innerText) : [name],
    };
  });
}

/**
 * Whether a text within `element` reaches out of what is visible of it: beyond an edge of an
 * element around it that clips, up to `root`. A grid may be scrolled down, and its rows end where
 * it ends, so from the cell on only the sides count.
 */
function isCut(element: Element, root: Element): boolean {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    const text = range.getBoundingClientRect();
    if (text.width === 0) continue;
    let isWithin = true;
    for (let around = texts.currentNode.parentElement; around; around = around.parentElement) {
      const box = around.getBoundingClientRect();
      const { overflowX, overflowY } = getComputedStyle(around);
      if (overflowX !== "visible" && (text.left < box.left - 1 || text.right > box.right + 1)) return true;
      if (isWithin && overflowY !== "visible" && (text.top < box.top - 1 || text.bottom > box.bottom + 1)) return true;
      if (around === element) isWithin = false;
      if (around === root) break;
    }
  }
  return false;
}
