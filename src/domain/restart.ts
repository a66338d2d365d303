import type { AuditEntry, AuditLog } from "./audit.ts";
import type { Container, ContainerSource } from "./container.ts";
import type { Principal } from "./principal.ts";
import { createAnswers } from "./restart-answers.ts";
import { createRestartLimits, type RestartLimitOptions, RestartRefused } from "./restart-limits.ts";
import { pause, settleRestart } from "./restart-settle.ts";
import { type Wellness, waitForHealth } from "./restart-wait.ts";

export interface RestartRequest {
  readonly reason: string | null;
  readonly requestId: string;
  readonly principal: Principal;
  /** Same key, same token, same request: the same answer, and no second restart. */
  readonly idempotencyKey?: string | null;
  /** How long to wait for its health afterwards; null: not at all. */
  readonly waitMs?: number | null;
  /** Kept in the audit record. */
  readonly args?: AuditEntry["args"];
  /** Does not count for the token's budget. */
  readonly free?: boolean;
}

export interface Restarts {
  /**
   * Restarts a container between two entries of the audit record: the intent before (no record, no restart) and the outcome after.
   * One that the engine did not tell in time is `unknown` and settled later. Belongs to no caller: it goes on when one leaves.
   * Rejects with RestartRefused, or as `ContainerSource.restart` and `AuditLog.write` do.
   */
  restart(container: Container, request: RestartRequest): Promise<Wellness>;
  /** Why `restart` would refuse it now. */
  check(container: Container, principal: Principal): Promise<RestartRefused | null>;
  /** Settles what a process that died has left open. Rejects with audit_unavailable. */
  recover(): Promise<void>;
  /** Aborts when the gateway stops. */
  readonly closing: AbortSignal;
  /** Waits for the restarts that run and their outcomes. */
  close(): Promise<void>;
}

export interface RestartsOptions {
  readonly source: Pick<ContainerSource, "restart" | "look" | "restartedSince">;
  readonly audit: AuditLog;
  readonly limits: RestartLimitOptions;
  /** How long a container without a health check must run to count as well. @default 10000 */
  readonly stableMs?: number;
  /** How long a restart that the engine did not tell is followed up. @default 90000 */
  readonly settleMs?: number;
}

export function createRestarts({ source, audit, stableMs = 10_000, settleMs = 90_000, ...options }: RestartsOptions): Restarts {
  const limits = createRestartLimits(options.limits);
  const answers = createAnswers<Wellness>();
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();

  const track = <T>(promise: Promise<T>): Promise<T> => {
    running.add(promise);
    void promise.catch(() => {}).finally(() => running.delete(promise));
    return promise;
  };
  /** An outcome that cannot be recorded does not undo what happened: it is tried again until the gateway stops. */
  const recordOutcome = async (entry: AuditEntry): Promise<void> => {
    const retry = async (): Promise<void> => {
      if (await pause(2000, closing.signal)) await audit.write(entry).catch(retry);
    };
    await audit.write(entry).catch(() => void track(retry()));
  };
  const guard = async (container: Container) => {
    const { protectedBy } = await source.look(container);
    return protectedBy === null ? null : new RestartRefused("restart_protected", `This container is protected: ${protectedBy}`);
  };

  const run = async (container: Container, request: RestartRequest, keep: () => void): Promise<Wellness> => {
    const { kid } = request.principal;
    if (closing.signal.aborted) throw new RestartRefused("restart_busy", "The gateway is stopping", 5);
    const refused = await guard(container);
    if (refused) throw refused;
    const place = limits.enter(container.fullId, kid, request.free);
    const entry = toEntry(container, request);
    const since = new Date();
    const startedMs = performance.now();
    const intent = await audit.write(entry).catch((error: unknown) => {
      place.cancel();
      throw error;
    });
    keep();
    const record = (outcome: AuditEntry["outcome"], detail: string) =>
      recordOutcome({ ...entry, outcome, detail, intent, durationMs: Math.round(performance.now() - startedMs) });
    try {
      const restarted = await source.restart(container);
      await record("ok", restarted.status);
      place.leave(true);
      const until = request.waitMs ? { timeoutMs: request.waitMs, stableMs, signal: closing.signal } : null;
      return until ? await waitForHealth(restarted, source, until) : { container: restarted, well: null };
    } catch (error) {
      const { code = "internal", message } = error as { code?: string; message: string };
      const lost = code === "restart_unknown";
      await record(lost ? "unknown" : "failed", `${code}: ${message}`);
      if (!lost) place.leave(false);
      else {
        const settled = settleRestart(container, since, source, { timeoutMs: settleMs, signal: closing.signal });
        void track(settled.then((last) => last && record(last.outcome, last.detail)).finally(() => place.leave(true)));
      }
      throw error;
    }
  };

  return {
    closing: closing.signal,
    async restart(container, request) {
      const key = request.idempotencyKey;
      if (!key) return track(run(container, request, () => {}));
      const asked = JSON.stringify([container.fullId, request.waitMs ?? null, request.reason]);
      return track(answers.once(`${request.principal.kid} ${key}`, asked, (keep) => run(container, request, keep)));
    },
    check: async (container, { kid }) => (await guard(container)) ?? limits.check(container.fullId, kid),
    async recover() {
      for (const { intent, told } of await audit.recover()) {
        // Else the event of a new restart would be taken for that of this one.
        const place = limits.hold(intent.containerId);
        const outcome = { ...intent, intent: intent.seq };
        if (!told) await audit.write({ ...outcome, outcome: "unknown", detail: "the gateway died during the restart" });
        const ref = { engine: intent.engine, fullId: intent.containerId };
        const settled = settleRestart(ref, new Date(intent.at), source, { timeoutMs: settleMs, signal: closing.signal });
        const recorded = settled.then((last) => last && recordOutcome({ ...outcome, ...last, durationMs: null }));
        void track(recorded.finally(() => place.leave(true)));
      }
    },
    async close() {
      closing.abort();
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}

function toEntry(container: Container, { principal, requestId, reason, args, waitMs }: RestartRequest): AuditEntry {
  return {
    outcome: "intent",
    action: "restart",
    intent: null,
    requestId,
    subject: principal.subject,
    kid: principal.kid,
    scopes: [...principal.scopes],
    engine: container.engine,
    containerId: container.fullId,
    containerName: container.name,
    image: container.image,
    env: container.env,
    reason,
    args: { ...args, ...(waitMs && { wait_ms: waitMs }) },
    detail: null,
    durationMs: null,
  };
}
