import { toInfoRecord } from "../../domain/deploy-merge.ts";
import { type DeployRecord, toUnix } from "../../domain/deploy-record.ts";
import { cleanText, maxLength, toUtcSeconds } from "../../domain/deploy-text.ts";
import { type Destinations, type Environment, toEnvironment } from "../../domain/environment.ts";
import { parseDeployInfo } from "./parse.ts";

/** One line of deploy_history.jsonl: the fields of deploy_info.json. Null when it is none. */
export function parseHistoryLine(line: string, destinations: Destinations): DeployRecord | "other" | null {
  if (line.trim() === "") return "other";
  const parsed = parseDeployInfo(Buffer.from(line), destinations);
  return "info" in parsed ? { ...toInfoRecord(parsed.info), origin: "history" } : null;
}

/** A container that Kamal has booted. */
export interface Boot {
  readonly at: string;
  readonly by: string;
  readonly version: string;
  readonly env: Environment | null;
}

/** Lines of one deploy are no further apart, seconds: its roles are booted one after the other. */
const clusterSeconds = 600;

/**
 * A line of Kamal's audit log: `[recorded_at] [performer] [destination]? [role]? message`. Source: kamal lib/kamal/commands/auditor.rb and
 * cli/app/boot.rb ("Booted app version <version>").
 */
export function parseKamalLine(line: string, destinations: Destinations): Boot | "other" | null {
  const text = cleanText(line);
  if (text === "") return "other";
  const form = /^\[([^\]]{1,64})\] \[([^\]]{0,256})\]((?: \[[^\]]{0,256}\]){0,8}) (.*)$/.exec(text);
  const at = toUtcSeconds(form?.[1] ?? "");
  if (!form || at === null) return null;
  const [, , by = "", tags = "", message = ""] = form;
  const version = /^Booted app version (\S+)$/.exec(message)?.[1];
  if (version === undefined || version.length > maxLength) return "other";
  const envs = [...tags.matchAll(/\[([^\]]*)\]/g)].map((tag) => toEnvironment(tag[1], destinations));
  const env = envs.find((known) => known !== null);
  return { at, by, version, env: env ?? null };
}

/** The deploys of these boots: those of one version that follow each other closely are one. */
export function toDeploys(boots: readonly Boot[]): DeployRecord[] {
  const deploys: Boot[] = [];
  for (const boot of boots) {
    const at = deploys.findLastIndex(({ version, env }) => version === boot.version && env === boot.env);
    const before = deploys[at];
    if (before && Math.abs(toUnix(boot.at) - toUnix(before.at)) <= clusterSeconds) deploys[at] = { ...boot, by: before.by };
    else deploys.push(boot);
  }
  return deploys.map(({ at, by, version, env }) => ({
    origin: "kamal_audit",
    tag: version,
    version,
    previousTag: null,
    commitSha: /^[0-9a-f]{40}$/.exec(version.split("_")[0] ?? "")?.[0] ?? "",
    deployedBy: by === "" ? null : by,
    deployedAt: at,
    durationSeconds: null,
    env,
    command: null,
  }));
}
