import { type GraphQLSchema, Kind } from "graphql";
import { createFindInputs } from "../graphql/inputs.ts";
import { type ErrorCode, statusByCode } from "../lib/errors.ts";
import { basePath, type Endpoint, endpoints, type OwnHeader, tags } from "./endpoints.ts";
import { errorExample, examples, textExamples } from "./examples.ts";
import { type JsonSchema, shareNamed, toDataSchema } from "./json-schema.ts";

const everywhere: readonly ErrorCode[] = [
  "invalid_request",
  "unauthorized",
  "forbidden",
  "answer_too_large",
  "rate_limited",
  "internal",
  "overloaded",
  "auth_unavailable",
  "query_timeout",
];

const about = `Live container, queue, host and deploy info.

Times are RFC 3339 in UTC. Clients should accept fields and error codes that this document does not name yet. An error has a \`code\`, which is part of the
contract, and a \`message\` for people; with \`Accept: application/problem+json\` it has the form of RFC 9457.`;

/**
 * The contract as OpenAPI 3.1 text. Derived from the rows, their documents and the schema, so that
 * nothing is written twice.
 */
export function createOpenApi(schema: GraphQLSchema): string {
  const schemas = new Map([["Error", errorSchema]]);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const path = basePath + endpoint.path.replace(":name", "{name}");
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: toOperation(schema, endpoint, schemas) };
  }
  const document = {
    openapi: "3.1.0",
    info: {
      title: "wallet-core-ops",
      version: "1",
      summary: "What runs, what is stuck, which host is hot, what was deployed.",
      description: about,
      contact: { name: "The team that runs this gateway" },
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The gateway that serves this document" }],
    security: [{ bearer: [] }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer", description: bearerHelp } },
      headers,
      schemas: Object.fromEntries([...schemas].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const bearerHelp =
  "A token with the scopes `ops:read`, `ops:logs` or `ops:operate`. One that is limited to an environment sees nothing of others.";

function toOperation(schema: GraphQLSchema, endpoint: Endpoint, schemas: Map<string, JsonSchema>) {
  const name = {
    name: "name",
    in: "path",
    required: true,
    description: "Exact container name",
    schema: { type: "string", pattern: "^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$" },
    example: "wallet-core-staging-web-latest",
  };
  const isVersioned = createFindInputs(schema, endpoint.document, null) !== null;
  return {
    operationId: endpoint.operationId,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    description:
      endpoint.deprecated === undefined
        ? endpoint.description
        : `${endpoint.description} Deprecated since ${endpoint.deprecated}.`,
    ...(endpoint.deprecated !== undefined && { deprecated: true }),
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
        description: endpoint.summary,
        headers: toHeaders(endpoint, isVersioned),
        content: {
          "application/json": {
            schema: shareNamed(toBody(schema, endpoint), schemas),
            example: examples[endpoint.operationId],
          },
          ...(endpoint.text && { "text/plain": { schema: { type: "string" }, example: textExamples.lines } }),
          ...(endpoint.follow && {
            "text/event-stream": { schema: { type: "string", description: eventsHelp }, example: textExamples.events },
          }),
        },
      },
      ...(isVersioned && {
        "304": { description: "The body is the one that `If-None-Match` names by its `ETag`", headers: refer("ETag") },
      }),
      ...toErrors([...everywhere, ...endpoint.errors]),
    },
  };
}

/** A body that is no GraphQL type by itself has the name of its document. */
function toBody(schema: GraphQLSchema, { document, pick, answer, method, path }: Endpoint): JsonSchema {
  const body = pick.schema(toDataSchema(schema, document));
  if (body.type !== "object" || (body.named && answer === undefined)) return body;
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  const name = answer ?? operation?.name?.value;
  if (name === undefined) throw new Error(`The document of ${method} ${path} has no name`);
  return { ...body, named: { name, description: `The answer of \`${method} ${path.replace(":name", "{name}")}\`.` } };
}

const eventsHelp =
  "With follow=true. Events: `lines` (a JSON list of lines, as without follow; its id is the time of the last line, to be sent as Last-Event-ID), `dropped` ({lines}), `notice` ({notice: stopped | resumed | engine_lost}), `end` ({reason}).";

const text: JsonSchema = { type: "string" };

/** Headers of answers, with their descriptions. */
const headers = {
  ETag: { description: "Names the body: send it as `If-None-Match` to get a 304 while nothing changed.", schema: text },
  "X-Request-Id": {
    description: "Names this request in the gateway's log and in the audit record.",
    schema: { type: "string", format: "uuid" },
  },
  "X-Ops-Engines": {
    description:
      "An RFC 9651 list of the engines that were read: the age of what is known, in seconds, and the error if it failed.",
    schema: text,
    example: '"web-1";age=0.3, "web-2";age=12.1;error=docker_timeout',
  },
  "X-Ops-History-Error": {
    description:
      "The code of `history_error`, also for lines of text: older lines, which the log history has, are missing.",
    schema: text,
    example: "log_history_unavailable",
  },
  "WWW-Authenticate": { description: "How to authenticate.", schema: { type: "string", const: "Bearer" } },
  "Retry-After": {
    description: "When to try again, seconds from now, where that is known.",
    schema: { type: "integer", minimum: 1 },
  },
  Deprecation: {
    description: "RFC 9745: since when this operation is deprecated, `@` and seconds since 1970.",
    schema: { type: "string", pattern: "^@\\d+$" },
    example: "@1795478400",
  },
  Link: {
    description: 'With `rel="deprecation"`: this document, which says what to use instead.',
    schema: text,
    example: '<../../openapi.json>; rel="deprecation"; type="application/json"',
  },
} as const;

function refer(...names: readonly (keyof typeof headers)[]): Record<string, { readonly $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function toHeaders({ headers: own, deprecated }: Endpoint, isVersioned: boolean) {
  return {
    ...refer("X-Request-Id"),
    ...(isVersioned && refer("ETag")),
    ...refer(...(Object.keys(own ?? {}) as OwnHeader[])),
    ...(deprecated !== undefined && refer("Deprecation", "Link")),
  };
}

const errorHeaders: Readonly<Record<number, Record<string, unknown>>> = {
  401: refer("WWW-Authenticate"),
  429: refer("Retry-After"),
  503: refer("Retry-After"),
};

/** Error answers by status, each with its codes. Ascending, as integer object keys always are. */
function toErrors(codes: readonly ErrorCode[]): Record<string, unknown> {
  const statuses = [...new Set(codes.map((code) => statusByCode[code]))];
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      {
        description: [...new Set(codes)].filter((code) => statusByCode[code] === status).join(", "),
        headers: { ...refer("X-Request-Id"), ...errorHeaders[status] },
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    ]),
  );
}

const errorSchema: JsonSchema = {
  type: "object",
  description: "Why there is no other answer.",
  required: ["message", "error"],
  properties: {
    message: { ...text, description: "For people; may change." },
    error: {
      type: "object",
      required: ["code", "message"],
      properties: {
        code: { ...text, description: "An error code of the contract, such as container_not_found." },
        message: { ...text, description: "As above." },
        request_id: {
          ...text,
          description: "The `X-Request-Id` of this answer; not there where the request had no valid token.",
        },
      },
    },
  },
  examples: [errorExample],
};
