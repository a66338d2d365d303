import type { Config } from "./config.ts";

/**
 * Every secret value that the configuration holds, to be kept out of all that is shown: the plain token, and the passwords of URLs, as they are
 * written and as they are meant; in the queues file also whatever stands under a key such as `password`. A password that only repeats the user name or the scheme (postgres://postgres:postgres@)
 * hides nothing, and would be taken out of every ordinary line: it is left out.
 */
export function toSecrets({ auth, databaseUrl, controlDatabaseUrl, brokers, prometheusUrl, queuesFile }: Config): string[] {
  const queues = queuesFile ? toEntries(parseJson(queuesFile.text)) : [];
  const urls = [
    databaseUrl,
    controlDatabaseUrl,
    brokers.rabbitmq,
    brokers.redis,
    prometheusUrl,
    ...queues.map(({ text }) => text),
  ];
  const named = queues.filter(({ key }) => /pass|secret|token/i.test(key)).map(({ text }) => text);
  const secrets = [auth.token, ...named, ...urls.flatMap((url) => (url === null ? [] : fromUrl(url)))];
  return [...new Set(secrets.filter((secret) => secret !== null))];
}

/** None for a text that is no URL. */
function fromUrl(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { username, password, protocol, searchParams } = new URL(text);
  const written = [password, ...(/^[^?#]*:\/\/[^/?#:@]*:([^/?#]*)@/.exec(text)?.slice(1) ?? [])];
  const harmless = new Set([username, protocol.slice(0, -1), protocol.slice(0, -1).replace("postgresql", "postgres")]);
  const meant = [...written.map(decode), searchParams.get("password") ?? ""];
  const basic = password === "" ? "" : Buffer.from(`${decode(username)}:${decode(password)}`).toString("base64");
  return [...written, ...meant].filter((secret) => secret !== "" && !harmless.has(secret)).concat(basic === "" ? [] : [basic]);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Null for what is none: its mistakes are told by those who validate it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** All texts of a JSON value, each with the key that it stands under. */
function toEntries(value: unknown, key = ""): { readonly key: string; readonly text: string }[] {
  if (typeof value === "string") return [{ key, text: value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => toEntries(inner, Array.isArray(value) ? key : name));
}
