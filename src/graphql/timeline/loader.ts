import { failedDeploy } from "../../facts/timeline.ts";
import type { AuditRecord } from "../../audit/audit.ts";
import { maySee, maySeeContainer, type Principal, requireEnvironments } from "../../auth/principal.ts";
import type { EngineStatus } from "../../containers/source.ts";
import type { DeployLog } from "../../deploys/deploy.ts";
import type { Deploy } from "../../deploys/state.ts";
import { inTurns } from "../../lib/budget/budget.ts";
import { takeSteps } from "../../lib/budget/steps.ts";
import type { Environment } from "../../lib/environment.ts";
import { toProblem } from "../../lib/errors.ts";
import { containerKinds } from "../../timeline/memory.ts";
import {
  mergeRestarts,
  orderEntries,
  type Timeline,
  type TimelineCoverage,
  type TimelineEntry,
  type TimelineKind,
  timelineKinds,
  toEntry,
} from "../../timeline/timeline.ts";
import { type ContainerLoaders, isAtDestination } from "../containers/loader.ts";
import type { DeployLoaders } from "../deploys/loader.ts";
import type { Caller, Sources } from "../sources.ts";

export interface TimelineQuery {
  /** Unix milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly env: Environment | null;
  /** Absent: any; "": only those without one. */
  readonly destination?: string | null | undefined;
  readonly kinds: readonly TimelineKind[];
}

export type TimelineLoader = (query: TimelineQuery) => Promise<Timeline>;

interface Siblings {
  readonly deploys: DeployLoaders;
  readonly containers: ContainerLoaders;
}

/** Entries, and how far back they reach. */
interface SourceResult {
  readonly entries: readonly TimelineEntry[];
  readonly coverage: TimelineCoverage;
}

/** How many audit records one answer reads at most. */
const mostRecords = 1000;

/**
 * Events from records and from memory that the caller may see. Only callers who may read the audit
 * record see who restarted.
 */
export function createTimelineLoader(
  sources: Sources,
  { principal, budget }: Caller,
  siblings: Siblings,
): TimelineLoader {
  const { timeline, audit } = sources;
  const readDeploys = async (): Promise<SourceResult> => {
    const [deploys, logs] = await Promise.all([siblings.deploys.all(), siblings.deploys.logs()]);
    return { entries: await inTurns(deploys, budget, toDeployEntry), coverage: toDeployCoverage(deploys, logs) };
  };
  const readRestarts = async ({ from, to }: TimelineQuery): Promise<SourceResult> => {
    const seen = timeline.entries("restart");
    const coverage = toMemoryCoverage("restart", await engines());
    if (!principal.scopes.has("ops:operate")) {
      return {
        entries: seen,
        coverage: { ...coverage, note: join(coverage.note, "who restarted is for tokens with ops:operate") },
      };
    }
    const isWanted = (record: AuditRecord) =>
      record.action === "restart" &&
      record.outcome !== "intent" &&
      maySee(principal, record.env) &&
      isWithin(record.at, from, to);
    try {
      const records = await audit.read({ first: mostRecords, before: null, accepts: isWanted });
      const audited = newestOutcomes(records).map(toRestartEntry);
      const note = join("those of others than gateways only from the engines' events", coverage.note);
      return { entries: mergeRestarts(audited, seen), coverage: { ...coverage, known: true, since: null, note } };
    } catch (error) {
      return { entries: seen, coverage: { ...coverage, note: join(coverage.note, toProblem(error).message) } };
    }
  };
  const engines = async () => (await siblings.containers.engines()).shown;
  const readMemory = async (kind: TimelineKind): Promise<SourceResult> => {
    if (kind === "host_alert" && !maySee(principal, sources.env)) {
      const note = "the hosts belong to no environment of this token";
      return { entries: [], coverage: { kind, known: false, since: null, sampled: true, note } };
    }
    const heard = containerKinds.includes(kind) ? await engines() : null;
    const entries = timeline
      .entries(kind)
      .filter(({ engine }) => engine === null || heard?.some(({ name }) => name === engine));
    return { entries, coverage: toMemoryCoverage(kind, heard) };
  };
  /**
   * Since when all observers of a kind have recorded it: these engines, or the caller's sources
   * that were read.
   */
  const toMemoryCoverage = (kind: TimelineKind, heard: readonly EngineStatus[] | null): TimelineCoverage => {
    const begun = timeline
      .begun(kind)
      .filter(({ name, env }) =>
        heard === null ? maySee(principal, env) : heard.some((engine) => engine.name === name),
      );
    const isKnown = begun.length > 0;
    const missing = (heard ?? []).filter(({ name, ok }) => !ok || !begun.some((subject) => subject.name === name));
    const sampled = kind === "queue_state" || kind === "host_alert";
    const notes = [
      ...(missing.length > 0 ? [`not heard: ${missing.map(({ name }) => name).join(", ")}`] : []),
      ...(!isKnown && missing.length === 0 ? ["nothing was asked yet since the gateway was started"] : []),
      ...(sampled ? ["seen only while somebody asks"] : []),
      ...toNotes(timeline.note()),
    ];
    const forgotten = timeline.forgottenUntil(kind, ({ env, engine }) =>
      engine === null ? maySee(principal, env) : (heard?.some(({ name }) => name === engine) ?? false),
    );
    const times = [...begun.map(({ since }) => since), ...(forgotten === null ? [] : [forgotten])].toSorted(
      (a, b) => Date.parse(a) - Date.parse(b),
    );
    return {
      kind,
      known: isKnown,
      since: times.at(-1) ?? null,
      sampled,
      note: notes.length > 0 ? notes.join("; ") : null,
    };
  };
  const read = (kind: TimelineKind, query: TimelineQuery): Promise<SourceResult> => {
    if (kind === "deploy") return readDeploys();
    return kind === "restart" ? readRestarts(query) : readMemory(kind);
  };

  return async (query) => {
    const { kinds, env } = query;
    requireEnvironments(principal, env);
    const wanted = timelineKinds.filter((kind) => kinds.length === 0 || kinds.includes(kind));
    const results = await Promise.all(wanted.map((kind) => read(kind, query)));
    const all = results.flatMap((part) => part.entries);
    const shown = await inTurns(all, budget, (entry) => (isShown(entry, principal, query) ? entry : []));
    const entries = await takeSteps(orderEntries(shown.flat(), query), budget);
    return { entries, coverage: results.map(({ coverage }) => coverage) };
  };
}

