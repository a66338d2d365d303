import { setTimeout as sleep } from "node:timers/promises";
import { startGateway } from "./gateway.ts";
import type { Question } from "./questions.ts";
import { type WorldOptions, createWorld } from "./world.ts";

/** A question with its whole answer: status, headers and body. */
export interface Answer {
  readonly question: Question;
  readonly text: string;
}

/** Headers that differ each time. */
const unstable: ReadonlySet<string> = new Set([
  "date",
  "x-request-id",
  "content-length",
  "retry-after",
  "connection",
  "keep-alive",
]);
/** Concurrent questions. */
const atOnce = 16;
/**
 * Time until a stream has begun, and until an event is in it, ms: the lines of a role wait half a
 * second.
 */
const [beginMs, happenMs] = [150, 800];

/**
 * Asks a gateway over its own world, through the real edge: first reads, then actions, then streams
 * while something happens, until shutdown.
 */
export async function askWorld(
  options: WorldOptions,
  { tokensFile, token }: { readonly tokensFile: string; readonly token: string | null },
  questions: readonly Question[],
) {
  const { sources, happen, calls, audited } = createWorld(options);
  const before = audited.length;
  await using gateway = await startGateway(sources, {
    tokensFile,
    limits: { streamsPerToken: 1000, streamBurst: 100_000, failedAuthBurst: 100_000 },
  });
  const send = async ({ method, path, headers, body }: Question) => {
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    return fetch(gateway.url + path, { method, headers: { ...headers, ...authorization }, body });
  };
  const read = async (question: Question, response: Response): Promise<Answer> => {
    const headers = [...response.headers].filter(([name]) => !unstable.has(name)).map((header) => header.join(": "));
    // The number of the marks at /mcp is new in each answer: it must be no canary either.
    const body = (await response.text()).replaceAll(/(?<=<\/?u:)[0-9a-f]{8}(?=>)/g, "NONCE");
    return { question, text: `${response.status}\n${headers.join("\n")}\n\n${body}` };
  };
  const ask = async (question: Question) => read(question, await send(question));
  const [reading, acting, following] = (["read", "act", "follow"] as const).map((manner) =>
    questions.filter((question) => question.manner === manner),
  ) as [Question[], Question[], Question[]];

  const answers: Answer[] = [];
  // A health check writes into the audit record, so that record is read first.
  const isOfRecord = ({ path, body }: Question) => /audit/i.test(path + String(body));
  for (const some of [reading.filter(isOfRecord), reading.filter((question) => !isOfRecord(question))]) {
    for (let index = 0; index < some.length; index += atOnce) {
      answers.push(...(await Promise.all(some.slice(index, index + atOnce).map(ask))));
    }
  }
  for (const question of acting) answers.push(await ask(question));
  const opened = await Promise.all(following.map(send));
  const streams = Promise.all(following.map((question, index) => read(question, opened[index] as Response)));
  const isOver = await Promise.race([streams.then(() => true), sleep(beginMs, false)]);
  if (!isOver) {
    happen();
    await sleep(happenMs);
    await gateway[Symbol.asyncDispose]();
  }
  answers.push(...(await streams));
  return { answers, calls, written: audited.slice(before) };
}

/** The messages of an answer: one, or those of a stream. */
export function toMessages({ question, text }: Answer): readonly { readonly data?: unknown }[] {
  const body = text.slice(text.indexOf("\n\n") + 2);
  if (question.manner !== "follow") return [JSON.parse(body)];
  return [...body.matchAll(/^data: (\{.*)$/gm)].map((match) => JSON.parse(match[1] as string));
}

/**
 * An answer without what may differ: request ids, sequence numbers of the audit record, durations,
 * process metrics, heartbeats, and how stored lines are parted.
 */
export function toComparable(text: string): string {
  return joinStoredLines(text)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "ID")
    .replaceAll(/"(seq|intent|durationMs)":\d+/g, '"$1":0')
    .split("\n")
    .filter((line) => !/^(?::|$|(?:# \w+ )?(?:process_|nodejs_|ops_event_loop_))/.test(line))
    .join("\n");
}

const storedEvent = /^event: next\ndata: \{"data":\{"storedLogs":.*\n\n?/gm;

/**
 * Stored lines come in parts as time passes: here as one message, of all lines and with what the
 * last one says.
 */
function joinStoredLines(text: string): string {
  const parts = text.match(storedEvent);
  if (!parts) return text;
  const messages = parts.map(
    (part) => JSON.parse(part.slice(part.indexOf("{"))).data.storedLogs as { lines?: unknown[] },
  );
  const lines = messages.flatMap((message) => message.lines ?? []);
  const joined = JSON.stringify({ ...messages.at(-1), lines });
  return `${text.replaceAll(storedEvent, "")}\n${joined}`;
}
