import {
  type DocumentNode,
  type ExecutionResult,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  OperationTypeNode,
  specifiedRules,
} from "graphql";
import { LRUCache } from "lru-cache";
import { type Principal, toHolder } from "../../auth/principal.ts";
import { createThrottle } from "../../auth/throttle.ts";
import {
  createReplyMemo,
  type FoundInputs,
  isRemembered,
  LastingReply,
  type RememberedReply,
} from "../../http/memo.ts";
import type { EdgeReply, EdgeRequest } from "../../http/surface.ts";
import { toJson } from "../../lib/budget/json.ts";
import type { Tracing } from "../../lib/tracing/tracing.ts";
import { compile, type Run } from "../compiled/compile.ts";
import { createContext } from "../context.ts";
import { createFindInputs } from "../inputs.ts";
import { readLengthsVersion } from "../list-lengths.ts";
import type { Sources } from "../sources.ts";
import { toResultFailure, traceOperation } from "../compiled/trace.ts";
import { coerceVariables, findTooMuch, hasTooManyFields, listRules, validateWithin, weigh } from "./limits.ts";
import { hasProtoKey, noProtoVariableRule } from "./proto-names.ts";
import { type Subscribe, toServerSentEvents, withDefaults } from "./subscriptions.ts";
import { cutErrors, toRefusal } from "./use-budget.ts";

/** A query of a document that was sent before, ready to run. */
interface Compiled {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly run: Run;
  /** Finds what its answer depends on; null if that is unknown without running it. */
  readonly findInputs: ReturnType<typeof createFindInputs>;
  /** The last verdict on its cost, and what that verdict depends on. */
  weighed: { readonly inputs: readonly unknown[]; readonly isAllowed: boolean } | null;
}

/** The query of a POST. */
interface Posted {
  /** The same for the same text, while the text is cached. */
  readonly key: number;
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  /** The variables as JSON: the same text for the same values. */
  readonly variablesText: string;
  /** Its coerced variables; null if they do not fit, undefined until they are coerced. */
  coerced?: Readonly<Record<string, unknown>> | null;
  /** Undefined until looked up. */
  compiled?: Compiled | null;
}

interface PostOptions {
  /** The document of a text that was sent before. */
  readonly parsed: (text: string) => DocumentNode | undefined;
  readonly maskError: (error: unknown) => GraphQLError;
  readonly subscribe: Subscribe;
  /** @default null */
  readonly tracing?: Tracing | null;
}

/** Null to leave the request to Yoga, or a result for Yoga to write. */
type Answer = EdgeReply | ExecutionResult | null;
/** An answer from memory is not a promise: a promise would be a large part of its cost. */
type Posts = Answer | Promise<Answer>;

/** Limits of the cache, which clients fill: a compiled query takes up to 100 kB. */
const [maxCompiled, maxCharacters, maxQuery] = [200, 100_000, 10_000];

/**
 * How many variables the directives of a document may have: it is compiled for each combination.
 */
const mostConditions = 1;

/**
 * Compiling takes as long as executing a query ten times, so Yoga serves a token that keeps sending
 * new documents.
 */
const compiling = { burst: 200, perSecond: 5 };

/**
 * A query of a higher complexity is executed in parts, so that other requests run in between; a
 * compiled one runs at once.
 */
const maxAtOnce = 20_000;

/**
 * Answers a query that is sent as JSON and was sent before: it is compiled, its validation and
 * limits are decided, and it needs no Request and Response objects, which cost more than the query.
 * Returns null to leave the request to Yoga: a document that is new, invalid or too costly, another
 * operation, introspection, a large answer, another media type. Returns an answer with errors as a
 * result, for Yoga to write. Also opens subscriptions over server-sent events.
 */
