import { createExecute, createFollow } from "../../src/graphql/execute.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import type { Caller, Sources } from "../../src/graphql/sources.ts";
import { basePath, endpoints } from "../../src/rest/endpoints.ts";
import { createRestHandler } from "../../src/rest/handler.ts";
import { createOpenApi } from "../../src/rest/openapi.ts";
import { createCaller } from "./caller.ts";

const schema = createSchema();
const documents = endpoints.map((endpoint) => endpoint.document);
const followed = endpoints.flatMap((endpoint) => endpoint.follow ?? []);

/** The REST surface over some sources, without HTTP. */
export function createRest(sources: Sources, caller: Caller = createCaller()) {
  const handle = createRestHandler(
    createExecute(schema, sources, documents),
    createFollow(schema, sources, followed),
    () => createOpenApi(schema),
  );
  const call = async (method: string, path: string, query = "", accept?: string, as = caller, more: object = {}) => {
    const headers = { accept, ...more };
    const reply = await handle({ method, isHead: method === "HEAD", path: basePath + path, query, headers, ...as });
    return { ...reply, body: reply.body.toString(), raw: reply.body };
  };
  return { call, get: (path: string, query?: string, accept?: string) => call("GET", path, query, accept) };
}
