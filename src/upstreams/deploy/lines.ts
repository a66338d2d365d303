import { toInfoRecord } from "../../domain/deploy-merge.ts";
import { type DeployRecord, toUnix } from "../../domain/deploy-record.ts";
import { cleanText, maxLength, toUtcSeconds } from "../../domain/deploy-text.ts";
import { type ToEnv, parseDeployInfo } from "./parse.ts";

/** One line of deploy_history.jsonl: the fields of deploy_info.json. Null when it is none. */
export function parseHistoryLine(line: string, toEnv: ToEnv): DeployRecord | "other" | null {
  if (line.trim() === "") return "other";
  const parsed = parseDeployInfo(Buffer.from(line), toEnv);
  return "info" in parsed ? { ...toInfoRecord(parsed.info), origin: "history" } : null;
}

/** A container that Kamal has booted. */
export interface Boot {
  readonly at: string;
  readonly by: string;
  readonly version: string;
  readonly destination: string | null;
}

/** Lines of one deploy are no further apart, seconds: its roles are booted one after the other. */
const clusterSeconds = 600;

/**
 * A line of Kamal's audit log: `[recorded_at] [performer] [destination]? [role]? message`. A boot always names its role, so that its destination is the first of
 * two. Source: kamal lib/kamal/commands/auditor.rb and cli/app/boot.rb ("Booted app version <version>").
 */
export function parseKamalLine(line: string): Boot | "other" | null {
  const text = cleanText(line);
  if (text === "") return "other";
  const form = /^\[([^\]]{1,64})\] \[([^\]]{0,256})\]((?: \[[^\]]{0,256}\]){0,8}) (.*)$/.exec(text);
  const at = toUtcSeconds(form?.[1] ?? "");
  if (!form || at === null) return null;
  const [, , by = "", tags = "", message = ""] = form;
  const version = /^Booted app version (\S+)$/.exec(message)?.[1];
  if (version === undefined || version.length > maxLength) return "other";
  const [destination = "", ...roles] = [...tags.matchAll(/\[([^\]]*)\]/g)].map((tag) => tag[1] ?? "");
  return { at, by, version, destination: roles.length > 0 && destination !== "" ? destination : null };
}

/**
 * The deploys of these boots: those of one version and destination that follow each other closely are one.
 *
 * @param fileName Kamal's is `<service>[-<destination>]-audit.log`; of any other follows no service
 */
export function toDeploys(boots: readonly Boot[], fileName: string, toEnv: ToEnv): DeployRecord[] {
  const deploys: Boot[] = [];
  for (const boot of boots) {
    const at = deploys.findLastIndex(({ version, destination }) => version === boot.version && destination === boot.destination);
    const before = deploys[at];
    if (before && Math.abs(toUnix(boot.at) - toUnix(before.at)) <= clusterSeconds) deploys[at] = { ...boot, by: before.by };
    else deploys.push(boot);
  }
  const toRecord = ({ at, by, version, destination }: Boot): DeployRecord => {
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
      ...said,
      env: toEnv(said),
      ambiguous: false,
      command: null,
    };
  };
  return deploys.map(toRecord);
}

function toService(fileName: string, destination: string | null): string | null {
  const end = destination === null ? "-audit.log" : `-${destination}-audit.log`;
  return fileName.endsWith(end) ? fileName.slice(0, -end.length) || null : null;
}
