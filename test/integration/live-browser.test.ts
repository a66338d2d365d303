import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { chromiumFlags } from "../support/chromium.ts";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const socketPath = inject("dockerSocket");
const name = "livebrowser-web";
const patient = { timeout: 10_000 };
const containers = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
  rules: rulesOf("livebrowser"),
  logger: silentLogger,
});
const gateway = await startGateway({ ...createMemorySources().sources, containers });
let browser: Browser;
let id = "";

beforeAll(async () => {
  const labels = { service: "livebrowser", role: "web", destination: "staging" };
  const cmd = ["sh", "-c", "trap 'exit 0' TERM; echo begin; while :; do sleep 0.05; done"];
  id = await startContainer(socketPath, { name, labels, cmd });
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
});

afterAll(async () => {
  await browser?.close();
  await gateway[Symbol.asyncDispose]();
  await containers.close();
  await removeContainers(socketPath, [id]);
});

const restart = () => callDocker(socketPath, "POST", `/containers/${id}/restart?t=5`);

async function openPage(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${gateway.url}/graphql`);
  return page;
}

/**
 * Reads subscriptions in the page with fetch, as no EventSource can send a token; `window.live` has
 * their messages.
 */
async function follow(page: Page, queries: readonly string[]): Promise<void> {
  await page.evaluate(
    ([url, bearer, ...texts]) => {
      const live: unknown[][] = texts.map(() => []);
      Object.assign(window, { live });
      for (const [index, query] of texts.entries()) {
        const headers = {
          authorization: `Bearer ${bearer}`,
          "content-type": "application/json",
          accept: "text/event-stream",
        };
        void (async () => {
          const response = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
          const reader = response.body
            ?.pipeThrough(new TextDecoderStream())
            .getReader() as ReadableStreamDefaultReader<string>;
          let text = "";
          for (let part = await reader.read(); !part.done; part = await reader.read()) {
            const blocks = (text + part.value).split("\n\n");
            text = blocks.pop() ?? "";
            for (const block of blocks) {
              const data = /^event: next\ndata: (.*)$/m.exec(block)?.[1];
              if (data) live[index]?.push(JSON.parse(data).data);
            }
          }
        })();
      }
    },
    [gateway.url, token, ...queries] as const,
  );
}

const read = (page: Page): Promise<any[][]> => page.evaluate(() => (window as never as { live: any[][] }).live);

test("a page follows a container's log, row and events over its restart", async () => {
  const page = await openPage();
  await follow(page, [
    `subscription { containerLogs(name: "${name}") { lines { message } } }`,
    "subscription { containers { changed { name status startedAt } } }",
    `subscription { containerEvents(name: "${name}") { events { action } } }`,
  ]);
  await expect.poll(async () => (await read(page)).map((messages) => messages.length), patient).toEqual([1, 1, 0]);
  // The events have nothing to say yet.
  await page.waitForTimeout(500);
  const [, rows] = await read(page);
  const before = rows?.[0].containers.changed[0].startedAt;
  await restart();
  await expect
    .poll(async () => (await read(page))[0]?.flatMap(({ containerLogs }) => containerLogs.lines), patient)
    .toEqual([{ message: "begin" }, { message: "begin" }]);
  const last = async () => (await read(page))[1]?.at(-1).containers.changed[0];
  await expect.poll(async () => (await last()).startedAt > before, patient).toBe(true);
  await expect.poll(last, patient).toMatchObject({ name, status: "running" });
  const actions = async () =>
    (await read(page))[2]?.flatMap(({ containerEvents }) => containerEvents.events.map(({ action }: any) => action));
  await expect.poll(actions, patient).toContain("restart");
  await page.context().close();
});

test("GraphiQL runs a subscription, shows what comes and ends it", async () => {
  const page = await openPage();
  await page.fill("#token", token);
  await page.click("#token-form button[type=submit]");
  await page.locator("#root > .graphiql-container").waitFor();
  await page.getByRole("tab", { name: "Live" }).click();
  const given = page.waitForRequest((request) => request.postData()?.includes("subscription Live") === true);
  const button = page.locator(".graphiql-execute-button");
  await button.click();
  const request = await given;
  expect(await (await request.response())?.headerValue("content-type")).toContain("text/event-stream");
  await restart();
  // It shows the last message alone, perhaps of a container of another test, and of that the lines
  // that are in sight.
  const shown = () => page.locator(".result-window").innerText();
  await expect.poll(shown, patient).toMatch(/"action":\s"\w+",\s+"name":\s"[\w-]+"/);
  const ended = page.waitForEvent("requestfailed", (failed) => failed === request);
  await button.click();
  await ended;
  await page.context().close();
});
