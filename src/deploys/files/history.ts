import { basename } from "node:path";
import { toProblem } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { cleanText, maxLength, toUtcSeconds } from "../../lib/redact/line-text.ts";
import { type DeployLog, type DeployOrigin, type DeployRecord, toUnix } from "../deploy.ts";
import { toInfoRecord } from "../merge.ts";
import { parseDeployInfo, type ToEnv } from "./parse.ts";
import { causeOf, createTail, toDeployError, withDeadline } from "./read.ts";

interface LogOptions {
  readonly path: string;
  readonly toEnv: ToEnv;
  readonly logger: Logger;
}

type ReadLog = (signal: AbortSignal) => Promise<DeployLog>;

/** Deploys, and boots and tags of Kamal's audit log, that are kept in memory of one file. */
const maxRecords = 1000;
/** No line of ours, nor of Kamal's, is so long. */
const longestLine = 16 << 10;

/** The lines that our hook appends: each is what deploy_info.json was at a deploy. */
export function createHistoryLog(options: LogOptions): ReadLog {
  const parse = (line: string) => parseHistoryLine(line, options.toEnv);
  return createLog<DeployRecord>("history", "deploy_history.jsonl", options, parse, (records) => records);
}

/** The lines of Kamal's audit log that say which version was booted, and whether all of it was. */
export function createKamalLog(options: LogOptions): ReadLog {
  const toRecords = (lines: readonly KamalLine[]) => toDeploys(lines, basename(options.path), options.toEnv);
  return createLog<KamalLine>("kamal_audit", "Kamal's audit log", options, parseKamalLine, toRecords);
}

/**
 * Reads what was appended since the last call. A line that makes no sense is counted and told of in our log, never more than that: the others are good. A file
 * that does not exist is empty; one that cannot be read now keeps what was read of it.
 */
function createLog<T>(
  origin: DeployOrigin,
  name: string,
  { path, logger }: LogOptions,
  /** Null for a line that makes no sense, "other" for one that tells of no deploy. */
  parse: (line: string) => T | "other" | null,
  toRecords: (parsed: readonly T[]) => readonly DeployRecord[],
): ReadLog {
  const tail = createTail(path);
  const empty = { origin, records: [], skipped: 0, complete: true, error: null };
  let records: T[] = [];
  let [skipped, complete] = [0, true];
  let last: DeployLog = empty;
  let loading: Promise<DeployLog> | null = null;
  let noted = "";

  const add = (lines: readonly string[]) => {
    const parsed = lines.map((line) => (line.length > longestLine ? null : parse(line)));
    const broken = parsed.filter((one) => one === null).length;
    if (broken > 0) {
      skipped += broken;
      logger.warn({ upstream: "deploy_info", path, lines: broken }, `${name} has lines that make no sense: they are left out`);
    }
    for (const one of parsed) if (one !== null && one !== "other") records.push(one);
    if (records.length > maxRecords) [records, complete] = [records.slice(-maxRecords), false];
  };
  const load = async (): Promise<DeployLog> => {
    const { anew, whole, lines, pending } = await tail();
    if (anew) [records, skipped, complete] = [[], 0, true];
    if (!whole) complete = false;
    add(lines);
    // Whole, but for its newline; else it is being written, and is told of when it has ended. Only JSON tells where it ends.
    const unended = pending.trimEnd().endsWith("}") ? parse(pending) : null;
    const isTold = unended !== null && unended !== "other";
    last = { origin, records: toRecords(isTold ? [...records, unended] : records), skipped, complete, error: null };
    return last;
  };
  return async (signal) => {
    loading ??= load().finally(() => {
      loading = null;
    });
    try {
      const log = await withDeadline(loading, signal);
      noted = "";
      return log;
    } catch (error) {
      const failure = toDeployError(error, name);
      if (failure.code === "deploy_info_missing") return (last = empty);
      if (!signal.aborted && noted !== failure.message) {
        noted = failure.message;
        logger.warn({ upstream: "deploy_info", path, code: failure.code, cause: causeOf(failure) }, failure.message);
      }
      return { ...last, error: toProblem(failure) };
    }
  };
}

/** One line of deploy_history.jsonl: the fields of deploy_info.json. Null when it is none. */
export function parseHistoryLine(line: string, toEnv: ToEnv): DeployRecord | "other" | null {
  if (line.trim() === "") return "other";
  const parsed = parseDeployInfo(Buffer.from(line), toEnv);
  return "info" in parsed ? { ...toInfoRecord(parsed.info), origin: "history" } : null;
}

