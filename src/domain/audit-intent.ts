import type { AuditEntry } from "./audit.ts";
import type { Container } from "./container.ts";
import { createLineCleaner } from "./log-clean.ts";
import { type Origin, type Principal, toOwnerEnv } from "./principal.ts";

/** Who wants something done, and why. */
interface Asked {
  readonly principal: Principal;
  readonly origin: Origin;
  readonly requestId: string;
  readonly reason: string | null;
}

/** What an entry says of the container that it is about. */
export function aboutContainer(container: Container) {
  const { engine, fullId: containerId, name: containerName, image } = container;
  // Whose tokens may read it: of what is not of the product, only those of every environment.
  return { env: toOwnerEnv(container), engine, containerId, containerName, image };
}

/** A caller's reason as it is recorded and shown: one line without control or invisible characters, its secrets redacted; null when nothing is left. */
export function cleanReason(reason: string | null): string | null {
  return createLineCleaner()(reason ?? "").trim() || null;
}

/** An intent for the audit record: `about` is what it is about, the rest is who asked. */
export function toIntentEntry(
  { principal, origin, requestId, reason }: Asked,
  about: Pick<AuditEntry, "action" | "env"> & Partial<AuditEntry>,
): AuditEntry {
  return {
    outcome: "intent",
    intent: null,
    requestId,
    ...origin,
    subject: principal.subject,
    kid: principal.kid,
    auth: principal.auth,
    scopes: [...principal.scopes],
    engine: "",
    containerId: "",
    containerName: "",
    image: "",
    job: null,
    reason: cleanReason(reason),
    args: {},
    keyHash: null,
    detail: null,
    code: null,
    dockerStatus: null,
    durationMs: null,
    ...about,
  };
}
