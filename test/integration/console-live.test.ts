import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { toBound } from "../support/bound.ts";
import { chromiumFlags } from "../support/chromium.ts";
import { openConsole } from "../support/console-page.ts";
import { removeContainers, startContainer, stopContainer } from "../support/docker-containers.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { createTokens } from "../support/tokens.ts";

const socketPath = inject("dockerSocket");
const service = "console";
const lineLength = 1_000_000;
const hostile = [
  "<img src=x onerror=alert(1)>",
  "<script>alert(2)</script>",
  "\\033[31mred\\033[0m \\033]0;title\\007",
  "\\342\\200\\256gnp.exe",
  '{"msg":"<b>bold</b>","level":"error"}',
];
/** Writes the hostile lines, one of 1 MB, and then counts. */
const script = `trap 'exit 0' TERM
printf '%b\\n' ${hostile.map((line) => `'${line}'`).join(" ")}
head -c ${lineLength} /dev/zero | tr '\\0' 'x'; echo
n=0; while :; do n=$((n + 1)); echo "line $n"; sleep 0.2; done`;

const rights = ["ops:read", "ops:logs", "ops:operate"] as const;
const tokens = createTokens({ all: { scopes: rights }, staging: { scopes: rights, environments: ["staging"] } });
let browser: Browser;
let gateway: Awaited<ReturnType<typeof startGatewayProcess>>;
const ids: string[] = [];

const start = (more: Record<string, string> = {}) =>
  startGatewayProcess(socketPath, service, join(inject("runFolder"), "console-audit.jsonl"), {
    TOKENS_FILE: tokens.file,
    ...more,
  });

beforeAll(async () => {
  const role = "<b>role</b>";
  const labels = (destination: string) => ({ service, role, destination });
  for (const destination of ["staging", "production"]) {
    const name = `console-web-${destination}-v1`;
    ids.push(await startContainer(socketPath, { name, labels: labels(destination), cmd: ["sh", "-c", script] }));
  }
  gateway = await start();
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
});

afterAll(async () => {
  await browser?.close();
  await gateway?.[Symbol.asyncDispose]();
  await removeContainers(socketPath, ids);
  tokens[Symbol.dispose]();
});

