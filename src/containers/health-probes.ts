import { aboutContainer, type ActionRequest, type AuditLog, toIntentEntry } from "../audit/audit.ts";
import { type AuditOutcome, createOutcomes, toFailedOutcome } from "../audit/recorder.ts";
import { onceDone } from "../lib/cache.ts";
import type { Container } from "./container.ts";
import type { ContainerSource, ProbeRun } from "./source.ts";

type ProbeRequest = Omit<ActionRequest, "reason">;

export interface HealthProbes {
  /**
   * Runs a container's own health check between two audit entries: the intent before (no record, no probe) and the outcome after. Continues when the
   * caller leaves. Null without a health check. Rejects as `ContainerSource.probe` and `AuditLog.write` do.
   */
  run(container: Container, request: ProbeRequest): Promise<ProbeRun | null>;
  /** Records an outcome for probes that earlier processes left open. Runs once; `run` waits for it. Rejects with audit_unavailable. */
  recover(): Promise<void>;
  /** Waits for running probes and their outcomes. */
  close(): Promise<void>;
}

interface HealthProbesOptions {
  readonly source: Pick<ContainerSource, "probe">;
  readonly audit: AuditLog;
}

export function createHealthProbes({ source, audit }: HealthProbesOptions): HealthProbes {
  const closing = new AbortController();
  const { track, recorded, settled } = createOutcomes(audit, closing.signal);

  const recover = onceDone(async () => {
    const { open } = await audit.recover();
    const died = { outcome: "unknown", detail: "the gateway died during the probe" } as const;
    for (const { intent, hasOutcome } of open) {
      if (intent.action === "probe" && !hasOutcome) await audit.write({ ...intent, ...died, intent: intent.seq });
    }
  });
  const run = async (container: Container, request: ProbeRequest): Promise<ProbeRun | null> => {
    await recover();
    const entry = toIntentEntry({ ...request, reason: null }, { action: "probe", ...aboutContainer(container) });
    return recorded(entry, () => source.probe(container), { toOutcome, toFailure });
  };
  return {
    run: (container, request) => track(run(container, request)),
    recover,
    async close() {
      closing.abort();
      await settled();
    },
  };
}

/** `ok`: it ran to its end, whatever its result. */
function toOutcome(run: ProbeRun | null): AuditOutcome {
  return { outcome: "ok", detail: run === null ? "no health check" : describe(run), code: null };
}

function describe({ exitCode, timedOut, durationMs }: ProbeRun): string {
  const end = exitCode === null ? "no exit code" : `exit code ${exitCode}`;
  return timedOut ? `${end}, killed after ${durationMs} ms` : end;
}

/** An engine that was lost, or is late, may still have run the probe. */
function toFailure(error: unknown): AuditOutcome {
  return toFailedOutcome(error, (code) => (code === "docker_timeout" || code === "docker_unavailable" ? "unknown" : "failed"));
}
