import { basename } from "node:path";
import type { DeployLog, DeployOrigin, DeployRecord } from "../../domain/deploy-record.ts";
import { toProblem } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { causeOf, toDeployError, withDeadline } from "./failure.ts";
import { type KamalLine, parseHistoryLine, parseKamalLine, toDeploys } from "./lines.ts";
import type { ToEnv } from "./parse.ts";
import { createTail } from "./tail.ts";

interface LogOptions {
  readonly path: string;
  readonly toEnv: ToEnv;
  readonly logger: Logger;
}

type ReadLog = (signal: AbortSignal) => Promise<DeployLog>;

/** Deploys, and boots and tags of Kamal's audit log, that are kept in memory of one file. */
const mostKept = 1000;
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
  let kept: T[] = [];
  let [skipped, complete] = [0, true];
  let last: DeployLog = empty;
  let flight: Promise<DeployLog> | null = null;
  let noted = "";

  const add = (lines: readonly string[]) => {
    const parsed = lines.map((line) => (line.length > longestLine ? null : parse(line)));
    const broken = parsed.filter((one) => one === null).length;
    if (broken > 0) {
      skipped += broken;
      logger.warn({ upstream: "deploy_info", path, lines: broken }, `${name} has lines that make no sense: they are left out`);
    }
    for (const one of parsed) if (one !== null && one !== "other") kept.push(one);
    if (kept.length > mostKept) [kept, complete] = [kept.slice(-mostKept), false];
  };
  const load = async (): Promise<DeployLog> => {
    const { anew, whole, lines, pending } = await tail();
    if (anew) [kept, skipped, complete] = [[], 0, true];
    if (!whole) complete = false;
    add(lines);
    // Whole, but for its newline; else it is being written, and is told of when it has ended. Only JSON tells where it ends.
    const unended = pending.trimEnd().endsWith("}") ? parse(pending) : null;
    const isTold = unended !== null && unended !== "other";
    last = { origin, records: toRecords(isTold ? [...kept, unended] : kept), skipped, complete, error: null };
    return last;
  };
  return async (signal) => {
    flight ??= load().finally(() => {
      flight = null;
    });
    try {
      const log = await withDeadline(flight, signal);
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
