import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextRound } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { listAnswer } from "../../../src/containers/docker/http/answers.ts";
import { createContainerSource } from "../../../src/containers/docker/source.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { rulesOf } from "../../support/docker-facts.ts";
import { inspected, listed } from "../../support/docker-fake.ts";

const ids = Array.from({ length: 3000 }, (_, index) => index.toString(16).padStart(64, "0"));
const nameOf = (id: string) => `web-${id.slice(-6)}`;
const text = JSON.stringify(
  ids.map((id) => ({ ...listed(id, nameOf(id), { Status: "Up 3 hours" }), Mounts: Array(6).fill("x".repeat(80)) })),
);

const spent = (since?: NodeJS.CpuUsage) => {
  const { user, system } = process.threadCpuUsage(since);
  return (user + system) / 1000;
};

/** CPU time of reading the list in one piece, ms: the fastest of some. */
function probe(): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const before = process.threadCpuUsage();
    for (const one of JSON.parse(text) as unknown[]) listAnswer.parse(one);
    fastest = Math.min(fastest, spent(before));
  }
  return fastest;
}

test("the list of an engine of thousands is read in turns", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ops-large-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const body = Buffer.from(text);
  let lists = 0;
  const server = createServer(({ url = "" }, response) => {
    response.setHeader("api-version", "1.45");
    if (url.includes("/events")) return response.flushHeaders();
    if (!url.includes("/containers/json")) {
      const id = url.split("/")[3] ?? "";
      return void response.end(url.includes("/_ping") ? "OK" : JSON.stringify(inspected(id, nameOf(id))));
    }
    lists += 1;
    return void response.end(body);
  }).listen(join(folder, "engine.sock"));
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const source = createContainerSource({
    engines: [{ name: "a", address: { kind: "unix", socketPath: join(folder, "engine.sock") }, env: null }],
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
    resyncMs: 200,
    listTimeoutMs: 20_000,
    inspectTimeoutMs: 20_000,
  });
  onTestFinished(() => source.close());
  const look = () => source.list(AbortSignal.timeout(30_000));
  await expect.poll(async () => (await look()).engines[0]?.isInspected, { timeout: 30_000 }).toBe(true);
  /** Until a list has changed nothing: the last inspections may have been under way. */
  const settle = async () => {
    for (;;) {
      const [{ containers: before }, now] = [await look(), lists];
      await expect.poll(() => lists, { timeout: 30_000 }).toBeGreaterThan(now + 1);
      if ((await look()).containers === before) return before;
    }
  };
  const containers = await settle();
  /**
   * The longest piece of each list that was read, ms of CPU: a collection of garbage may be in
   * some.
   */
  const longest: number[] = [];
  const countLists = () => lists;
  for (const end = countLists() + 6; countLists() < end;) {
    const now = countLists();
    let piece = 0;
    while (countLists() === now) {
      const before = process.threadCpuUsage();
      await nextRound();
      piece = Math.max(piece, spent(before));
    }
    longest.push(piece);
  }
  // In one piece it takes 2.5 times the probe, as it is compared with the list before. In turns it
  // takes 0.7 of it, most of which is JSON.parse. The first may have begun before we looked.
  expect(Math.min(...longest.slice(1))).toBeLessThan(probe() * 1.5);
  expect((await look()).containers).toBe(containers);
}, 60_000);
