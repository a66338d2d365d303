import type { AuditEntry, AuditLog } from "../../audit/audit.ts";
import { type AuditOutcome, type CodedError, createOutcomes, toFailedOutcome } from "../../audit/recorder.ts";
import { type Principal, toHolder } from "../../auth/principal.ts";
import { onceDone } from "../../lib/cache.ts";
import type { Container } from "../container.ts";
import type { ContainerSource } from "../source.ts";
import { createIdempotencyStore, describeRequest, PastFailure, toAnswerKey, toIntent } from "./idempotency.ts";
import {
  createRestartLimits,
  type RestartLimitOptions,
  type RestartRefusal,
  RestartRefused,
  type RestartRequest,
} from "./limits.ts";
import { type HealthOutcome, settleRestart, waitForHealth } from "./outcome.ts";

export interface Restarts {
  /**
   * Restarts a container between two audit entries: the intent before (no record, no restart) and the outcome after. If the engine does not confirm it
   * in time it is `unknown` and resolved later. Continues when the caller leaves. Rejects with RestartRefused, or as `ContainerSource.restart` and
   * `AuditLog.write` do.
   */
  restart(container: Container, request: RestartRequest): Promise<HealthOutcome>;
  /** Why `restart` would refuse it now, including an audit record that is known to be unwritable. */
  check(container: Container, principal: Principal): Promise<RestartRefusal | null>;
  /**
   * Takes over the restarts of earlier processes: resolves open ones, and restores the store of their keys. Runs once; `restart` waits for it, and
   * retries it if it failed. Rejects with audit_unavailable.
   */
  recover(): Promise<void>;
  /** Aborts when the gateway stops. */
  readonly closing: AbortSignal;
  /** Waits for running restarts and their outcomes. */
  close(): Promise<void>;
}

interface RestartsOptions {
  readonly source: Pick<ContainerSource, "restart" | "inspectNow" | "restartedSince">;
  readonly audit: AuditLog;
  readonly limits: RestartLimitOptions;
  /** How long a container without a health check must run to count as healthy. @default 10000 */
  readonly stableMs?: number;
  /** How long to follow up a restart that the engine did not confirm. @default 90000 */
  readonly settleMs?: number;
}

