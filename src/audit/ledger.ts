import { toHolder } from "../auth/principal.ts";
import { toRetryAfterSeconds } from "../lib/time.ts";
import type { AuditEntry, AuditLog, AuditOutcome, AuditRecord, OpenIntent } from "./audit.ts";

/** Actions of one family share their limits. */
export type ActionFamily = "restart" | "job" | "probe";

/** How an action is limited among others of its family. */
export interface ActionLimits {
  /**
   * One at a time on its container, and none for so long after the end of one that happened or may
   * have, ms. Null: any number.
   */
  readonly cooldownMs: number | null;
  /** How many may be open, on all containers. Null: any number. */
  readonly parallel: number | null;
  /**
   * What its holder may take within 60 minutes, and how much this one wants: at least 1 of it must
   * be left. Null: it takes nothing.
   */
  readonly budget: { readonly perHour: number; readonly wanted: number } | null;
}

/** Who wants to do what, as far as it decides what may begin. */
export type ActionSubject = Pick<AuditEntry, "action" | "containerId" | "kid" | "subject" | "issuer">;

/** An action that somebody asks for. */
export interface AskedAction {
  readonly limits: ActionLimits;
  /** Its intent, with as much of the budget as it gets. */
  readonly toEntry: (granted: number) => AuditEntry;
}

/** Why an action may not begin. */
export interface Refusal {
  /**
   * `running`: one on this container is open; `busy`: too many are; `key_reused`: its
   * `Idempotency-Key` was used for another request.
   */
  readonly reason: "running" | "cooldown" | "budget" | "busy" | "key_reused";
  /** When to try again; null when waiting does not help. */
  readonly retryAfterSeconds: number | null;
}

/**
 * An intent that is in the record and has no outcome yet: the gateway that has it acts on it, or
 * finds out what happened.
 */
export interface OpenAction {
  readonly seq: number;
  readonly entry: AuditEntry;
}

/** The same request, made before under the same `Idempotency-Key`. */
export interface EarlierAction extends OpenAction {
  /** The newest one; null before the first. */
  readonly outcome: Pick<AuditEntry, "outcome" | "code" | "detail"> | null;
}

/** An action that may be done now. */
interface BegunAction extends OpenAction {
  readonly kind: "begun";
  /**
   * Whether it is still the caller's. After a long pause of the process another gateway may have
   * taken it over: then it must not be done.
   */
  isHeld(): boolean;
}

export type Decision =
  | BegunAction
  | (EarlierAction & { readonly kind: "earlier" })
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** The action may not begin, or need not. */
export type NotBegun = Exclude<Decision, BegunAction>;

/**
 * The port to the record of actions, which also decides what may begin: in one step, so that no two
 * gateways can both begin what only one may. Everything that changes or asks for the record rejects
 * with audit_unavailable when it cannot be reached: no record, no action.
 */
export interface Ledger extends Pick<AuditLog, "read" | "verify" | "head"> {
  /**
   * The result of an earlier request under the same key, or its refusal; null without a key, and
   * for a new request.
   */
  find(entry: AuditEntry): Promise<NotBegun | null>;
  /** Decides, and records the intent of an action that may begin. */
  begin(asked: AskedAction): Promise<Decision>;
  /**
   * Why `begin` would refuse it now; null when it would not. Rejects when it is known that nothing
   * could be recorded.
   */
  check(subject: ActionSubject, limits: ActionLimits): Promise<Refusal | null>;
  /**
   * Tries whether an action and its outcome could be recorded now, and leaves nothing in the
   * record. Rejects with audit_unavailable.
   */
  tryWriting(): Promise<void>;
  /** Records an outcome. An action whose outcome is not the last one stays open (`isFinal`). */
  end(action: OpenAction, outcome: AuditOutcome & Pick<AuditEntry, "durationMs">): Promise<void>;
  /**
   * Records that a restart happened after all. Its last outcome is `unknown`, and it is no longer
   * open. Does nothing where another restart of the container began since: what was seen may be
   * that one. Resolves to whether it was recorded.
   */
  amend(action: OpenAction, outcome: AuditOutcome & Pick<AuditEntry, "durationMs">): Promise<boolean>;
  /**
   * Gives up an open action about which nothing more was learned: another gateway takes it over. In
   * a single gateway it no longer blocks other actions, and the next start tries again.
   */
  release(action: OpenAction): void;
  /**
   * The open actions of this family that nobody works on, oldest first: those of gateways that
   * died. Each is handed out once, and is the caller's from then on. What `accepts` refuses is left
   * to others. @default all are accepted
   */
  adopt(family: ActionFamily, accepts?: (open: OpenIntent) => Promise<boolean>): Promise<readonly OpenIntent[]>;
}

