import type { ConsoleQueueQuery } from "../../../../generated/console.ts";
import { formatDuration } from "../../../../facts/format.ts";
import {
  formatQueueNumber,
  queueNumberNames,
  queueNumbers,
  type QueueNumberName,
  toQueueNumberTone,
} from "../../../../facts/queue.ts";

type Queue = NonNullable<ConsoleQueueQuery["queue"]>;

/** The numbers of a queue as they are now. */
export function QueueFigures({ queue }: { readonly queue: Queue }) {
  return (
    <dl class="figures">
      {queueNumberNames.map((name) => {
        const tone = toQueueNumberTone(name, queue);
        return (
          <div class="figure" key={name} title={queueNumbers[name].about}>
            <dt>{toLabel(name, queue)}</dt>
            <dd class={tone === "neutral" ? "" : tone}>{formatQueueNumber(name, queue)}</dd>
          </div>
        );
      })}
    </dl>
  );
}

/** Sampled failures are those of the time that the samples reach back. */
function toLabel(name: QueueNumberName, { windowSeconds }: Queue): string {
  if (name !== "failuresLastHour" || windowSeconds === null) return queueNumbers[name].label;
  return `failed ${formatDuration(Math.min(3600, windowSeconds))}`;
}
