import * as fc from "fast-check";
import {
  getNamedType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLOutputType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSchema } from "../../src/graphql/schema.ts";
import { type ErrorCode, OpsError, statusByCode } from "../../src/lib/errors.ts";
import { toFingerprint } from "../../src/queues/fingerprint.ts";
import { basePath, endpoints } from "../../src/rest/endpoints.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway, token } from "../support/gateway.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { sampleControl } from "../support/queues.ts";

const schema = createSchema();
const control = sampleControl();
const failure = {
  queue: "mail",
  source: "jobs",
  jobId: "1",
  error: "boom",
  timestamp: "2026-01-13T09:46:00Z",
  count: 1,
};
const memory = createMemorySources(
  {
    containers: [sampleContainer({ name: "web" }), sampleContainer({ name: "web-2", env: "production" })],
    hosts: [sampleHost()],
    queueSources: [
      {
        name: "jobs",
        env: "staging",
        metrics: [{ name: "mail" }],
        errors: [failure],
        control,
        failedJobs: async (queue) => {
          // As PostgreSQL does.
          if (!/^[^\0]*$/.test(queue))
            throw new OpsError("postgres_unavailable", "PostgreSQL is not available (SQLSTATE 08P01)");
          return [{ error: "boom", jobIds: ["1"], jobs: 1 }];
        },
        history: async () => new Map(),
      },
    ],
  },
  { restartEnabled: true, jobsEnabled: true, healthExecEnabled: true },
);
const lines: string[] = [];
const note = (fields: object, message: string) =>
  void (message === "request" || lines.push(`${message} ${JSON.stringify(fields)}`));
let gateway: Awaited<ReturnType<typeof startGateway>>;

beforeAll(async () => {
  gateway = await startGateway(memory.sources, { logger: { debug: note, info() {}, warn: note, error: note } });
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Texts that parsers, paths, times, patterns and objects may take for something else. */
const texts = [
  "",
  "\0",
  "a\0b",
  "__proto__",
  "\ud800",
  "\u202e",
  "../..",
  "%00",
  "(a",
  "-1",
  "1e400",
  "9".repeat(40),
  "2026-02-30T00:00:00Z",
  "x".repeat(300),
];
const integers = [0, 1, -1, 100, 2 ** 31 - 1, -(2 ** 31)];
const times = [
  "1970-01-01",
  "9999-12-31T23:59:59.999Z",
  "2026-01-13T09:46:00+14:00",
  1e11,
  253_402_300_799_999,
  "2026-02-30",
];
const text = fc.oneof(
  fc.constantFrom(...texts),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ maxLength: 300 }),
);

/** What leads behind the checks of an argument, by its name. */
const sound: Readonly<Record<string, unknown>> = {
  name: "web",
  role: "web",
  env: "staging",
  source: "jobs",
  queue: "mail",
  jobId: "1",
  fingerprint: toFingerprint("boom"),
  from: "1h",
  since: "10m",
  reason: "why",
};

function toSound({ name, type }: GraphQLArgument): unknown {
  const scalar = getNamedType(type).name;
  return scalar === "DateTime" ? (name === "to" ? "2026-01-13T10:46:00Z" : "2026-01-13T09:46:00Z") : (sound[name] ?? 1);
}

/**
 * Values of its type that are at the edge of something; what is of another type ends before our
 * code is asked.
 */
function toHostile(type: GraphQLInputType): readonly unknown[] {
  if (isNonNullType(type)) return toHostile(type.ofType);
  if (isListType(type)) return [[], ...toHostile(type.ofType).map((value) => [value, value])];
  if (isEnumType(type)) return type.getValues().map(({ name }) => name);
  const { name } = getNamedType(type);
  if (name === "Boolean") return [true, false];
  if (name === "Int") return integers;
  return name === "DateTime" ? times : texts;
}

function toValue(type: GraphQLInputType): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return toValue(type.ofType);
  if (isListType(type)) return fc.array(toValue(type.ofType), { maxLength: 3 });
  const { name } = getNamedType(type);
  if (name === "Int") return fc.integer({ min: -3, max: 600 });
  return name === "String" ? text : fc.constantFrom(...toHostile(type));
}

/**
 * All scalars below a type, and what is in its objects, three deep, as far as they need no
 * argument.
 */
function selectAll(type: GraphQLOutputType, depth = 0): string {
  const named = getNamedType(type);
  if (!isObjectType(named)) return "";
  const parts = Object.values(named.getFields()).flatMap((field) => {
    if (field.args.some(isRequiredArgument)) return [];
    if (!isObjectType(getNamedType(field.type))) return [field.name];
    return depth >= 1 ? [] : [`${field.name}${selectAll(field.type, depth + 1)}`];
  });
  return `{ ${["__typename", ...parts].join(" ")} }`;
}

interface Place {
  readonly name: string;
  readonly operation: "query" | "mutation" | "subscription";
  /** Around the field. */
  readonly path: readonly string[];
  readonly field: GraphQLField<unknown, unknown>;
}

/** Every field with arguments: of the roots, and of what a query gives without any. */
function findPlaces(): Place[] {
  const roots = [
    ["query", schema.getQueryType()],
    ["mutation", schema.getMutationType()],
    ["subscription", schema.getSubscriptionType()],
  ] as const;
  return roots.flatMap(([operation, root]) =>
    Object.values(root?.getFields() ?? {}).flatMap((field) => {
      const own = field.args.length > 0 ? [{ name: field.name, operation, path: [], field }] : [];
      const type = getNamedType(field.type);
      if (operation !== "query" || !isObjectType(type) || field.args.some(isRequiredArgument)) return own;
      const inner = Object.values(type.getFields()).filter(({ args }) => args.length > 0);
      return [
        ...own,
        ...inner.map((one) => ({ name: `${field.name}.${one.name}`, operation, path: [field.name], field: one })),
      ];
    }),
  );
}

