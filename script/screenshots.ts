import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { startTerminal, type TestTerminal } from "../test/support/pty-terminal.ts";
import { until } from "../test/support/until.ts";
import { drawDashboards } from "./grafana/draw/draw.ts";
import { startScrape } from "./grafana/draw/scrape.ts";
import { overview } from "./grafana/dashboards/overview.ts";
import { launchChromium } from "./services/chromium.ts";
import { startDemo } from "./services/demo.ts";
import { ownEnvironment, runScript } from "./services/process.ts";
import { drawTerminal } from "./terminal-picture.ts";

// Writes the pictures of README and docs: the console, the terminal's `top` and Grafana's Overview
// on the demo's incident.
const { values } = parseArgs({
  options: { now: { type: "boolean", default: false }, grafana: { type: "boolean", default: false } },
});
const folder = "docs/pictures";
/** What a picture may have: README shows one to somebody with a bad line. */
const maxBytes = 150_000;
/** Grafana's numbers are on gradients, which no PNG makes small. */
const maxGrafanaBytes = 250_000;
/** Letters without coloured edges, which make files larger and look wrong on other screens. */
const plainText = ["--disable-lcd-text"];
/** The incident's queue is stalled 6 minutes after the start; its other problems show sooner. */
const stalledWithinMs = 9 * 60_000;
/**
 * A container is sampled for a minute before its memory counts; one that restarts in a loop begins
 * again.
 */
const topMs = 3 * 60_000;

interface View {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: "light" | "dark";
}

interface Things {
  readonly problems: {
    readonly problems: readonly { readonly kind: string; readonly queue: { readonly name: string } | null }[];
  };
  readonly containers: readonly { readonly name: string; readonly engine: string; readonly role: string }[];
  readonly deploys: { readonly nodes: readonly { readonly id: string }[] };
  readonly errorGroups: readonly { readonly error: string; readonly fingerprint: string }[];
}

/** A running demo: its console, and the token that signs in there. */
class Stage {
  readonly #browser: Browser;
  readonly #origin: string;
  readonly #token: string;

  constructor(browser: Browser, origin: string, token: string) {
    this.#browser = browser;
    this.#origin = origin;
    this.#token = token;
  }

  async ask(): Promise<Things> {
    const query = `{
      problems { problems { kind queue { name } } }
      containers { name engine role }
      deploys(first: 1) { nodes { id } }
      errorGroups { error fingerprint }
    }`;
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": "application/json" };
    const response = await fetch(`${this.#origin}/graphql`, {
      method: "POST",
      headers,
      body: JSON.stringify({ query }),
    });
    return ((await response.json()) as { data: Things }).data;
  }

  /**
   * Looks at Now until the queue of the incident is stalled. CPU and memory of containers are
   * sampled only while somebody looks.
   */
  async untilStalled(): Promise<void> {
    await using stack = new AsyncDisposableStack();
    const context = await this.#browser.newContext();
    stack.defer(() => context.close());
    await this.#signIn(context);
    const end = Date.now() + stalledWithinMs;
    while (!isStalled(await this.ask())) {
      if (Date.now() > end) throw new Error(`pos_settlement is not stalled after ${stalledWithinMs / 60_000} minutes`);
      await sleep(2000);
    }
  }

