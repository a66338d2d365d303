import { toQueueUpstream } from "./queue.ts";

/**
 * The value of a variable such as DATABASE_URL: one URL, several URLs by name, or null where it is
 * not set.
 */
export type PlaceUrls = string | ReadonlyMap<string, string> | null;

/** A database or a broker that sources are read from. */
export interface Place {
  /** Null where the variable has one URL without a name. */
  readonly name: string | null;
  readonly url: string;
}

/** The values of all variables that list places. */
export interface Places {
  readonly databaseUrl: PlaceUrls;
  readonly brokers: { readonly rabbitmq: PlaceUrls; readonly redis: PlaceUrls };
}

/** The part of a source's configuration that names its place. */
interface PlacedConfig {
  readonly kind: string;
  readonly database?: string | undefined;
  readonly broker?: string | undefined;
}

/** All places of a variable. */
export function listPlaces(urls: PlaceUrls): readonly Place[] {
  if (urls === null) return [];
  return urls instanceof Map ? [...urls].map(([name, url]) => ({ name, url })) : [{ name: null, url: urls as string }];
}

const brokerVariables = { rabbitmq: "WALLET_CORE_OPS_RABBITMQ_URL", redis: "WALLET_CORE_OPS_REDIS_URL" } as const;

/**
 * Where a source of this kind is read: its variable, the key that names its place in QUEUES_FILE,
 * and the URLs in the variable.
 */
export function describePlaces(kind: string, { databaseUrl, brokers }: Places) {
  const upstream = toQueueUpstream(kind);
  if (upstream === "rabbitmq" || upstream === "redis")
    return { variable: brokerVariables[upstream], key: "broker", urls: brokers[upstream] } as const;
  return { variable: "WALLET_CORE_OPS_DATABASE_URL", key: "database", urls: databaseUrl } as const;
}

/** The name of the place that a source gives; null without one. */
export function toPlaceName({ database, broker }: PlacedConfig): string | null {
  return database ?? broker ?? null;
}

/** Adds the name of the only place to a source that names none. */
export function nameOnlyPlace<Config extends PlacedConfig>(config: Config, places: Places): Config {
  const { key, urls } = describePlaces(config.kind, places);
  if (toPlaceName(config) !== null || !(urls instanceof Map) || urls.size > 1) return config;
  return { ...config, [key]: [...urls.keys()][0] };
}

/** The place that a source names; null when no place has that name. */
export function findPlace<Named extends Pick<Place, "name">>(
  config: PlacedConfig,
  places: readonly Named[],
): Named | null {
  return places.find(({ name }) => name === toPlaceName(config)) ?? null;
}

/** Mistakes in how an entry of QUEUES_FILE names its place, each with its key. */
export function checkPlace(
  entry: Readonly<Record<string, unknown>>,
  places: Places,
): readonly { readonly key: string; readonly problem: string }[] {
  const { kind } = entry;
  if (typeof kind !== "string") return [];
  const { variable, key, urls } = describePlaces(kind, places);
  const other = key === "broker" ? "database" : "broker";
  const wrong = entry[other] === undefined ? [] : [{ key: other, problem: `a source of this kind has "${key}"` }];
  const given = entry[key];
  const problem = checkName(given, variable, urls);
  // One mistake is enough: an entry with the wrong key is not also reported to lack the right one.
  const isSaid = problem === null || (given === undefined && wrong.length > 0);
  return isSaid ? wrong : [...wrong, { key, problem }];
}

function checkName(given: unknown, variable: string, urls: PlaceUrls): string | null {
  if (!(urls instanceof Map)) return given === undefined ? null : `${variable} has no names: leave it out`;
  const names = [...urls.keys()].join(", ");
  if (given === undefined) return urls.size === 1 ? null : `must be one of the names in ${variable}: ${names}`;
  if (typeof given !== "string") return null;
  return urls.has(given) ? null : `must be one of the names in ${variable}: ${names}`;
}
