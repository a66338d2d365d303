import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toContainerId } from "../../src/graphql/refs.ts";
import { watchTurns } from "../support/cost.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { eventLine, inspected, json, listed, startFakeEngine } from "../support/docker-fake.ts";
import { readEvents } from "../support/events.ts";
import { startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { subscribe } from "../support/subscribe.ts";
import { until } from "../support/until.ts";

const count = 100_000;
const ids = Array.from({ length: 50 }, (_, index) => index.toString(16).padStart(12, "0").padEnd(64, "0"));
const [few, query] = [
  "subscription { containerEvents { events { action } dropped } }",
  `subscription { containerEvents { events { time action exitCode signal health previousName id name engine kind role env version } dropped ended } }`,
];

/** Writes so many events as fast as they are taken. */
async function flood(response: ServerResponse): Promise<void> {
  const attributes = { name: "web", image: "x:1", service: "wallet-core", role: "web", exitCode: "1" };
  for (let written = 0; written < count; written += 1000) {
    const lines = Array.from({ length: 1000 }, (_, index) =>
      eventLine(index % 2 ? "start" : "die", ids[index % 50] ?? "", attributes),
    );
    if (!response.write(lines.join(""))) await once(response, "drain");
  }
}

/** Bytes of the heap in use, without garbage, of which a busy machine holds any amount. */
function measureHeld(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

test("F9: 100,000 events at once change neither memory nor results", { timeout: 120_000 }, async () => {
  await using engine = await startFakeEngine();
  const subscribed = Promise.withResolvers<ServerResponse>();
  engine.on("/events", (_, response) => {
    response.writeHead(200).flushHeaders();
    subscribed.resolve(response);
  });
  let name = "before";
  engine.on("/containers/", (request, response) => {
    const id = /containers\/([0-9a-f]{64})\/json/.exec(request.url ?? "")?.[1];
    const answer = id
      ? inspected(id, `${name}-${ids.indexOf(id)}`)
      : ids.map((each, index) => listed(each, `${name}-${index}`));
    json(answer)(request, response);
  });
  const options = { engines: [engine.options], rules: rulesOf("wallet-core"), logger: silentLogger };
  const containers = createContainerSource(options);
  await using gateway = await startGateway({ ...createMemorySources().sources, containers });

  const rows = subscribe(gateway.url, token, "subscription { containers { changed { id name } } }");
  const fast = subscribe(gateway.url, token, few);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", accept: "text/event-stream" };
  // Nothing is read of this one until all is over.
  const slow = await fetch(`${gateway.url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  await until(async () => rows.messages.length === 1);
  const response = await subscribed.promise;
  const asked = engine.calls.length;
  const before = measureHeld();
  const begin = performance.now();
  const turns = watchTurns();
  name = "after";
  await flood(response);
  const total = (batches: any[]) => batches.reduce((sum, { events, dropped }) => sum + events.length + dropped, 0);
  await until(async () => total(fast.of("containerEvents")) === count);

  const worked = turns();
  expect(worked.at(-1)).toBeLessThan(1000);
  expect(worked[Math.floor(worked.length * 0.99)]).toBeLessThan(200);
  // Held now: with it the batches of the fast reader, and all that waits for the slow one.
  expect(measureHeld() - before).toBeLessThan(30e6);
  // Coalesced, not two thousand of each: one per 150 ms, however slow the machine is.
  expect(engine.calls.length - asked).toBeLessThan(ids.length * ((performance.now() - begin) / 150 + 2));

  const late: any[] = [];
  for await (const { data } of readEvents(slow)) {
    late.push(data.data.containerEvents);
    if (total(late) >= count) break;
  }
  expect(total(late)).toBe(count);
  expect(late.reduce((sum, { dropped }) => sum + dropped, 0)).toBeGreaterThan(1000);

  const seen = () =>
    new Map(
      rows.of("containers").flatMap(({ changed }: any) => changed.map((row: any) => [row.id, row.name] as const)),
    );
  const after = new Map(ids.map((id, index) => [toContainerId({ engine: "fake", fullId: id }), `after-${index}`]));
  await expect.poll(seen).toEqual(after);
  const { body } = await gateway.query("{ containers { id name } }");
  expect(new Map(body.data.containers.map(({ id, name: told }: any) => [id, told]))).toEqual(after);
  expect(rows.messages.length).toBeLessThan(100);
  await Promise.all([rows.leave(), fast.leave()]);
  await containers.close();
});
