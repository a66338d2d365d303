import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type RunningPostgres, startPostgres } from "../../script/services/postgres.ts";
import { freePort } from "../../script/services/process.ts";
import { toBound } from "../support/bound.ts";
import { chromiumFlags } from "../support/chromium.ts";
import { openConsole } from "../support/console-page.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { createTestDatabase } from "../support/postgres-database.ts";
import { createRiverJobs } from "../support/postgres-jobs.ts";
import { createTokens } from "../support/tokens.ts";

const tokens = createTokens({ reader: { scopes: ["ops:read"] } });
let server: RunningPostgres;
let browser: Browser;
let gateway: Awaited<ReturnType<typeof startGatewayProcess>>;

beforeAll(async () => {
  server = await startPostgres(join(inject("runFolder"), "console-outage"), { port: await freePort() });
  const database = await createTestDatabase(server.url, "console_outage");
  const jobs = await createRiverJobs(database);
  await jobs.insert([
    { queue: "mail", state: "waiting" },
    { queue: "mail", state: "failed", endedAgo: 60, error: "smtp: greylisted" },
  ]);
  gateway = await startGatewayProcess(
    inject("dockerSocket"),
    "console",
    join(inject("runFolder"), "console-outage.jsonl"),
    {
      TOKENS_FILE: tokens.file,
      DATABASE_URL: database.url,
    },
  );
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await gateway?.[Symbol.asyncDispose]();
  await server?.stop();
  tokens[Symbol.dispose]();
});

test("rows of a database that goes away stay, dimmed", { timeout: 80_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("reader"));
  const { page } = tab;
  await tab.open("/queues");
  const row = page.locator(".row").first();
  await row.waitFor({ timeout: 20_000 });
  expect(await row.locator(".stale").count()).toBe(0);
  await page.setViewportSize({ width: 768, height: 900 });
  await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBe(768);
  expect(
    await row.locator("[data-row-link]").evaluate((link) => link.scrollWidth <= link.parentElement!.clientWidth),
  ).toBe(true);
  await using other = await openConsole(browser, gateway.url, tokens.of("reader"));
  await other.open("/queue?name=mail");
  const figures = other.page.locator("#main .stale");
  await other.page.locator("#main", { hasText: "waiting" }).waitFor();
  expect(await figures.count()).toBe(0);
  await server.restart(async () => {
    await expect.poll(() => row.locator(".stale").count(), { timeout: 20_000 }).toBeGreaterThan(0);
    expect(await row.innerText()).toContain("was ");
    await expect
      .poll(() => page.locator("#main .banner.warn", { hasText: "Retrying" }).allInnerTexts(), {
        timeout: toBound(4000),
      })
      .toHaveLength(1);
    await expect.poll(() => page.locator(".bar").innerText(), { timeout: 20_000 }).toContain("partly live");
    await expect.poll(() => figures.innerText(), { timeout: 20_000 }).toContain("As of");
    expect([...(await tab.findBarriers()), ...(await other.findBarriers())]).toEqual([]);
  });
  await expect.poll(() => row.locator(".stale").count(), { timeout: 20_000 }).toBe(0);
  expect(await row.innerText()).not.toContain("was ");
  await expect.poll(() => figures.count(), { timeout: 20_000 }).toBe(0);
});

test("the queue of an error is readable on a phone", { timeout: 60_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("reader"), { width: 360 });
  const { page } = tab;
  await tab.open("/errors");
  await page.getByText("smtp: greylisted").first().click({ timeout: 30_000 });
  const name = page.locator(".shares.with-action a");
  await expect.poll(() => name.innerText(), { timeout: 20_000 }).toBe("mail");
  expect((await name.boundingBox())?.width).toBeGreaterThan(200);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
});
