import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, chromium, type Page } from "playwright-core";
import { buildConsole } from "../script/console.ts";
import { toLaunchOptions } from "../script/services/chromium-options.ts";
import {
  ConsoleContainersDocument,
  ConsoleContainerSeriesDocument,
  ConsoleNowMoreDocument,
  ConsoleNowDocument,
} from "../src/generated/console.ts";
import { readCpuMs } from "./cpu.ts";
import { type Server, startServer } from "./server.ts";
import { containers, token } from "./servers/sample.ts";
import { quartiles } from "./statistics.ts";

/** Set before the result is seen. Milliseconds, megabytes, per cent of a core. */
const limits = {
  firstPaintMs: 1000,
  frameMs: 17,
  heapMegabytes: 50,
  consolesShare: 5,
  problemsKilobytes: 15,
  minuteKilobytes: 60,
};
const consoles = 100;
let isWithin = true;

function say(what: string, value: number, unit: string, limit?: number): void {
  const isMissed = limit !== undefined && !(value <= limit);
  isWithin &&= !isMissed;
  const bound = limit === undefined ? "" : ` (limit ${limit})${isMissed ? "  MISSED" : ""}`;
  process.stdout.write(`console, ${`${what}:`.padEnd(60)} ${value.toFixed(value < 10 ? 1 : 0)} ${unit}${bound}\n`);
}

async function open(browser: Browser, { port }: Server, address: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  await page.goto(`http://127.0.0.1:${port}${address}#token=${token}`);
  return page;
}

/** Scrolls a long list with the wheel, and measures its frames. */
async function benchScroll(browser: Browser, server: Server, address: string, ready: string): Promise<void> {
  const page = await open(browser, server, address);
  await page.locator("#main", { hasText: ready }).waitFor();
  const paint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
  );
  say(`${address}, first paint`, paint, "ms", limits.firstPaintMs);
  await sleep(2000);
  await page.evaluate(() => {
    const frames: number[] = [];
    Object.assign(window, { frames });
    let last = performance.now();
    const note = (now: number) => {
      frames.push(now - last);
      last = now;
      requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
  });
  await page.mouse.move(640, 500);
  for (let step = 0; step < 120; step += 1) {
    await page.mouse.wheel(0, 240);
    await sleep(16);
  }
  const frames = await page.evaluate(() => (window as unknown as { frames: number[] }).frames.slice(5));
  const rows = await page.locator(".list .row").count();
  const sorted = frames.toSorted((one, other) => one - other);
  say(`${address}, scrolled: median frame`, quartiles(frames).median, "ms", limits.frameMs);
  say(
    `${address}, scrolled: 95 % of the frames are below`,
    sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN,
    "ms",
  );
  say(`${address}, rows in the page`, rows, "");
  await page.context().close();
}

/**
 * What the first screen loads beside its files while 2 engines, 66 containers, 32 queues and 9 hosts
 * change: until its problems are there, and in a minute.
 */
async function benchBytes(browser: Browser): Promise<void> {
  const server = await startServer({
    name: "gateway",
    file: "console.ts",
    env: { ROWS: "66", QUEUES: "32", BUSY: "1" },
  });
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  const questions = new Map<string, string>();
  let loaded = 0;
  const problems = Promise.withResolvers<number>();
  devtools.on("Network.requestWillBeSent", ({ requestId, request }) => {
    if (request.url.endsWith("/graphql")) questions.set(requestId, request.postData ?? "");
  });
  devtools.on("Network.dataReceived", ({ requestId, encodedDataLength }) => {
    if (questions.has(requestId)) loaded += encodedDataLength;
  });
  devtools.on("Network.loadingFinished", ({ requestId }) => {
    if (questions.get(requestId)?.includes("query ConsoleNow(")) problems.resolve(loaded);
  });
  await page.goto(`http://127.0.0.1:${server.port}/#token=${token}`);
  say("a busy world: until its problems are there", (await problems.promise) / 1000, "kB", limits.problemsKilobytes);
  await page.locator(".problem").first().waitFor();
  await sleep(8000);
  say("a busy world: in the first 8 s", loaded / 1000, "kB");
  const before = loaded;
  await sleep(60_000);
  say("a busy world: in a minute", (loaded - before) / 1000, "kB", limits.minuteKilobytes);
  await page.context().close();
  server.child.send("exit");
}

