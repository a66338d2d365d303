import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildConsole } from "../../script/console.ts";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { createPages } from "../../src/console/pages.ts";
import { createGateway } from "../../src/gateway.ts";
import { createEdge, type Edge } from "../../src/http/server.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { chromiumFlags } from "../support/chromium.ts";
import { openConsole } from "../support/console-page.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTokens } from "../support/tokens.ts";

const folder = mkdtempSync(join(tmpdir(), "ops-console-"));
const tokens = createTokens({ ana: { scopes: ["ops:read"] }, ben: { scopes: ["ops:read"] } });
let edge: Edge;
let browser: Browser;
let origin: string;

beforeAll(async () => {
  await buildConsole(folder);
  const authenticator = createAuthenticator({ tokensFile: tokens.file, logger: silentLogger });
  const gateway = createGateway(createMemorySources().sources, silentLogger);
  edge = createEdge({ ...gateway, publicPages: createPages(null, `${folder}/`), authenticator, logger: silentLogger });
  origin = `http://127.0.0.1:${(await edge.listen("127.0.0.1", 0)).port}`;
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
});

afterAll(async () => {
  await browser?.close();
  await edge?.drain();
  tokens[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

const readStored = (page: Page) => page.evaluate(() => sessionStorage.getItem("wallet-core-ops.token"));

test.each<["refused" | "accepted", string, "ana" | "ben"]>([
  ["refused", "a new page", "ana"],
  ["refused", "the page that is open", "ana"],
  ["accepted", "a new page", "ben"],
  ["accepted", "the page that is open", "ben"],
])("a link with another token asks who is signed in: %s, in %s", async (choice, where, signedIn) => {
  const page = await (await browser.newContext()).newPage();
  const asked: string[] = [];
  page.on("dialog", (dialog) => {
    asked.push(`${dialog.type()}: ${dialog.message()}`);
    void (choice === "accepted" ? dialog.accept() : dialog.dismiss());
  });
  await page.goto(`${origin}/#token=${tokens.of("ana")}`);
  await page.getByText("ana").first().waitFor();
  // The same token again is no question.
  await page.goto(`${origin}/hosts#token=${tokens.of("ana")}`);
  await page.getByText("ana").first().waitFor();
  expect(asked).toEqual([]);
  if (where === "a new page") await page.goto(`${origin}/queues#token=${tokens.of("ben")}`);
  else await page.evaluate((hash) => void (location.hash = hash), `token=${tokens.of("ben")}`);
  await expect.poll(() => asked).toEqual(["confirm: You are already signed in. Use the token from this link instead?"]);
  await expect.poll(() => readStored(page)).toBe(tokens.of(signedIn));
  await page.locator(`summary[aria-label='Signed in as ${signedIn}']`).waitFor();
  expect(page.url()).not.toContain("#");
  await page.context().close();
});

test("a new tab is signed in while another one is, until somebody signs out", async () => {
  const context = await browser.newContext();
  const first = await context.newPage();
  await first.goto(`${origin}/queues#token=${tokens.of("ana")}`);
  const user = (page: Page) => page.locator("summary[aria-label='Signed in as ana']");
  await user(first).waitFor();
  const [beside] = await Promise.all([
    context.waitForEvent("page"),
    first
      .locator("nav a[href^='/hosts']")
      .first()
      .click({ modifiers: ["Control"] }),
  ]);
  await user(beside).waitFor();
  expect(new URL(beside.url()).pathname).toBe("/hosts");
  const permalink = await context.newPage();
  await permalink.goto(`${origin}/timeline?env=STAGING`);
  await user(permalink).waitFor();
  expect(permalink.url()).toBe(`${origin}/timeline?env=STAGING`);
  expect(await permalink.evaluate(() => localStorage.length)).toBe(0);

  const graphiql = await context.newPage();
  await graphiql.goto(`${origin}/graphql`);
  await graphiql.getByText(/^Token accepted/).waitFor();

  await permalink.locator("summary[aria-label^='Signed in']").click();
  await permalink.getByRole("button", { name: /Sign out/ }).click();
  for (const page of [first, beside, permalink]) {
    await page.locator("#token").waitFor();
    expect(await readStored(page)).toBe(null);
  }
  await expect.poll(() => readStored(graphiql)).toBe(null);
  const late = await context.newPage();
  await late.goto(`${origin}/`);
  await late.locator("#token").waitFor();
  // Nor does another browser hear of it.
  await first.goto(`${origin}/#token=${tokens.of("ana")}`);
  await user(first).waitFor();
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(`${origin}/`);
  await stranger.locator("#token").waitFor();
  await stranger.context().close();
  await context.close();
});

test("a link signs in at once where nobody is signed in", async () => {
  const page = await (await browser.newContext()).newPage();
  const asked: string[] = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(`${origin}/`);
  await page.locator("#token").waitFor();
  await page.evaluate((hash) => void (location.hash = hash), `token=${tokens.of("ben")}`);
  await page.locator("summary[aria-label='Signed in as ben']").waitFor();
  expect([asked, page.url()]).toEqual([[], `${origin}/`]);
  await page.context().close();
});

/** What each sink of markup and scripts does with a text. */
function trySinks(page: Page): Promise<Record<string, string>> {
  return page.evaluate(() => {
    const hostile = "<img src=x onerror=alert(1)><b onclick=alert(2)>text</b>";
    const sinks: Record<string, () => unknown> = {
      innerHTML: () => {
        const element = document.createElement("div");
        element.innerHTML = hostile;
        return element.innerHTML;
      },
      "script.text": () => (document.createElement("script").text = "alert(3)"),
      "script.src": () => (document.createElement("script").src = "/console/x.js"),
      Worker: () => new Worker("/console/x.js"),
      "a policy": () =>
        (
          window as unknown as { trustedTypes: { createPolicy(name: string, rules: object): object } }
        ).trustedTypes.createPolicy("mine", {}),
    };
    return Object.fromEntries(
      Object.entries(sinks).map(([name, use]) => {
        try {
          return [name, String(use())];
        } catch (error) {
          return [name, (error as Error).name];
        }
      }),
    );
  });
}

const refused = { "script.text": "TypeError", "script.src": "TypeError", Worker: "TypeError", "a policy": "TypeError" };

test("the console works where no text becomes markup or a script", async () => {
  await using tab = await openConsole(browser, origin, tokens.of("ana"));
  for (const path of ["/containers", "/queues", "/hosts", "/logs", "/timeline", "/deploys", "/errors"])
    await tab.open(path);
  expect(tab.faults).toEqual([]);
  expect(await trySinks(tab.page)).toEqual({ ...refused, innerHTML: "TypeError" });
});

test("GraphiQL turns a text into harmless markup, and never into a script", async () => {
  await using tab = await openConsole(browser, origin, tokens.of("ana"));
  await tab.page.goto(`${origin}/graphql`);
  await tab.page.locator(".graphiql-query-editor .view-line").nth(3).waitFor();
  expect(tab.faults).toEqual([]);
  expect(await trySinks(tab.page)).toEqual({ ...refused, innerHTML: "text" });
  const markdown = await tab.page.evaluate(() => {
    const element = document.createElement("div");
    element.innerHTML =
      '<p>one <a href="https://x.example/" onclick="a()">two</a> <a href="javascript:a()">three</a><svg><script>a()</script></svg></p>';
    return element.innerHTML;
  });
  expect(markdown).toBe('<p>one <a href="https://x.example/">two</a> <a>three</a>a()</p>');
});
