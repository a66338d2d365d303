import { ConfigError, createReader } from "./reader.ts";
import { readServer, type ServerConfig } from "./server.ts";
import { prefix } from "./variables.ts";

export interface FleetConfig extends ServerConfig {
  /** The gateways that the fleet asks, in the order of its answers. */
  readonly regions: readonly { readonly name: string; readonly url: string }[];
}

/** A query is asked as often as it has regions: more than these would wait for each other. */
const mostRegions = 50;

/**
 * Parses the environment of `fleet`. Throws one ConfigError with every mistake, as `parseConfig`
 * does. Variables that only `serve` uses do no harm.
 */
export function parseFleetConfig(
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
): FleetConfig {
  const reader = createReader(env, readFile);
  const regions = reader.list("REGIONS", parseRegions) ?? [];
  const config = { ...readServer(reader, "wallet-core-ops-fleet"), regions };
  const { issues } = reader;
  if (issues.length === 0 && regions.length === 0) {
    issues.push(
      `no region is configured: set ${prefix}REGIONS, such as eu=https://ops.eu.example,us=https://ops.us.example`,
    );
  }
  if (issues.length > 0) throw new ConfigError(issues);
  return config;
}

/**
 * `eu=https://ops.eu.example,us=https://ops.us.example`: a comma list of names with the addresses
 * of their gateways.
 */
function parseRegions(value: string, fail: (problem: string) => void): FleetConfig["regions"] {
  const regions: { name: string; url: string }[] = [];
  for (const [index, entry] of value.split(",").entries()) {
    const [, name = "", text = ""] = /^([a-z0-9][a-z0-9-]{0,31})=(\S+)$/.exec(entry.trim()) ?? [];
    const url = URL.parse(text);
    // An address may hold a password by mistake, so it is not shown.
    const place = `entry ${index + 1}${name && ` (${name})`}`;
    if (!url)
      fail(`must be <name>=<address of a gateway>, separated by commas, with names of a-z 0-9 -, but ${place} is not`);
    else if (!/^https?:$/.test(url.protocol))
      fail(`needs an http:// or https:// address, but ${place} has another one`);
    else if (url.username || url.password || url.search || url.hash) {
      fail(`takes addresses without user, password and parameters, but ${place} has some: clients send the token`);
    } else if (regions.some((region) => region.name === name)) fail(`names "${name}" twice`);
    else regions.push({ name, url: url.href });
  }
  if (regions.length > mostRegions) fail(`has ${regions.length} regions, at most ${mostRegions}`);
  return regions;
}
