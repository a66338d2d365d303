import { BlockList, isIP } from "node:net";
import type { LogLevel } from "../lib/logger.ts";
import type { TracingOptions } from "../lib/tracing/tracing.ts";
import type { Reader } from "./reader.ts";
import { readTracing } from "./tracing.ts";
import { prefix } from "./variables.ts";

/** What every process that listens is configured with. */
export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  /** Proxies whose client address we trust. */
  readonly trustedProxies: BlockList;
  readonly logLevel: LogLevel;
  /** How traces are sent; null for not at all. */
  readonly tracing: TracingOptions | null;
}

const logLevels: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/**
 * HOST, PORT, TRUSTED_PROXIES, LOG_LEVEL and the variables of OpenTelemetry. `serviceName`: where
 * these give none.
 */
export function readServer({ env, readFile, text, check, issues }: Reader, serviceName: string): ServerConfig {
  return {
    host: text("HOST") ?? "127.0.0.1",
    port: check(
      "PORT",
      4000,
      (value) => (/^\d{1,5}$/.test(value) && Number(value) < 65_536 ? Number(value) : null),
      "a port, 0 to 65535",
    ),
    trustedProxies: toProxies(text("TRUSTED_PROXIES") ?? "", issues),
    logLevel: check(
      "LOG_LEVEL",
      "info",
      (value) => logLevels.find((level) => level === value) ?? null,
      `one of ${logLevels.join(", ")}`,
    ),
    tracing: readTracing(env, readFile, serviceName, issues),
  };
}

function toProxies(list: string, issues: string[]): BlockList {
  const proxies = parseProxies(list);
  if (typeof proxies !== "string") return proxies;
  issues.push(`${prefix}TRUSTED_PROXIES: ${proxies}`);
  return new BlockList();
}

/**
 * A comma list of IPv4 and IPv6 addresses and CIDR blocks: `10.0.0.0/8, 2001:db8::1`. An
 * IPv4-mapped IPv6 address means the IPv4 address. Returns a text about the first bad entry.
 */
function parseProxies(list: string): BlockList | string {
  const proxies = new BlockList();
  for (const entry of list
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean)) {
    const [, address = "", digits] = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(entry) ?? [];
    const family = isIP(address);
    const bits = family === 4 ? 32 : 128;
    const length = digits === undefined ? bits : Number(digits);
    if (family === 0 || length > bits) return `"${entry}" is not an IP address or a block such as 10.0.0.0/8`;
    proxies.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  }
  return proxies;
}
