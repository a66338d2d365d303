import type { Container, HealthProbe } from "../../containers/container.ts";
import type { ProbeRun } from "../../containers/source.ts";
import { OpsError } from "../../lib/errors.ts";
import { toFlagArg } from "../args.ts";
import type { Builder } from "../builder.ts";
import type { OpsContext } from "../context.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";

/** A container with its last health probe. */
interface HealthCheck {
  readonly container: Container;
  readonly probe: HealthProbe | null;
  /** The probe that was run on demand. */
  readonly run: ProbeRun | null;
}

/** HealthCheck, and Container.healthCheck. */
export function addHealthCheck(builder: Builder, refs: Refs, scalars: Scalars): void {
  const healthCheck = builder.objectRef<HealthCheck>("HealthCheck").implement({
    description: "Result of the last health probe of a container; with `probe: true`, of a new one.",
    fields: (t) => ({
      status: t.string({
        description: "Docker's state of the container.",
        resolve: ({ container }) => container.status,
      }),
      health: t.field({
        type: scalars.health,
        description: "What the health check says.",
        resolve: ({ container }) => container.health,
      }),
      healthy: t.boolean({
        nullable: true,
        description:
          "True when healthy, false when unhealthy or not running, null when " +
          "there is no health check or no verdict yet. Of a new " +
          "probe: whether it passed.",
        resolve: isHealthy,
      }),
      failingStreak: t.int({
        nullable: true,
        description: "Failed probes in a row; null without a health check.",
        resolve: ({ probe }) => probe?.failingStreak ?? null,
      }),
      checkedAt: t.field({
        type: "DateTime",
        nullable: true,
        description: "When the probe ended; null before the first.",
        resolve: toCheckedAt,
      }),
      ageSeconds: t.int({
        nullable: true,
        description: "Seconds since the probe ended, by the gateway's clock; null before the first.",
        resolve: (check) => {
          const at = toCheckedAt(check);
          return at === null ? null : Math.max(0, Math.round((Date.now() - Date.parse(at)) / 1000));
        },
      }),
      output: t.string({
        nullable: true,
        description: "Output of the probe, secrets redacted, cut at 4096 characters; null before the first.",
        resolve: ({ probe, run }) => run?.output ?? probe?.output ?? null,
      }),
      exitCode: t.int({
        nullable: true,
        description: "Of a new probe: its exit code, 0 for healthy, 137 when it was killed. Else null.",
        resolve: ({ run }) => run?.exitCode ?? null,
      }),
      timedOut: t.boolean({
        nullable: true,
        description: "Of a new probe: whether it exceeded its timeout and was killed. Else null.",
        resolve: ({ run }) => run?.timedOut ?? null,
      }),
      durationMs: t.int({
        nullable: true,
        description: "Of a new probe: how long it took, milliseconds. Else null.",
        resolve: ({ run }) => run?.durationMs ?? null,
      }),
    }),
  });
  builder.objectField(refs.container, "healthCheck", (t) =>
    t.field({
      type: healthCheck,
      description: "Result of its last health probe.",
      args: {
        probe: toFlagArg(
          t.arg,
          "Run its health check now, inside the container, and return the result. Needs " +
            "ops:operate and WALLET_CORE_OPS_HEALTH_EXEC=on. Recorded in the audit file; " +
            "refused when that cannot be written. Null without a health check.",
        ),
      },
      complexity: ({ probe }) => ({ field: probe ? 2000 : 1 }),
      resolve: (container, { probe }, context) =>
        probe ? runProbe(container, context) : { container, probe: container.probe, run: null },
    }),
  );
}

async function runProbe(
  container: Container,
  { sources, principal, origin, requestId, budget }: OpsContext,
): Promise<HealthCheck> {
  if (!principal.scopes.has("ops:operate")) throw new OpsError("forbidden", "This token lacks the scope ops:operate");
  if (!sources.healthExecEnabled)
    throw new OpsError("health_exec_disabled", "New probes are off; WALLET_CORE_OPS_HEALTH_EXEC=on enables them");
  const { probe } = container;
  if (container.status !== "running") return { container, probe, run: null };
  // A probe may take 35 s; it has its own deadline.
  budget.liftDeadline();
  return { container, probe, run: await sources.probes.run(container, { principal, origin: origin(), requestId }) };
}

function isHealthy({ container: { status, health }, run }: HealthCheck): boolean | null {
  if (status !== "running") return false;
  if (run) return run.exitCode === null ? null : run.exitCode === 0;
  return health === "none" || health === "starting" ? null : health === "healthy";
}

function toCheckedAt({ probe, run }: HealthCheck): string | null {
  return run?.checkedAt ?? probe?.checkedAt ?? null;
}
