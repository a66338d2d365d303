import { getOperationAST, Kind, visit } from "graphql";
import { expect, it } from "vitest";
import { toListed } from "../../src/mcp/schema.ts";
import { toolDocuments, tools } from "../../src/mcp/tools.ts";

const reading = tools.filter(({ isAction }) => !isAction);

it("at most 12 tools read, and two act", () => {
  expect(reading.map(({ name }) => name)).toEqual([
    "problems",
    "list_containers",
    "read_logs",
    "search_logs",
    "queues",
    "errors",
    "explain_failure",
    "deploys",
    "verdict",
    "timeline",
    "hosts",
    "preview_restart",
  ]);
  expect(tools.filter(({ isAction }) => isAction).map(({ name }) => name)).toEqual(["restart", "retry_group"]);
});

// 3.5 bytes for a token is more than tokenizers need for such JSON: o200k has 2,621 tokens for
// 10,476 bytes, cl100k 2,510.
it("the tools take at most 3,000 tokens of a conversation", () => {
  expect(Buffer.byteLength(JSON.stringify(tools.map(toListed))) / 3.5).toBeLessThanOrEqual(3000);
});

it.each(tools)("$name says what it does to the world, and closes its arguments", (tool) => {
  const { annotations, inputSchema, outputSchema, description } = toListed(tool);
  expect(annotations).toEqual(tool.isAction ? { destructiveHint: true, idempotentHint: true } : { readOnlyHint: true });
  expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
  expect(outputSchema).toMatchObject({ type: "object", properties: expect.anything() });
  expect(description.length).toBeLessThanOrEqual(220);
});

it.each(tools.filter(({ isAction }) => isAction))("$name wants a reason and an idempotency key", (tool) => {
  expect(toListed(tool).inputSchema["required"]).toEqual(expect.arrayContaining(["reason", "idempotency_key"]));
});

it("no tool takes an address", () => {
  const names = tools.flatMap(({ args }) => Object.keys(args.shape));
  expect(names.filter((name) => /ur[il]|host|address|endpoint|path|file/i.test(name))).toEqual([]);
});

it("documents of tools that read are queries, and none has a fragment", () => {
  const kindOf = (document: unknown) => getOperationAST(document as never)?.operation;
  const kinds = (some: typeof tools) => [...new Set(some.flatMap(({ documents }) => documents).map(kindOf))];
  expect(kinds(reading)).toEqual(["query"]);
  expect(kinds(tools.filter(({ isAction }) => isAction))).toEqual(["mutation"]);
  const fragments = new Set<string>([Kind.FRAGMENT_DEFINITION, Kind.FRAGMENT_SPREAD, Kind.INLINE_FRAGMENT]);
  const found: string[] = [];
  for (const document of toolDocuments)
    visit(document as never, { enter: ({ kind }) => void (fragments.has(kind) && found.push(kind)) });
  expect(found).toEqual([]);
});
