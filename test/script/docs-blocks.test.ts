import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { buildSchema, type GraphQLError, Kind, parse, print, validate } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import manifest from "../../package.json" with { type: "json" };
import { parseTokensFile } from "../../src/auth/tokens-file.ts";
import { parseQueuesFile } from "../../src/queues/config.ts";
import { basePath } from "../../src/rest/endpoints.ts";
import { type DocBlock, listBlocks, listCommands, listSpans, nameBlock, splitPage } from "../support/doc-blocks.ts";
import { findRow, hasOwnTest, ownTests } from "../support/doc-commands.ts";
import { startDocStage } from "../support/doc-stage.ts";

const everyBlock = listBlocks();
const blocks = everyBlock.filter((block) => !hasOwnTest(block));
const spans = listSpans();
/** Old names, which upgrades.md lists, are not run. */
const today = spans.filter(({ page }) => page !== "docs/upgrades.md");
const at = ({ page, line, text }: (typeof spans)[number]) => `${page}:${line}: ${text}`;
const rowAdvice = "add a row to docRows in test/support/doc-commands.ts: how to run it, or why it cannot be run here";
const inLanguage = (...languages: string[]) =>
  blocks.filter(({ language }) => languages.includes(language)).map((block) => ({ title: nameBlock(block), block }));
let stage: Awaited<ReturnType<typeof startDocStage>>;

