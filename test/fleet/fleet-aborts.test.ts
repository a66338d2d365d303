import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCutter, readStatus, send, slowDown } from "../support/aborts.ts";
import { findClosedUrl, says, startFleet, startStub } from "../support/fleet.ts";
import { startGateway, token } from "../support/gateway.ts";
import type { Question } from "../support/questions.ts";
import { createWorld } from "../support/world.ts";

const ask = (query: string, accept = "application/json"): Question => {
  const headers = { accept, "content-type": "application/json" };
  return { method: "POST", path: "/graphql", headers, body: JSON.stringify({ query }), manner: "read", isPlain: true };
};
const good = ask(
  "{ regions { name ok } containers { name status } hosts { name } queues { name } problems { region } }",
);
const questions: Readonly<Record<string, Question>> = {
  "a query": good,
  "a mutation": ask(
    'mutation { restartContainer(region: "eu", name: "ownmark-web", reason: "x", dryRun: true) { restarted } }',
  ),
  "one by its name": ask('{ container(name: "ownmark-web") { region } }'),
  "what the fleet answers itself": ask("{ __schema { types { name } } }"),
  "a query that is none": ask("{ nothing }"),
  "a subscription": ask('subscription { containers(region: "eu") { changed { name } ended } }', "text/event-stream"),
};
/** A subscription has no end, and a query is answered within fewer turns. */
const mostTurns = 50;

const stack = new AsyncDisposableStack();
const authorization = `Bearer ${token}`;
let fleet: Awaited<ReturnType<typeof startFleet>>;
let cutter: ReturnType<typeof createCutter>;
beforeAll(async () => {
  cutter = stack.use(createCutter());
  const world = createWorld({ env: "staging", halves: ["staging"] });
  const eu = stack.use(
    await startGateway(slowDown(world.sources), { limits: { streamsPerToken: 1000, streamBurst: 100_000 } }),
  );
  const resets = stack.use(await startStub((response) => void response.destroy()));
  const refuses = stack.use(await startStub(says({}, 401), says({}, 401)));
  const urls = { eu: eu.url, resets: resets.url, refuses: refuses.url, away: await findClosedUrl() };
  // One place: a request that does not give it back is in the way of all others.
  const limits = { limitPerToken: 1, streamsPerToken: 1000, streamBurst: 100_000, failedAuthBurst: 100_000 };
  fleet = stack.use(await startFleet(urls, { limits }));
});
afterAll(() => stack.disposeAsync());

/** What was unhandled, and a good question's status and answer afterwards. */
async function readHarm() {
  for (let left = 200; left > 0; left -= 1) await turn();
  const answer = await send(fleet.url, good, authorization);
  return [cutter.unhandled.splice(0), readStatus(answer), answer.includes('"ownmark-web"')];
}
const none = [[], 200, true];

it.each(Object.entries(questions))("%s may be left at any await", async (_title, question) => {
  let cuts = 0;
  for (let round = 0; round < 2; round += 1) {
    for (let turns = 0; turns < mostTurns; turns += 1) {
      if (!(await cutter.ask(fleet.url, question, authorization, turns))) break;
      cuts += 1;
    }
  }
  expect(cuts).toBeGreaterThan(5);
  expect(await readHarm()).toEqual(none);
});

it("a stranger may leave at any await, a thousand times", async () => {
  for (let count = 0; count < 1000; count += 1) {
    const stranger = `Bearer ${String(count).padStart(16, "x")}`;
    await cutter.ask(fleet.url, good, count % 2 === 0 ? stranger : `${stranger}y`, count % 40);
  }
  expect(await readHarm()).toEqual(none);
});
