import type { GraphQLObjectType } from "graphql";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Scope, scopes } from "../../src/auth/principal.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { type Environment, environments } from "../../src/lib/environment.ts";
import { type Answer, askWorld, toComparable, toMessages } from "../support/ask-world.ts";
import { generateDocuments, listLeaves, listSeen } from "../support/generated-documents.ts";
import {
  generateGrafanaQuestions,
  generateMcpQuestions,
  generateOtherQuestions,
  generateRestQuestions,
  type Question,
  toGraphqlQuestion,
} from "../support/questions.ts";
import { createTokens } from "../support/tokens.ts";
import { grafanaRange, grafanaValues, mcpValues, restValues, worldValues } from "../support/world-values.ts";
import { toCanary, worldNow, type WorldOptions } from "../support/world.ts";

// Every door that there is: a new field, argument, endpoint, metric or route is asked for without
// anybody adding it here.
const schema = createSchema();
const documents = generateDocuments(schema, worldValues);
const everything = [
  ...documents.map(toGraphqlQuestion),
  ...generateRestQuestions(restValues),
  ...generateGrafanaQuestions(grafanaValues, grafanaRange),
  ...generateOtherQuestions(),
];
const plain = everything.filter(({ isPlain }) => isPlain);
const tools = generateMcpQuestions(mcpValues);
const plainAndTools = [...plain, ...tools.filter(({ isPlain }) => isPlain)];

const kinds = {
  read: ["ops:read"],
  logs: ["ops:logs"],
  operate: ["ops:operate"],
  introspect: ["ops:introspect"],
  readAndLogs: ["ops:read", "ops:logs"],
  readAndOperate: ["ops:read", "ops:operate"],
  all: scopes,
} as const satisfies Record<string, readonly Scope[]>;
const places = { staging: ["staging"], production: ["production"], both: environments } as const;
type Holder = `${keyof typeof kinds}@${keyof typeof places}`;

const holders = Object.fromEntries(
  Object.entries<readonly Scope[]>(kinds).flatMap(([kind, granted]) =>
    Object.entries<readonly Environment[]>(places).map(([place, where]) => [
      `${kind}@${place}`,
      { scopes: granted, environments: where },
    ]),
  ),
) as Record<Holder, { readonly scopes: readonly Scope[]; readonly environments: readonly Environment[] }>;

let tokens: ReturnType<typeof createTokens<Holder>>;
// The clock stands still, so that the answers of two worlds can be compared byte by byte.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: worldNow });
  tokens = createTokens<Holder>(holders);
});
afterAll(() => {
  tokens[Symbol.dispose]();
  vi.useRealTimers();
});

const patient = 120_000;
const whole: WorldOptions["halves"] = ["staging", "production", "unknown"];

/**
 * Asks as one holder; null is somebody without a token. The answers have their ids and cursors
 * decoded, so that no name hides in one.
 */
async function ask(world: WorldOptions, holder: Holder | null, questions: readonly Question[]) {
  const asked = await askWorld(world, { tokensFile: tokens.file, token: holder && tokens.of(holder) }, questions);
  return { ...asked, answers: asked.answers.map((answer) => ({ ...answer, text: decodeIds(answer.text) })) };
}