beforeAll(async () => {
  stage = await startDocStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

/** What a test runs or reads, by the language of the block. */
const testByLanguage: Readonly<Record<string, string>> = {
  graphql: "this file: validated and run",
  json: "this file: read by our own parser",
  yaml: "this file: parsed; rows of `yamlChecks`",
  js: "test/integration/docs-commands.test.ts, test/script/programs.test.ts",
  console: "test/integration/docs-commands.test.ts, rows of test/support/doc-commands.ts",
  sh: "test/integration/docs-commands.test.ts, rows of test/support/doc-commands.ts",
};

it("every block names a language that a test runs", () => {
  const unknown = blocks.filter(({ language }) => !(language in testByLanguage)).map(nameBlock);
  const advice = `write them as fenced blocks in one of ${Object.keys(testByLanguage).join(", ")}, or add a test for their language, or a row to ownTests in test/support/doc-commands.ts`;
  expect(unknown, advice).toEqual([]);
});

it.each(ownTests)("the block of $page with $has is run by $test", ({ page, has, test }) => {
  expect(everyBlock.filter((block) => block.page === page && block.text.includes(has))).toHaveLength(1);
  expect(readFileSync(test, "utf8")).toContain(page);
});

it("every command of a block has a row that says how it is run", () => {
  const commands = blocks.filter(({ language }) => ["console", "sh"].includes(language)).flatMap(listCommands);
  expect(commands.length).toBeGreaterThan(20);
  const unknown = commands
    .filter(({ command }) => !findRow(command))
    .map(({ block, command }) => `${nameBlock(block)}: ${command}`);
  expect(
    unknown,
    "add a row to docRows in test/support/doc-commands.ts: how to run it, or why it cannot be run here",
  ).toEqual([]);
});

it("every command of ours in a sentence has such a row", () => {
  const ofOurs = /^(?:npm exec --no -- .|(?:\S+=\S+ )*(?:wallet-core-ops|docker compose|docker run|node|curl) )/;
  const unknown = today.filter(({ text }) => ofOurs.test(text) && !findRow(text)).map(at);
  expect(unknown, rowAdvice).toEqual([]);
});

it("pages are split into blocks, spans and commands", () => {
  const text = "a `b\nc`\n\n```console\n$ one \\\n  two # why\nanswer\n\n$ three\n```\n\n    four\n\n- `five`\n";
  const { blocks: found, spans: named } = splitPage("p.md", text);
  expect(found.map(({ line, language }) => [line, language])).toEqual([
    [4, "console"],
    [12, "indented"],
  ]);
  expect(listCommands(found[0] as DocBlock).map(({ command, shown }) => [command, shown])).toEqual([
    ["one \\\n  two", "answer"],
    ["three", ""],
  ]);
  const script = { page: "p.md", line: 1, language: "sh", text: "# why\ncat >a <<'END'\nb # c\nEND\nd" };
  expect(listCommands(script).map(({ command }) => command)).toEqual(["cat >a <<'END'\nb\nEND", "d"]);
  expect(named.map(({ line, text: inner }) => [line, inner])).toEqual([
    [1, "b c"],
    [14, "five"],
  ]);
});

const schema = buildSchema(readFileSync("schema/schema.graphql", "utf8"));

/** Values in place of those that a page shortens: an argument whose text ends with three dots. */
async function fillPlaceholders(text: string): Promise<string> {
  const { body } = await stage.query(
    '{ deploys(first: 1) { nodes { id } pageInfo { endCursor } } errorGroups(first: 9) { error fingerprint } container(name: "wallet-core-web-1") { id } }',
  );
  const group = body.data.errorGroups.find(({ error }: { error: string }) => error === "smtp refused");
  const values: Readonly<Record<string, string>> = {
    after: body.data.deploys.pageInfo.endCursor,
    fingerprint: group.fingerprint,
    id: body.data.deploys.nodes[0].id,
  };
  return text.replaceAll(/(\w+): "[^"]*\.\.\."/g, (all, name: string) =>
    values[name] ? `${name}: "${values[name]}"` : all,
  );
}

/** Runs each operation of a document; its errors, with the path. */
async function runDocument(text: string): Promise<string[]> {
  const filled = await fillPlaceholders(text);
  const document = parse(filled);
  const invalid = validate(schema, document).map(({ message }) => message);
  if (invalid.length > 0) return invalid;
  const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  const errors: string[] = [];
  for (const operation of operations) {
    const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
    const { status, body } = await stage.query([operation, ...fragments].map(print).join("\n"));
    if (status !== 200) errors.push(`status ${status}`);
    for (const { message, path } of body.errors ?? []) errors.push(`${path?.join(".")}: ${message}`);
    if (Object.values(body.data ?? {}).every((value) => value === null)) errors.push("nothing is answered");
  }
  return errors;
}

it.each(inLanguage("graphql"))("$title runs without errors", async ({ block }) => {
  expect(await runDocument(block.text)).toEqual([]);
});

/**
 * Configuration that is read by a program of another, and what is checked of it: words of the
 * block, what must hold.
 */
const yamlChecks: readonly [page: string, has: string, check: (documents: unknown[], block: DocBlock) => void][] = [
  [
    "deploy/kamal/README.md",
    "WALLET_CORE_OPS_DEPLOY_INFO_PATH",
    ([accessory]) => {
      const { volumes, environment } = accessory as { volumes: string[]; environment: Record<string, string> };
      const folder = volumes[0]?.split(":")[1] ?? "nowhere";
      expect(environment["WALLET_CORE_OPS_DEPLOY_INFO_PATH"]).toBe(`${folder}/deploy_info.json`);
    },
  ],
  [
    "docs/alerts.md",
    "receiver: shop",
    ([config]) => {
      const { routes } = (config as { route: { routes: { receiver: string; matchers: string[] }[] } }).route;
      const [shop] = routes.map(({ matchers }) => new RegExp(`^(?:${matchers[0]?.slice('service=~"'.length, -1)})$`));
      const own = ["shop", "shop-redis", "shop-staging", "shopping", "billing"].filter((name) => shop?.test(name));
      expect(own).toEqual(["shop", "shop-redis", "shop-staging"]);
    },
  ],
];

it.each(inLanguage("yaml"))("$title is YAML with what its page says", ({ title, block }) => {
  const documents = parseAllDocuments(block.text);
  expect(documents.flatMap(({ errors }) => errors.map(({ message }) => message))).toEqual([]);
  const row = yamlChecks.find(([page, has]) => page === block.page && block.text.includes(has));
  expect(row, `${title}: add a row to yamlChecks`).toBeDefined();
  row?.[2](
    documents.map((document) => document.toJS() as unknown),
    block,
  );
});

/** What our own parsers say about a JSON text; null when it is no configuration of ours. */
function readOwn(text: string): string[] | null {
  const value: unknown = JSON.parse(text);
  if (Array.isArray(value)) {
    parseTokensFile("tokens.json", text, Date.now());
    return [];
  }
  if (typeof value !== "object" || value === null || !("sources" in value)) return null;
  const result = parseQueuesFile(text);
  return result.ok ? [] : [...result.issues];
}

it.each(inLanguage("json"))("$title is accepted by our own parser", ({ title, block }) => {
  expect(readOwn(block.text), `${title}: it is neither a QUEUES_FILE nor a TOKENS_FILE; check it here`).toEqual([]);
});

it("fragments of a QUEUES_FILE fit into the one of the page", () => {
  const page = blocks.find(({ page: name, language }) => name === "docs/queues.md" && language === "json");
  const whole = JSON.parse(page?.text ?? "") as { sources: object[] };
  const tables = whole.sources.filter((source) => "kind" in source && source.kind === "table");
  const fragments = spans.filter(({ page: name, text }) => name === "docs/queues.md" && /^"\w+": [[{]/.test(text));
  expect(fragments.length).toBeGreaterThan(1);
  const wrong = fragments.filter(({ text }) => {
    const more = JSON.parse(`{${text.replace("[...]", '["any"]')}}`) as object;
    const files = [{ ...whole, ...more }, ...tables.map((table) => ({ sources: [{ ...table, ...more }] }))];
    return files.every((file) => !parseQueuesFile(JSON.stringify(file)).ok);
  });
  expect(wrong.map(({ line, text }) => `docs/queues.md:${line}: ${text}`)).toEqual([]);
});

describe("a request in a sentence", () => {
  const requests = today.flatMap((span) => {
    const [, method = "", path = ""] =
      /^(GET|POST) (\/(?:containers|queues|hosts|deploy-info)\S*)$/.exec(span.text) ?? [];
    return method ? [{ title: at(span), method, path }] : [];
  });

  it.each(requests)("$title is answered", async ({ method, path }) => {
    const named = path.replace("NAME", "wallet-core-web-1").replace("reason=...", "reason=stuck");
    const url = new URL(`${stage.url}${basePath}${named}`);
    const empty = [...url.searchParams].filter(([, value]) => value === "");
    for (const [name] of empty) url.searchParams.delete(name);
    const { status } = await stage.fetch(url.pathname + url.search, { method, headers: {} });
    expect(status).toBe(200);
  });
});

describe("a selection in a sentence", () => {
  const selections = today.flatMap((span) => {
    const text = span.text.replaceAll("{ ... }", "{ __typename }").replaceAll(/ \.\.\. }/g, " }");
    const isSelection = /^\w+(?:\([^)]*\))? \{ [\w ]/.test(text) && !text.includes("...,");
    return isSelection ? [{ title: at(span), text }] : [];
  });

  /** A field of a root, or of a type that the sentence is about. */
  function toDocuments(text: string): string[] {
    const name = /^\w+/.exec(text)?.[0] ?? "";
    const owners = Object.values(schema.getTypeMap()).filter((type) => "getFields" in type && name in type.getFields());
    return owners.map((type) =>
      type === schema.getQueryType() ? `{ ${text} }` : `fragment F on ${type.name} { ${text} }`,
    );
  }

  /** Of the answer where a root has the field; else of the type that it fits best. */
  async function findProblems(text: string): Promise<string[]> {
    const documents = toDocuments(text);
    const query = documents.find((document) => document.startsWith("{"));
    if (query) return runDocument(query);
    const problems = documents.map((document) =>
      validate(schema, parse(document))
        .map(({ message }: GraphQLError) => message)
        .filter((message) => message !== 'Fragment "F" is never used.'),
    );
    return problems.toSorted((a, b) => a.length - b.length)[0] ?? ["no type has this field"];
  }

  it.each(selections)("$title fits the schema, and runs", async ({ text }) => {
    expect(await findProblems(text)).toEqual([]);
  });
});

it("commands in sentences name scripts and files that exist", () => {
  const scripts = Object.keys(manifest.scripts);
  const wrong = today.filter(({ text }) => {
    const command = text.replace(/^(?:[A-Z_]+=\S+ )+/, "");
    const [first = "", ...rest] = command.split(" ");
    if (first === "npm" && rest[0] === "run") return !scripts.includes(rest[1] ?? "");
    if (first === "npm" && rest[0] === "start") return !scripts.includes("start");
    if (first === "npx")
      return !existsSync(`node_modules/.bin/${rest[0]}`) || rest.some((one) => one.endsWith(".ts") && !existsSync(one));
    if (!/^(?:script|deploy)\/[\w/-]+$/.test(first)) return false;
    try {
      accessSync(first, rest.length > 0 ? constants.X_OK : constants.R_OK);
      return false;
    } catch {
      return !first.startsWith("deploy/compose/secrets/");
    }
  });
  expect(wrong.map(at)).toEqual([]);
});
