import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { parse } from "graphql";
import { describe, expect, it } from "vitest";
import { createExecute } from "../../src/graphql/execute.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const schema = createSchema();
const document = parse(`query ($env: Environment, $from: DateTime!, $to: DateTime!, $kinds: [UpKind!]) {
  containers(env: $env) { name env health kind }
  upCountKinds(from: $from, to: $to, kinds: $kinds) { kind }
}`) as TypedDocumentNode<Record<string, unknown>, Record<string, unknown>>;
const { sources } = createMemorySources({
  containers: [sampleContainer({ name: "a", health: "starting" }), sampleContainer({ name: "b", env: "production" })],
});
const execute = createExecute(schema, sources, [document]);
const run = async (variables: Record<string, unknown>) => {
  const [from, to] = [-60_000, 0].map((ms) => new Date(Date.now() + ms).toISOString());
  const { data, errors } = await execute(document, { from, to, ...variables }, createCaller()).run();
  return errors.length > 0 ? errors.map(({ code }) => code) : data;
};

describe("a fixed document", () => {
  it("keeps our own enum values, in variables and in the answer", async () => {
    expect(await run({ env: "staging", kinds: ["queue_source", "host"] })).toMatchObject({
      containers: [{ name: "a", env: "staging", health: "starting", kind: "core" }],
      upCountKinds: expect.arrayContaining([{ kind: "host" }, { kind: "queue_source" }]),
    });
  });

  it.each([{}, { env: null, kinds: null }, { env: undefined }])("is not narrowed by %j", async (variables) => {
    expect(await run(variables)).toMatchObject({ containers: [{ name: "a" }, { name: "b" }] });
  });

  it.each([{ env: "STAGING" }, { env: "nowhere" }, { env: "" }, { kinds: ["HOST"] }, { kinds: ["host", "HOST"] }])(
    "refuses %j",
    async (variables) => {
      expect(await run(variables)).toEqual(["invalid_request"]);
    },
  );
});
