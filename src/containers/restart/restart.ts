import type { AuditEntry, OpenIntent } from "../../audit/audit.ts";
import {
  type AskedAction,
  describeRequest,
  type EarlierAction,
  type Ledger,
  type NotBegun,
  type OpenAction,
  toAnswerKey,
  toBusyMs,
} from "../../audit/ledger.ts";
import { type CodedError, createActionRunner, type OpenSince, toFailedOutcome } from "../../audit/runner.ts";
import type { Principal } from "../../auth/principal.ts";
import { pause } from "../../lib/abort.ts";
import type { Container } from "../container.ts";
import type { ContainerSource } from "../source.ts";
import { createAnswerMemory, PastFailure, toIntent } from "./idempotency.ts";
import {
  type RestartLimitOptions,
  type RestartRefusal,
  RestartRefused,
  type RestartRequest,
  toActionLimits,
  toRestartRefused,
} from "./limits.ts";
import { type HealthOutcome, isLost, settleRestart, toPlace, waitForArrival, waitForHealth } from "./outcome.ts";

export interface Restarts {
  /**
   * Restarts a container between two audit entries: the intent before (no record, no restart) and
   * the outcome after. If the engine does not confirm it in time it is `unknown` and resolved
   * later. Continues when the caller leaves. Rejects with RestartRefused, or as
   * `ContainerSource.restart` and `Ledger.begin` do.
   */
  restart(container: Container, request: RestartRequest): Promise<HealthOutcome>;
  /**
   * The answer of the same request, made before under its key, also in another gateway; null for a
   * new one. Rejects as `restart`.
   */
  findAnswer(container: Container, request: RestartRequest): Promise<HealthOutcome | null>;
  /**
   * Why `restart` would refuse it now, including an audit record that is known to be unwritable.
   */
  check(container: Container, principal: Principal): Promise<RestartRefusal | null>;
  /**
   * Takes over the open restarts of earlier processes, and resolves them. Runs once; `restart`
   * waits for it, and retries it if it failed. Rejects with audit_unavailable.
   */
  recover(): Promise<void>;
  /** Takes over what other gateways left open since then. Rejects with audit_unavailable. */
  adopt(): Promise<void>;
  /** Aborts when the gateway stops. */
  readonly closing: AbortSignal;
  /**
   * The gateway stops: waits for health end after 8 s, and a restart that still runs is answered
   * with restart_unknown and goes on.
   */
  drain(): void;
  /** Waits for running restarts and their outcomes. */
  close(): Promise<void>;
}

interface RestartsOptions {
  readonly source: Pick<ContainerSource, "restart" | "inspectNow" | "markRestart" | "locate" | "restartedSince">;
  readonly ledger: Ledger;
  readonly limits: RestartLimitOptions;
  /** How long a container without a health check must run to count as healthy. @default 10000 */
  readonly stableMs?: number;
  /** How long to follow up a restart that the engine did not confirm. @default 90000 */
  readonly settleMs?: number;
}

/** How often writing an outcome is tried again after a failure, ms. */
const amendRetryMs = 2000;
const arrived = { outcome: "ok", detail: "settled: the engine restarted it later", code: null } as const;

