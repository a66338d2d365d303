import { hash } from "node:crypto";
import { aboutContainer, type AuditEntry, toIntentEntry } from "../../audit/audit.ts";
import { toHolder } from "../../auth/principal.ts";
import type { Container } from "../container.ts";
import { RestartRefused, type RestartRequest } from "./limits.ts";

interface StoredResult<T> {
  /** The request made under this key. */
  readonly request: string;
  readonly answer: () => Promise<T>;
  readonly until: number;
}

export interface IdempotencyStore<T> {
  /**
   * Returns the stored answer of this key, also a failure or one still pending; else that of `run`. An answer that fails before `run` calls `keep` is
   * not stored: what was refused before anything happened may be tried again. @throws RestartRefused for a key of another request
   */
  once(key: string, request: string, run: (keep: () => void) => Promise<T>): Promise<T>;
  /** Stores the answer of a request that began `ageMs` ago, replacing any other of this key. */
  restore(key: string, request: string, answer: () => Promise<T>, ageMs: number): void;
}

/** Answers by `Idempotency-Key`, for 24 hours, at most 1,000: the oldest are dropped first. */
export function createIdempotencyStore<T>({
  ttlMs = 86_400_000,
  max = 1000,
  now = () => performance.now(),
} = {}): IdempotencyStore<T> {
  const results = new Map<string, StoredResult<T>>();
  const put = (key: string, entry: StoredResult<T>) => {
    results.delete(key);
    results.set(key, entry);
    if (results.size > max) results.delete(results.keys().next().value as string);
  };
  return {
    once(key, request, run) {
      const known = results.get(key);
      if (known && known.until > now()) {
        if (known.request === request) return known.answer();
        throw new RestartRefused("idempotency_key_reused", "This Idempotency-Key was used for another restart");
      }
      let begun = false;
      const result = run(() => (begun = true)).catch((error: unknown) => {
        if (!begun && results.get(key) === entry) results.delete(key);
        throw error;
      });
      const entry: StoredResult<T> = { request, answer: () => result, until: now() + ttlMs };
      put(key, entry);
      return result;
    },
    restore: (key, request, answer, ageMs) => put(key, { request, answer, until: now() + ttlMs - ageMs }),
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

/** Storage key of an answer: the caller's key, separate for each holder. Null without a key. */
export function toAnswerKey(entry: AuditEntry): string | null {
  return entry.keyHash && `${toHolder(entry)} ${entry.keyHash}`;
}

/** The request that a key stands for: reusing the key for another one is an error. */
export function describeRequest({ containerId, args, reason }: AuditEntry): string {
  return JSON.stringify([containerId, args["wait_ms"] ?? null, reason]);
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
