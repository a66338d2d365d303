import type { LogLevel } from "../../../../generated/console.ts";
import type { ContainerRow } from "../../data/containers.ts";
import { toShortRelease } from "../../../../lib/short-release.ts";
import type { LogSource } from "./row.ts";

/** Whose log: a role, or containers by their names. */
export interface LogTarget {
  readonly role: string | null;
  readonly names: string[] | null;
  readonly engine: string | null;
  readonly service: string | null;
  readonly destination: string | null;
  readonly env: "STAGING" | "PRODUCTION" | null;
  readonly includeAccessories: boolean;
}

/** Which lines the gateway sends. */
export interface LogFilter {
  readonly level: LogLevel | null;
  /** Without lines that state no level. */
  readonly levelStrict: boolean;
  readonly search: string;
  readonly isRegex: boolean;
  readonly matchCase: boolean;
}

/** From the least to the most severe. */
export const levels = ["trace", "debug", "info", "warn", "error"] as const;

/**
 * The target of the address; null when none is chosen. A role of the product is looked for there
 * alone, another one among all containers.
 */
export function toTarget(params: URLSearchParams, rows: readonly ContainerRow[] | null): LogTarget | null {
  const names = params.getAll("name").filter(Boolean);
  const role = params.get("role");
  if (names.length === 0 && !role) return null;
  const env = params.get("env");
  const isCore = rows?.some((row) => row.role === role && row.kind === "CORE") ?? true;
  return {
    role: names.length > 0 ? null : role,
    names: names.length > 0 ? names : null,
    engine: params.get("engine"),
    service: names.length > 0 ? null : params.get("service"),
    destination: names.length > 0 ? null : params.get("destination"),
    env: names.length === 0 && (env === "STAGING" || env === "PRODUCTION") ? env : null,
    includeAccessories: names.length > 0 || !isCore,
  };
}

export function toFilter(params: URLSearchParams): LogFilter {
  const level = levels.find((word) => word === params.get("level")?.toLowerCase());
  return {
    level: level ? (level.toUpperCase() as LogLevel) : params.get("level")?.toLowerCase() === "fatal" ? "FATAL" : null,
    levelStrict: level !== undefined && params.get("strict") === "1",
    search: params.get("search") ?? "",
    isRegex: params.get("regex") === "1",
    matchCase: params.get("case") === "1",
  };
}

/** The filter as the documents take it. */
export function toFilterVariables({ level, levelStrict, search, isRegex, matchCase }: LogFilter) {
  return {
    level,
    levelStrict,
    search: search && !isRegex ? search : null,
    searchRegex: search && isRegex ? search : null,
    ignoreCase: !matchCase,
  };
}

/** One container alone: its lines need not say who wrote them. */
export function isSingle({ names }: LogTarget): boolean {
  return names?.length === 1;
}

interface Writer {
  readonly name: string;
  readonly engine: string;
  readonly version?: string;
  readonly destination?: string | null;
}

/** The sources of a log, one object each, with a short name each. */
export class LogSources {
  readonly #byKey = new Map<string, LogSource>();
  readonly #hasEngines: boolean;
  /** Of containers by name: their roles. Null for the log of one role. */
  readonly #roles: ReadonlyMap<string, string | null> | null;

  constructor(target: LogTarget, rows: readonly ContainerRow[]) {
    this.#hasEngines = new Set(rows.map(({ engine }) => engine)).size > 1;
    this.#roles =
      target.role === null ? new Map(rows.map(({ engine, name, role }) => [`${engine}/${name}`, role])) : null;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The source with this name, on this engine where one is given. */
  named(name: string, engine: string | null): LogSource {
    const known = [...this.#byKey.values()].find(
      (source) => source.name === name && (!engine || source.engine === engine),
    );
    return known ?? this.of({ name, engine: engine ?? "" });
  }

  /**
   * Replicas of a role have the names of their releases, other containers those of their roles;
   * with their engine where there are several. Where that is taken, the end of the name.
   */
  of(writer: Writer): LogSource {
    const { name, engine } = writer;
    const key = `${engine}/${name}`;
    let source = this.#byKey.get(key);
    if (!source) {
      const word = (this.#roles ? this.#roles.get(key) : toReleaseWord(writer)) || name;
      const short = this.#hasEngines ? `${word} ${engine}` : word;
      const isTaken = [...this.#byKey.values()].some((other) => other.short === short);
      source = { name, engine, short: isTaken ? `…${name.slice(-16)}` : short };
      this.#byKey.set(key, source);
    }
    return source;
  }
}

/**
 * A release without what all of a role have, and what the name has after it:
 * "web-deploy-20261127-0744-2" of the release "deploy-20261127-0744" is "20261127-0744-2".
 */
function toReleaseWord({ name, version = "", destination = null }: Writer): string {
  const tag = toShortRelease(version).replace(/^deploy-/, "");
  const release = destination && tag.endsWith(`-${destination}`) ? tag.slice(0, -destination.length - 1) : tag;
  const end = version ? name.lastIndexOf(version) + version.length : 0;
  return release && end > version.length ? release + name.slice(end) : release;
}
