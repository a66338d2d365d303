import type { ConsoleJobQuery, WorkerContainerFragment } from "../../../../generated/console.ts";
import { href } from "../../page/url.ts";
import { formatClock } from "../../../../facts/format.ts";

export type Attempt = NonNullable<NonNullable<ConsoleJobQuery["job"]>["attempts"]>[number];

/**
 * The log of an attempt's container, from its start to the second in which it failed. Null where
 * either is unknown.
 */
function toAttemptLog({ container, at, startedAt, number }: Attempt): string | null {
  const from = startedAt ?? at;
  if (!container || !from) return null;
  return href("/logs", {
    name: container.name,
    engine: container.engine,
    at: from,
    to: at,
    mark: number === null ? "attempt" : `attempt ${number}`,
  });
}

/** A worker: its container where it is known, else its name as the job's row has it. */
export function Worker({
  container,
  worker,
}: {
  readonly container: WorkerContainerFragment | null;
  readonly worker: string | null;
}) {
  if (container)
    return (
      <a
        class="isolate"
        href={href("/container", { name: container.name, engine: container.engine })}
        title={worker ?? container.name}
      >
        {container.name}
      </a>
    );
  if (worker === null) return <span class="none">unknown</span>;
  return (
    <span class="isolate" title="No container, or more than one, has the host name of this worker">
      {worker}
    </span>
  );
}

interface AttemptLogProps {
  readonly attempt: Attempt;
  /** Alone, not in a table: says the moment. */
  readonly isButton?: boolean;
}

/** The log of an attempt as a link; says why there is none. */
export function AttemptLog({ attempt, isButton = false }: AttemptLogProps) {
  const address = toAttemptLog(attempt);
  if (address)
    return (
      <a class={isButton ? "button" : "link"} href={address} title="The log of its container at that moment">
        {isButton && attempt.at ? <>Log at {formatClock(attempt.at)}</> : "log"}
      </a>
    );
  return (
    <span
      class="none"
      title={attempt.container ? "The time of this attempt is unknown" : "The container of this attempt is unknown"}
    >
      no log
    </span>
  );
}
