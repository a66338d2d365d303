import { hash } from "node:crypto";
import { aboutContainer, type AuditEntry, toIntentEntry } from "../../audit/audit.ts";
import { answerMs } from "../../audit/ledger.ts";
import type { Container } from "../container.ts";
import { RestartRefused, type RestartRequest } from "./limits.ts";

/** Answers that this process gave, or is about to give. */
export interface AnswerMemory<T> {
  /**
   * The answer of this key, also a failure or one still pending; else that of `run`. An answer that
   * fails before `run` calls `keep` is forgotten: what was refused before anything happened may be
   * tried again. @throws RestartRefused for a key of another request
   */
  once(key: string, request: string, run: (keep: () => void) => Promise<T>): Promise<T>;
  /** From now on the record has a better one. */
  forget(key: string): void;
}

/** Answers by `Idempotency-Key`, for 24 hours, at most 1,000: the oldest are dropped first. */
export function createAnswerMemory<T>({
  ttlMs = answerMs,
  max = 1000,
  now = () => performance.now(),
} = {}): AnswerMemory<T> {
  const answers = new Map<string, { readonly request: string; readonly answer: Promise<T>; readonly until: number }>();
  return {
    once(key, request, run) {
      const known = answers.get(key);
      if (known && known.until > now()) {
        if (known.request === request) return known.answer;
        throw new RestartRefused("idempotency_key_reused", "This Idempotency-Key was used for another restart");
      }
      let begun = false;
      const answer = run(() => (begun = true)).catch((error: unknown) => {
        if (!begun && answers.get(key) === entry) answers.delete(key);
        throw error;
      });
      const entry = { request, answer, until: now() + ttlMs };
      answers.delete(key);
      answers.set(key, entry);
      if (answers.size > max) answers.delete(answers.keys().next().value as string);
      return answer;
    },
    forget: (key) => void answers.delete(key),
  };
}

/** The intent to restart a container, for the audit record. */
export function toIntent(container: Container, request: RestartRequest): AuditEntry {
  const { args, waitMs, idempotencyKey } = request;
  return toIntentEntry(request, {
    action: "restart",
    ...aboutContainer(container),
    args: { ...args, ...(waitMs && { wait_ms: waitMs }) },
    keyHash: idempotencyKey ? hash("sha256", idempotencyKey) : null,
  });
}

/** A restart's outcome as an error, when this process knows it only from the audit record. */
export class PastFailure extends Error {
  readonly code: string;

  constructor({ outcome, code, detail }: Pick<AuditEntry, "outcome" | "code" | "detail">) {
    const known = code ?? (outcome === "failed" ? "docker_error" : "restart_unknown");
    const text = detail?.replace(`${code}: `, "") ?? "its outcome is unknown";
    super(`From the audit record, for this Idempotency-Key: ${text}`);
    this.name = "PastFailure";
    this.code = known;
  }
}
