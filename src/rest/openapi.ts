import type { GraphQLSchema } from "graphql";
import { type ErrorCode, statusByCode } from "../lib/errors.ts";
import { basePath, type Endpoint, endpoints } from "./endpoints.ts";
import { type JsonSchema, toDataSchema } from "./json-schema.ts";

const everywhere: readonly ErrorCode[] = [
  "invalid_request",
  "unauthorized",
  "forbidden",
  "answer_too_large",
  "internal",
  "overloaded",
  "query_timeout",
];

/** The contract as OpenAPI 3.1 text. Derived from the rows, their documents and the schema, so that nothing is written twice. */
export function createOpenApi(schema: GraphQLSchema): string {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const path = basePath + endpoint.path.replace(":name", "{name}");
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: toOperation(schema, endpoint) };
  }
  const document = {
    openapi: "3.1.0",
    info: { title: "wallet-core-ops", version: "1", description: "Live container, queue, host and deploy info." },
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
      schemas: { Error: errorSchema },
    },
  };
  return `${JSON.stringify(document, (key, value: unknown) => (key === "optional" ? undefined : value), 2)}\n`;
}

function toOperation(schema: GraphQLSchema, endpoint: Endpoint) {
  const body = endpoint.pick.schema(toDataSchema(schema, endpoint.document));
  const name = {
    name: "name",
    in: "path",
    required: true,
    description: "Exact container name",
    schema: { type: "string" },
  };
  return {
    summary: endpoint.summary,
    ...(endpoint.deprecated && { deprecated: true }),
    parameters: [
      ...(endpoint.path.includes(":name") ? [name] : []),
      ...endpoint.params.map((param) => ({
        name: param.name,
        in: param.in,
        description: param.description,
        schema: param.schema,
      })),
    ],
    responses: {
      "200": {
        description: "OK",
        content: {
          "application/json": { schema: body },
          ...(endpoint.text && { "text/plain": { schema: { type: "string" } } }),
          ...(endpoint.follow && { "text/event-stream": { schema: { type: "string", description: eventsHelp } } }),
        },
      },
      ...(endpoint.method === "GET" && {
        "304": { description: "The body is the one that `If-None-Match` names by its `ETag`" },
      }),
      ...toErrors([...everywhere, ...endpoint.errors]),
    },
  };
}

const eventsHelp =
  "With follow=true. Events: `lines` (a JSON list of lines, as without follow; its id is the time of the last line, to be sent as Last-Event-ID), `dropped` ({lines}), `notice` ({notice: stopped | resumed | engine_lost}), `end` ({reason}).";

/** Error answers by status, each with its codes. Ascending, as integer object keys always are. */
function toErrors(codes: readonly ErrorCode[]): Record<string, unknown> {
  const statuses = [...new Set(codes.map((code) => statusByCode[code]))];
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      {
        description: codes.filter((code) => statusByCode[code] === status).join(", "),
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    ]),
  );
}

const text: JsonSchema = { type: "string" };
const errorSchema: JsonSchema = {
  type: "object",
  required: ["message", "error"],
  properties: {
    message: text,
    error: { type: "object", required: ["code", "message"], properties: { code: text, message: text, request_id: text } },
  },
};
