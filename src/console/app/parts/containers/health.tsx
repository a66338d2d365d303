import { toHealthTone } from "../../../../facts/container.ts";
import type { Tone } from "../../../../facts/tone.ts";
import { useState } from "preact/hooks";
import { OpsError } from "../../../../client/error.ts";
import { ConsoleProbeDocument, type HealthResultFragment } from "../../../../generated/console.ts";
import { ask, type Failure } from "../../data/client.ts";
import { refreshAll } from "../../data/live.ts";
import { missingScope, server } from "../../session/viewer.ts";
import { formatDuration, formatEnum, formatNumber } from "../../../../facts/format.ts";
import { FailureNotice } from "../notice.tsx";
import { State } from "../state.tsx";
import { Since } from "../time.tsx";

interface HealthProps {
  readonly name: string;
  readonly engine: string;
  readonly check: HealthResultFragment;
}

/** The last health check, and a button for a new one. */
export function Health({ name, engine, check }: HealthProps) {
  const [probe, setProbe] = useState<{
    readonly check: HealthResultFragment | null;
    readonly failure: Failure | null;
  } | null>(null);
  const [isRunning, setRunning] = useState(false);
  const hasCheck = check.failingStreak !== null || check.health !== "NONE";
  const missing =
    missingScope("ops:operate") ??
    (server.value?.healthExecEnabled === false
      ? "New checks are off: WALLET_CORE_OPS_HEALTH_EXEC=on enables them"
      : hasCheck
        ? null
        : "This container has no health check");
  const run = async () => {
    if (missing !== null || isRunning) return;
    setRunning(true);
    try {
      const { data, failures } = await ask(ConsoleProbeDocument, { name, engine });
      setProbe({ check: data?.container?.healthCheck ?? null, failure: failures[0] ?? null });
      refreshAll();
    } catch (error) {
      if (!(error instanceof OpsError)) throw error;
      setProbe({ check: null, failure: error });
    } finally {
      setRunning(false);
    }
  };
  const shown = probe?.check ?? check;
  return (
    <section class="section">
      <header>
        <h2>Health check</h2>
        <button
          type="button"
          class="button quiet right"
          aria-disabled={missing !== null || isRunning}
          title={missing ?? "Runs the health check now, inside the container. The audit record keeps it."}
          onClick={() => void run()}
        >
          {isRunning ? "Checking …" : "Check now"}
        </button>
      </header>
      {probe && <FailureNotice failure={probe.failure} what="Health check" />}
      <dl class="facts">
        <dt>result</dt>
        <dd>
          <State tone={toTone(shown)}>{hasCheck ? formatEnum(shown.health) : "no health check"}</State>
        </dd>
        {hasCheck && (
          <>
            <dt>checked</dt>
            <dd>
              {shown.checkedAt === null ? "not yet" : <Since at={shown.checkedAt} suffix=" ago" />}
              {probe?.check && <span class="muted"> manually</span>}
            </dd>
            <dt title="Failed checks in a row">failed in a row</dt>
            <dd>{formatNumber(shown.failingStreak)}</dd>
          </>
        )}
        {probe?.check && (
          <>
            <dt>exit code</dt>
            <dd>
              {formatNumber(probe.check.exitCode)}
              {probe.check.timedOut ? " (stopped after a timeout)" : ""}
              {probe.check.durationMs !== null && `, after ${formatDuration(probe.check.durationMs / 1000)}`}
            </dd>
          </>
        )}
        {hasCheck && (
          <>
            <dt>output</dt>
            <dd>
              {shown.output ? (
                <pre class="output isolate">{shown.output}</pre>
              ) : (
                <span class="none">{shown.output === null ? "unknown" : "no output"}</span>
              )}
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function toTone({ health, healthy }: HealthResultFragment): Tone {
  // A new check may differ from what the engine recorded.
  if (healthy !== null) return healthy ? "ok" : "bad";
  return toHealthTone(health);
}