test("a change of a container is shown within a second of its event", { timeout: 60_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("all"));
  const { page } = tab;
  await tab.open("/containers?q=console-web-production");
  const row = page.locator(".row", { hasText: "web-production" }).first();
  await expect.poll(() => row.innerText()).toContain("running");
  const id = ids[1] as string;
  await page.evaluate(() => {
    const seen = { at: 0 };
    Object.assign(window, { seen });
    const look = () => {
      if (seen.at === 0 && /paused/.test(document.querySelector(".list")?.textContent ?? "")) seen.at = Date.now();
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await callDocker(socketPath, "POST", `/containers/${id}/pause`);
  const paused = Date.now();
  const seenAt = () => page.evaluate(() => (window as unknown as { seen: { at: number } }).seen.at);
  await expect.poll(seenAt).toBeGreaterThan(0);
  // A bound for a busy machine: the engine's event, one inspection, one message. The goal is a
  // second, and it takes a fifth of that when nothing else runs.
  expect((await seenAt()) - paused).toBeLessThan(toBound(5000));
  // When it was paused is unknown: the time since its start would be another state's.
  expect(await row.locator("time").count()).toBe(0);
  await callDocker(socketPath, "POST", `/containers/${id}/unpause`);
  await expect.poll(() => row.locator("time").count()).toBe(1);
  expect(tab.faults).toEqual([]);
});

test("hostile names and lines are text, on every screen that shows them", { timeout: 120_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("all"));
  const { page } = tab;
  await tab.open("/containers?q=console-web-staging");
  await expect.poll(() => page.locator("#main").innerText()).toContain("<b>role</b>");
  await tab.open("/logs?name=console-web-staging-v1&engine=own");
  // More lines than are drawn at once: the first ones are far above.
  await expect.poll(() => page.locator("#main").innerText(), { timeout: 60_000 }).toMatch(/line (?:8\d|9\d|\d{3,})\b/);
  const readBeginning = async () => {
    await page.keyboard.press("Home");
    return page.locator("#main").innerText();
  };
  for (const text of ["<img src=x onerror=alert(1)>", "<script>alert(2)</script>"]) {
    await expect.poll(readBeginning, { timeout: 30_000 }).toContain(text);
  }
  const shown = await page.locator("#main").innerText();
  expect(["\u001b", "\u0007"].filter((character) => shown.includes(character))).toEqual([]);
  expect(await page.locator("#main img, #main script, #main b > *").count()).toBe(0);
  expect(await page.title()).not.toContain("<");
  expect(tab.faults).toEqual([]);
});

test("a killed gateway is said, and the open page goes on when it is back", { timeout: 120_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("all"));
  const { page } = tab;
  await tab.open("/logs?name=console-web-production-v1&engine=own");
  await expect.poll(() => page.locator("#main").innerText(), { timeout: 30_000 }).toMatch(/line \d+/);
  gateway.kill("SIGKILL");
  await gateway.ended;
  await expect.poll(() => page.locator(".bar").innerText(), { timeout: 20_000 }).toContain("lost");
  expect(await page.locator("#main").innerText()).toMatch(/line \d+/);
  const { port } = new URL(gateway.url);
  gateway = await start({ PORT: port });
  await expect.poll(() => page.locator(".bar").innerText(), { timeout: 30_000 }).toContain("live");
  const count = async () =>
    Math.max(...[...(await page.locator("#main").innerText()).matchAll(/line (\d+)/g)].map(([, n]) => Number(n)));
  const before = await count();
  await expect.poll(count, { timeout: 30_000 }).toBeGreaterThan(before + 5);
  // No line is missing or twice in what is in view.
  const numbers = [...(await page.locator("#main").innerText()).matchAll(/line (\d+)/g)].map(([, n]) => Number(n));
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  // What the browser itself says of the broken connection.
  expect(
    tab.faults.filter(
      (fault) =>
        !/ERR_(CONNECTION_REFUSED|SOCKET_NOT_CONNECTED|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)/.test(
          fault,
        ),
    ),
  ).toEqual([]);
});

test("last values stay while the gateway is lost, on a screen left too", { timeout: 90_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("all"));
  const { page } = tab;
  const main = page.locator("#main");
  const goTo = (address: string) => page.locator(`.rail a[href="${address}"]`).click();
  await expect.poll(() => main.innerText(), { timeout: 30_000 }).toMatch(/No known problems|problems?:/);
  await main.locator(".dots .shape.ok").first().waitFor();
  await expect.poll(() => main.locator(".skeleton").count(), { timeout: 20_000 }).toBe(0);
  await goTo("/logs");
  await main.locator(".dots .shape.ok").first().waitFor();
  gateway.kill("SIGKILL");
  await gateway.ended;
  await expect.poll(() => page.locator(".bar").innerText(), { timeout: 20_000 }).toContain("lost");
  await goTo("/");
  await expect
    .poll(() => main.locator(".stale").allInnerTexts())
    .toContainEqual(expect.stringMatching(/As of[^]*problem/));
  expect(await main.locator(".dots .shape.ok").count()).toBeGreaterThan(0);
  expect(await main.locator(".skeleton").count()).toBe(0);
  // A screen that was never open knows nothing of what it asks.
  await goTo("/deploys");
  await main.locator(".skeleton").first().waitFor();
  gateway = await start({ PORT: new URL(gateway.url).port });
  await expect.poll(() => page.locator(".bar").innerText(), { timeout: 30_000 }).toContain("live");
  await goTo("/");
  await expect.poll(() => main.locator(".stale").count(), { timeout: 20_000 }).toBe(0);
});

