import { randomUUID } from "node:crypto";
import type { Agent } from "undici";
import { OpsError as ClientError } from "../client/error.ts";
import { type ResultError, toParsedError } from "../client/refusals.ts";
import { readStream } from "../client/stream.ts";
import { mostErrors } from "../graphql/yoga/use-budget.ts";
import type { Budget } from "../lib/budget/budget.ts";
import { parseJsonSteps, shortText } from "../lib/budget/json-parse.ts";
import { takeSteps } from "../lib/budget/steps.ts";
import { OpsError, statusByCode } from "../lib/errors.ts";
import { readBody } from "../lib/http-client.ts";
import type { Logger } from "../lib/logger.ts";
import { redactStart, sanitiseLine } from "../lib/redact/sanitize.ts";
import type { CallFacts, CallSpan, TraceCall } from "../lib/tracing/tracing.ts";
import { toApiFacts, untraced } from "../lib/upstream-call.ts";
import type { Question } from "./plan.ts";
import type { Region } from "./region.ts";
import { createByteShare, type Share } from "./share.ts";

/** The request that a question belongs to. */
export interface Asker {
  /** The client's, which the region decides about. */
  readonly authorization: string;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  readonly budget: Pick<Budget, "signal" | "maxBytes" | "text" | "hold" | "free" | "turn">;
}

/** Why a region did not answer. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly status: number;
  readonly retryAfter?: number | undefined;
}

/** What a region said. */
export interface Answer {
  readonly region: Region;
  readonly latencyMs: number;
  /** Null when it did not answer: then `failure` says why. */
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly ResultError[];
  readonly failure: Failure | null;
}

export interface Ask {
  /**
   * Asks each once, never again. Rejects only when the client has disconnected, or its time is up.
   * A change has no deadline but that of `drain`: it goes on in the region even if nobody waits.
   */
  ask(questions: readonly Question[], asker: Asker, isChange: boolean): Promise<readonly Answer[]>;
  /**
   * The messages of a subscription. The last one is a failure where the region ended it otherwise
   * than it should.
   */
  subscribe(question: Question, asker: Asker, signal: AbortSignal): AsyncGenerator<Answer, void>;
  /**
   * Whether a region accepts a token: null when it does. Never rejects. By default it has as long
   * as for a query.
   */
  accepts(region: Region, authorization: string, timeoutMs?: number): Promise<Failure | null>;
  /** From now on, changes have as long as queries. */
  drain(): void;
  close(): Promise<void>;
}

interface AskOptions {
  readonly logger: Logger;
  /**
   * For the whole answer of a region, ms: less than the 10 s of a request, so that the other
   * regions' answers are not lost. @default 8000
   */
  readonly timeoutMs?: number;
  /** Begins the span of what a region is asked. @default none */
  readonly trace?: TraceCall | undefined;
}

/** By this a fleet knows the questions of fleets. */
export const agentName = "wallet-core-ops-fleet";
/** Characters of a region's message and code in our log. */
const mostLogged = 300;
/**
 * Characters of a text in an error of a region, and parts of its path: far more than a gateway's
 * own have.
 */
const [mostCharacters, mostPath] = [2000, 32];
/**
 * Bytes that an object or a list of an answer counts at least, `{}` as well: what it takes in
 * memory, as a part of `memoryFactor`.
 */
const containerWeight = 24;
/** Codes of a region that has not said what became of a change. */
const silent: ReadonlySet<string> = new Set(["unreachable", "not_a_gateway", "timeout"]);
/**
 * Queries at a time to one region, for all tokens, as many changes (these may take long), and as
 * many questions about tokens (strangers cause these).
 */
const connections = 64;
/**
 * The cheapest query: the region checks the token, and asks nobody. Its answer is shorter than
 * this, bytes.
 */
const acceptance = { text: "{__typename}", variables: {}, mostBytes: 65_536 };

/**
 * Asks regional gateways over connections that stay open. Passes on the client's token,
 * `traceparent` and the id of the request, nothing else. Follows no redirect: a token must not
 * reach another host.
 */