export function createPostHandler(
  schema: GraphQLSchema,
  sources: Sources,
  { parsed, maskError, subscribe, tracing = null }: PostOptions,
): (request: EdgeRequest, body: Buffer) => Posts {
  const known = new LRUCache<string, { readonly compiled: Compiled | null }>({
    max: maxCompiled,
    maxSize: maxCharacters,
    sizeCalculation: (_, key) => key.length,
  });
  const memo = createReplyMemo();
  const trace = <T extends object>(operation: OperationDefinitionNode, work: () => Promise<T>): Promise<T> =>
    tracing ? traceOperation(tracing, operation, false, work, toResultFailure) : work();
  const compiles = createThrottle(compiling);
  const find = (posted: Posted, principal: Principal): Compiled | null => {
    if (posted.compiled !== undefined) return posted.compiled;
    const { query, operationName = "" } = posted;
    const key = `${operationName}\n${query}`;
    const found = known.get(key);
    if (found) return (posted.compiled = found.compiled);
    const document = parsed(query);
    if (!document || compiles.hit(toHolder(principal)) > 0) return null;
    const compiled = toCompiled(schema, document, operationName || null);
    known.set(key, { compiled });
    return (posted.compiled = compiled);
  };
  /**
   * By text: parsing it is a large part of the cost of an answer from memory. Their number is
   * limited like that of compiled queries, which they hold.
   */
  const bodies = new LRUCache<string, Posted>({
    max: maxCompiled,
    maxSize: maxCharacters,
    sizeCalculation: (_, text) => text.length,
  });
  const read = (text: string): Posted | null => {
    const found = bodies.get(text);
    if (found) return found;
    const posted = parse(text);
    if (posted) bodies.set(text, posted);
    return posted;
  };
  /** Whether it may run at once. If not, Yoga weighs it again, and reports why. */
  const isAllowed = (
    compiled: Compiled,
    { variables, variablesText }: Posted,
    { principal }: EdgeRequest,
    contextValue: object,
  ): boolean => {
    const { document, operation, weighed } = compiled;
    const inputs = [principal, variablesText, readLengthsVersion(sources)];
    if (weighed && inputs.every((input, index) => input === weighed.inputs[index])) return weighed.isAllowed;
    const operationName = operation.name?.value;
    const cost = weigh({ schema, document, operationName, variableValues: variables, contextValue });
    compiled.weighed = { inputs, isAllowed: typeof cost === "number" && cost <= maxAtOnce };
    return compiled.weighed.isAllowed;
  };

  /** Entries live as long as the parsed document is cached. */
  const validity = new WeakMap<DocumentNode, boolean>();
  const isKnownValid = (document: DocumentNode): boolean => {
    const valid = validity.get(document) ?? isValid(schema, document);
    validity.set(document, valid);
    return valid;
  };
  const openStream = async (request: EdgeRequest, posted: Posted | null): Promise<Answer> => {
    const { budget } = request;
    // Many streams open at once after a restart. A request whose time is up is refused below.
    const start = budget.pause();
    if (start) await start;
    const document = posted && parsed(posted.query);
    if (!document) return null;
    const operation = getOperationAST(document, posted.operationName);
    if (operation?.operation !== OperationTypeNode.SUBSCRIPTION || !isKnownValid(document)) return null;
    const { operationName, variables: variableValues } = posted;
    if (coerceVariables(schema, operation, variableValues).errors) return null;
    const contextValue = createContext(sources, request);
    const args = { schema, document, operationName, variableValues, contextValue };
    if (typeof weigh(args) !== "number") return null;
    try {
      const wait = budget.turn();
      if (wait) await wait;
      const opened = await budget.race(trace(operation, () => subscribe(args)));
      if (!(Symbol.asyncIterator in opened)) return { errors: (opened.errors ?? []).map(maskError) };
      const { signal } = request.openStream();
      const stream = { chunks: toServerSentEvents(opened, maskError), heartbeat: ":\n\n", signal };
      return { status: 200, headers: { "content-type": sse }, body: "", stream };
    } catch (error) {
      return toRefusal(error);
    }
  };

  const coerce = ({ operation }: Compiled, posted: Posted) => {
    if (posted.coerced === undefined)
      posted.coerced = coerceVariables(schema, operation, posted.variables).coerced ?? null;
    return posted.coerced;
  };
  const findInputs = (request: EdgeRequest, posted: Posted, compiled: Compiled): FoundInputs => {
    const variables = compiled.findInputs && coerce(compiled, posted);
    return variables ? (compiled.findInputs?.(variables, sources, request) ?? null) : null;
  };
  const run = async (
    request: EdgeRequest,
    posted: Posted,
    compiled: Compiled,
    type: string,
  ): Promise<LastingReply | Answer> => {
    const { document, operation } = compiled;
    if (!coerce(compiled, posted)) return null;
    const context = createContext(sources, request);
    if (!isAllowed(compiled, posted, request, context)) return null;
    const { budget } = request;
    try {
      const wait = budget.turn();
      if (wait) await wait;
      const variables = withDefaults(operation, posted.variables);
      const { data, errors } = await budget.race(
        trace(operation, () => Promise.resolve(compiled.run(undefined, context, variables))),
      );
      if (errors) {
        const masked = errors.map((error) => maskError(locate(error, document)));
        return cutErrors({ data: data ?? null, errors: masked });
      }
      const written = toJson(data, budget);
      const made = typeof written === "string" ? written : await written;
      const reply = { status: 200, headers: { "content-type": type }, body: `{"data":${made}}` };
      return compiled.findInputs ? new LastingReply(reply) : reply;
    } catch (error) {
      return toRefusal(error);
    }
  };

  return (request, body) => {
    const type = toMediaType(request.headers.accept);
    const text = body.toString();
    if (type === sse) return openStream(request, parse(text));
    const posted = type && read(text);
    const compiled = posted && find(posted, request.principal);
    if (!compiled) return null;
    const answered = memo.answer<Answer>({
      key: `${type} ${posted.key}`,
      inputs: () => findInputs(request, posted, compiled),
      make: () => run(request, posted, compiled, type),
    });
    return answered instanceof Promise ? answered.then(toPlain) : toPlain(answered);
  };
}

