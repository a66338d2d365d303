import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { buildSchema } from "graphql";
import { createYoga, type Plugin } from "graphql-yoga";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { examples } from "../../src/console/graphiql/examples.ts";
import { createGraphiqlPages } from "../../src/console/graphiql/page.ts";
import { presetHeaders } from "../../src/http/reply.ts";
import { createEdge, type Edge } from "../../src/http/server.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { chromiumFlags } from "../support/chromium.ts";

const token = "a-token-for-the-console-test";
const hostile = [
  "<img src=x onerror=alert(1)>",
  "<script>alert(2)</script>",
  '"><svg onload=alert(3)>',
  "javascript:alert(4)",
  "{{constructor.constructor('alert(5)')()}}",
  "</textarea><iframe srcdoc='<script>alert(6)</script>'>",
];

let edge: Edge;
let browser: Browser;
let origin: string;

beforeAll(async () => {
  const schema = buildSchema(await readFile("schema/schema.graphql", "utf8"));
  const rootValue = {
    hosts: hostile.map((name) => ({ name, status: "UP", cpuUtil: 0.5, alert: false })),
    hostsUpdatedAt: "2026-01-13T09:46:00Z",
    thresholds: { cpu: 0.85, mem: 0.85 },
  };
  const withRoot: Plugin = {
    onExecute({ args }) {
      args.rootValue = rootValue;
    },
  };
  const yoga = createYoga({ schema, plugins: [withRoot], graphiql: false, logging: false });
  edge = createEdge({
    surfaces: [
      {
        prefix: "/graphql",
        subtree: false,
        handle: async (request) => {
          const { req, res } = request;
          presetHeaders(request);
          await yoga.handle(req, res);
          return null;
        },
      },
    ],
    publicPages: createGraphiqlPages(),
    authenticator: createAuthenticator({ token, logger: silentLogger }),
    logger: silentLogger,
  });
  const address: AddressInfo = await edge.listen("127.0.0.1", 0);
  origin = `http://127.0.0.1:${address.port}`;
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
});

afterAll(async () => {
  await browser?.close();
  await edge?.drain();
});

/** A tab whose every wrong move is written down. */
async function openConsole(): Promise<{ page: Page; faults: string[]; statuses: number[] }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults: string[] = [];
  const statuses: number[] = [];
  await context.route(
    (url) => url.origin !== origin && url.protocol.startsWith("http"),
    (route) => {
      faults.push(`request to ${route.request().url()}`);
      return route.abort();
    },
  );
  page.on("dialog", (dialog) => {
    faults.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => faults.push(`page error ${error.message}`));
  page.on("console", (entry) => {
    if (/Content.Security.Policy|Refused to/i.test(entry.text())) faults.push(entry.text());
  });
  page.on("response", (response) => void statuses.push(response.status()));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      const { violatedDirective, blockedURI } = event as unknown as Record<string, string>;
      console.error(`Content Security Policy: ${violatedDirective} ${blockedURI}`);
    });
  });
  await page.goto(`${origin}/graphql`);
  return { page, faults, statuses };
}

async function giveToken(page: Page, text: string): Promise<void> {
  await page.fill("#token", text);
  await page.click("#token-form button[type=submit]");
}

test("GraphiQL opens with a token, shows hostile text, loads nothing else", async () => {
  const { page, faults, statuses } = await openConsole();
  expect(await page.title()).toBe("wallet-core-ops");
  expect(await page.locator("#root > .graphiql-container").count()).toBe(0);
  expect(statuses).not.toContain(401);

  await giveToken(page, token);
  await page.locator("#root > .graphiql-container").waitFor();
  const tabs = page.locator(".graphiql-tab");
  await expect.poll(() => tabs.count()).toBe(examples.length);
  await page.getByRole("tab").nth(2).click();
  await page.locator(".graphiql-execute-button").click();
  await expect
    .poll(() => page.locator(".result-window").innerText(), { timeout: 20_000 })
    .toContain("onerror=alert(1)");
  await expect.poll(() => page.locator("#message").innerText()).toBe("Token accepted.");
  expect(await page.locator(".result-window img, .result-window iframe, .result-window script").count()).toBe(0);
  expect(new URL(page.url()).search).toBe("");
  const kept = await page.evaluate(() => JSON.stringify(Object.entries(localStorage)) + document.cookie);
  expect(kept).not.toContain(token);
  expect(faults).toEqual([]);
});

test("a wrong token shows a message; a right one works until forgotten", async () => {
  const { page, faults, statuses } = await openConsole();
  await giveToken(page, "not-the-token-at-all");
  await expect.poll(() => page.locator("#message").innerText()).toContain("refused this token (401)");
  expect(await page.locator("#root > .graphiql-container").count()).toBe(0);
  expect(statuses.filter((status) => status === 401)).toHaveLength(1);

  await giveToken(page, token);
  await page.locator("#root > .graphiql-container").waitFor();
  await page.reload();
  await page.locator("#root > .graphiql-container").waitFor();
  await page.click("#forget");
  await expect.poll(() => page.locator("#message").innerText()).toContain("Enter a token");
  expect(await page.locator("#root > .graphiql-container").count()).toBe(0);
  expect(faults).toEqual([]);
});
