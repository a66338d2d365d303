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