/** Follows a log of a million lines. */
async function benchLines(browser: Browser, server: Server): Promise<void> {
  const page = await open(browser, server, `/logs?name=${containers[0]?.name}&engine=${containers[0]?.engine}`);
  const devtools = await page.context().newCDPSession(page);
  const heap = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    return usedSize / 1e6;
  };
  const last = async () => {
    const text = await page.locator("#main").innerText();
    return Math.max(0, ...[...text.matchAll(/request\D+(\d+)/g)].map(([, number]) => Number(number)));
  };
  const begin = performance.now();
  const within = (ms: number) => performance.now() - begin < ms;
  while ((await last()) < 100_000 && within(30_000)) await sleep(500);
  const before = await heap();
  while ((await last()) < 1_000_000 && within(120_000)) await sleep(500);
  say("a log of a million lines followed: heap grows", (await heap()) - before, "MB", limits.heapMegabytes);
  say("a log of a million lines: lines followed", await last(), "");
  await page.context().close();
}

const env = () => ({ env: null });

/** The last ten minutes, as data/series.ts asks for them. */
function recent(): object {
  const to = Math.floor(Date.now() / 60_000) * 60_000;
  return { containers: null, roles: null, env: null, from: toTime(to - 600_000), to: toTime(to), maxPoints: 20 };
}

function toTime(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

/** What many open consoles ask on the first screen, as data/live.ts and data/containers.ts do. */
async function benchMany(): Promise<void> {
  const server = await startServer({ name: "gateway", file: "console.ts", env: { ROWS: "50", QUEUES: "20" } });
  const stop = new AbortController();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const ask = (document: { toString(): string }, variables: object, accept = "application/json") =>
    fetch(`http://127.0.0.1:${server.port}/graphql`, {
      method: "POST",
      headers: { ...headers, accept },
      body: JSON.stringify({ query: document.toString(), variables }),
      signal: stop.signal,
    });
  let asked = 0;
  const poll = async (document: { toString(): string }, toVariables: () => object, everyMs: number) => {
    await sleep(Math.random() * everyMs);
    while (!stop.signal.aborted) {
      await (await ask(document, toVariables())).text();
      asked += 1;
      await sleep(everyMs);
    }
  };
  const work: Promise<unknown>[] = [];
  for (let index = 0; index < consoles; index += 1) {
    work.push(
      ask(ConsoleContainersDocument, {}, "text/event-stream").then((response) => response.text()),
      poll(ConsoleNowDocument, env, 6000),
      poll(ConsoleNowMoreDocument, env, 30_000),
      poll(ConsoleContainerSeriesDocument, recent, 60_000),
    );
  }
  const ended = Promise.allSettled(work);
  await sleep(8000);
  const [before, begin, count] = [readCpuMs(server.child.pid), performance.now(), asked];
  await sleep(20_000);
  const seconds = (performance.now() - begin) / 1000;
  const share = (readCpuMs(server.child.pid) - before) / (seconds * 10);
  say(`${consoles} open consoles, questions a second`, (asked - count) / seconds, "");
  say(`${consoles} open consoles`, share, "% of a core", limits.consolesShare);
  stop.abort();
  await ended;
  server.child.send("exit");
}

/** The console in a browser, and what it costs the gateway. */
export async function benchConsole(): Promise<boolean> {
  isWithin = true;
  await buildConsole("dist/console");
  await benchMany();
  const browser = await chromium.launch(toLaunchOptions());
  await benchBytes(browser);
  const server = await startServer({ name: "gateway", file: "console.ts", env: { ROWS: "5000", QUEUES: "1000" } });
  try {
    await benchScroll(browser, server, "/containers", "5,000");
    await benchScroll(browser, server, "/queues", "process-");
    await benchLines(browser, server);
  } finally {
    await browser.close();
    server.child.send("exit");
  }
  return isWithin;
}
