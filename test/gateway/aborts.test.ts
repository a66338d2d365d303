import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPages } from "../../src/console/pages.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { createCutter, readStatus, send, slowDown } from "../support/aborts.ts";
import { startGateway, token } from "../support/gateway.ts";
import { generateDocuments } from "../support/generated-documents.ts";
import {
  generateGrafanaQuestions,
  generateMcpQuestions,
  generateOtherQuestions,
  generateRestQuestions,
  type Question,
  toGraphqlQuestion,
} from "../support/questions.ts";
import { grafanaRange, grafanaValues, mcpValues, restValues, worldValues } from "../support/world-values.ts";
import { createWorld } from "../support/world.ts";

const signIn = {
  invite: async () => ({ authorizationEndpoint: "https://id.example", clientId: "c", scope: "s", resource: null }),
  exchange: async () => ({ accessToken: "a", refreshToken: null, expiresIn: null }),
};
const grant = JSON.stringify({ code: "c", verifier: "v", redirectUri: "http://127.0.0.1/" });
const pages = createPages(signIn).map(({ method = "GET", path }): Question => {
  const headers = { accept: "text/html", "content-type": "application/json" };
  return { method, path, headers, body: method === "POST" ? grant : null, manner: "read", isPlain: true };
});
const graphql = generateDocuments(createSchema(), worldValues).map(toGraphqlQuestion);
const rest = generateRestQuestions(restValues);
const mcp = generateMcpQuestions(mcpValues);
const only = (wanted: Question["manner"], questions: readonly Question[]) =>
  questions.filter(({ manner }) => manner === wanted);

/** A restart that waits for its container holds its place until that is healthy, whoever left. */
const waits = /wait|restart_?role/i;

const surfaces: Readonly<Record<string, readonly Question[]>> = {
  REST: only("read", rest),
  GraphQL: only("read", graphql),
  Grafana: generateGrafanaQuestions(grafanaValues, grafanaRange),
  MCP: only("read", mcp),
  "console pages and sign-in": pages,
  "metrics, and paths that are none": generateOtherQuestions(),
  streams: only("follow", [...graphql, ...rest]),
  actions: only("act", [...graphql, ...rest, ...mcp]).filter(({ path, body }) => !waits.test(path + String(body))),
};
/**
 * Turns in which an answer is left: one without an end, and any other, which is complete before.
 */
const [streamTurns, mostTurns] = [12, 500];

const authorization = `Bearer ${token}`;
const world = createWorld({ env: "staging", halves: ["staging", "production", "unknown"] });
let cutter: ReturnType<typeof createCutter>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  cutter = createCutter();
  // One place: a request that does not give it back is in the way of all others.
  const limits = { limitPerToken: 1, streamsPerToken: 1000, streamBurst: 100_000, recheckMs: 5, drainMs: 100 };
  gateway = await startGateway(slowDown(world.sources), { limits, signIn: slowDown(signIn) });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  cutter[Symbol.dispose]();
});

/** The statuses of the reads, one after the other. */
async function readAll(questions: readonly Question[]): Promise<string[]> {
  const statuses: string[] = [];
  for (const one of questions.filter(({ manner }) => manner === "read")) {
    statuses.push(`${one.path} ${readStatus(await send(gateway.url, one, authorization))}`);
  }
  return statuses;
}

it.each(Object.entries(surfaces))("clients that leave %s at any await do no harm", async (name, all) => {
  const questions = all.filter(({ isPlain }) => isPlain);
  const before = await readAll(questions);
  // Of many questions, each at some turns: their sources take other times in each round.
  const stride = Math.ceil(questions.length / 12);
  const most = name === "streams" ? streamTurns : mostTurns;
  let cuts = 0;
  for (const [index, question] of [...questions, ...questions].entries()) {
    for (let turns = index % stride; turns < most; turns += stride) {
      if (name === "streams") setImmediate(() => world.board.onGap("ownmark-1"));
      if (!(await cutter.ask(gateway.url, question, authorization, turns))) break;
      cuts += 1;
    }
  }
  for (let left = 100; left > 0; left -= 1) await turn();
  expect(cutter.unhandled.splice(0)).toEqual([]);
  // Files of the console are answered at once: they are complete before they can be left.
  expect(cuts).toBeGreaterThanOrEqual(questions.length);
  expect(await readAll(questions)).toEqual(before);
});