export function createAsk({ logger, timeoutMs = 8000, trace }: AskOptions): Ask {
  // undici takes 140 ms to load: the first question pays for it, not the start of the process.
  const agents: { queries?: Promise<Agent>; changes?: Promise<Agent>; tokens?: Promise<Agent> } = {};
  const stopping = new AbortController();
  const connect = async () => {
    const { Agent } = await import("undici");
    // The deadline is that of the whole answer. A restart of a role may take an hour.
    return new Agent({ connections, headersTimeout: 0, bodyTimeout: 0, connect: { timeout: timeoutMs } });
  };

  const begin = ({ region }: Pick<Question, "region">) => trace?.(toFacts(region)) ?? untraced;

  const request = async (
    { region, text, variables }: Omit<Question, "document">,
    asker: Omit<Asker, "budget">,
    span: CallSpan,
    signal: AbortSignal,
    pool: keyof typeof agents,
    count: (bytes: number) => void,
    turn: () => Promise<void> | null,
  ) => {
    const url = toEndpoint(region);
    const agent = (agents[pool] ??= connect());
    const { statusCode, headers, body } = await (
      await agent
    ).request({
      origin: url.origin,
      path: url.pathname,
      method: "POST",
      headers: { ...toHeaders(asker, span), accept: "application/graphql-response+json, application/json" },
      body: JSON.stringify({ query: text, variables }),
      signal,
    });
    span.answered(statusCode);
    const bytes = await readBody(counted(body, count), Number.POSITIVE_INFINITY, () => new Error());
    let weight = 0;
    const onContainers = (more: number) => {
      const before = Math.max(weight, bytes.byteLength);
      weight += more * containerWeight;
      if (weight > before) count(weight - before);
    };
    const parsed = await takeSteps(parseJsonSteps(bytes.toString(), { onContainers }), { turn });
    const retryAfter = headers["retry-after"];
    const known = new Headers(typeof retryAfter === "string" ? { "retry-after": retryAfter } : {});
    return toSaid(parsed, { status: statusCode, headers: known }, region.name);
  };

  const report = (
    { name }: Region,
    { authorization, requestId }: Omit<Asker, "budget">,
    { code, status }: Failure,
    error: unknown,
  ) => {
    const clean = (text: string) =>
      redactStart(sanitiseLine(text).replaceAll(authorization.replace(/^\S+\s+/, ""), "[redacted]"), mostLogged);
    // What a region says may be anything.
    const reason = error instanceof ClientError ? { reason: clean(error.message) } : { err: error };
    const fields = { request_id: requestId, region: name, code: clean(code), ...reason };
    // Anyone can be refused.
    logger[status < 500 ? "debug" : "warn"](fields, "region failed");
  };

  /** Answers perhaps twice: a failure may come after a complete answer. */
  const askOne = async (
    question: Question,
    asker: Asker,
    isChange: boolean,
    share: Share,
    answer: (one: Answer) => void,
  ) => {
    const { region } = question;
    const startedAt = performance.now();
    const span = begin(question);
    const deadline = isChange ? stopping.signal : AbortSignal.timeout(timeoutMs);
    const own = asker.budget.signal;
    const excess = new AbortController();
    const end = (said: Pick<Answer, "data" | "errors" | "failure">) => {
      span.end(toErrorType(said.failure), false);
      answer({ region, latencyMs: Math.round(performance.now() - startedAt), ...said });
    };
    const fail = (error: unknown) => {
      const isLate = deadline.aborted && !excess.signal.aborted;
      const late = isChange ? "before the fleet stopped" : `within ${timeoutMs / 1000} s`;
      const failure = isLate ? toTimeout(region, late) : toFailure(region, error);
      report(region, asker, failure, error);
      const isUnknown = isChange && (error instanceof OpsError || silent.has(failure.code));
      const message = isUnknown ? toUnknown(failure.message) : failure.message;
      end({ data: null, errors: [], failure: { ...failure, message } });
    };
    const part = share.begin((reason) => {
      excess.abort();
      fail(reason);
    });
    try {
      const signal = AbortSignal.any([own, excess.signal, deadline]);
      const pool = isChange ? "changes" : "queries";
      const count = (bytes: number) => share.add(part, bytes);
      const said = await request(question, asker, span, signal, pool, count, () => asker.budget.turn());
      if (!excess.signal.aborted) end({ ...said, failure: null });
    } catch (error) {
      share.drop(part);
      if (own.aborted) {
        span.end(null, true);
        throw own.reason as Error;
      }
      if (!excess.signal.aborted) fail(error);
    }
  };

  return {
    async ask(questions, asker, isChange) {
      const share = createByteShare(asker.budget);
      const answers: Answer[] = [];
      await Promise.all(
        questions.map((one, index) => askOne(one, asker, isChange, share, (answer) => (answers[index] = answer))),
      );
      share.end();
      return answers;
    },
    async *subscribe(question, asker, signal) {
      const { region, text, variables } = question;
      const message = { region, latencyMs: 0, errors: [] };
      const span = begin(question);
      let failure: Failure | null = null;
      const headers = toHeaders(asker, span);
      const endpoint = toEndpoint(region).href;
      const parse = (one: string) => parseMessage(one, endpoint, asker.budget);
      const stream = { endpoint, headers, query: text, variables, openMs: timeoutMs, signal, parse };
      const opened = readStream<Readonly<Record<string, unknown>>>({ ...stream, fetch: fetchWithoutRedirect });
      try {
        for await (const data of opened) yield { ...message, data, failure: null };
      } catch (error) {
        if (signal.aborted) return;
        failure = toFailure(region, error);
        report(region, asker, failure, error);
        yield { ...message, data: null, failure };
      } finally {
        span.end(toErrorType(failure), signal.aborted);
      }
    },
    async accepts(region, authorization, ms = timeoutMs) {
      const asker = { authorization, requestId: randomUUID(), traceparent: undefined };
      const deadline = AbortSignal.timeout(ms);
      let bytes = 0;
      const count = (more: number) => {
        bytes += more;
        if (bytes > acceptance.mostBytes) throw new Error("A long answer to a short question");
      };
      try {
        await request({ region, ...acceptance }, asker, untraced, deadline, "tokens", count, () => null);
        return null;
      } catch (error) {
        const failure = deadline.aborted ? toTimeout(region, `within ${ms / 1000} s`) : toFailure(region, error);
        report(region, asker, failure, error);
        return failure;
      }
    },
    drain: () => void setTimeout(() => stopping.abort(), timeoutMs).unref(),
    close: async () => {
      await Promise.all(Object.values(agents).map(async (agent) => (await agent).destroy()));
    },
  };
}

