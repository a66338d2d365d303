import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { chromiumFlags } from "../../../test/support/chromium.ts";
import { until } from "../../../test/support/until.ts";
import type { Dashboard } from "../model.ts";
import type { Upstreams } from "./backend.ts";
import type { DrawnDashboard, DrawnPanel } from "./report.ts";
import { startDrawServer } from "./server.ts";

export interface DrawOptions {
  readonly dashboards: readonly Dashboard[];
  readonly upstreams: Upstreams;
  /** Folder of the pictures: `<uid>.png`, and `<uid>/<id>-<title>.png` of each panel. */
  readonly out: string;
  /** @default "dark", which is Grafana's */
  readonly theme?: "dark" | "light";
  /** Start of the time range, such as `now-1h`. @default the dashboard's */
  readonly from?: string;
  /** Values of variables by their names. @default the dashboard's */
  readonly variables?: Readonly<Record<string, readonly string[]>>;
  /** @default 1600 */
  readonly width?: number;
}

/** Of Grafana's grid, with its gap. */
const rowHeight = 38;

/** Everything is asked and drawn by then. */
const withinMs = 60_000;

/** Draws dashboards in Chromium, and resolves to what their panels show. */
export async function drawDashboards(options: DrawOptions): Promise<DrawnDashboard[]> {
  const { dashboards, upstreams, out, theme = "dark", width = 1600 } = options;
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startDrawServer(dashboards, upstreams));
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [...chromiumFlags, "--disable-lcd-text"] });
  stack.defer(() => browser.close());
  const drawn: DrawnDashboard[] = [];
  for (const { uid, panels: placed } of dashboards) {
    // All of it is in view: tables draw nothing else.
    const rows = Math.max(...placed.map(({ gridPos }) => gridPos.y + gridPos.h));
    const viewport = { width, height: 100 + rows * rowHeight };
    const page = await browser.newPage({ viewport, colorScheme: theme, deviceScaleFactor: 1 });
    const faults: string[] = [];
    page.on("console", (message) => message.type() === "error" && faults.push(`${message.text()} ${message.location().url}`.trim()));
    page.on("pageerror", (error) => faults.push(String(error)));
    const query = new URLSearchParams({ dashboard: uid, theme, ...(options.from !== undefined && { from: options.from }) });
    for (const [name, values] of Object.entries(options.variables ?? {})) {
      for (const value of values) query.append(`var-${name}`, value);
    }
    await page.goto(`${server.url}/?${query}`);
    const read = () =>
      page.evaluate(() => (globalThis as unknown as { readPanels?: () => DrawnPanel[] | null }).readPanels?.() ?? null);
    const broken = new Promise<never>((_, reject) => page.on("pageerror", reject));
    broken.catch(() => {});
    let before = "";
    let panels: DrawnPanel[] | null = null;
    // Drawn when two looks show the same.
    await until(async () => {
      panels = await Promise.race([read(), broken]);
      const now = JSON.stringify(panels);
      const same = panels !== null && now === before;
      before = now;
      return same;
    }, withinMs).catch((error: unknown) => {
      throw new Error(`${uid} is not drawn within ${withinMs / 1000} s:\n${faults.join("\n")}`, { cause: error });
    });
    mkdirSync(join(out, uid), { recursive: true });
    await page.screenshot({ path: join(out, `${uid}.png`), fullPage: true, animations: "disabled", caret: "hide" });
    for (const { id, title } of panels ?? []) {
      const name = `${id}-${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.png`;
      await page.locator(`[data-viz-panel-key="panel-${id}"]`).screenshot({ path: join(out, uid, name), animations: "disabled" });
    }
    drawn.push({ uid, panels: panels ?? [], faults });
    await page.close();
  }
  return drawn;
}
