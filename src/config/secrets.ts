import { decodePercent, parseJson, toBasicCredentials } from "../lib/http-client.ts";
import { listPlaces } from "../queues/places.ts";
import type { Config } from "./config.ts";

/**
 * Every secret of the configuration, to be redacted wherever text is shown: the plain token, and
 * the passwords of URLs, both encoded and decoded; in the queues file also every value under a key
 * such as `password`. A password that repeats the user name or the scheme
 * (postgres://postgres:postgres@) is left out: it hides nothing, and would be removed from ordinary
 * lines.
 */
export function toSecrets({
  auth,
  databaseUrl,
  controlDatabaseUrl,
  stateUrl,
  auditAnchor,
  brokers,
  prometheusUrl,
  logHistoryUrl,
  queuesFile,
  tracing,
}: Config): string[] {
  // Invalid JSON has none: the code that validates it reports the mistake.
  const queues = queuesFile ? toEntries(parseJson(queuesFile.text)) : [];
  const urls = [
    ...[databaseUrl, controlDatabaseUrl, brokers.rabbitmq, brokers.redis].flatMap((places) =>
      listPlaces(places).map(({ url }) => url),
    ),
    stateUrl,
    auditAnchor,
    prometheusUrl,
    logHistoryUrl,
    tracing?.url ?? null,
    ...queues.map(({ text }) => text),
  ];
  const named = queues.filter(({ key }) => /pass|secret|token/i.test(key)).map(({ text }) => text);
  const headers = Object.values(tracing?.headers ?? {});
  const secrets = [auth.token, ...named, ...headers, ...urls.flatMap((url) => (url === null ? [] : fromUrl(url)))];
  return [...new Set(secrets.filter((secret) => secret !== null))];
}

/** Empty for a text that is not a URL. */
function fromUrl(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { username, password, protocol, searchParams } = new URL(text);
  const written = [password, ...(/^[^?#]*:\/\/[^/?#:@]*:([^/?#]*)@/.exec(text)?.slice(1) ?? [])];
  const harmless = new Set([username, protocol.slice(0, -1), protocol.slice(0, -1).replace("postgresql", "postgres")]);
  const meant = [...written.map(decodePercent), searchParams.get("password") ?? ""];
  const basic = password === "" ? "" : toBasicCredentials({ username, password });
  return [...written, ...meant]
    .filter((secret) => secret !== "" && !harmless.has(secret))
    .concat(basic === "" ? [] : [basic]);
}

/** All strings of a JSON value, each with its key. */
function toEntries(value: unknown, key = ""): { readonly key: string; readonly text: string }[] {
  if (typeof value === "string") return [{ key, text: value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => toEntries(inner, Array.isArray(value) ? key : name));
}
