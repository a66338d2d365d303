import type { Command, RedisConnection } from "../../src/queues/systems/redis/connection.ts";

/** Ids with their scores. */
type Scores = Readonly<Record<string, number>>;
/** An entry of a stream: its id, and its fields. */
type Entry = readonly [id: string, fields: Readonly<Record<string, string>>];

/** Its content by keys. Values of hashes may be bytes. */
export interface RedisContents {
  readonly texts?: Readonly<Record<string, string | Buffer>>;
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  readonly sets?: Readonly<Record<string, readonly string[]>>;
  readonly sorted?: Readonly<Record<string, Scores>>;
  readonly hashes?: Readonly<Record<string, Readonly<Record<string, string | Buffer>>>>;
  readonly streams?: Readonly<Record<string, readonly Entry[]>>;
  /** The answer to CLIENT LIST. */
  readonly clients?: string | Error;
}

/** A Redis with the commands that read queues. `fill` replaces its content. */
export function createMemoryRedis(contents: RedisContents = {}) {
  let now = contents;
  const commands: Command[] = [];
  const connection: RedisConnection = {
    ask: async (questions, signal) => {
      signal.throwIfAborted();
      commands.push(...questions.flatMap((question) => question.commands));
      return questions.map((question) => question.parse(question.commands.map((command) => answer(now, command))));
    },
    close: async () => {},
  };
  return { connection, commands, fill: (next: RedisContents) => void (now = next) };
}

const toText = (value: string | Buffer | undefined) => (value === undefined ? null : value.toString());

function answer(contents: RedisContents, [name, ...args]: Command): unknown {
  const { texts = {}, lists = {}, sets = {}, sorted = {}, hashes = {}, streams = {}, clients = "" } = contents;
  const [key = "", ...rest] = args.map(String);
  const list = lists[key] ?? [];
  const scored = Object.entries(sorted[key] ?? {}).toSorted(([, a], [, b]) => a - b);
  const hash = hashes[key] ?? {};
  const stream = streams[key] ?? [];
  switch (name) {
    case "client":
      return clients;
    case "scan":
      return ["0", scan(contents, rest[1] ?? "")];
    case "exists":
      return [texts, lists, sets, sorted, hashes, streams].some((all) => Object.hasOwn(all, key)) ? 1 : 0;
    case "get":
      return toText(texts[key]);
    case "getBuffer":
      return Buffer.isBuffer(texts[key]) ? texts[key] : null;
    case "scard":
      return (sets[key] ?? []).length;
    case "smembers":
      return [...(sets[key] ?? [])];
    case "srandmember":
      return (sets[key] ?? []).slice(0, 1);
    case "llen":
      return list.length;
    case "lrange":
      return slice(list, rest);
    case "zcard":
      return scored.length;
    case "zcount":
      return scored.filter(([, score]) => isBetween(score, rest)).length;
    case "zscore":
      return scored.some(([id]) => id === rest[0]) ? String(sorted[key]?.[rest[0] ?? ""]) : null;
    case "zrange":
      return flatten(slice(scored, rest), rest);
    case "zrangebyscore":
      return limit(
        scored.filter(([, score]) => isBetween(score, rest)),
        rest,
      );
    case "zrevrangebyscore":
      return limit(scored.filter(([, score]) => isBetween(score, [rest[1] ?? "", rest[0] ?? ""])).toReversed(), rest);
    case "hget":
      return toText(hash[rest[0] ?? ""]);
    case "hgetBuffer":
      return Buffer.isBuffer(hash[rest[0] ?? ""]) ? hash[rest[0] ?? ""] : null;
    case "hmget":
      return rest.map((field) => toText(hash[field]));
    case "hvalsBuffer":
      return Object.values(hash);
    case "hexists":
      return Object.hasOwn(hash, rest[0] ?? "") ? 1 : 0;
    case "hstrlen":
      return hash[rest[0] ?? ""]?.length ?? 0;
    case "xlen":
      return stream.length;
    case "xrange":
      return toEntries(
        stream.filter(([id]) => isAfter(id, rest[0] ?? "") && isUntil(id, rest[1] ?? "")),
        rest,
      );
    case "xrevrange":
      return toEntries(stream.toReversed(), rest);
    default:
      throw new Error(`no such command: ${name}`);
  }
}

/** Keys by a pattern whose only wildcard is `*`. */
function scan(contents: RedisContents, pattern: string): string[] {
  const parts = pattern.split("*").map((part) => part.replaceAll("\\", ""));
  const keys = Object.values(contents).flatMap((all) => (typeof all === "object" ? Object.keys(all) : []));
  return keys.filter((key) => {
    let at = 0;
    for (const part of parts) {
      at = key.indexOf(part, at);
      if (at === -1) return false;
      at += part.length;
    }
    return key.startsWith(parts[0] ?? "") && key.endsWith(parts.at(-1) ?? "");
  });
}

function slice<T>(items: readonly T[], [from = "0", to = "-1"]: readonly string[]): readonly T[] {
  return items.slice(Number(from), to === "-1" ? undefined : Number(to) + 1);
}

function isBetween(score: number, [from = "", to = ""]: readonly string[]): boolean {
  const toNumber = (bound: string) => Number(bound.replace("inf", "Infinity"));
  return score >= toNumber(from) && score <= toNumber(to);
}

function flatten(scored: readonly (readonly [string, number])[], options: readonly string[]): string[] {
  return scored.flatMap(([id, score]) => (options.includes("WITHSCORES") ? [id, String(score)] : [id]));
}

function limit(scored: readonly (readonly [string, number])[], options: readonly string[]): string[] {
  const [offset = 0, count = Infinity] = options.includes("LIMIT")
    ? options.slice(options.indexOf("LIMIT") + 1).map(Number)
    : [];
  return flatten(scored.slice(offset, offset + count), options);
}

function toEntries(entries: readonly Entry[], options: readonly string[]): unknown[] {
  const most = options.includes("COUNT") ? Number(options[options.indexOf("COUNT") + 1]) : Infinity;
  return entries.slice(0, most).map(([id, fields]) => [id, Object.entries(fields).flat()]);
}

const toParts = (id: string, last: number) => {
  const [time = 0, number = last] = id.split("-").map(Number);
  return [time, number] as const;
};

/** `(1-2` is after that entry, `1` from the first one of that millisecond on, `-` all. */
function isAfter(id: string, bound: string): boolean {
  if (bound === "-") return true;
  const [[time, number], [from, first]] = [toParts(id, 0), toParts(bound.replace("(", ""), 0)];
  return time > from || (time === from && (bound.startsWith("(") ? number > first : number >= first));
}

function isUntil(id: string, bound: string): boolean {
  if (bound === "+") return true;
  const [[time, number], [to, last]] = [toParts(id, 0), toParts(bound, Infinity)];
  return time < to || (time === to && number <= last);
}
