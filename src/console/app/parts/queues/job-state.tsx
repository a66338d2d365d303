import type { JobRowFragment } from "../../../../generated/console.ts";
import { formatEnum } from "../../../../facts/format.ts";
import { State, type Tone } from "../state.tsx";

type JobState = NonNullable<JobRowFragment["state"]>;

/** The states of a job, those that need somebody first. */
export const jobStates = [
  "FAILED",
  "RETRYING",
  "RUNNING",
  "AVAILABLE",
  "SCHEDULED",
  "BLOCKED",
  "COMPLETED",
  "CANCELLED",
] as const satisfies readonly JobState[];

const tones: Readonly<Record<JobState, Tone>> = {
  FAILED: "bad",
  RETRYING: "warn",
  RUNNING: "ok",
  AVAILABLE: "ok",
  SCHEDULED: "ok",
  BLOCKED: "unknown",
  COMPLETED: "ok",
  CANCELLED: "unknown",
};

/** The state of a job; its system's own word on hover, or alone where no other has it. */
export function JobStateWord({
  job: { state, systemState },
}: {
  readonly job: Pick<JobRowFragment, "state" | "systemState">;
}) {
  return (
    <State tone={state ? tones[state] : "unknown"} title={`${systemState}, as its system calls it`}>
      {state ? formatEnum(state) : systemState}
    </State>
  );
}
