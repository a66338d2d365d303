import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { OpsError, toOpsError } from "../../lib/errors.ts";
import { createChangeLog, type Logger, silentLogger } from "../../lib/logger.ts";
import { type ObserveCall, observed, unobserved } from "../../lib/upstream-call.ts";
import type { DeployInfo, DeploySource } from "../deploy.ts";
import { createHistoryLog, createKamalLog } from "./history.ts";
import { type ParsedDeploy, parseDeployInfo, type ToEnv } from "./parse.ts";
import { causeOf, readFileVersion, readVersion, shareRead, toDeployError } from "./read.ts";

interface DeploySourceOptions {
  /** Path of deploy_info.json; opened anew each time, because pipelines replace the file. */
  readonly path: string;
  /** Path of Kamal's audit log (`.kamal/<service>[-<destination>]-audit.log`), if readable. */
  readonly kamalAuditPath?: string | null;
  readonly toEnv: ToEnv;
  readonly logger: Logger;
  /**
   * Each read of the file is a call; a remembered good version in its place is an answer, and so is
   * a missing file.
   */
  readonly observe?: ObserveCall;
}

type Version = ParsedDeploy & { readonly fileVersion: string | null };

/** Beside deploy_info.json. */
const historyName = "deploy_history.jsonl";
/** How long a writer in progress may take before the file counts as invalid, milliseconds. */
const writerMs = 50;

/**
 * Deploy info from a file. An unchanged file costs one stat. An invalid file is read again, in case
 * a writer is in progress. A file that is still invalid, or unreadable, returns the last good
 * version, marked stale. A missing file is always missing: 404.
 */
export function createDeploySource(options: DeploySourceOptions): DeploySource {
  const { path, kamalAuditPath = null, toEnv, logger, observe = unobserved } = options;
  let version: Version | null = null;
  let lastGood: DeployInfo | null = null;
  const change = createChangeLog();

  const logs = [createHistoryLog({ path: join(dirname(path), historyName), toEnv, logger })];
  if (kamalAuditPath !== null) logs.push(createKamalLog({ path: kamalAuditPath, toEnv, logger }));

  const load = shareRead(async (): Promise<DeployInfo> => {
    try {
      const fileVersion = await readFileVersion(path);
      if (version?.fileVersion !== fileVersion) {
        version = await look(path, toEnv);
        if ("problem" in version) {
          await sleep(writerMs);
          version = await look(path, toEnv);
        }
      }
    } catch (error) {
      const failure = toDeployError(error);
      if (failure.code === "deploy_info_missing") lastGood = null;
      throw failure;
    }
    if ("problem" in version)
      throw new OpsError("deploy_info_invalid", `deploy_info.json is not valid: ${version.problem}`);
    lastGood = version.info;
    return version.info;
  });

  const read = async (signal: AbortSignal): Promise<DeployInfo> => {
    try {
      const info = await load(signal);
      change("", () => logger.info({ upstream: "deploy_info", path }, "deploy_info.json is readable again"));
      return info;
    } catch (error) {
      const failure = toDeployError(error);
      const fields = { upstream: "deploy_info", path, code: failure.code, cause: causeOf(failure) };
      if (!signal.aborted) change(failure.message, () => logger.warn(fields, failure.message));
      if (!lastGood || failure.code === "deploy_info_missing") throw failure;
      return { ...lastGood, stale: true, error: failure.message };
    }
  };
  return {
    history: (signal) => Promise.all(logs.map((log) => log(signal))),
    read: (signal) => observed({ observe, upstream: "deploy", signal, toCode, facts }, () => read(signal)),
  };
}

const facts = () => ({ name: "read deploy_info.json", kind: "internal", attributes: {} }) as const;

/** A missing file is an answer, not a failure. */
function toCode(error: unknown): string | null {
  const { code } = toOpsError(error);
  return code === "deploy_info_missing" ? null : code;
}

async function look(path: string, toEnv: ToEnv): Promise<Version> {
  const reading = await readVersion(path);
  const parsed = "bytes" in reading ? parseDeployInfo(reading.bytes, toEnv) : { problem: reading.problem };
  return { ...parsed, fileVersion: reading.version };
}

const remedies: Record<string, string> = {
  deploy_info_missing: "install deploy/kamal/post-deploy, or set WALLET_CORE_OPS_DEPLOY_INFO_PATH",
  deploy_info_unreadable: "let the gateway's user read the file and search its folders",
  deploy_info_invalid: "see deploy/kamal/README.md for its fields; write a temporary file, then rename it",
};

/**
 * One line of `cli check`: the last deploy, or the problem and its remedy. A missing file is no
 * problem where nobody configured its path (`isGiven`), nor in a folder that is there: the next
 * deploy writes it. Never rejects.
 */
export async function probeDeployInfo({
  path,
  isGiven = true,
}: {
  readonly path: string;
  readonly isGiven?: boolean;
}): Promise<{ readonly ok: boolean; readonly detail: string; readonly isConfigured?: boolean }> {
  try {
    const source = createDeploySource({ path, toEnv: () => null, logger: silentLogger });
    const { currentTag, deployedAt } = await source.read(new AbortController().signal);
    return { ok: true, detail: `${currentTag}, deployed ${deployedAt}` };
  } catch (error) {
    const code = error instanceof OpsError ? error.code : "internal";
    if (code === "deploy_info_missing" && !isGiven)
      return { ok: true, isConfigured: false, detail: `not configured, ${path} does not exist: ${remedies[code]}` };
    if (code === "deploy_info_missing" && (await isFolder(dirname(path)))) {
      const detail = `no deploy yet: the next one writes ${path}, where deploy/kamal/post-deploy is installed`;
      return { ok: true, isConfigured: false, detail };
    }
    const remedy = remedies[code];
    return {
      ok: false,
      detail: `${error instanceof Error ? error.message : "unknown error"}${remedy ? `: ${remedy}` : ""}`,
    };
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
