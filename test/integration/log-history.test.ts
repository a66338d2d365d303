import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { readWithHistory } from "../../src/containers/logs/history/read.ts";
import { readStoredWithHistory } from "../../src/containers/logs/history/stored.ts";
import type { LogBatch, LogLine, LogOptions } from "../../src/containers/logs/log.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { createLogHistory } from "../../src/victorialogs/source.ts";
import { collect } from "../support/collect.ts";
import { sampleContainer } from "../support/containers.ts";
import { removeContainers, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { until } from "../support/until.ts";
import { startVictoriaLogs, vectorEntry, type VictoriaLogsStandIn } from "../support/victorialogs.ts";

const socketPath = inject("dockerSocket");
const rules = rulesOf("historycheck");
const engines = createContainerSource({
  // On a machine under load.
  inspectTimeoutMs: 20_000,
  logsTimeoutMs: 30_000,
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
  rules,
  logger: silentLogger,
});
let standIn: VictoriaLogsStandIn;
let history: ReturnType<typeof createLogHistory>;
let container = sampleContainer();
/** All that it ever wrote. */
const log: LogLine[] = [];

// 600 lines of stdout and 30 of stderr, at least twice what the driver keeps, slowly enough to be
// followed: it goes on after the first lines when they were read.
const script = `trap 'isRead=1' USR1; for i in $(seq 30); do
  for j in $(seq 20); do echo out-$i-$j-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done
  echo err-$i >&2; sleep 0.2; until [ "$isRead" ]; do sleep 0.1; done
done`;

beforeAll(async () => {
  standIn = await startVictoriaLogs();
  history = createLogHistory({ url: standIn.url, rules, logger: silentLogger, timeoutMs: 30_000 });
  const createdAt = formatRfc3339(Date.now());
  const logOptions = { "max-size": "20k", "max-file": "2" };
  const fullId = await startContainer(socketPath, {
    name: "historycheck-rotated",
    cmd: ["sh", "-c", script],
    logOptions,
  });
  container = sampleContainer({ engine: "web-1", fullId, createdAt });
  // Beside load an engine may take longer to answer for a new container than a follower waits.
  let batches: AsyncIterable<LogBatch> | null = null;
  const follow = async () =>
    (batches = await engines.follow(container, { tail: 5000 }, soon(80_000)).catch(() => null)) !== null;
  await until(follow, 60_000);
  for await (const { lines, notice } of batches as unknown as AsyncIterable<LogBatch>) {
    if (log.length === 0 && lines.length > 0)
      await callDocker(socketPath, "POST", `/containers/${fullId}/kill?signal=USR1`);
    log.push(...lines);
    if (notice === "stopped") break;
  }
  standIn.entries = log.map(({ timestamp, stream, message }) =>
    vectorEntry({ container_id: fullId, _time: timestamp, stream, _msg: message }),
  );
});

afterAll(async () => {
  await removeContainers(socketPath, [container.fullId]);
  await Promise.all([engines.close(), history.close(), standIn[Symbol.asyncDispose]()]);
});

const read = (options: LogOptions) =>
  readWithHistory({ engines, history }, container, options, createSharedBudget(soon()));
const texts = (lines: readonly LogLine[]) => lines.map(({ stream, message }) => `${stream} ${message}`);

test("a rotated log is continued where the engine's begins", async () => {
  const own = await engines.logs(container, { tail: 5000 }, createSharedBudget(soon()));
  expect([log.length, own.truncated]).toEqual([630, false]);
  expect(own.lines.length).toBeLessThan(400);
  const page = await read({ tail: 5000 });
  expect([texts(page.lines).toSorted(), page.truncated]).toEqual([texts(log).toSorted(), false]);
  for (const stream of ["stdout", "stderr"]) {
    const isOwn = (line: LogLine) => line.stream === stream;
    expect(texts(page.lines.filter(isOwn))).toEqual(texts(log.filter(isOwn)));
  }
});

test("pages back over the seam of a rotated log have each line once", async () => {
  const pages = [await read({ tail: 70 })];
  for (let page = pages[0]; page?.truncated && page.start; page = pages.at(-1))
    pages.push(await read({ tail: 1, around: { point: page.start, older: 70, newer: 0 } }));
  expect(pages).toHaveLength(9);
  expect(texts(pages.flatMap(({ lines }) => lines)).toSorted()).toEqual(texts(log).toSorted());
});

test("pages forward over the seam of a rotated log have each line once", async () => {
  const beginning = { timestamp: log[0]?.timestamp ?? "", stream: null, index: 0, isAfter: false };
  const pages = [await read({ tail: 1, around: { point: beginning, older: 0, newer: 70 } })];
  for (let page = pages[0]; page?.hasNewer && page.end; page = pages.at(-1))
    pages.push(await read({ tail: 1, around: { point: page.end, older: 0, newer: 70 } }));
  expect(texts(pages.flatMap(({ lines }) => lines)).toSorted()).toEqual(texts(log).toSorted());
});

test("the stored lines of a rotated log are complete", async () => {
  const batches = await collect(readStoredWithHistory({ engines, history }, container, { newest: null }, soon()));
  expect(texts(batches.flatMap(({ lines }) => lines)).toSorted()).toEqual(texts(log).toSorted());
});
