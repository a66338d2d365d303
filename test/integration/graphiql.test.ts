import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chromiumFlags } from "../support/chromium.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway, token } from "../support/gateway.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createTokens } from "../support/tokens.ts";

const tokens = createTokens({ reader: { scopes: ["ops:read"] } });
const { sources } = createMemorySources({ containers: [sampleContainer({})], hosts: [sampleHost({})] });
const gateway = await startGateway(sources, { tokensFile: tokens.file });
const patient = { timeout: 20_000 };
let browser: Browser;

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
});

afterAll(async () => {
  await browser?.close();
  await gateway[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

interface Editor extends AsyncDisposable {
  readonly page: Page;
  /** Status and operation of each request to /graphql, and errors in the page. */
  readonly requests: string[];
  readonly faults: string[];
}

/** GraphiQL with a token, its tabs and its editor there. */
async function openEditor(bearer: string, width = 1280): Promise<Editor> {
  const context = await browser.newContext({ viewport: { width, height: 844 } });
  const page = await context.newPage();
  const requests: string[] = [];
  const faults: string[] = [];
  page.on("response", (response) => {
    const query = /(?:query|subscription) (\w+)/.exec(response.request().postData() ?? "")?.[1];
    if (response.request().method() === "POST") requests.push(`${response.status()} ${query ?? ""}`.trim());
  });
  page.on("pageerror", ({ message }) => faults.push(message));
  page.on("console", (entry) => {
    if (entry.type() === "error") faults.push(entry.text());
  });
  await page.goto(`${gateway.url}/graphql`);
  await page.fill("#token", bearer);
  await page.click("#token-form button[type=submit]");
  await page.getByRole("tab").nth(3).waitFor();
  await page.locator(".graphiql-query-editor .view-line").nth(3).waitFor();
  return { page, requests, faults, [Symbol.asyncDispose]: () => context.close() };
}

const read = (page: Page) => page.locator(".result-window").innerText();

test("a tab stays under the pointer that presses it, and is chosen", async () => {
  await using editor = await openEditor(token);
  const { page } = editor;
  for (const index of [2, 1, 3, 0]) {
    const tab = page.getByRole("tab").nth(index);
    const box = await tab.boundingBox();
    await page.mouse.move((box?.x ?? 0) + 20, (box?.y ?? 0) + 10);
    await page.mouse.down();
    // The frames in which it jumped.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    expect(await tab.boundingBox()).toEqual(box);
    // As a hand does.
    await page.mouse.move((box?.x ?? 0) + 24, (box?.y ?? 0) + 11);
    await page.mouse.up();
    await expect.poll(() => tab.getAttribute("aria-selected"), patient).toBe("true");
  }
  expect(await page.getByRole("tab").allInnerTexts()).toEqual(["Containers", "Queues", "HostsAndDeploy", "Live"]);
  expect(editor.faults).toEqual([]);
});

test.each(["a click", "Ctrl-Enter"])("%s right after a change of tabs runs the query in sight", async (by) => {
  await using editor = await openEditor(token);
  const { page } = editor;
  const slowly = await page.context().newCDPSession(page);
  await slowly.send("Emulation.setCPUThrottlingRate", { rate: 3 });
  for (const [index, key] of [
    [2, '"hosts"'],
    [1, '"queues"'],
    [0, '"containers"'],
  ] as const) {
    // In one task of the page: nobody is quicker.
    await page.evaluate(
      ([at, isClick]) => {
        const find = (query: string) => document.querySelectorAll<HTMLElement>(query);
        find(".graphiql-tab-button")[at]?.click();
        if (isClick) find(".graphiql-execute-button")[0]?.click();
        else {
          const ctrlEnter = {
            key: "Enter",
            code: "Enter",
            keyCode: 13,
            ctrlKey: true,
            bubbles: true,
            cancelable: true,
          };
          find(".graphiql-query-editor .inputarea, .graphiql-query-editor .native-edit-context")[0]?.dispatchEvent(
            new KeyboardEvent("keydown", ctrlEnter),
          );
        }
      },
      [index, by === "a click"] as const,
    );
    await expect.poll(() => read(page), patient).toContain(key);
  }
  expect(editor.requests.slice(-3)).toEqual(["200 HostsAndDeploy", "200 Queues", "200 Containers"]);
  expect(editor.faults).toEqual([]);
});

test("a read-only token first sees what it can do, and runs queries", async () => {
  await using editor = await openEditor(tokens.of("reader"));
  const { page } = editor;
  const sentence =
    "Token accepted: queries run. Documentation and completion need a token with the scope ops:introspect.";
  const message = page.locator("#message");
  expect(await message.innerText()).toBe(sentence);
  expect(await message.getAttribute("data-state")).toBe("good");
  await page.locator(".graphiql-execute-button").click();
  await expect.poll(() => read(page), patient).toContain("wallet-core-staging-web-latest");
  expect(await message.innerText()).toBe(sentence);
  // Only the check of the token and the query: the schema, which it would be refused, is not asked
  // for.
  expect(editor.requests).toEqual(["200", "200 Containers"]);
  expect(editor.faults).toEqual([]);
});

test("a token with every right gets documentation of the schema", async () => {
  await using editor = await openEditor(token);
  const { page } = editor;
  await expect.poll(() => editor.requests, patient).toContain("200 IntrospectionQuery");
  expect(await page.locator("#message").innerText()).toBe("Token accepted.");
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await expect.poll(() => page.locator(".graphiql-doc-explorer").innerText(), patient).toContain("query: Query");
});

test("at 390 px the answer is below the query, as wide as the page", async () => {
  await using editor = await openEditor(token, 390);
  const { page } = editor;
  await page.locator(".graphiql-execute-button").click();
  await expect.poll(() => read(page), patient).toMatch(/"status":\s"running",/);
  const [query, answer] = [
    await page.locator(".graphiql-editors").boundingBox(),
    await page.locator(".result-window").boundingBox(),
  ];
  expect(query?.width).toBeGreaterThan(340);
  expect(answer?.width).toBeGreaterThan(340);
  expect(answer?.y).toBeGreaterThanOrEqual((query?.y ?? 0) + (query?.height ?? 0));
  expect((answer?.y ?? 0) + (answer?.height ?? 0)).toBeLessThanOrEqual(844);
  expect(answer?.height).toBeGreaterThan(200);
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await expect
    .poll(async () => (await page.locator(".graphiql-doc-explorer").boundingBox())?.width, patient)
    .toBeGreaterThan(300);
  await page.getByRole("button", { name: "Hide Documentation Explorer" }).click();
  await expect.poll(() => page.locator(".graphiql-doc-explorer").count(), patient).toBe(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  expect(editor.faults).toEqual([]);
});
