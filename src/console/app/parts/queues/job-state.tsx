import type { JobRowFragment } from "../../../../generated/console.ts";
import { formatEnum } from "../../../../facts/format.ts";
import { toJobTone } from "../../../../facts/job.ts";
import { State } from "../state.tsx";

/** The state of a job; its system's own word on hover, or alone where no other has it. */
export function JobStateWord({
  job: { state, systemState },
}: {
  readonly job: Pick<JobRowFragment, "state" | "systemState">;
}) {
  return (
    <State tone={toJobTone(state)} title={`${systemState} (the job system's own word)`}>
      {state ? formatEnum(state) : systemState}
    </State>
  );
}
