import { hash } from "node:crypto";
import { aboutContainer, type AuditEntry, toIntentEntry } from "../../audit/audit.ts";
import { toHolder } from "../../auth/principal.ts";
import type { Container } from "../container.ts";
import type { RestartRequest } from "./limits.ts";

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
    const text = detail?.replace(`${code}: `, "") ?? "it is not known what became of it";
    super(`From the audit record, for this Idempotency-Key: ${text}`);
    this.name = "PastFailure";
    this.code = known;
  }
}