type Variables = Readonly<Record<string, unknown>>;

/**
 * Each argument with each hostile value of its type, the others that are needed as they should be.
 */
function listHostile(args: readonly GraphQLArgument[]): Variables[] {
  const needed = Object.fromEntries(args.filter(isRequiredArgument).map((one) => [one.name, toSound(one)]));
  return args.flatMap(({ name, type }) => toHostile(type).map((value) => ({ ...needed, [name]: value })));
}

function toRandom(args: readonly GraphQLArgument[]): fc.Arbitrary<Variables> {
  const values = Object.fromEntries(
    args.map((one) => [one.name, fc.oneof(toValue(one.type), fc.constant(toSound(one)))]),
  );
  return fc.record(values, { requiredKeys: args.filter(isRequiredArgument).map(({ name }) => name) });
}

interface Answer {
  readonly status: number;
  readonly errors?:
    | readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[]
    | undefined;
}

/** The first message of a subscription, if one comes at once. */
async function subscribeOnce(query: string, variables: object): Promise<Answer> {
  const leaving = AbortSignal.timeout(100);
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  const init = { method: "POST", headers, body: JSON.stringify({ query, variables }), signal: leaving };
  let [status, received] = [0, ""];
  try {
    // Not the gateway's own fetch, which reads answers to their end.
    const response = await fetch(`${gateway.url}/graphql`, {
      ...init,
      headers: { ...headers, authorization: `Bearer ${token}` },
    });
    status = response.status;
    for await (const chunk of response.body ?? []) received += Buffer.from(chunk).toString();
  } catch (error) {
    if (!leaving.aborted) throw error;
  }
  const [, message] = /^data: (\{.*\})$/m.exec(received) ?? [];
  return { status, errors: (JSON.parse(message ?? "{}") as Answer).errors };
}

async function ask(operation: Place["operation"], document: string, variables: object): Promise<Answer> {
  if (operation === "subscription") return subscribeOnce(document, variables);
  const { status, body } = await gateway.query(document, variables);
  return { status, errors: body.errors };
}

/** What is ours to mend, or an upstream's: no upstream fails here. */
function isFault(code: string): boolean {
  return /INTERNAL/.test(code) || (statusByCode[code as ErrorCode] ?? 400) >= 500;
}

test.each(findPlaces().map((place) => [place.name, place] as const))(
  "no argument of %s makes an internal error",
  async (_, { operation, path, field }) => {
    const check = async (variables: Variables) => {
      const given = field.args.filter(({ name }) => Object.hasOwn(variables, name));
      const head = given.length > 0 ? `(${given.map(({ name, type }) => `$${name}: ${String(type)}`).join(", ")})` : "";
      const passed = given.length > 0 ? `(${given.map(({ name }) => `${name}: $${name}`).join(", ")})` : "";
      const inner = `${field.name}${passed} ${selectAll(field.type, 1)}`;
      const document = `${operation} ${head} { ${path.reduceRight((rest, name) => `${name} { ${rest} }`, inner)} }`;
      const { status, errors = [] } = await ask(operation, document, variables);
      const codes = errors.map(({ extensions, message }) => extensions?.code ?? message);
      expect(codes.filter(isFault), `${JSON.stringify(variables)} ${lines.at(-1)}`).toEqual([]);
      expect(status).toBeLessThan(500);
    };
    const all = listHostile(field.args);
    // A subscription is waited for.
    if (operation === "subscription") await Promise.all(all.slice(0, 40).map(check));
    else for (const variables of all) await check(variables);
    await fc.assert(fc.asyncProperty(toRandom(field.args), check), { numRuns: operation === "subscription" ? 5 : 10 });
  },
  60_000,
);

test.each(endpoints.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const))(
  "no parameter of %s makes an internal error",
  async (_, { method, path, params }) => {
    const names = [...params.filter((param) => param.in === "query").map(({ name }) => name), "unknown"];
    const value = fc.oneof(
      text,
      fc.integer({ min: -3, max: 6000 }).map(String),
      fc.constantFrom("true", "false", "healthy", "staging", "stdout", "error"),
    );
    const pairs = fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 5 });
    const name = fc.oneof(fc.constant("web"), text);
    const isStream = (pair: readonly [string, string]) => pair[0] === "follow";
    await fc.assert(
      fc.asyncProperty(pairs, name, fc.boolean(), async (given, container, isEncoded) => {
        const encode = (part: string) =>
          isEncoded ? encodeURIComponent(part.toWellFormed()) : part.replaceAll(/[^!-~]|[#?]/g, "%");
        // A client resolves these before anything is sent: another path.
        fc.pre(!/(?:^|[/\\])(?:\.|%2e){1,2}(?:$|[/\\])/i.test(encode(container)));
        const query = given.filter((pair) => !isStream(pair)).map(([key, word]) => `${key}=${encode(word)}`);
        const url = `${basePath}${path.replace(":name", () => encode(container))}?${query.join("&")}`;
        const { status } = await gateway.fetch(url, { method });
        expect(status, `${url} ${lines.at(-1)}`).toBeLessThan(500);
      }),
      { numRuns: 40 },
    );
  },
  60_000,
);
