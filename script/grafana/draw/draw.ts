import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { until } from "../../../test/support/until.ts";
import { launchChromium } from "../../services/chromium.ts";
import type { Dashboard } from "../model.ts";
import type { Upstreams } from "./backend.ts";
import type { DrawnDashboard } from "./report.ts";
import { createSite } from "./site.ts";

interface View {
  /** Start of the time range, such as `now-1h`. @default the dashboard's */
  readonly from?: string;
  /** @default "dark", which is Grafana's */
  readonly theme?: "dark" | "light";
  /** Values of variables by their names. @default the dashboard's */
  readonly variables?: Readonly<Record<string, readonly string[]>>;
}

interface DrawOptions extends View {
  readonly dashboards: readonly Dashboard[];
  readonly upstreams: Upstreams;
  /** Folder of the pictures: `<uid>.png`, and `<uid>/<id>-<title>.png` of each panel. */
  readonly out: string;
  /** Of a dashboard's picture, from its top on, pixels. @default all of it */
  readonly height?: number;
}

/**
 * Answered without a network: while containers start and stop, Chromium ends its requests
 * (ERR_NETWORK_CHANGED).
 */
const origin = "https://grafana.invalid";
const width = 1600;
/** Of Grafana's grid, with its gap. */
const rowHeight = 38;
const controlsHeight = 70;
/** Everything is asked and drawn by then. */
const withinMs = 60_000;

/**
 * Draws dashboards in Chromium, and resolves to what their panels show. Rejects when the page
 * fails, or does not end.
 */
export async function drawDashboards({ dashboards, upstreams, ...options }: DrawOptions): Promise<DrawnDashboard[]> {
  await using stack = new AsyncDisposableStack();
  const answer = await createSite(dashboards, upstreams);
  const browser = await launchChromium(["--disable-lcd-text"]);
  stack.defer(() => browser.close());
  const context = await browser.newContext();
  await context.route("**/*", async (route) => {
    const request = route.request();
    await route.fulfill(await answer(request.url(), request.postData()));
  });
  const drawn: DrawnDashboard[] = [];
  for (const dashboard of dashboards) drawn.push(await draw(context, dashboard, options));
  return drawn;
}

type Picture = Omit<DrawOptions, "dashboards" | "upstreams">;

async function draw(
  context: BrowserContext,
  dashboard: Dashboard,
  { out, height, ...view }: Picture,
): Promise<DrawnDashboard> {
  const { uid } = dashboard;
  // All of it is in view: tables draw nothing else.
  const rows = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const viewport = { width, height: controlsHeight + rows * rowHeight };
  const page = await context.newPage();
  await page.setViewportSize(viewport);
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`${message.text()} ${message.location().url}`);
  });
  const failed = new Promise<never>((_, reject) => page.on("pageerror", reject));
  failed.catch(() => {});
  await page.goto(`${origin}/?${toQuery(uid, view)}`);
  const drawn = await Promise.race([readWhenDrawn(page), failed]).catch((cause: unknown) => {
    throw new Error([`${uid} is not drawn: ${String(cause)}`, ...faults].join("\n"), { cause });
  });
  mkdirSync(join(out, uid), { recursive: true });
  const clip = { x: 0, y: 0, width, height: height ?? viewport.height };
  await page.screenshot({ path: join(out, `${uid}.png`), clip, animations: "disabled", caret: "hide" });
  for (const { id, title } of drawn.panels) {
    const name = `${id}-${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.png`;
    await page
      .locator(`[data-viz-panel-key="panel-${id}"]`)
      .screenshot({ path: join(out, uid, name), animations: "disabled" });
  }
  await page.close();
  return { uid, panels: drawn.panels, faults: [...drawn.faults, ...faults] };
}

function toQuery(uid: string, { from, theme = "dark", variables = {} }: View): URLSearchParams {
  const query = new URLSearchParams({ dashboard: uid, theme, ...(from !== undefined && { from }) });
  for (const [name, values] of Object.entries(variables)) {
    for (const value of values) query.append(`var-${name}`, value);
  }
  return query;
}

/** Until two looks show the same. */
async function readWhenDrawn(page: Page): Promise<Omit<DrawnDashboard, "uid">> {
  let found: Omit<DrawnDashboard, "uid"> = { panels: [], faults: [] };
  let before = "";
  let awaited = "";
  await until(async () => {
    const now = await page.evaluate(
      () => (globalThis as { readDashboard?: () => typeof found | string }).readDashboard?.() ?? "its script",
    );
    if (typeof now === "string") {
      awaited = now;
      return false;
    }
    const isSame = JSON.stringify(now) === before;
    before = JSON.stringify(now);
    found = now;
    return isSame;
  }, withinMs).catch((cause: unknown) => {
    throw new Error(`it waits for ${awaited}`, { cause });
  });
  return found;
}