export function createRestarts({ source, audit, stableMs = 10_000, settleMs = 90_000, ...options }: RestartsOptions): Restarts {
  const limits = createRestartLimits(options.limits);
  const store = createIdempotencyStore<HealthOutcome>();
  const closing = new AbortController();
  const { track, record, recorded, settled } = createOutcomes(audit, closing.signal);

  const guard = async (container: Container) => {
    const { protectedBy } = await source.inspectNow(container);
    return protectedBy === null ? null : new RestartRefused("restart_protected", `This container is protected: ${protectedBy}`);
  };

  /** Stores the answer of a restart that this process knows only from the record: the recorded outcome, with the container as it is now. */
  const keepPast = (intent: AuditEntry, at: Date, last: Pick<AuditEntry, "outcome" | "code" | "detail">) => {
    const key = toAnswerKey(intent);
    if (key === null) return;
    const replay = async (): Promise<HealthOutcome> => {
      if (last.outcome !== "ok") throw new PastFailure(last);
      const { container } = await source.inspectNow({ engine: intent.engine, fullId: intent.containerId });
      return wait(container, Number(intent.args["wait_ms"] ?? 0));
    };
    store.restore(key, describeRequest(intent), replay, Date.now() - at.getTime());
  };
  const wait = async (container: Container, timeoutMs: number): Promise<HealthOutcome> =>
    timeoutMs > 0
      ? waitForHealth(container, source, { timeoutMs, stableMs, signal: closing.signal })
      : { container, healthy: null };
  /** Follows up a restart whose answer was lost, and records the outcome. */
  const settle = (intent: AuditEntry, seq: number, since: Date, durationMs: () => number | null, leave: () => void) => {
    const ref = { engine: intent.engine, fullId: intent.containerId };
    const follow = async () => {
      const last = await settleRestart(ref, since, source, { timeoutMs: settleMs, signal: closing.signal });
      if (!last) return;
      const outcome = { ...last, code: null };
      keepPast(intent, since, outcome);
      await record({ ...intent, ...outcome, intent: seq, dockerStatus: null, durationMs: durationMs() });
    };
    void track(follow().finally(leave));
  };

  const run = async (
    container: Container,
    entry: AuditEntry,
    request: RestartRequest,
    keep: () => void,
  ): Promise<HealthOutcome> => {
    if (closing.signal.aborted) throw new RestartRefused("restart_busy", "The gateway is stopping", 5);
    const refused = await guard(container);
    if (refused) throw refused;
    const place = limits.enter(container.fullId, toHolder(entry), request.free);
    const since = new Date();
    const startedMs = performance.now();
    const durationMs = () => Math.round(performance.now() - startedMs);
    let isBegun = false;
    const act = () => {
      isBegun = true;
      keep();
      return source.restart(container);
    };
    const onRecorded = (result: AuditOutcome, intent: number) => {
      const { outcome, code } = result;
      if (outcome === "unknown") settle(entry, intent, since, durationMs, () => place.leave(true));
      else place.leave(outcome === "ok");
      if (outcome === "ok" && code !== null) keepPast(entry, since, result);
    };
    const { container: restarted } = await recorded(entry, act, {
      toOutcome: (done) => ({ outcome: "ok", detail: done.container.status, code: null, dockerStatus: done.dockerStatus }),
      toFailure: (error) => toFailedOutcome(error, toOutcome),
      onRecorded,
    }).catch((error: unknown) => {
      if (!isBegun) place.cancel();
      throw error;
    });
    return wait(restarted, request.waitMs ?? 0);
  };

  const takeOver = async (): Promise<void> => {
    const { keyed, ...left } = await audit.recover();
    const open = left.open.filter(({ intent }) => intent.action === "restart");
    const died = { outcome: "unknown", detail: "the gateway died during the restart", code: "restart_unknown" } as const;
    for (const { intent, hasOutcome } of open) {
      if (!hasOutcome) await audit.write({ ...intent, ...died, intent: intent.seq });
    }
    for (const { intent, outcome } of keyed) keepPast(intent, new Date(intent.at), outcome ?? died);
    for (const { intent } of open) {
      // Else the event of a new restart would be taken for this one's.
      const place = limits.hold(intent.containerId);
      settle(
        intent,
        intent.seq,
        new Date(intent.at),
        () => null,
        () => place.leave(true),
      );
    }
  };
  const recover = onceDone(takeOver);
  const begin = async (container: Container, request: RestartRequest): Promise<HealthOutcome> => {
    await recover();
    const entry = toIntent(container, request);
    const key = toAnswerKey(entry);
    if (key === null) return run(container, entry, request, () => {});
    return store.once(key, describeRequest(entry), (keep) => run(container, entry, request, keep));
  };

  return {
    closing: closing.signal,
    restart: (container, request) => track(begin(container, request)),
    check: async (container, principal) =>
      (await guard(container)) ?? limits.check(container.fullId, toHolder(principal)) ?? (await findUnrecordable(audit)),
    recover,
    async close() {
      closing.abort();
      await settled();
    },
  };
}

/** A restart that the engine confirmed is `ok`, even if the container could not be inspected afterwards. */
function toOutcome(code: string, dockerStatus: number | null): AuditEntry["outcome"] {
  if (code !== "restart_unknown") return "failed";
  return dockerStatus !== null && dockerStatus < 300 ? "ok" : "unknown";
}

/** Why nothing could be recorded now; null when no obstacle is known. */
async function findUnrecordable(audit: AuditLog): Promise<RestartRefusal | null> {
  return audit.check().then(
    () => null,
    ({ code = "internal", message }: CodedError) => ({ code, message }),
  );
}