function toPlain(answer: RememberedReply | Answer): Answer {
  return isRemembered(answer) ? answer.plain : answer;
}

/** Null for a document whose queries Yoga should execute. */
function toCompiled(schema: GraphQLSchema, document: DocumentNode, operationName: string | null): Compiled | null {
  const operation = getOperationAST(document, operationName);
  // graphql-jit builds object literals, which cannot have this key.
  if (operation?.operation !== OperationTypeNode.QUERY || hasProtoKey(document) || !isValid(schema, document))
    return null;
  // Compiling takes time in proportion to the fields of all uses of fragments, whose number may
  // double at each level.
  if (hasTooManyFields(document, operation)) return null;
  const run = tryToCompile(schema, document, operationName);
  if (!run) return null;
  const findInputs = createFindInputs(schema, document, operationName);
  return { document, operation, run, findInputs, weighed: null };
}

function tryToCompile(schema: GraphQLSchema, document: DocumentNode, operationName: string | null): Run | null {
  try {
    return compile(schema, document, operationName, "named", mostConditions);
  } catch {
    return null;
  }
}

/** By the rules for a token that may not see the schema. */
function isValid(schema: GraphQLSchema, document: DocumentNode): boolean {
  try {
    return validateWithin(schema, document, [...specifiedRules, ...listRules(false), noProtoVariableRule]).length === 0;
  } catch {
    return false;
  }
}

let lastKey = 0;

/** Null for anything but a plain request. */
function parse(text: string): Posted | null {
  try {
    const { query, operationName, variables, extensions, ...others } = JSON.parse(text) as Record<string, unknown>;
    if (typeof query !== "string" || query.length > maxQuery || !isNameOrNothing(operationName)) return null;
    if (!isObjectOrNothing(variables) || !isObjectOrNothing(extensions) || Object.keys(others).length > 0) return null;
    if (findTooMuch({ query, variables, extensions })) return null;
    const variablesText = JSON.stringify(variables ?? {});
    return {
      key: ++lastKey,
      query,
      operationName: operationName ?? undefined,
      variables: variables ?? {},
      variablesText,
    };
  } catch {
    return null;
  }
}

function isNameOrNothing(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || (typeof value === "string" && value !== "");
}

function isObjectOrNothing(value: unknown): value is Readonly<Record<string, unknown>> | null | undefined {
  return value === undefined || (typeof value === "object" && !Array.isArray(value));
}

const json = "application/json; charset=utf-8";
const graphqlJson = "application/graphql-response+json; charset=utf-8";
const sse = "text/event-stream";

/** The media type of the answer, for the usual forms of `Accept`; null for all others. */
function toMediaType(accept = "*/*"): string | null {
  if (accept === "*/*" || accept === "application/json" || accept.startsWith("application/json,")) return json;
  if (accept === sse) return sse;
  if (accept.startsWith("application/graphql-response+json"))
    return /^[a-z+/-]+(?:$|, ?application\/json)/.test(accept) ? graphqlJson : null;
  return null;
}

/**
 * The error with its place in the document, as graphql-js gives it: graphql-jit knows the line, but
 * not the text.
 */
function locate(error: GraphQLError, { loc }: DocumentNode): GraphQLError {
  const { message, path, originalError, locations, extensions } = error;
  const ends = [...(loc?.source.body.matchAll(/\r\n|[\n\r]/g) ?? [])];
  const begins = [0, ...ends.map(({ index, 0: end }) => index + end.length)];
  const positions = locations?.map(({ line, column }) => (begins[line - 1] ?? 0) + column - 1);
  return new GraphQLError(message, {
    source: loc?.source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    originalError: originalError ?? null,
    extensions,
  });
}
