import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Scene, startScene } from "./scene.ts";
import { createReport, quartiles } from "./statistics.ts";

/** Set before the result is seen. CPU in per cent of a core or milliseconds. */
const limits = { stormShare: 30, fillSeconds: 8, oneGrowth: 1.5, scrapeMs: 10, changeMs: 60, lastMs: 400 };
const readers = 500;
const base = "/api/v1/admin/ops";

async function get({ port, token }: Scene, path: string, encoding = "identity"): Promise<string> {
  const headers = { authorization: `Bearer ${token(0)}`, "accept-encoding": encoding };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 200)}`);
  return text;
}

/** Reads the list ten times a second until it is complete; seconds. */
async function fill(scene: Scene, count: number): Promise<number> {
  const begin = performance.now();
  for (;;) {
    const text = await get(scene, `${base}/containers`).catch(() => "[]");
    if ((JSON.parse(text) as unknown[]).length === count) break;
    if (performance.now() - begin > 120_000) throw new Error("the gateway does not show all containers");
    await sleep(100);
  }
  return (performance.now() - begin) / 1000;
}

/** CPU microseconds for each request of a second of load. */
function load({ port, token, cpuMs }: Scene, path: string): number {
  const before = cpuMs();
  const url = `http://127.0.0.1:${port}${path}`;
  const report = execFileSync("wrk", ["-t1", "-c4", "-d2s", "-H", `Authorization: Bearer ${token(0)}`, url], {
    encoding: "utf8",
  });
  if (/Non-2xx|Socket errors/.test(report)) throw new Error(`${path}: ${report}`);
  return ((cpuMs() - before) * 1000) / Number(/(\d+) requests in/.exec(report)?.[1]);
}

/**
 * Opens a subscription; `onMessage` is called for each message. Returns a function that ends it.
 */
async function subscribe(
  { port, token }: Scene,
  index: number,
  query: string,
  onMessage: () => void,
): Promise<() => void> {
  const headers = {
    authorization: `Bearer ${token(index % 100)}`,
    accept: "text/event-stream",
    "content-type": "application/json",
  };
  const asked = request({ host: "127.0.0.1", port, path: "/graphql", method: "POST", headers, agent: false });
  asked.end(JSON.stringify({ query }));
  const [response] = (await once(asked, "response")) as [NodeJS.ReadableStream & { statusCode: number }];
  if (response.statusCode !== 200) throw new Error(`the gateway answers ${response.statusCode}`);
  response.on("data", (chunk: Buffer) => void (chunk.includes("event: next") && onMessage()));
  asked.on("error", () => {});
  return () => void asked.destroy();
}

const changes = "subscription { containers { changed { name status restarts } removed { id } ended } }";
const { say, isWithin } = createReport("growth");

/** Events, with a subscriber and a REST client that asks once a second. */
async function benchStorm(): Promise<void> {
  await using scene = await startScene(1, 5000);
  await fill(scene, 5000);
  await sleep(3000);
  const scrapes: number[] = [];
  for (let round = 0; round < 21; round += 1) {
    const before = scene.cpuMs();
    for (let count = 0; count < 10; count += 1) await get(scene, "/metrics");
    scrapes.push((scene.cpuMs() - before) / 10);
  }
  say("CPU of a scrape of 5,000 containers", quartiles(scrapes.slice(1)).median, "ms", limits.scrapeMs);
  let messages = 0;
  const end = await subscribe(scene, 1, changes, () => (messages += 1));
  for (const [perSecond, limit] of [
    [1, undefined],
    [100, undefined],
    [1000, limits.stormShare],
  ] as const) {
    scene.emit(perSecond);
    await sleep(3000);
    const [before, begin] = [scene.cpuMs(), performance.now()];
    for (let second = 0; second < 10; second += 1) {
      await get(scene, `${base}/containers`);
      await sleep(begin + (second + 1) * 1000 - performance.now());
    }
    const share = (scene.cpuMs() - before) / ((performance.now() - begin) / 100);
    say(`5,000 containers, ${perSecond} events a second, with readers`, share, "% of a core", limit);
  }
  scene.emit(0);
  end();
  if (messages < 100) throw new Error(`the subscriber got only ${messages} messages`);
}

/** As many as fit into an answer of 5 MB. */
const [manyEngines, manyEach] = [10, 1500];
const many = manyEngines * manyEach;

/** The same questions to 20, 1,000 and many containers. */
async function benchSizes(): Promise<void> {
  const one = new Map<number, number>();
  for (const [engines, perEngine] of [
    [1, 20],
    [1, 1000],
    [manyEngines, manyEach],
  ] as const) {
    const count = engines * perEngine;
    await using scene = await startScene(engines, perEngine);
    const seconds = await fill(scene, count);
    say(
      `${count} containers filled, with a reader at 10 Hz`,
      seconds,
      "s",
      count === many ? limits.fillSeconds : undefined,
    );
    await sleep(5000);
    const name = `web-${(3).toString(16).padStart(6, "0")}`;
    await get(scene, `${base}/containers/${name}`);
    one.set(count, load(scene, `${base}/containers/${name}`));
    say(`${count} containers, one by its name`, one.get(count) ?? 0, "us");
    say(`${count} containers, all, unchanged`, load(scene, `${base}/containers`), "us");
    scene.emit(1);
    await sleep(1500);
    const [before, rounds] = [scene.cpuMs(), 8];
    for (let round = 0; round < rounds; round += 1) {
      await get(scene, `${base}/containers`);
      await sleep(1000);
    }
    say(`${count} containers, one event and one question a second`, (scene.cpuMs() - before) / rounds, "ms a second");
    say(`${count} containers, memory`, scene.megabytes(), "MB");
  }
  const growth = (one.get(many) ?? Number.NaN) / (one.get(20) ?? Number.NaN);
  say(`one by its name, ${many} / 20 containers`, growth, "", limits.oneGrowth);
}

/** A change of one container of a thousand, for one subscriber and for 500. */
async function benchSubscribers(): Promise<void> {
  await using scene = await startScene(1, 1000);
  await fill(scene, 1000);
  await sleep(2000);
  const ends: (() => void)[] = [];
  let [messages, lastAt] = [0, 0];
  const onMessage = () => {
    messages += 1;
    lastAt = performance.now();
  };
  for (const count of [1, 50, readers]) {
    while (ends.length < count) ends.push(await subscribe(scene, ends.length, changes, onMessage));
    await sleep(2000);
    const [cpu, last]: [number[], number[]] = [[], []];
    for (let round = 0; round < 7; round += 1) {
      messages = 0;
      const [before, begin] = [scene.cpuMs(), performance.now()];
      scene.emit(1);
      await sleep(1050);
      scene.emit(0);
      await sleep(1200);
      if (messages < count) throw new Error(`${messages} of ${count} readers got the change`);
      cpu.push((scene.cpuMs() - before) / Math.round(messages / count));
      last.push(lastAt - begin - 1000);
    }
    const isMost = count === readers;
    say(
      `${count} readers x 1,000 containers, CPU of a change`,
      quartiles(cpu).median,
      "ms",
      isMost ? limits.changeMs : undefined,
    );
    say(
      `${count} readers x 1,000 containers, the last has it after`,
      quartiles(last).median,
      "ms",
      isMost ? limits.lastMs : undefined,
    );
  }
  for (const end of ends) end();
}

/**
 * What grows with the number of containers, events and readers, on the built gateway with simulated
 * engines.
 */
export async function benchGrowth(): Promise<boolean> {
  await benchStorm();
  await benchSizes();
  await benchSubscribers();
  return isWithin();
}
