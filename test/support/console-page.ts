import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Page } from "playwright-core";

/**
 * The source of axe-core: run in the page by the browser's debugger, so the page's own policy stays
 * as it is.
 */
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface ConsoleView {
  readonly width: number;
  readonly height?: number;
  readonly theme?: "light" | "dark";
}

export interface ConsoleTab extends AsyncDisposable {
  readonly page: Page;
  /**
   * Whatever a page must not do: errors, refusals of the policy, requests to another origin,
   * dialogs.
   */
  readonly faults: string[];
  /** Opens an address of the console. */
  open(address: string): Promise<void>;
  /** What axe-core finds wrong, one line for each rule and place. */
  findBarriers(): Promise<string[]>;
}

/**
 * A browser's tab that is signed in at the console of `origin`, and whose every wrong move is
 * written down.
 */
export async function openConsole(
  browser: Browser,
  origin: string,
  token: string,
  view: ConsoleView = { width: 1280 },
): Promise<ConsoleTab> {
  const { width, height = 900, theme = "light" } = view;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, bypassCSP: false });
  const page = await context.newPage();
  const faults = watch(context, page, origin);
  await page.goto(`${origin}/#token=${token}`);
  await page.locator(".shell").waitFor();
  return {
    page,
    faults,
    async open(address) {
      await page.goto(origin + address);
      await page.locator(".shell").waitFor();
    },
    async findBarriers() {
      await page.evaluate(axe);
      return page.evaluate(async () => {
        const { violations } = await (
          window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }
        ).axe.run();
        return violations.flatMap(({ id, nodes }) =>
          nodes.map(({ target, failureSummary }) => `${id} ${target.join(" ")}: ${failureSummary}`),
        );
      });
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
}

function watch(context: BrowserContext, page: Page, origin: string): string[] {
  const faults: string[] = [];
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => faults.push(`page error: ${error.message}`));
  page.on("console", (entry) => {
    // An interface of another program came or went: Chromium breaks what is on its way, and the
    // page asks again.
    if (entry.text().includes("ERR_NETWORK_CHANGED")) return;
    if (["error", "warning"].includes(entry.type())) faults.push(`console: ${entry.text()}`);
  });
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== origin) faults.push(`request to ${url.origin}`);
  });
  return faults;
}
