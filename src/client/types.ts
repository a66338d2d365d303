import type { OpsError } from "./error.ts";

/**
 * A document of this package, or one of your own from codegen: its text, with the types of its data
 * and variables.
 */
export interface TypedDocument<Data, Variables> {
  toString(): string;
  readonly __apiType?: ((variables: Variables) => Data) | undefined;
}

export interface ClientOptions {
  /**
   * Address of the gateway, such as `https://ops.example.com`; a proxy in front of it may add a
   * path.
   */
  readonly url: string;
  /** Bearer token, or how to get the current one: asked before each request. */
  readonly token: string | (() => string | Promise<string>);
  /** Time limit of an answer, ms. @default 30_000; mutations have six times as much */
  readonly timeoutMs?: number;
  /**
   * How long a stream may be silent before it counts as broken, ms: a gateway writes to it every 15
   * s. @default 37_500
   */
  readonly silenceMs?: number;
  /**
   * How many times a query is sent again when the gateway cannot answer at the moment. @default 2
   */
  readonly retries?: number;
  /** The program that asks, as the audit record names it beside the token's holder. */
  readonly agent?: string | (() => string | null);
  /** @default the global fetch */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Time for this answer, ms, in place of the client's own. Queries and mutations only. */
  readonly timeoutMs?: number | undefined;
  /** Called when the gateway has accepted the subscription, before its first message. */
  readonly onOpen?: (() => void) | undefined;
}

/** What could be read, and the errors of the rest, whose fields are null. */
export interface PartialAnswer<Data> {
  readonly data: Data;
  readonly errors: readonly OpsError[];
}

type Args<Variables> = {} extends Variables
  ? [variables?: Variables, options?: CallOptions]
  : [variables: Variables, options?: CallOptions];

export interface OpsClient {
  /** Resolves to the data. Rejects with an OpsError, also when only a part could not be read. */
  query<Data, Variables>(document: TypedDocument<Data, Variables>, ...args: Args<Variables>): Promise<Data>;
  /**
   * As `query`, but resolves to what could be read, with the errors of the rest. Rejects if nothing
   * could be read.
   */
  queryPartial<Data, Variables>(
    document: TypedDocument<Data, Variables>,
    ...args: Args<Variables>
  ): Promise<PartialAnswer<Data>>;
  /**
   * The messages of a subscription. Ends with the gateway's end of the stream; throws an OpsError
   * when it breaks or is refused. It does not reconnect: what was missed depends on the
   * subscription (see `since` of logs).
   */
  subscribe<Data, Variables>(
    document: TypedDocument<Data, Variables>,
    ...args: Args<Variables>
  ): AsyncIterableIterator<Data>;
}
