import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, type OpsClient } from "../../src/client/client.ts";
import { chromiumFlags } from "../support/chromium.ts";
import { openConsole } from "../support/console-page.ts";
import { startDemo } from "../support/demo.ts";
import { until } from "../support/until.ts";

// The console on the demo's incident: a real engine, PostgreSQL, Prometheus, and jobs that fail.
let demo: ReturnType<typeof startDemo>;
let browser: Browser;
let origin = "";
let token = "";

interface Things {
  readonly containers: readonly { readonly name: string; readonly engine: string; readonly role: string }[];
  readonly deploys: { readonly nodes: readonly { readonly id: string }[] };
  readonly hosts: readonly { readonly name: string }[];
  readonly errorGroups: readonly {
    readonly error: string;
    readonly fingerprint: string;
    readonly jobs: readonly { readonly jobId: string }[];
  }[];
}

let client: OpsClient;
let things: Things;

beforeAll(async () => {
  demo = startDemo("--incident");
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
  await until(async () => demo.ended() || demo.output().includes("Ctrl-C stops everything"), 170_000);
  [, origin = "", token = ""] = /Console: +(\S+)\/#token=(\S+)/.exec(demo.output()) ?? [];
  client = createClient({ url: origin, token });
  const query = `{
    containers { name engine role }
    deploys(first: 1) { nodes { id } }
    hosts { name }
    errorGroups { error fingerprint jobs { jobId } }
  }`;
  // Until the workers have failed the first jobs of this incident.
  await until(async () => {
    things = await client.query<Things, object>(query);
    return things.errorGroups.some(({ error }) => error.includes("serialization"));
  }, 60_000);
}, 240_000);

afterAll(async () => {
  await browser?.close();
  demo?.interrupt();
  await demo?.exit;
}, 60_000);

function findThing() {
  const looping = things.containers.find(({ role }) => role === "payouts-worker");
  const group = things.errorGroups.find(({ error }) => error.includes("serialization"));
  if (!looping || !group) throw new Error("the demo has no incident");
  return { looping, group, deploy: things.deploys.nodes[0]?.id ?? "", host: things.hosts[0]?.name ?? "" };
}

/** Every screen, with a text that it has once its data is there. */
function listScreens(): readonly (readonly [address: string, ready: string])[] {
  const { looping, group, deploy, host } = findThing();
  return [
    ["/", "problem"],
    ["/containers", "payouts-worker"],
    [`/container?name=${looping.name}&engine=${looping.engine}&range=10m`, "What happened"],
    [`/logs?name=${looping.name}&engine=${looping.engine}`, "batch paid"],
    ["/logs?role=worker", "serialization"],
    ["/queues", "pos_settlement"],
    ["/queue?name=pos_settlement&source=river", "Failures by release"],
    [`/job?source=river&id=${group.jobs[0]?.jobId}`, "attempt"],
    ["/errors", "pq: serialization failure"],
    [`/errors?fingerprint=${encodeURIComponent(group.fingerprint)}`, "pq: serialization failure"],
    ["/deploys", "superseded"],
    [`/deploy?id=${encodeURIComponent(deploy)}`, "before"],
    ["/timeline", "exit code 1"],
    ["/hosts", host],
    [`/host?name=${host}`, "Containers"],
    ["/audit", "verifies"],
  ];
}

async function waitForText(page: Page, text: string): Promise<void> {
  await expect
    .poll(async () => (await page.locator("#main").innerText()).toLowerCase(), { timeout: 30_000 })
    .toContain(text.toLowerCase());
}

test.each([
  [1280, "light"],
  [1280, "dark"],
  [768, "light"],
  [390, "light"],
  [390, "dark"],
] as const)("every screen at %i px, %s, has no barrier and no fault", { timeout: 240_000 }, async (width, theme) => {
  await using tab = await openConsole(browser, origin, token, { width, theme });
  const found: string[] = [];
  for (const [address, ready] of listScreens()) {
    await tab.open(address);
    await waitForText(tab.page, ready);
    found.push(...(await tab.findBarriers()).map((barrier) => `${address} ${barrier}`));
    const overflow = await tab.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    if (overflow > 0) found.push(`${address} is ${overflow} px too wide`);
  }
  expect(found).toEqual([]);
  expect(tab.faults).toEqual([]);
});

test("three clicks lead from Now to the log line of a failed attempt", { timeout: 120_000 }, async () => {
  await using tab = await openConsole(browser, origin, token);
  const { page } = tab;
  await page
    .locator(".problem", { hasText: "pos_settlement" })
    .first()
    .getByRole("link", { name: /^errors/ })
    .click();
  await page.getByRole("link", { name: "pq: serialization failure" }).click();
  await page.locator("#main").getByRole("link", { name: /log/i }).first().click();
  await page.waitForURL(/\/logs\?/);
  const at = new URL(page.url()).searchParams.get("at") ?? "";
  await waitForText(page, "serialization failure");
  // The line is in the second of the attempt, and the attempt is drawn across.
  const lines = await page.locator("#main").innerText();
  expect(lines).toMatch(/attempt \d/);
  const clock = new Date(at).toISOString().slice(11, 16);
  expect(lines).toContain(clock);
  expect(tab.faults).toEqual([]);
});

test("a container is restarted by the keyboard alone, until it is healthy", { timeout: 240_000 }, async () => {
  // The demo itself has restarted one of the two: its cooldown lasts a minute.
  const web = things.containers.filter(({ role }) => role === "web");
  for (const { name } of web) {
    const preview = `mutation { restartContainer(name: "${name}", dryRun: true) { preview { refusal { code } } } }`;
    interface Preview {
      readonly restartContainer: { readonly preview: { readonly refusal: object | null } } | null;
    }
    await until(
      async () => (await client.query<Preview, object>(preview)).restartContainer?.preview.refusal === null,
      90_000,
    );
  }
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  await page.locator("#token").waitFor();
  await page.keyboard.type(token);
  await page.keyboard.press("Enter");
  await page.locator(".shell").waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await page.waitForURL(/\/containers/);
  await page.locator('#main input[type="search"]').waitFor();
  await page.keyboard.press("/");
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe("INPUT");
  await page.keyboard.type("web healthy");
  await page.keyboard.press("Escape");
  // The first row of all is another one.
  const rows = () => page.locator("[data-row-link]").allInnerTexts();
  await expect.poll(async () => new Set((await rows()).map((row) => row.includes("web")))).toEqual(new Set([true]));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/container\?/);
  await waitForText(page, "Health check");
  const isRestart = () => page.evaluate(() => (document.activeElement?.textContent ?? "").startsWith("Restart"));
  for (let presses = 0; presses < 80 && !(await isRestart()); presses += 1) await page.keyboard.press("Tab");
  expect(await isRestart()).toBe(true);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("tried by the keyboard");
  expect(await page.locator("#reason").inputValue()).toBe("tried by the keyboard");
  await expect
    .poll(
      () =>
        page
          .getByRole("dialog")
          .getByRole("button", { name: /^Restart/ })
          .isEnabled(),
      { timeout: 20_000 },
    )
    .toBe(true);
  await page.keyboard.press("Control+Enter");
  await expect.poll(() => page.getByRole("dialog").innerText(), { timeout: 60_000 }).toContain("it is healthy");
  await expect
    .poll(() => page.getByRole("button", { name: "Close", exact: true }).count(), { timeout: 60_000 })
    .toBe(1);
  await page.keyboard.press("Escape");
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  await waitForText(page, "tried by the keyboard");
  await context.close();
});