/** Reads the same query only once. */
export function askOnce(load: TimelineLoader): TimelineLoader {
  const asked = new Map<string, Promise<Timeline>>();
  return (query) => {
    const { from, to, env, destination, kinds } = query;
    const key = JSON.stringify([from, to, env, destination ?? null, kinds]);
    const answer = asked.get(key) ?? load(query);
    asked.set(key, answer);
    return answer;
  };
}

/** A gap has no environment: gaps of engines that the caller may not see were already left out. */
function isShown(entry: TimelineEntry, principal: Principal, { env, destination }: TimelineQuery): boolean {
  if (entry.kind === "gap") return true;
  const isSeen = maySeeContainer(principal, { env: entry.env, kind: entry.container?.kind ?? null });
  return isSeen && (env === null || entry.env === env) && isAtDestination(entry, destination);
}

function isWithin(time: string, from: number, to: number): boolean {
  return Date.parse(time) >= from && Date.parse(time) <= to;
}

function toDeployEntry(deploy: Deploy): TimelineEntry {
  const { tag, deployedAt, deployedBy, service, destination, env, command, previousTag, state } = deploy;
  const what = state === "failed" ? failedDeploy : command === "rollback" ? "Rolled back to" : "Deployed";
  const where = destination === null ? "" : ` -d ${destination}`;
  const by = deployedBy ? ` by ${deployedBy}` : "";
  const message = `${what} ${tag}${where}${by}${state === "failed" ? "" : ` (${state})`}`;
  const group = { service, destination, env };
  return toEntry({ kind: "deploy", time: deployedAt, message, ...group, who: deployedBy, from: previousTag, to: tag });
}

function toDeployCoverage(deploys: readonly Deploy[], logs: readonly DeployLog[]): TimelineCoverage {
  const troubles = logs.flatMap(({ origin, skipped, error, complete }) => [
    ...(error ? [error.message] : []),
    ...(skipped > 0 ? [`invalid lines of ${origin}: ${skipped}`] : []),
    ...(complete ? [] : [`${origin} has older lines than are read`]),
  ]);
  const since = deploys.at(-1)?.deployedAt ?? null;
  return {
    kind: "deploy",
    known: deploys.length > 0,
    since,
    sampled: false,
    note: troubles.length > 0 ? troubles.join("; ") : null,
  };
}

function toNotes(note: string | null): readonly string[] {
  return note === null ? [] : [note];
}

function join(...notes: readonly (string | null)[]): string {
  return notes.filter((note) => note !== null).join("; ");
}

/** An intent may get `unknown` and then another outcome: the last counts. Input is newest first. */
function newestOutcomes(records: readonly AuditRecord[]): AuditRecord[] {
  const byIntent = new Map<number, AuditRecord>();
  for (const record of records)
    if (record.intent !== null && !byIntent.has(record.intent)) byIntent.set(record.intent, record);
  return [...byIntent.values()];
}

function toRestartEntry(record: AuditRecord): TimelineEntry {
  const { containerName: name, containerId: fullId, engine, env, subject, outcome, reason, at } = record;
  const what = {
    ok: "was restarted",
    failed: "could not be restarted",
    unknown: "may have been restarted",
    intent: "",
  }[outcome];
  const message = `${name} ${what} by ${subject}${reason ? `: ${reason}` : ""}`;
  const container = { fullId, id: fullId.slice(0, 12), name, engine, role: null, version: null, kind: null };
  return toEntry({ kind: "restart", time: at, message, env, who: subject, container, to: outcome, requested: true });
}