test("a dot is hollow, not green, until problems are answered", { timeout: 60_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("all"));
  const { page } = tab;
  const held: (() => void)[] = [];
  let isAnswered = false;
  await page.route(`${gateway.url}/graphql`, (route) => {
    if (isAnswered || !/query ConsoleProblems/.test(route.request().postData() ?? "")) return route.continue();
    held.push(() => void route.continue());
    return undefined;
  });
  await tab.open("/logs");
  const main = page.locator("#main");
  await main.locator(".dots .shape.neutral").first().waitFor();
  expect(await main.locator(".shape.ok").count()).toBe(0);
  isAnswered = true;
  for (const release of held) release();
  await main.locator(".dots .shape.ok").first().waitFor();
});

test("a gateway that hangs is said within seconds, until it goes on", { timeout: 60_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("all"));
  const { page } = tab;
  await tab.open("/logs?name=console-web-production-v1&engine=own");
  await expect.poll(() => page.locator("#main").innerText(), { timeout: 30_000 }).toMatch(/line \d+/);
  gateway.kill("SIGSTOP");
  try {
    // Problems are asked every 3 s, and have 6 s for an answer.
    await expect.poll(() => page.locator(".bar").innerText(), { timeout: 15_000 }).toContain("lost");
    // Since the last answer, not since somebody noticed.
    const banner = await page.locator(".banner", { hasText: "has not answered" }).innerText();
    expect(Number(/for (\d+) s/.exec(banner)?.[1])).toBeGreaterThanOrEqual(5);
  } finally {
    gateway.kill("SIGCONT");
  }
  await expect.poll(() => page.locator(".bar").innerText(), { timeout: 20_000 }).toContain("live");
  const read = async () =>
    [...(await page.locator("#main").innerText()).matchAll(/line (\d+)/g)].map(([, n]) => Number(n));
  const last = (await read()).at(-1) ?? 0;
  await expect.poll(async () => (await read()).at(-1), { timeout: 20_000 }).toBeGreaterThan(last + 5);
  const numbers = await read();
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
});

test("a link that signs in is taken by an open tab, and erased", { timeout: 60_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("staging"));
  const { page } = tab;
  page.removeAllListeners("dialog").on("dialog", (question) => void question.accept());
  await expect.poll(() => page.locator(".bar").innerText()).toContain("live");
  await page.evaluate((token) => (window.location.hash = `token=${token}`), tokens.of("all"));
  await expect.poll(() => page.getByLabel("Environment").locator("option", { hasText: "production" }).count()).toBe(1);
  expect(page.url()).not.toContain("token");
  expect(tab.faults).toEqual([]);
});

test("sign-out in one tab signs out the others", { timeout: 60_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("all"));
  const { page } = tab;
  const signOut = async () => {
    await page.locator("summary[aria-label^='Signed in']").click();
    await page.getByRole("button", { name: /Sign out/ }).click();
    await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  };
  await signOut();
  const other = await page.context().newPage();
  await other.goto(gateway.url);
  await page.getByLabel("Token").fill(tokens.of("all"));
  await page.getByLabel("Stay signed in").check();
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.locator(".shell").waitFor();
  await signOut();
  await other.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  for (const one of [page, other]) await expect.poll(() => one.title()).toBe("Sign in · wallet-core-ops");
  expect(await other.evaluate(() => sessionStorage.length + localStorage.length)).toBe(0);
  expect(tab.faults).toEqual([]);
  await page.getByLabel("Token").fill("never-accepted");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText("The gateway does not accept this token").waitFor();
});

test("the person's menu closes on Esc, and the palette may be empty", { timeout: 60_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("all"));
  const { page } = tab;
  const name = page.locator("summary[aria-label^='Signed in']");
  const isOpen = () => page.locator("details.person").evaluate((details) => (details as HTMLDetailsElement).open);
  await name.click();
  expect(await isOpen()).toBe(true);
  await page.keyboard.press("Escape");
  expect(await isOpen()).toBe(false);
  await name.click();
  expect(await isOpen()).toBe(true);
  await page.locator("#main").click({ position: { x: 5, y: 5 } });
  expect(await isOpen()).toBe(false);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("no such thing anywhere");
  await page.getByText("Nothing matches").waitFor();
  expect(await tab.findBarriers()).toEqual([]);
});

