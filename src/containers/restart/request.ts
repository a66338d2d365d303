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

/** Under which an answer is kept: the key as its holder's. Null without a key. */
export function toAnswerKey(entry: AuditEntry): string | null {
  return entry.keyHash && `${toHolder(entry)} ${entry.keyHash}`;
}

/** What a key stands for: the same key for anything else is a mistake. */
export function describeRequest({ containerId, args, reason }: AuditEntry): string {
  return JSON.stringify([containerId, args["wait_ms"] ?? null, reason]);
}

/** What became of a restart that this process does not know at first hand, told as its error. */
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
