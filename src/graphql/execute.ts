import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import {
  createSourceEventStream,
  type DocumentNode,
  getNamedType,
  getOperationAST,
  type GraphQLError,
  type GraphQLSchema,
  isEnumType,
  typeFromAST,
  validate,
} from "graphql";
import type { LogBatch } from "../containers/logs/log.ts";
import { OpsError, toOpsError } from "../lib/errors.ts";
import type { Tracing } from "../lib/tracing/tracing.ts";
import { compile, type Run } from "./compiled/compile.ts";
import { type EngineNow, listEnginesNow } from "./containers/engines-now.ts";
import { createContext } from "./context.ts";
import type { FoundInputs } from "../http/memo.ts";
import { createFindInputs, type FindInputs } from "./inputs.ts";
import type { SelectRows } from "./compiled/row-memo.ts";
import type { Caller, Sources } from "./sources.ts";
import { findFailure, traceOperation } from "./compiled/trace.ts";

interface Executed<Data> {
  /** `errors` explains null fields. */
  readonly data: Partial<Data> | null;
  readonly errors: readonly OpsError[];
}

/** A fixed document, ready to run for one caller. */
interface Prepared<Data> {
  /** Whether its answer can ever be determined without running it. */
  readonly isVersioned: boolean;
  /** The current inputs of its answer; runs nothing. */
  readonly inputs: () => FoundInputs;
  /** The current state of the engines that the caller may see, as far as known; runs nothing. */
  readonly engines: () => readonly EngineNow[];
  /** `selectRows`: as OpsContext.selectRows. */
  readonly run: (selectRows?: SelectRows) => Promise<Executed<Data>>;
}

/**
 * How the gateway's own surfaces query: runs a fixed document in process, as the caller, without
 * HTTP.
 */
export type Execute = <Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  caller: Caller,
) => Prepared<Data>;

/**
 * Validates and compiles the documents now and returns the function that runs them. Throws for a
 * document that does not fit the schema, or is not registered: that is a programming error. Leaf
 * values come from our code, so they are neither checked nor serialised: enums keep our code's
 * words, in the answer and in the variables.
 */
export function createExecute(
  schema: GraphQLSchema,
  sources: Sources,
  documents: readonly DocumentNode[],
  tracing: Tracing | null = null,
): Execute {
  const toCompiled = (document: DocumentNode): Compiled => ({
    query: toRun(schema, document),
    findInputs: createFindInputs(schema, document, null),
    name: createNaming(schema, document),
    trace: createTrace(tracing, document),
  });
  const compiled = new Map(documents.map((document) => [document, toCompiled(document)]));
  return (document, variables, caller) => {
    const found = compiled.get(document);
    if (!found) throw new Error("Document was not registered");
    return new PreparedDocument(found, variables, sources, caller);
  };
}

/** A compiled document. */
interface Compiled {
  readonly query: Run;
  /** Null if its answer depends on anything without a version. */
  readonly findInputs: FindInputs | null;
  readonly name: (variables: Variables) => Variables;
  /** Null where nothing is traced. */
  readonly trace: ReturnType<typeof createTrace>;
}

/** A span around one run of a document. */
function createTrace(tracing: Tracing | null, document: DocumentNode) {
  const operation = getOperationAST(document);
  if (!tracing || !operation) return null;
  return <T>(work: () => Promise<T>, toFailureOf: (result: T) => string | null) =>
    traceOperation(tracing, operation, true, work, toFailureOf);
}

class PreparedDocument<Data> implements Prepared<Data> {
  readonly #compiled: Compiled;
  readonly #variables: Variables;
  readonly #sources: Sources;
  readonly #caller: Caller;

  constructor(compiled: Compiled, variables: Variables, sources: Sources, caller: Caller) {
    this.#compiled = compiled;
    this.#variables = variables;
    this.#sources = sources;
    this.#caller = caller;
  }

  get isVersioned(): boolean {
    return this.#compiled.findInputs !== null;
  }

  inputs(): FoundInputs {
    return this.#compiled.findInputs?.(this.#variables, this.#sources, this.#caller) ?? null;
  }