/** Objects and lists of one message: what they weigh counts as its bytes do in an answer. */
const mostContainers = Math.floor(5_100_000 / containerWeight);

/** Throws what `readStream` does for a message that is no JSON. */
async function parseMessage(text: string, endpoint: string, budget: Pick<Budget, "turn">): Promise<unknown> {
  let containers = 0;
  const onContainers = (more: number) => {
    containers += more;
    if (containers > mostContainers)
      throw new ClientError("not_a_gateway", `${endpoint} sends a message with more than ${mostContainers} objects`);
  };
  // Thousands of messages may come at once.
  const wait = budget.turn();
  if (wait) await wait;
  const message = await takeSteps(parseJsonSteps(text, { atOnce: shortText, onContainers }), budget);
  if (!isObject(message)) throw new SyntaxError("The message is not JSON");
  return message;
}

const fetchWithoutRedirect: typeof fetch = (input, init) => fetch(input, { ...init, redirect: "manual" });

function toEndpoint({ url }: Region): URL {
  const endpoint = new URL(url);
  endpoint.pathname = `${endpoint.pathname.replace(/\/+$/, "")}/graphql`;
  return endpoint;
}

function toFacts(region: Region): CallFacts {
  const { attributes, ...facts } = toApiFacts("POST", toEndpoint(region));
  return { ...facts, attributes: { ...attributes, "service.peer.name": region.name } };
}

