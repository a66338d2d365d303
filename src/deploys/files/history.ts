import { basename } from "node:path";
import { createSharedBudget, inTurns } from "../../lib/budget/budget.ts";
import { toProblem } from "../../lib/errors.ts";
import { createChangeLog, type Logger } from "../../lib/logger.ts";
import { sanitiseName } from "../../lib/redact/sanitize.ts";
import { parseIsoTime, toUnixSeconds } from "../../lib/time.ts";
import { type DeployLog, type DeployOrigin, type DeployRecord } from "../deploy.ts";
import { toInfoRecord } from "../merge.ts";
import { maxLength, parseDeployInfo, type ToEnv } from "./parse.ts";
import { causeOf, createTail, shareRead, toDeployError } from "./read.ts";

interface LogOptions {
  readonly path: string;
  readonly toEnv: ToEnv;
  readonly logger: Logger;
}

type ReadLog = (signal: AbortSignal) => Promise<DeployLog>;

/** Deploys, and boots and tags of Kamal's audit log, that memory retains of one file. */
const maxRecords = 1000;
/** Neither our lines nor Kamal's are this long. */
const longestLine = 16 << 10;

/** Lines that our hook appends: each is the deploy_info.json of one deploy. */
export function createHistoryLog(options: LogOptions): ReadLog {
  const parse = (line: string) => parseHistoryLine(line, options.toEnv);
  return createLog<DeployRecord>("history", "deploy_history.jsonl", options, parse, (records) => records);
}

/**
 * Lines of Kamal's audit log that record which version booted, and whether it booted on all hosts.
 */
export function createKamalLog(options: LogOptions): ReadLog {
  const toRecords = (lines: readonly KamalLine[]) => toDeploys(lines, basename(options.path), options.toEnv);
  return createLog<KamalLine>("kamal_audit", "Kamal's audit log", options, parseKamalLine, toRecords);
}

/**
 * Reads what was appended since the last call. An invalid line is counted and logged, no more: the
 * others are good. A missing file counts as empty. A file that is unreadable now keeps the records
 * already read.
 */
function createLog<T>(
  origin: DeployOrigin,
  name: string,
  { path, logger }: LogOptions,
  /** Null for an invalid line, "other" for one that records no deploy. */
  parse: (line: string) => T | "other" | null,
  toRecords: (parsed: readonly T[]) => readonly DeployRecord[],
): ReadLog {
  const tail = createTail(path);
  const empty = { origin, records: [], skipped: 0, complete: true, error: null };
  let records: T[] = [];
  let [skipped, complete] = [0, true];
  let last: DeployLog = empty;
  const change = createChangeLog();

  const budget = createSharedBudget(new AbortController().signal);
  const add = async (lines: readonly string[]) => {
    const parsed = await inTurns(lines, budget, (line) => (line.length > longestLine ? null : parse(line)));
    const broken = parsed.filter((one) => one === null).length;
    if (broken > 0) {
      skipped += broken;
      logger.warn({ upstream: "deploy_info", path, lines: broken }, `${name} has invalid lines: they are skipped`);
    }
    for (const one of parsed) if (one !== null && one !== "other") records.push(one);
    if (records.length > maxRecords) [records, complete] = [records.slice(-maxRecords), false];
  };
  const load = shareRead(async (): Promise<DeployLog> => {
    const { anew, whole, lines, pending } = await tail();
    if (anew) [records, skipped, complete] = [[], 0, true];
    if (!whole) complete = false;
    await add(lines);
    // Complete but for its newline. Otherwise it is being written, and reported once complete. Only
    // JSON shows where it ends.
    const unended = pending.trimEnd().endsWith("}") ? parse(pending) : null;
    const isComplete = unended !== null && unended !== "other";
    last = { origin, records: toRecords(isComplete ? [...records, unended] : records), skipped, complete, error: null };
    return last;
  });
  return async (signal) => {
    try {
      const log = await load(signal);
      change("", () => {});
      return log;
    } catch (error) {
      const failure = toDeployError(error, name);
      if (failure.code === "deploy_info_missing") return (last = empty);
      const fields = { upstream: "deploy_info", path, code: failure.code, cause: causeOf(failure) };
      if (!signal.aborted) change(failure.message, () => logger.warn(fields, failure.message));
      return { ...last, error: toProblem(failure) };
    }
  };
}

/** One line of deploy_history.jsonl: the fields of deploy_info.json. Null when invalid. */
export function parseHistoryLine(line: string, toEnv: ToEnv): DeployRecord | "other" | null {
  if (line.trim() === "") return "other";
  const parsed = parseDeployInfo(Buffer.from(line), toEnv);
  return "info" in parsed ? { ...toInfoRecord(parsed.info), origin: "history" } : null;
}

/** What Kamal began on this host, or completed on all. */
export interface KamalLine {
  /**
   * "boot": boots a container of a version on this host. "tag": all hosts booted the version, so
   * its image is now the latest.
   */
  readonly did: "boot" | "tag";
  readonly at: string;
  readonly by: string;
  readonly version: string;
  readonly destination: string | null;
}

/** Largest gap between boots of one deploy, seconds: roles boot one after another. */
const clusterSeconds = 600;