  engines(): readonly EngineNow[] {
    return listEnginesNow(this.#sources, this.#caller);
  }

  run(selectRows?: SelectRows): Promise<Executed<Data>> {
    const { trace } = this.#compiled;
    return trace
      ? trace(
          () => this.#run(selectRows),
          ({ errors }) => findFailure(errors),
        )
      : this.#run(selectRows);
  }

  async #run(selectRows?: SelectRows): Promise<Executed<Data>> {
    const { query, name } = this.#compiled;
    const { budget } = this.#caller;
    const wait = budget.turn();
    if (wait) await wait;
    const context = createContext(this.#sources, this.#caller, selectRows);
    const { data, errors } = await budget.race(Promise.resolve(query(undefined, context, name(this.#variables))));
    return { data: (data ?? null) as never, errors: errors ? errors.map(toFieldError) : noErrors };
  }
}

const noErrors: readonly OpsError[] = [];

/** The error of an answer without data. */
export function toFailure([first]: readonly OpsError[]): OpsError {
  return first ?? new OpsError("internal", "Internal error");
}

function toRun(schema: GraphQLSchema, document: DocumentNode): Run {
  const invalid = validate(schema, document);
  if (invalid.length > 0) throw new AggregateError(invalid, invalid.map(String).join("\n"));
  return compile(schema, document, null, "own");
}

type Variables = Readonly<Record<string, unknown>>;

/**
 * GraphQL expects enum values in variables by their names. Text that is no value of the enum
 * becomes none of its names, so that GraphQL refuses it.
 */
export function createNaming(schema: GraphQLSchema, document: DocumentNode): (variables: Variables) => Variables {
  const enums = (getOperationAST(document)?.variableDefinitions ?? []).flatMap(({ variable, type }) => {
    const named = getNamedType(typeFromAST(schema, type));
    if (!isEnumType(named)) return [];
    const names = new Map<unknown, string>(named.getValues().map(({ name, value }) => [value, name]));
    return { variable: variable.name.value, toName: (value: unknown) => names.get(value) ?? "" };
  });
  return (variables) => {
    const named = { ...variables };
    for (const { variable, toName } of enums) {
      const value = variables[variable];
      if (Array.isArray(value)) named[variable] = value.map(toName);
      else if (value !== undefined && value !== null) named[variable] = toName(value);
    }
    return named;
  };
}

/** A field's error as thrown; a variable that does not fit its type is the caller's mistake. */
function toFieldError(error: GraphQLError): OpsError {
  if (error.originalError) return toOpsError(error.originalError);
  return error.path
    ? toOpsError(error)
    : new OpsError("invalid_request", "A parameter has an invalid value", { cause: error });
}

/**
 * How the gateway's own surfaces open a fixed subscription. Rejects with the OpsError of its field.
 */
export type Follow = (document: DocumentNode, variables: object, caller: Caller) => Promise<AsyncIterable<LogBatch>>;

/**
 * Opens subscriptions with the schema's scopes and arguments, and passes on what the field's source
 * yields: a line needs no execution of its own. Throws for a document that does not fit the schema.
 */
export function createFollow(
  schema: GraphQLSchema,
  sources: Sources,
  documents: readonly DocumentNode[],
  tracing: Tracing | null = null,
): Follow {
  const namings = new Map(documents.map((document) => [document, createNaming(schema, document)]));
  for (const document of documents) {
    const invalid = validate(schema, document);
    if (invalid.length > 0) throw new AggregateError(invalid, invalid.map(String).join("\n"));
  }
  const traces = new Map(documents.map((document) => [document, createTrace(tracing, document)]));
  const follow: Follow = async (document, variables, caller) => {
    const name = namings.get(document);
    if (!name) throw new Error("Document was not registered");
    const contextValue = createContext(sources, caller);
    const opened = await createSourceEventStream({
      schema,
      document,
      variableValues: name({ ...variables }),
      contextValue,
    });
    if (Symbol.asyncIterator in opened) return opened as AsyncIterable<LogBatch>;
    const [error] = opened.errors ?? [];
    throw error?.originalError
      ? toOpsError(error.originalError)
      : new OpsError("internal", "Internal error", { cause: error });
  };
  return (document, variables, caller) => {
    const open = () => follow(document, variables, caller);
    return traces.get(document)?.(open, () => null) ?? open();
  };
}