/** What is known when an action is asked for. */
export interface ActionFacts {
  /** Another one on its container is open. */
  readonly isRunning: boolean;
  /** How many of its family are open. */
  readonly open: number;
  /** Since when its container rests, ms; null: since long ago. */
  readonly restedMs: number | null;
  /**
   * What its holder has left of the hour, and when more comes back; null where it takes nothing of
   * it.
   */
  readonly left: { readonly count: number; readonly retryAfterSeconds: number } | null;
}

/**
 * How long an engine may work on a restart beyond the time that its container has to stop, ms: it
 * kills what is left, and starts the container again. An action whose gateway died keeps its place
 * for so long.
 */
export const engineGraceMs = 15_000;
/** The longest time between SIGTERM and SIGKILL that a gateway asks an engine for, s. */
export const mostStopSeconds = 60;

/**
 * An intent with its newest outcome, which is not its last one. Only the gateway that began it
 * knows how long it took.
 */
export function toOpenIntent(intent: AuditRecord, outcome: Pick<AuditRecord, "durationMs"> | null): OpenIntent {
  return { intent, hasOutcome: outcome !== null, wasGivenUp: outcome !== null && outcome.durationMs !== null };
}

/** How long an engine may work on the restart of an intent, ms. */
export function toBusyMs({ mark }: Pick<AuditEntry, "mark">): number {
  return Math.min(mark?.stopSeconds ?? mostStopSeconds, mostStopSeconds) * 1000 + engineGraceMs;
}

/** When a place may be free again, s. */
const busySeconds = 5;

/** Why an action may not begin, or how much of its budget it gets. */
export function decide(
  { isRunning, open, restedMs, left }: ActionFacts,
  { cooldownMs, parallel, budget }: ActionLimits,
): Refusal | { readonly granted: number } {
  if (cooldownMs !== null && isRunning) return { reason: "running", retryAfterSeconds: null };
  if (cooldownMs !== null && restedMs !== null && restedMs < cooldownMs)
    return { reason: "cooldown", retryAfterSeconds: toRetryAfterSeconds(cooldownMs - restedMs) };
  if (left && left.count <= 0) return { reason: "budget", retryAfterSeconds: left.retryAfterSeconds };
  if (parallel !== null && open >= parallel) return { reason: "busy", retryAfterSeconds: busySeconds };
  return { granted: budget && left ? Math.min(budget.wanted, left.count) : 0 };
}

/**
 * Whether the container of an action rests after this outcome: its last one, of a restart that
 * happened or may have.
 */
export function restsAfter(outcome: Pick<AuditEntry, "action" | "outcome" | "detail">): boolean {
  const hasEnded = outcome.outcome !== "intent" && isFinal(outcome);
  return hasEnded && outcome.outcome !== "failed" && toFamily(outcome) === "restart";
}

export function toFamily({ action }: Pick<ActionSubject, "action">): ActionFamily {
  return action === "restart" || action === "probe" ? action : "job";
}

/**
 * The key of an answer: the caller's `Idempotency-Key`, separate for each holder. Null without one.
 */
export function toAnswerKey(entry: Pick<AuditEntry, "kid" | "subject" | "issuer" | "keyHash">): string | null {
  return entry.keyHash && `${toHolder(entry)} ${entry.keyHash}`;
}

/**
 * The request that a key stands for; a key of another request is refused. For an error group, its
 * jobs are not part of the request, because retried jobs leave the group.
 */
export function describeRequest({ action, containerId, job, args, reason }: AuditEntry): string {
  const asked = job !== null && job.fingerprint !== null ? { ...job, ids: [] } : job;
  return JSON.stringify([action, containerId, asked, args, reason]);
}

/** The result of a request whose key was used before. */
export function judgeKey(earlier: EarlierAction, entry: AuditEntry): NotBegun {
  if (describeRequest(earlier.entry) === describeRequest(entry)) return { kind: "earlier", ...earlier };
  return { kind: "refused", refusal: { reason: "key_reused", retryAfterSeconds: null } };
}

/** How long the answer of a key is kept, ms. */
export const answerMs = 86_400_000;

/**
 * Whether a restart whose last outcome is `unknown` may still be amended: no later entry is about
 * it, and its container was not restarted again.
 */
export async function isAmendable({ seq, entry }: OpenAction, read: Ledger["read"]): Promise<boolean> {
  const isAbout = (record: AuditRecord) =>
    record.intent === seq ||
    (record.outcome === "intent" && record.action === "restart" && record.containerId === entry.containerId);
  const [newest] = await read({ first: 1, before: null, accepts: isAbout });
  return newest?.intent === seq && newest.outcome === "unknown" && isFinal(newest);
}

/**
 * Whether an outcome is the last one of its action: what a health check found is known to its
 * caller alone.
 */
export function isFinal({ action, outcome, detail }: Pick<AuditEntry, "action" | "outcome" | "detail">): boolean {
  return toFamily({ action }) === "probe" || outcome !== "unknown" || (detail?.startsWith("settled") ?? false);
}
