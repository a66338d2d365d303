import { aboutContainer, type ActionRequest, type AuditOutcome, toIntentEntry } from "../audit/audit.ts";
import type { Ledger } from "../audit/ledger.ts";
import { createActionRunner, toFailedOutcome } from "../audit/runner.ts";
import { OpsError } from "../lib/errors.ts";
import type { Container } from "./container.ts";
import type { ContainerSource, ProbeRun } from "./source.ts";

type ProbeRequest = Omit<ActionRequest, "reason">;

export interface HealthProbes {
  /**
   * Runs a container's own health check between two audit entries: the intent before (no record, no
   * probe) and the outcome after. Continues when the caller leaves. Null without a health check.
   * Rejects as `ContainerSource.probe` and `Ledger.begin` do.
   */
  run(container: Container, request: ProbeRequest): Promise<ProbeRun | null>;
  /**
   * Records an outcome for probes that earlier processes left open. Runs once; `run` waits for it.
   * Rejects with audit_unavailable.
   */
  recover(): Promise<void>;
  /** Takes over what other gateways left open since then. Rejects with audit_unavailable. */
  adopt(): Promise<void>;
  /** Waits for running probes and their outcomes. */
  close(): Promise<void>;
}

interface HealthProbesOptions {
  readonly source: Pick<ContainerSource, "probe">;
  readonly ledger: Ledger;
}

export function createHealthProbes({ source, ledger }: HealthProbesOptions): HealthProbes {
  const runner = createActionRunner({
    ledger,
    family: "probe",
    noun: "probe",
    unknownCode: null,
    toStopped: () => new OpsError("overloaded", "The gateway is stopping"),
  });
  const run = async (container: Container, request: ProbeRequest): Promise<ProbeRun | null> => {
    const entry = toIntentEntry({ ...request, reason: null }, { action: "probe", ...aboutContainer(container) });
    const act = () => source.probe(container);
    const done = await runner.run({ limits: noLimits, toEntry: () => entry }, { act, toOutcome, toFailure });
    if (done.kind !== "done") throw new OpsError("internal", "A health check on demand has no limits and no key");
    return done.result;
  };
  return {
    run: (container, request) => runner.track(run(container, request)),
    recover: runner.recover,
    adopt: () => runner.adopt(),
    close: runner.close,
  };
}

const noLimits = { cooldownMs: null, parallel: null, budget: null };

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
  return toFailedOutcome(error, (code) =>
    code === "docker_timeout" || code === "docker_unavailable" ? "unknown" : "failed",
  );
}
