import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "./scalars.ts";

/** HealthCheck, and Container.healthCheck. */
export function addHealthCheck(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.healthCheck.implement({
    description: "What the last health probe of a container said. Asking does not run a probe.",
    fields: (t) => ({
      status: t.string({ description: "Docker's state of the container.", resolve: ({ container }) => container.status }),
      health: t.field({
        type: scalars.health,
        description: "What the health check says.",
        resolve: ({ container }) => container.health,
      }),
      healthy: t.boolean({
        nullable: true,
        description:
          "True when healthy, false when unhealthy or not running, null when there is no health check or no verdict yet.",
        resolve: ({ container: { status, health } }) => {
          if (status !== "running") return false;
          return health === "none" || health === "starting" ? null : health === "healthy";
        },
      }),
      failingStreak: t.int({
        nullable: true,
        description: "Failed probes in a row; null without a health check.",
        resolve: ({ probe }) => probe?.failingStreak ?? null,
      }),
      checkedAt: t.field({
        type: "DateTime",
        nullable: true,
        description: "When the last probe ended; null before the first.",
        resolve: ({ probe }) => probe?.checkedAt ?? null,
      }),
      output: t.string({
        nullable: true,
        description: "Output of the last probe, at most 4096 bytes; null before the first.",
        resolve: ({ probe }) => probe?.output ?? null,
      }),
    }),
  });
  builder.objectField(refs.container, "healthCheck", (t) =>
    t.field({
      type: refs.healthCheck,
      description: "What its last health probe said.",
      resolve: (container) => ({ container, probe: container.probe }),
    }),
  );
}
