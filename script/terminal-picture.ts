import type { Browser } from "playwright-core";
import type { ScreenRun } from "../test/support/pty-terminal.ts";

/** Black, red, green, yellow, blue, magenta, cyan and white, then the bright ones. */
const palette = ["#3b4252", "#f7768e", "#9ece6a", "#e0af68", "#7aa2f7", "#bb9af7", "#7dcfff", "#c0caf5"].concat([
  "#6b7394",
  "#ff8fa3",
  "#b5e08a",
  "#f0c784",
  "#9ab8ff",
  "#cfb3ff",
  "#a3dfff",
  "#e6e9f5",
]);
const [paper, ink] = ["#16181f", "#c8cedd"];

/**
 * A picture of a terminal's screen as PNG, drawn by the browser with the machine's monospaced font.
 */
export async function drawTerminal(browser: Browser, screen: readonly (readonly ScreenRun[])[]): Promise<Buffer> {
  await using stack = new AsyncDisposableStack();
  const context = await browser.newContext({ viewport: { width: 2000, height: 1600 }, deviceScaleFactor: 1 });
  stack.defer(() => context.close());
  const page = await context.newPage();
  await page.setContent(toHtml(screen));
  return await page.locator("pre").screenshot();
}

/** The screen as a page with one element, `pre`. */
function toHtml(screen: readonly (readonly ScreenRun[])[]): string {
  const lines = screen.map((runs) => runs.map(toSpan).join("")).join("\n");
  const style = `body { margin: 0; background: ${paper} }
    pre { display: inline-block; margin: 0; padding: 14px 18px; background: ${paper}; color: ${ink};
      font: 13px/17px "DejaVu Sans Mono", monospace }`;
  return `<!doctype html><meta charset="utf-8"><style>${style}</style><pre>${lines}</pre>`;
}

function toSpan({ text, colour, background, isBold, isDim, isInverse }: ScreenRun): string {
  const [front, back] = [toColour(colour) ?? ink, toColour(background) ?? paper];
  const [color, behind] = isInverse ? [back, front] : [front, back];
  const style = [
    `color:${color}`,
    ...(behind === paper ? [] : [`background:${behind}`]),
    ...(isBold ? ["font-weight:bold"] : []),
    ...(isDim ? ["opacity:.6"] : []),
  ].join(";");
  return `<span style="${style}">${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</span>`;
}

function toColour(index: number | null): string | null {
  return index === null ? null : (palette[index] ?? null);
}
