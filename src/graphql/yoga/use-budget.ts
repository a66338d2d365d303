import { type DocumentNode, type ExecutionArgs, type ExecutionResult, GraphQLError } from "graphql";
import type { Plugin } from "graphql-yoga";
import { LRUCache } from "lru-cache";
import type { Budget } from "../../lib/budget/budget.ts";
import { toJson } from "../../lib/budget/json.ts";
import { type OpsError, toOpsError } from "../../lib/errors.ts";
import type { OpsContext } from "../context.ts";
import type { Caller } from "../sources.ts";
import { toStrict } from "./strict.ts";

/**
 * How many errors an answer has at most: more add no information, and each costs as much as a
 * hundred fields.
 */
export const mostErrors = 100;
/** Total text length of the cached parsed documents: a parsed one takes up to 150 times as much. */
const maxBufferedCharacters = 100_000;

type Executed = ExecutionResult & { stringify?: (result: ExecutionResult) => string };

/**
 * The budget of a request at /graphql: work begins in its turn and ends when the time is up; a
 * large answer is written in parts. Exceeding the whole budget (time, bytes) is a request error;
 * exceeding it in one field is an error of that field.
 */
export function useBudget(): Plugin {
  return {
    async onParams({ context, request, setResult }) {
      const { result } = context as ServerContext;
      if (result) return setResult(result);
      try {
        await toBudget(context).turn();
      } catch (error) {
        setResult(toStrict(toRefusal(error), request));
      }
    },
    onExecute({ args, executeFn, setExecuteFn, extendContext }) {
      extendContext({ inParts: true } satisfies Pick<OpsContext, "inParts"> as object);
      const budget = toBudget(args.contextValue);
      const execute = executeFn as (given: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;
      setExecuteFn(async (given: ExecutionArgs) => {
        try {
          return cutErrors(await budget.race(Promise.resolve(execute(given))));
        } catch (error) {
          if (!budget.signal.aborted) throw error;
          return toRefusal(error);
        }
      });
    },
    async onResultProcess(processing) {
      const { result, request, serverContext } = processing;
      if (!("data" in result) || result.data === undefined) return;
      try {
        const data = await toJson(result.data, toBudget(serverContext));
        const answer: Executed = { ...result, stringify: (cleaned) => join(data, cleaned) };
        processing.setResult(answer as never);
      } catch (error) {
        processing.setResult(toStrict(toRefusal(error), request) as never);
      }
    },
  };
}

/** What our handler passes to Yoga. */
export interface ServerContext {
  readonly caller: Caller;
  /** The result of a query that ran before Yoga read the request. */
  readonly result: ExecutionResult | null;
}

/** Yoga's hooks do not know the type of the context that they pass. */
function toBudget(context: object): Budget {
  return (context as { readonly caller: Caller }).caller.budget;
}

/** Parsed documents by their text. */
export type Documents = LRUCache<string, DocumentNode>;

/** Small, because clients fill it. */
export function createDocuments(): Documents {
  return new LRUCache({ maxSize: maxBufferedCharacters, sizeCalculation: (_, text) => text.length || 1 });
}

/** Yoga's cache. It parses an invalid document each time. */
export function toParserCache(documents: Documents) {
  return {
    documentCache: {
      get: (text: string) => documents.get(text),
      set: (text: string, document: DocumentNode) => void documents.set(text, document),
    },
    errorCache: { get: () => undefined, set() {} },
    validationCache: false,
  };
}

/** An answer with only the error. */
export function toRefusal(error: unknown): ExecutionResult {
  return { errors: [toRequestError(toOpsError(error))] };
}

/** An error of the whole request, with its status for clients that know GraphQL over HTTP. */
export function toRequestError({ code, status, message, headers }: OpsError): GraphQLError {
  const retryAfter = Number(headers?.["Retry-After"] ?? 0);
  const retry = retryAfter > 0 && { headers: { "retry-after": String(retryAfter) } };
  const extensions = { code, status, ...(retry && { retryAfter }), http: { spec: true, status, ...retry } };
  return new GraphQLError(message, { extensions });
}

export function cutErrors(result: ExecutionResult): ExecutionResult {
  const { errors = [] } = result;
  return errors.length > mostErrors ? { ...result, errors: errors.slice(0, mostErrors) } : result;
}

function join(data: string, result: ExecutionResult): string {
  const others = JSON.stringify({ ...result, data: undefined });
  return `{"data":${data}${others === "{}" ? "}" : `,${others.slice(1)}`}`;
}
