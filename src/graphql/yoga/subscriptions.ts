import {
  createSourceEventStream,
  type DocumentNode,
  execute,
  type ExecutionArgs,
  type ExecutionResult,
  getOperationAST,
  type GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  valueFromASTUntyped,
} from "graphql";
import { type CompiledQuery, compileQuery, isCompiledQuery } from "graphql-jit";
import type { Plugin } from "graphql-yoga";
import { tooLong } from "../../lib/budget/budget.ts";
import { isLonger } from "../../lib/budget/json.ts";
import type { OpsContext } from "../context.ts";
import { listConditions, mostConditions, toForm } from "../compiled/compile.ts";
import { hasOnlyRows } from "../inputs.ts";
import { hasProtoKey } from "./proto-names.ts";
import { toRefusal } from "./use-budget.ts";

type Variables = Readonly<Record<string, unknown>>;

interface Compiled {
  readonly query: CompiledQuery | ExecutionResult;
  /**
   * By event, the message that all its subscribers get; null if it depends on more than the event.
   */
  readonly messages: WeakMap<object, Promise<Message>> | null;
}

export type Message = ExecutionResult & {
  readonly stringify?: () => string;
  /** As a server-sent event, if many subscribers may get it. */
  readonly event?: string;
};

/** Opens a subscription, as graphql-js does: an answer with errors, or its messages. */
export type Subscribe = (args: ExecutionArgs) => Promise<ExecutionResult | AsyncGenerator<Message, void>>;

/**
 * Subscriptions that compile their selection once: following a busy log returns some hundred lines
 * for each event, and interpreting a field costs more than our work on its line. Subscribers with
 * the same document share the messages of the events that they have in common.
 */
export function createSubscribe(): Subscribe {
  // Entries live as long as the parsed document is cached.
  const documents = new WeakMap<DocumentNode, Map<string, Compiled>>();
  const compiledFor = (
    schema: GraphQLSchema,
    document: DocumentNode,
    operationName: string,
    variables: Variables,
  ): Compiled => {
    const known = documents.get(document) ?? new Map<string, Compiled>();
    documents.set(document, known);
    const key = JSON.stringify([operationName, listConditions(document).map((name) => variables[name])]);
    const found = known.get(key);
    if (found) return found;
    const messages = hasOnlyRows(schema, document, operationName || null)
      ? new WeakMap<object, Promise<Message>>()
      : null;
    const compiled = { query: compileQuery(schema, toForm(document, variables), operationName), messages };
    known.set(key, compiled);
    return compiled;
  };
  return async (args) => {
    const { schema, document, operationName, contextValue, variableValues } = args;
    const opened = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in opened)) return opened;
    const variables = withDefaults(getOperationAST(document, operationName), variableValues ?? {});
    // graphql-jit builds object literals, which cannot have this key.
    if (hasProtoKey(document) || !isCompilable(document, variables)) {
      return map(opened, async (event) => execute({ ...args, rootValue: event }));
    }
    const { query, messages } = compiledFor(schema, document, operationName ?? "", variables);
    const { budget } = contextValue as OpsContext;
    const run = async (event: unknown, compiled: CompiledQuery): Promise<Message> => {
      const message = await compiled.query(event, contextValue, variables);
      return isLonger(message.data, budget.maxBytes) ? toRefusal(tooLong(budget.maxBytes)) : message;
    };
    return map(opened, async (event): Promise<Message> => {
      if (!isCompiledQuery(query)) return query;
      budget.renew();
      if (!messages || !isObject(event)) return run(event, query);
      const message = messages.get(event) ?? run(event, query).then(withText);
      messages.set(event, message);
      return message;
    });
  };
}

/** Whether all its conditions are known, and few enough to compile it for each combination. */
function isCompilable(document: DocumentNode, variables: Variables): boolean {
  const conditions = listConditions(document);
  return conditions.length <= mostConditions && conditions.every((name) => typeof variables[name] === "boolean");
}

export function useCompiledSubscriptions(subscribe: Subscribe): Plugin {
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(subscribe);
    },
  };
}

/** As the protocol "GraphQL over SSE" defines them, and Yoga writes them. */
export async function* toServerSentEvents(
  messages: AsyncIterable<Message>,
  maskError: (error: unknown) => GraphQLError,
): AsyncGenerator<string, void> {
  // Some browsers need a byte before they show that the stream is open.
  yield ":\n\n";
  for await (const message of messages) {
    yield message.event ?? toEvent(toText(message, maskError));
  }
  yield "event: complete\ndata:\n\n";
}

function toText({ errors, ...others }: Message, maskError: (error: unknown) => GraphQLError): string {
  return JSON.stringify({ ...others, ...(errors && { errors: errors.map(maskError).map(withoutHttp) }) });
}

const [eventStart, eventEnd] = ["event: next\ndata: ", "\n\n"];

function toEvent(text: string): string {
  return eventStart + text + eventEnd;
}

/** Its HTTP status applies only to a whole answer. */
function withoutHttp(error: GraphQLError): object {
  const { extensions: { http: _, ...extensions } = {}, ...others } = error.toJSON();
  return Object.keys(extensions).length > 0 ? { ...others, extensions } : others;
}

async function* map<From, To>(
  items: AsyncIterable<From>,
  toItem: (item: From) => Promise<To>,
): AsyncGenerator<To, void> {
  for await (const item of items) yield await toItem(item);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/**
 * Lets Yoga write the message with this text, shared by all subscribers. Yoga itself writes a
 * message with errors.
 */
function withText(message: Message): Message {
  if (message.errors) return message;
  const event = toEvent(JSON.stringify(message));
  return { ...message, stringify: () => event.slice(eventStart.length, -eventEnd.length), event };
}

/**
 * The sent variables, plus defaults for the missing ones: graphql-jit ignores the default of a
 * non-null variable.
 */
export function withDefaults(
  operation: OperationDefinitionNode | null | undefined,
  sent: Readonly<Record<string, unknown>>,
) {
  const variables: Record<string, unknown> = { ...sent };
  for (const { variable, defaultValue } of operation?.variableDefinitions ?? []) {
    const name = variable.name.value;
    if (defaultValue && variables[name] === undefined) variables[name] = valueFromASTUntyped(defaultValue);
  }
  return variables;
}