/** What Kamal began on this host, or had done on all. */
export interface KamalLine {
  /** "boot": it boots a container of a version here. "tag": all of a version has booted, so that its image is the latest one now. */
  readonly did: "boot" | "tag";
  readonly at: string;
  readonly by: string;
  readonly version: string;
  readonly destination: string | null;
}

/** Boots of one deploy are no further apart, seconds: its roles are booted one after the other. */
const clusterSeconds = 600;

/**
 * A line of Kamal's audit log: `[recorded_at] [performer] [destination]? [role]? message`. A boot always names its role, so that its destination is the first of
 * two; a tag names none. Source: kamal lib/kamal/commands/auditor.rb, cli/app/boot.rb ("Booted app version <version>", before it starts the container) and cli/app.rb
 * ("Tagging <image>:<version> as the latest image", once all hosts have booted).
 */
export function parseKamalLine(line: string): KamalLine | "other" | null {
  const text = cleanText(line);
  if (text === "") return "other";
  const form = /^\[([^\]]{1,64})\] \[([^\]]{0,256})\]((?: \[[^\]]{0,256}\]){0,8}) (.*)$/.exec(text);
  const at = toUtcSeconds(form?.[1] ?? "");
  if (!form || at === null) return null;
  const [, , by = "", tags = "", message = ""] = form;
  const booted = /^Booted app version (\S+)$/.exec(message)?.[1];
  const version = booted ?? /^Tagg(?:ing|ed) \S+:([^\s:/]+) as the latest image$/.exec(message)?.[1];
  if (version === undefined || version.length > maxLength) return "other";
  const [first = "", ...roles] = [...tags.matchAll(/\[([^\]]*)\]/g)].map((tag) => tag[1] ?? "");
  const hasDestination = first !== "" && (booted === undefined || roles.length > 0);
  return { did: booted === undefined ? "tag" : "boot", at, by, version, destination: hasDestination ? first : null };
}

/** Boots that are one deploy. */
interface BootGroup {
  /** Place of the first one in the file. */
  readonly first: number;
  /** The last one, by who began. */
  readonly boot: KamalLine;
}

/**
 * The deploys of these lines: boots of one version and destination that follow each other closely are one.
 *
 * @param fileName Kamal's is `<service>[-<destination>]-audit.log`; of any other follows no service
 */
export function toDeploys(lines: readonly KamalLine[], fileName: string, toEnv: ToEnv): DeployRecord[] {
  const groups: BootGroup[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.did !== "boot") continue;
    const at = groups.findLastIndex(({ boot }) => boot.version === line.version && boot.destination === line.destination);
    const before = groups[at];
    if (before && isNear(line, before.boot)) groups[at] = { ...before, boot: { ...line, by: before.boot.by } };
    else groups.push({ first: index, boot: line });
  }
  const tags = [...lines.entries()].filter(([, { did }]) => did === "tag");
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
      booted: hasBooted(group, groups, tags),
      ...said,
      env: toEnv(said),
      ambiguous: false,
      command: null,
    };
  };
  return groups.map(toRecord);
}

/**
 * Whether a deploy has booted on all hosts: its version was tagged after it, before another boot. Tags of about its time count too, as Kamal 1 wrote them before it
 * booted. Null for the last deploy, which may be under way, and where nothing of its destination was ever tagged.
 */
function hasBooted(
  { first, boot }: BootGroup,
  groups: readonly BootGroup[],
  tags: readonly (readonly [place: number, KamalLine])[],
): boolean | null {
  const next = groups.find((other) => other.first > first && other.boot.destination === boot.destination)?.first;
  const own = tags.filter(([, { destination }]) => destination === boot.destination);
  const isItsTag = ([place, line]: (typeof tags)[number]) =>
    line.version === boot.version && ((place > first && place < (next ?? Infinity)) || isNear(line, boot));
  if (own.some(isItsTag)) return true;
  return own.length === 0 || next === undefined ? null : false;
}

function isNear(a: KamalLine, b: KamalLine): boolean {
  return Math.abs(toUnix(a.at) - toUnix(b.at)) <= clusterSeconds;
}

function toService(fileName: string, destination: string | null): string | null {
  const end = destination === null ? "-audit.log" : `-${destination}-audit.log`;
  return fileName.endsWith(end) ? fileName.slice(0, -end.length) || null : null;
}