export function createRestarts({
  source,
  ledger,
  limits,
  stableMs = 10_000,
  settleMs = 90_000,
}: RestartsOptions): Restarts {
  const answers = createAnswerMemory<HealthOutcome>();
  /** By number: restarts whose engine did not answer when it was last asked for their outcome. */
  const silent = new Set<number>();

  const wait = async (container: Container, timeoutMs: number): Promise<HealthOutcome> =>
    timeoutMs > 0
      ? waitForHealth(container, source, { timeoutMs, stableMs, signal: runner.hurry })
      : { container, healthy: null };
  /**
   * The container of an action as it is now. Another gateway may know its engine by another name.
   */
  const inspectAsActed = async (entry: EarlierAction["entry"]): Promise<Container> => {
    const inspect = async (engine: string) =>
      (await source.inspectNow({ engine, fullId: entry.containerId })).container;
    return inspect(entry.engine).catch(async (error: unknown) => {
      const engine = await source.locate(toPlace(entry)).catch(() => null);
      if (engine === null || engine === entry.engine) throw error;
      return inspect(engine);
    });
  };
  /**
   * The answer of a restart that this process knows only from the record: the recorded outcome,
   * with the container as it is now.
   */
  const answer = async (decision: NotBegun): Promise<HealthOutcome> => {
    const earlier = await runner.awaitOutcome(decision);
    if (earlier.kind === "refused") throw toRestartRefused(earlier.refusal, limits);
    const { entry, outcome } = earlier;
    if (outcome?.outcome !== "ok") throw new PastFailure(outcome ?? { outcome: "unknown", code: null, detail: null });
    return wait(await inspectAsActed(entry), Number(entry.args["wait_ms"] ?? 0));
  };
  /**
   * Looks for a restart whose answer was lost, and records its outcome. Returns how long it may
   * still arrive, ms.
   */
  const follow = async (action: OpenAction, { at, wasGivenUp, toDurationMs }: OpenSince): Promise<number> => {
    const { entry, seq } = action;
    const busyMs = toBusyMs(entry) + (wasGivenUp ? settleMs : 0);
    const times = { timeoutMs: settleMs, busyMs, wasSilent: silent.has(seq), signal: runner.closing };
    const last = await settleRestart(entry, at, source, times);
    if (last === null) {
      silent.add(seq);
      return 0;
    }
    silent.delete(seq);
    const { mayArriveMs, ...outcome } = last;
    await runner.record(action, { ...outcome, code: null }, toDurationMs());
    return mayArriveMs;
  };
  /** It blocks no other restart any more; if one begins, this one stays unknown. */
  const awaitArrival = async (timeoutMs: number, action: OpenAction, { at, toDurationMs }: OpenSince) => {
    const times = { timeoutMs, signal: runner.closing };
    if (timeoutMs === 0 || !(await waitForArrival(action.entry, at, source, times))) return;
    const outcome = { ...arrived, durationMs: toDurationMs() };
    let isOver = false;
    do isOver = await ledger.amend(action, outcome).then(isTried, () => false);
    while (!isOver && (await pause(amendRetryMs, runner.closing)));
    answers.forget(toAnswerKey(action.entry) ?? "");
  };
  const runner = createActionRunner({
    ledger,
    family: "restart",
    noun: "restart",
    unknownCode: "restart_unknown",
    toStopped: () => new RestartRefused("restart_busy", "The gateway is stopping", 5),
    async settle(action, since) {
      const mayArriveMs = await follow(action, since).finally(() => {
        // Another gateway may find out what this one could not.
        answers.forget(toAnswerKey(action.entry) ?? "");
        ledger.release(action);
      });
      await awaitArrival(mayArriveMs, action, since);
    },
  });

  const run = async (
    container: Container,
    intent: AuditEntry,
    limit: AskedAction["limits"],
    keep: () => void,
  ): Promise<HealthOutcome> => {
    const earlier = await ledger.find(intent);
    if (earlier) return answer(earlier);
    const { mark, protectedBy } = await source.markRestart(container);
    if (protectedBy !== null) throw toProtected(protectedBy);
    const entry = { ...intent, mark };
    const done = await runner.run(
      { limits: limit, toEntry: () => entry },
      {
        async act(_, check) {
          keep();
          return source.restart(container, mark.stopSeconds, check);
        },
        toOutcome: ({ container: { status }, dockerStatus }) => ({
          outcome: "ok",
          detail: status,
          code: null,
          dockerStatus,
        }),
        toFailure: (error) => toFailedOutcome(error, toOutcome),
        onRecorded({ outcome, code }) {
          // By now the container can be inspected.
          if (outcome === "ok" && code !== null) answers.forget(toAnswerKey(entry) ?? "");
        },
      },
    );
    return done.kind === "done" ? wait(done.result.container, Number(entry.args["wait_ms"] ?? 0)) : answer(done);
  };

  /**
   * The restarts of engines that this gateway knows. The others are left to a gateway that knows
   * their engine.
   */
  const isOurs = async ({ intent, hasOutcome }: OpenIntent) =>
    !hasOutcome || isLost(intent.at) || (await source.locate(toPlace(intent)).catch(() => null)) !== null;
  const begin = async (container: Container, request: RestartRequest): Promise<HealthOutcome> => {
    await runner.recover();
    const entry = toIntent(container, request);
    const limit = toActionLimits(limits, request.free);
    const key = toAnswerKey(entry);
    if (key === null) return run(container, entry, limit, () => {});
    return answers.once(key, describeRequest(entry), (keep) => run(container, entry, limit, keep));
  };

  return {
    closing: runner.closing,
    restart: (container, request) => runner.answer(begin(container, request)),
    async findAnswer(container, request) {
      await runner.recover();
      const earlier = await ledger.find(toIntent(container, request));
      return earlier && runner.answer(answer(earlier));
    },
    async check(container, principal) {
      const { protectedBy } = await source.inspectNow(container);
      if (protectedBy !== null) return toProtected(protectedBy);
      const { kid, subject, issuer = null } = principal;
      try {
        const about = { action: "restart", containerId: container.fullId, kid, subject, issuer } as const;
        const refusal = await ledger.check(about, toActionLimits(limits));
        return refusal && toRestartRefused(refusal, limits);
      } catch (error) {
        const { code = "internal", message } = error as CodedError;
        return { code, message };
      }
    },
    recover: runner.recover,
    adopt: () => runner.adopt(isOurs),
    drain: runner.drain,
    close: runner.close,
  };
}

function toProtected(reason: string): RestartRefused {
  return new RestartRefused("restart_protected", `This container is protected: ${reason}`);
}

/** Also where another restart began meanwhile: then there is nothing to record. */
const isTried = () => true;

/**
 * A restart that the engine confirmed is `ok`, even if the container could not be inspected
 * afterwards.
 */
function toOutcome(code: string, dockerStatus: number | null): AuditEntry["outcome"] {
  if (code !== "restart_unknown") return "failed";
  return dockerStatus !== null && dockerStatus < 300 ? "ok" : "unknown";
}