test("a token of staging sees nothing of production on any screen", { timeout: 120_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("staging"));
  const { page } = tab;
  await tab.open("/containers");
  await expect.poll(() => page.locator("#main").innerText()).toContain("web-staging");
  for (const address of [
    "/",
    "/containers",
    "/timeline",
    "/deploys",
    "/audit",
    "/logs",
    "/container?name=console-web-production-v1&engine=own",
    "/logs?name=console-web-production-v1&engine=own",
  ]) {
    await tab.open(address);
    await page.waitForTimeout(1500);
    const text = await page.locator("#main").innerText();
    // Where the name was asked for, the page may repeat it, and nothing else.
    expect([address, text.replaceAll(/console-web-production-v1/g, "")]).toEqual([
      address,
      expect.not.stringMatching(/web-production|line \d/),
    ]);
    expect([address, await page.locator(".bar select option", { hasText: "production" }).count()]).toEqual([
      address,
      0,
    ]);
  }
});

test("a page that is older than the gateway's says so", { timeout: 60_000 }, async () => {
  await using tab = await openConsole(browser, gateway.url, tokens.of("all"));
  const { page } = tab;
  // The gateway comes back with another console than the one that is open.
  await page.route(`${gateway.url}/`, (route) =>
    route.fulfill({ contentType: "text/html", body: '<script src="/console/console-NEWER.js"></script>' }),
  );
  const { port } = new URL(gateway.url);
  await gateway[Symbol.asyncDispose]();
  await expect.poll(() => page.locator(".bar").innerText(), { timeout: 20_000 }).toContain("lost");
  gateway = await start({ PORT: port });
  await expect
    .poll(() => page.locator("#main").innerText(), { timeout: 30_000 })
    .toContain("newer version of this console");
});

test("upstreams that do not answer make the page partly live", { timeout: 180_000 }, async () => {
  const { port } = new URL(gateway.url);
  await gateway[Symbol.asyncDispose]();
  gateway = await start({
    PORT: port,
    PROMETHEUS_URL: "http://127.0.0.1:1",
    DATABASE_URL: "postgres://nobody:none@127.0.0.1:1/none",
  });
  await using tab = await openConsole(browser, gateway.url, tokens.of("all"));
  const { page } = tab;
  await expect.poll(() => page.locator(".bar").innerText(), { timeout: 40_000 }).toContain("partly live");
  await expect
    .poll(() => page.locator(".bar [role=status]").getAttribute("title"), { timeout: 20_000 })
    .toMatch(/prometheus/i);
  // An environment that there is not hides nothing.
  await tab.open("/queues?env=FOO");
  await expect.poll(() => page.locator("#main .banner.bad").count(), { timeout: 20_000 }).toBe(1);
  expect(await page.locator("#main").innerText()).not.toMatch(/no jobs in any queue|No job system found/);
  await tab.open("/hosts");
  await expect.poll(() => page.locator("#main").innerText()).toContain("prometheus_unavailable");
  expect(await tab.findBarriers()).toEqual([]);
});

test("what a token may not do is said with the scope that it lacks", { timeout: 180_000 }, async () => {
  using reader = createTokens({ reader: { scopes: ["ops:read"] } });
  const port = new URL(gateway.url).port;
  await gateway[Symbol.asyncDispose]();
  gateway = await start({ PORT: port, TOKENS_FILE: reader.file });
  await using tab = await openConsole(browser, gateway.url, reader.of("reader"));
  const { page } = tab;
  await tab.open("/container?name=console-web-staging-v1&engine=own");
  await expect.poll(() => page.locator("#main").innerText()).toContain("Restart");
  const button = page.getByRole("button", { name: /^Restart/ }).first();
  await expect.poll(() => button.getAttribute("aria-disabled")).toBe("true");
  expect(await button.getAttribute("title")).toContain("ops:operate");
  await tab.open("/audit");
  await expect.poll(() => page.locator("#main").innerText()).toContain("ops:operate");
  await tab.open("/logs?name=console-web-staging-v1&engine=own");
  await expect.poll(() => page.locator("#main").innerText()).toContain("ops:logs");
  expect(await tab.findBarriers()).toEqual([]);
  await stopContainer(socketPath, ids[0] as string);
});