function decodeIds(text: string): string {
  return text.replaceAll(/"[\w-]{16,}"/g, (word) => {
    const decoded = Buffer.from(word.slice(1, -1), "base64url").toString();
    return /^(?:(?:Container|Deploy|Host|Job|Queue|Role):|\["(?:auditLog|deploys|jobs|timeline)")/.test(decoded)
      ? JSON.stringify(decoded)
      : word;
  });
}

function toLabel({ method, path, headers, body }: Question): string {
  return [method, path, JSON.stringify(headers), body].join(" ");
}

/**
 * The answers that have something of this in them; what their question names itself does not count.
 */
function findLeaks(answers: readonly Answer[], patterns: readonly RegExp[]): string[] {
  return answers.flatMap(({ question, text }) => {
    const label = toLabel(question);
    // Without ids and figures of the process: a digit row of a mark occurs in those by chance.
    const own = toComparable(text).replaceAll(/(?:ownmark|prodcanary|lostcanary)[\w-]*/g, (name) =>
      label.includes(name) ? "" : name,
    );
    return patterns.some((pattern) => pattern.test(own)) ? `${label}\n  ${text.slice(0, 2000)}` : [];
  });
}

/** Where two answers to one question part; nothing where they are the same. */
function findDifference(label: string, among: string, alone: string): string | [] {
  if (among === alone) return [];
  let at = 0;
  while (among[at] === alone[at]) at += 1;
  const show = (text: string) => text.slice(Math.max(0, at - 150), at + 150);
  return `${label}\n  among others: ${show(among)}\n  alone: ${show(alone)}`;
}

describe("the world of the matrix", () => {
  it(
    "has a value for every field of the schema",
    async () => {
      const roots = {
        read: schema.getQueryType(),
        act: schema.getMutationType(),
        follow: schema.getSubscriptionType(),
      };
      const deep = documents.filter(({ isShallow }) => !isShallow).map(toGraphqlQuestion);
      const seen = new Set<string>();
      for (const broken of [false, true]) {
        const { answers } = await ask({ env: "staging", halves: ["staging"], broken }, "all@both", deep);
        for (const answer of answers) {
          const root = roots[answer.question.manner] as GraphQLObjectType;
          for (const { data } of toMessages(answer)) for (const leaf of listSeen(root, data)) seen.add(leaf);
        }
      }
      // Something is always wrong in this world.
      seen.add("CurrentProblems.quietSince");
      expect(listLeaves(schema).filter((leaf) => !seen.has(leaf))).toEqual([]);
    },
    patient,
  );
});

describe("a token of one environment, with every scope", () => {
  // The tools of agents in runs of their own: beside others they would move the moments at which
  // streams are cut.
  it.each([
    ["production", "", everything],
    ["staging", "", plain],
    [null, "", plain],
    ["production", ", tools", tools],
    ["staging", ", tools", tools],
    [null, ", tools", tools],
  ] as const)(
    "sees only staging, and nothing else leaves a trace (ENV=%s%s)",
    async (env, _what, questions) => {
      const among = await ask({ env, halves: whole }, "all@staging", questions);
      const alone = await ask({ env, halves: ["staging"] }, "all@staging", questions);
      // Also what the question names itself, as no answer repeats that; nor who else has a token.
      const canary = new RegExp(`${toCanary("production", "unknown").source}|@(?:production|both)`, "i");
      expect(
        among.answers
          .filter(({ text }) => canary.test(toComparable(text)))
          .map(({ question, text }) => [toLabel(question), text]),
      ).toEqual([]);
      const expected = new Map(alone.answers.map(({ question, text }) => [toLabel(question), toComparable(text)]));
      const differences = among.answers.flatMap(({ question, text }) => {
        const label = toLabel(question);
        // Messages have the problems of the last second: of before the event, or of after it.
        if (question.manner === "follow" && / problems \{/.test(label)) return [];
        return findDifference(label, toComparable(text), expected.get(label) ?? "");
      });
      expect(differences).toEqual([]);
    },
    patient,
  );

  it(
    "sees only production",
    async () => {
      const { answers } = await ask({ env: "staging", halves: whole }, "all@production", plainAndTools);
      // Engines of staging that run a container of production are named by it.
      const own = answers.map((answer) => ({ ...answer, text: answer.text.replaceAll(/ownmark-(?:1|mixed)\b/g, "") }));
      expect(findLeaks(own, [toCanary("staging", "unknown")])).toEqual([]);
    },
    patient,
  );
});

describe("node", () => {
  const lists =
    "{ containers(includeAccessories: true) { id } deploys(first: 100) { nodes { id containers { id } } } hosts { id } queues { id } errorGroups { jobs { job { id } } } }";
  const toQuestion = (id: string) =>
    toGraphqlQuestion({
      operation: "query",
      field: "node",
      text: `{ node(id: "${id}") { __typename id
        ... on Container { name env version logs(tail: 5) { lines { message } } deploy { currentTag } hostMetrics { name } }
        ... on Deploy { tag env state deployedBy containers { name } } ... on Host { name cpuUtil } ... on Queue { name depth errors { error } }
        ... on Job { jobId queue worker container { name } } } }`,
      isShallow: false,
      isPlain: true,
    });
  const toList = toGraphqlQuestion({
    operation: "query",
    field: "containers",
    text: lists,
    isShallow: false,
    isPlain: true,
  });
  const listIds = async (world: WorldOptions, holder: Holder) => {
    const { answers } = await askWorld(world, { tokensFile: tokens.file, token: tokens.of(holder) }, [toList]);
    return [...new Set((answers[0]?.text ?? "").match(/(?<="id":")[\w-]+/g))];
  };
  const among: WorldOptions = { env: "staging", halves: whole };

  it("returns what the lists show; other nodes look as if they were missing", { timeout: patient }, async () => {
    const ids = await listIds(among, "all@both");
    const own = new Set(await listIds(among, "all@staging"));
    expect([own.size > 10, ids.length > own.size]).toEqual([true, true]);
    const questions = ids.map(toQuestion);
    const { answers } = await ask(among, "all@staging", questions);
    const nodes = answers.map(
      ({ text }) => JSON.parse(text.slice(text.indexOf("{"))) as { data: { node: object | null } },
    );
    expect(nodes.map(({ data }, index) => [ids[index], data.node !== null])).toEqual(
      ids.map((id) => [id, own.has(id)]),
    );
    expect(findLeaks(answers, [toCanary("production", "unknown")])).toEqual([]);
    const alone = await ask({ env: "staging", halves: ["staging"] }, "all@staging", questions);
    const expected = new Map(alone.answers.map(({ question, text }) => [toLabel(question), toComparable(text)]));
    expect(
      answers.flatMap(({ question, text }) =>
        findDifference(toLabel(question), toComparable(text), expected.get(toLabel(question)) ?? ""),
      ),
    ).toEqual([]);
  });

  it.each<Holder>(["logs@both", "operate@both", "introspect@both"])("gives %s nothing", async (holder) => {
    const questions = (await listIds(among, "all@both")).slice(0, 40).map(toQuestion);
    const { answers } = await ask(among, holder, questions);
    for (const { text } of answers) expect(text).toContain('"code":"forbidden"');
    expect(findLeaks(answers, [toCanary(...whole)])).toEqual([]);
  });

  it("gives a reader no lines of a log", async () => {
    const { answers } = await ask(among, "read@both", (await listIds(among, "all@both")).map(toQuestion));
    expect(findLeaks(answers, [/wrote this/])).toEqual([]);
  });

  it.each(["", "x", "Q29udGFpbmVy", Buffer.from("Problem:1").toString("base64url")])(
    "refuses the id %j",
    async (id) => {
      const { answers } = await ask(among, "all@both", [toQuestion(id)]);
      expect(answers[0]?.text).toContain('"message":"id is not an id of this schema"');
      expect(answers[0]?.text).toContain('"code":"invalid_request"');
    },
  );
});

describe("a token of some scopes", () => {
  const anything = toCanary(...whole);
  const lines = /wrote this/;
  const whoActed = /(?:ownmark|prodcanary)-(?:lee|kid|ip|request|client|agent)/;
  const all = Object.keys(holders) as Holder[];

  it.each([null, ...all.filter((holder) => !holder.startsWith("all@"))])(
    "%s: sees and does only what its scopes allow",
    async (holder) => {
      const granted = new Set<Scope>(holder === null ? [] : holders[holder].scopes);
      const { answers, calls, written } = await ask(
        { env: "staging", halves: ["staging", "production"] },
        holder,
        plainAndTools,
      );
      // That an engine does not answer is why a restart is refused: who may act learns why.
      const unexplained = answers.map((answer) => ({
        ...answer,
        text: answer.text.replaceAll("Docker engine prodcanary-2: no answer", ""),
      }));
      const forbidden = [
        ...(granted.has("ops:read") ? [] : [anything]),
        ...(granted.has("ops:read") && granted.has("ops:logs") ? [] : [lines]),
        ...(granted.has("ops:read") && granted.has("ops:operate") ? [] : [whoActed]),
      ];
      expect(findLeaks(granted.has("ops:operate") ? unexplained : answers, forbidden)).toEqual([]);
      const mayAct = granted.has("ops:operate");
      // The questions name what is of staging. The silent engine of production had none of that
      // name when it last answered.
      const [, place] = holder?.split("@") ?? [];
      const restarts = mayAct && place !== "production";
      expect(new Set(answers.map(({ text }) => text.startsWith("401")))).toEqual(
        new Set(holder === null ? [true] : [false]),
      );
      expect(mayAct || granted.has("ops:read") ? {} : calls).toEqual({});
      expect([(calls["restart"] ?? 0) > 0, written.length > 0]).toEqual([restarts, restarts]);
    },
    patient,
  );
});