/**
 * A failure as of `CallSpan.end`: a region may say any code, and what the client got wrong is no
 * failure.
 */
function toErrorType(failure: Failure | null): string | null {
  if (!failure || failure.status < 500) return null;
  const { code } = failure;
  return Object.hasOwn(statusByCode, code) || silent.has(code) ? code : "_OTHER";
}

function toHeaders(
  { authorization, requestId, ...asker }: Omit<Asker, "budget">,
  span: CallSpan,
): Record<string, string> {
  const traceparent = span.headers.traceparent ?? asker.traceparent;
  return {
    authorization,
    "content-type": "application/json",
    "user-agent": agentName,
    "x-request-id": requestId,
    ...(traceparent !== undefined && { traceparent }),
  };
}

async function* counted(body: AsyncIterable<Uint8Array>, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    count(chunk.byteLength);
    yield chunk;
  }
}

/** Throws the client's OpsError for anything but an answer with data. */
function toSaid(parsed: unknown, answer: { readonly status: number; readonly headers: Headers }, name: string) {
  const { data, errors, ...others } = isObject(parsed) ? parsed : {};
  const said = Array.isArray(errors) ? errors.slice(0, mostErrors) : [];
  if (isObject(data)) return { data, errors: said.map(toResultError) };
  throw toParsedError({ ...others, errors: said.filter(isObject).slice(0, 1).map(toResultError) }, answer, name);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is read of it, and as much of each text and of the path as a gateway has. */
function toResultError(value: unknown): ResultError {
  const { message, path, extensions } = isObject(value) ? value : {};
  const { code, status, retryAfter, upstream } = isObject(extensions) ? extensions : {};
  return {
    message: typeof message === "string" ? cut(message) : "An error without a message",
    path: Array.isArray(path)
      ? path
          .slice(0, mostPath)
          .flatMap((part) => (typeof part === "number" ? part : typeof part === "string" ? cut(part) : []))
      : undefined,
    extensions: {
      code: typeof code === "string" ? cut(code) : undefined,
      status,
      retryAfter,
      upstream: typeof upstream === "string" ? cut(upstream) : undefined,
    },
  };
}

function cut(text: string): string {
  return text.length > mostCharacters ? `${text.slice(0, mostCharacters).toWellFormed()}…` : text;
}

function toTimeout({ name }: Region, time: string): Failure {
  return { code: "timeout", message: `${name} did not answer ${time}`, status: 504 };
}

/** Longest time that a region may ask clients to wait, seconds. */
export const mostDelay = 3600;

/** Whether it is a number from `least` to `most`. */
export function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && value >= least && value <= most;
}

/** The message for a change that has no answer of a gateway. */
export function toUnknown(message: string): string {
  return `${message}: look whether the change was made before you try again`;
}

/** Says nothing about addresses, which are only for our log. */
function toFailure(region: Region, error: unknown): Failure {
  const { name } = region;
  if (error instanceof OpsError) return { code: error.code, message: error.message, status: error.status };
  if (!(error instanceof ClientError) || (error.code === "unreachable" && error.status === null)) {
    return { code: "unreachable", message: `${name} cannot be reached`, status: 503 };
  }
  const { status, retryAfterSeconds } = error;
  const [code, message] = [cut(error.code), cut(error.message)];
  return {
    code,
    message: isWithin(status, 300, 399) ? `${name} sends elsewhere` : message.replaceAll(toEndpoint(region).href, name),
    // A redirect, or 200 for something else, is no success.
    status: isWithin(status, 400, 599) ? status : code === "timeout" ? 504 : 502,
    retryAfter: isWithin(retryAfterSeconds, 0, mostDelay) ? retryAfterSeconds : undefined,
  };
}