/**
 * A line of Kamal's audit log: `[recorded_at] [performer] [destination]? [role]? message`. A boot
 * always names its role, so its destination is the first of two tags; a "tag" line names no role.
 * Source: kamal lib/kamal/commands/auditor.rb, cli/app/boot.rb ("Booted app version <version>",
 * before it starts the container) and cli/app.rb ("Tagging <image>:<version> as the latest image",
 * once all hosts have booted).
 */
export function parseKamalLine(line: string): KamalLine | "other" | null {
  const text = sanitiseName(line);
  if (text === "") return "other";
  const form = /^\[([^\]]{1,64})\] \[([^\]]{0,256})\]((?: \[[^\]]{0,256}\]){0,8}) (.*)$/.exec(text);
  const at = parseIsoTime(form?.[1] ?? "");
  if (!form || at === null) return null;
  const [, , by = "", tags = "", message = ""] = form;
  const booted = /^Booted app version (\S+)$/.exec(message)?.[1];
  const version = booted ?? /^Tagg(?:ing|ed) \S+:([^\s:/]+) as the latest image$/.exec(message)?.[1];
  if (version === undefined || version.length > maxLength) return "other";
  const [first = "", ...roles] = [...tags.matchAll(/\[([^\]]*)\]/g)].map((tag) => tag[1] ?? "");
  const hasDestination = first !== "" && (booted === undefined || roles.length > 0);
  return { did: booted === undefined ? "tag" : "boot", at, by, version, destination: hasDestination ? first : null };
}

/** What was tagged: each line's place and time, by `toVersionKey`, and the destinations of all. */
interface Tags {
  readonly destinations: Set<string | null>;
  readonly byVersion: Map<string, { readonly place: number; readonly at: number }[]>;
}

/** The boots of one deploy. */
interface BootGroup {
  /** Position of the first boot in the file. */
  readonly first: number;
  /** Last boot; `by` is of the first. */
  boot: KamalLine;
  /** Its time, unix seconds. */
  at: number;
}

/**
 * The deploys in these lines: boots of one version and destination close together are one.
 *
 * @param fileName Kamal's is `<service>[-<destination>]-audit.log`; any other name yields no
 *   service
 */
export function toDeploys(lines: readonly KamalLine[], fileName: string, toEnv: ToEnv): DeployRecord[] {
  const groups: BootGroup[] = [];
  const lastOf = new Map<string, BootGroup>();
  const tags: Tags = { destinations: new Set(), byVersion: new Map() };
  for (const [place, line] of lines.entries()) {
    const [key, at] = [toVersionKey(line), toUnixSeconds(line.at)];
    if (line.did === "tag") {
      const own = tags.byVersion.get(key) ?? [];
      own.push({ place, at });
      tags.byVersion.set(key, own);
      tags.destinations.add(line.destination);
      continue;
    }
    const before = lastOf.get(key);
    if (before && isNear(at, before.at)) {
      before.boot = { ...line, by: before.boot.by };
      before.at = at;
      continue;
    }
    const group = { first: place, boot: line, at };
    groups.push(group);
    lastOf.set(key, group);
  }
  /** Where the next boots of the same destination begin. */
  const nextOf = new Map<BootGroup, number>();
  const firstOf = new Map<string | null, number>();
  for (const group of groups.toReversed()) {
    const next = firstOf.get(group.boot.destination);
    if (next !== undefined) nextOf.set(group, next);
    firstOf.set(group.boot.destination, group.first);
  }
  const toRecord = (group: BootGroup): DeployRecord => {
    const { at, by, version, destination } = group.boot;
    const said = { service: toService(fileName, destination), destination };
    return {
      origin: "kamal_audit",
      tag: version,
      version,
      previousTag: null,
      commitSha: /^[0-9a-f]{40}$/.exec(version.split("_")[0] ?? "")?.[0] ?? "",
      deployedBy: by === "" ? null : by,
      deployedAt: at,
      durationSeconds: null,
      booted: hasBooted(group, nextOf.get(group), tags),
      ...said,
      env: toEnv(said),
      ambiguous: false,
      command: null,
    };
  };
  return groups.map(toRecord);
}

/**
 * Whether a deploy booted on all hosts: its version was tagged after it, before the next boot. A
 * tag close in time counts too, because Kamal 1 tagged before it booted. Null for the last deploy,
 * which may be in progress, and where nothing of its destination was ever tagged.
 */
function hasBooted({ first, boot, at }: BootGroup, next: number | undefined, tags: Tags): boolean | null {
  const own = tags.byVersion.get(toVersionKey(boot)) ?? [];
  if (own.some((tag) => (tag.place > first && tag.place < (next ?? Infinity)) || isNear(tag.at, at))) return true;
  return !tags.destinations.has(boot.destination) || next === undefined ? null : false;
}

function toVersionKey({ version, destination }: KamalLine): string {
  return JSON.stringify([version, destination]);
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= clusterSeconds;
}

function toService(fileName: string, destination: string | null): string | null {
  const end = destination === null ? "-audit.log" : `-${destination}-audit.log`;
  return fileName.endsWith(end) ? fileName.slice(0, -end.length) || null : null;
}