  async #signIn(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${this.#origin}/#token=${this.#token}`);
    await page.locator(".shell").waitFor();
    return page;
  }

  /**
   * Writes docs/pictures/`name`.png: the screen at `address`, once `ready` is in its text and after
   * `act`. Rejects when the token can be read on the page, or when the file is too large.
   */
  async take(
    name: string,
    address: string,
    ready: string,
    { width = 1280, height = 800, theme = "light" }: View = {},
    act: (page: Page) => Promise<void> = async () => {},
  ): Promise<void> {
    await using stack = new AsyncDisposableStack();
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      deviceScaleFactor: 1,
    });
    stack.defer(() => context.close());
    const page = await this.#signIn(context);
    await page.goto(this.#origin + address);
    await waitForText(page, ready);
    await act(page);
    await settle(page);
    const text = page.url() + (await page.locator("body").innerText());
    this.#write(name, text, await page.screenshot({ animations: "disabled", caret: "hide" }));
  }

  /** `top` in a terminal of its own. Its sparklines begin when it starts. */
  startTop(): TestTerminal {
    const env = ownEnvironment({ OPS_URL: this.#origin, OPS_TOKEN: this.#token, LANG: "C.UTF-8" });
    return startTerminal({ args: ["src/cli.ts", "top"], env, columns: 118, rows: 28 });
  }

  /**
   * Writes docs/pictures/top.png, once it shows this problem and the memory of all containers is
   * sampled.
   */
  async takeTop(top: TestTerminal, problem: string): Promise<void> {
    await until(() => top.text().includes(problem) && !top.text().includes("could not be checked"), topMs);
    this.#write("top", top.text(), await drawTerminal(this.#browser, top.runs()));
  }

  /** The upper part of Overview, as Grafana draws it. Its page does not know the token. */
  async takeGrafana(): Promise<void> {
    await using stack = new AsyncDisposableStack();
    const out = mkdtempSync(join(tmpdir(), "ops-pictures-"));
    stack.defer(() => rmSync(out, { recursive: true, force: true }));
    const gateway = { url: this.#origin, token: this.#token };
    const prometheusUrl = await startScrape(out, gateway, stack);
    await drawDashboards({
      dashboards: [overview],
      upstreams: { ...gateway, prometheusUrl },
      out,
      from: "now-1h",
      height: 900,
    });
    this.#write("grafana", "", readFileSync(join(out, `${overview.uid}.png`)), maxGrafanaBytes);
  }

  #write(name: string, text: string, picture: Buffer, most = maxBytes): void {
    if (text.includes(this.#token)) throw new Error(`${name}: the token is in the picture`);
    if (picture.length > most) throw new Error(`${name}: the picture has ${picture.length} bytes, at most ${most}`);
    writeFileSync(`${folder}/${name}.png`, picture);
    say(`${name}.png: ${Math.round(picture.length / 1000)} kB`);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function waitForText(page: Page, text: string): Promise<void> {
  await page.locator("#main").getByText(text).first().waitFor({ timeout: 30_000 });
}

/** Until there is no skeleton, and the numbers that are asked for last are there. */
async function settle(page: Page): Promise<void> {
  await until(async () => (await page.locator(".skeleton").count()) === 0);
  await page.waitForLoadState("networkidle", { timeout: 3000 }).catch(() => {});
}

function isStalled({ problems: { problems } }: Things): boolean {
  return problems.some(({ kind, queue }) => kind === "QUEUE_STALLED" && queue?.name === "pos_settlement");
}

/** Now -> the errors of the stalled queue -> the error group -> the log of a failed attempt. */
async function clickToLog(page: Page): Promise<void> {
  const problem = page.locator(".problem", { hasText: "pos_settlement" }).first();
  await problem.getByRole("link", { name: /^errors/ }).click();
  await page.getByRole("link", { name: "pq: serialization failure" }).click();
  await page.locator("#main").getByRole("link", { name: /log/i }).first().click();
  await page.waitForURL(/\/logs\?/);
  await page.getByText("serialization failure").first().waitFor();
  // Off the line that it would highlight.
  await page.mouse.move(640, 0);
}

async function takeAll(stage: Stage): Promise<void> {
  const { containers, deploys, errorGroups } = await stage.ask();
  const looping = containers.find(({ role }) => role === "payouts-worker");
  const group = errorGroups.find(({ error }) => error.includes("serialization"));
  if (!looping || !group) throw new Error("the demo has no incident");
  const [wrong, container] = ["wrong", `/container?name=${looping.name}&engine=${looping.engine}`];
  await stage.take("now", "/", wrong);
  await stage.take("now-dark", "/", wrong, { theme: "dark" });
  await stage.take("now-phone", "/", wrong, { width: 390, height: 844 });
  await stage.take("log", "/", wrong, {}, clickToLog);
  await stage.take("container", `${container}&range=10m`, "What happened");
  await stage.take("queue", "/queue?name=pos_settlement&source=river", "Failures by release");
  await stage.take("error", `/errors?fingerprint=${encodeURIComponent(group.fingerprint)}`, "serialization failure");
  await stage.take("deploy", `/deploy?id=${encodeURIComponent(deploys.nodes[0]?.id ?? "")}`, "before");
  await stage.take("timeline", "/timeline", "exit code 1", { height: 520 });
  await stage.take("palette", "/", wrong, {}, async (page) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("pay");
  });
}

async function main(stack: AsyncDisposableStack): Promise<void> {
  const logs = mkdtempSync(join(tmpdir(), "ops-pictures-"));
  stack.defer(() => rmSync(logs, { recursive: true, force: true }));
  const demo = await startDemo(logs, "--incident");
  stack.defer(() => demo.stop());
  const browser = await launchChromium(plainText);
  stack.defer(() => browser.close());
  const stage = new Stage(browser, demo.url, demo.token);
  const top = stage.startTop();
  stack.defer(() => top[Symbol.asyncDispose]());
  say(
    values.now ? "== The demo runs." : "== The demo runs. Waiting until pos_settlement is stalled: about 6 minutes ...",
  );
  if (!values.now) await stage.untilStalled();
  mkdirSync(folder, { recursive: true });
  if (!values.grafana) {
    await stage.takeTop(top, values.now ? "pos_settlement" : "pos_settlement is stalled");
    await takeAll(stage);
  }
  await stage.takeGrafana();
}

await runScript(main);
