import { toActionTone } from "./audit.ts";
import { toHealthTone } from "./container.ts";
import { toHostState } from "./host.ts";
import { toQueueTone } from "./queue.ts";
import type { Tone } from "./tone.ts";

/** The kinds of entries, with their words in the filter. */
export const timelineKinds = {
  DEPLOY: "deploy",
  RESTART: "restart",
  CONTAINER_DEATH: "container end",
  OOM_KILL: "out of memory",
  HEALTH: "health",
  QUEUE_STATE: "queue",
  HOST_ALERT: "host",
  GAP: "gap",
} as const;

/** Start of the message for a deploy that never went live. */
export const failedDeploy = "Failed to deploy";

interface Entry {
  readonly kind: string;
  readonly to: string | null;
  readonly requested: boolean;
  readonly exitCode: number | null;
  readonly message: string;
}

/** The tone of an entry: that of the state to which a change led. */
export function toEntryTone({ kind, to, requested, exitCode, message }: Entry): Tone {
  switch (kind.toUpperCase()) {
    case "DEPLOY":
      return message.startsWith(failedDeploy) ? "bad" : "ok";
    case "OOM_KILL":
      return "bad";
    case "CONTAINER_DEATH":
      return requested || exitCode === 0 ? "neutral" : "bad";
    case "RESTART":
      return toActionTone(to ?? "");
    case "HEALTH":
      return toHealthTone(to ?? "");
    case "QUEUE_STATE":
      return toQueueTone(to ?? "");
    case "HOST_ALERT":
      return toHostState({ status: to ?? "", alert: to?.toUpperCase() === "ALERT" }).tone;
    default:
      return "neutral";
  }
}
