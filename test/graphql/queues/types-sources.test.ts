import { graphql } from "graphql";
import { expect, it } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const schema = createSchema();

it.each([
  [true, { queues: null, queueSources: [] }, ["queues"]],
  [false, { queues: null, queueSources: null }, ["queues", "queueSources"]],
])("queues without configuration (%s) are an error, their sources empty", async (unconfigured, data, paths) => {
  const { sources } = createMemorySources();
  const all = () =>
    Promise.reject(new OpsError("queues_unavailable", "WALLET_CORE_OPS_DATABASE_URL is not set", { unconfigured }));
  const contextValue = createContext({ ...sources, queues: { ...sources.queues, all } }, createCaller());
  const answer = await graphql({ schema, source: "{ queues { name } queueSources { name numbersOk } }", contextValue });
  expect(answer.data).toEqual(data);
  expect(answer.errors?.map(({ path }) => path?.[0])).toEqual(paths);
});
