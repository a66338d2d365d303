import type { ConsoleQueueQuery } from "../../../../generated/console.ts";
import { href } from "../../data/url.ts";
import { toCount } from "../format.ts";
import { Empty } from "../notice.tsx";
import { Since } from "../time.tsx";
import { JobButton, toGroupRetry } from "./actions.tsx";
import { Releases } from "./releases.tsx";

type QueueError = NonNullable<NonNullable<ConsoleQueueQuery["queue"]>["errors"]>[number];

interface QueueErrorsProps {
  readonly errors: readonly QueueError[];
  readonly queue: string;
  readonly source: string;
}

/** The errors of one queue in the last hour, newest first. */
export function QueueErrors({ errors, queue, source }: QueueErrorsProps) {
  if (errors.length === 0) return <Empty>No job of it failed with an error in the last 60 minutes.</Empty>;
  return (
    <table class="table queue-errors">
      <thead>
        <tr>
          <th scope="col">error</th>
          <th scope="col" class="number" title="Failures in the last 60 minutes">
            failed
          </th>
          <th scope="col" class="wide-only" title="The releases whose workers failed with it">
            releases
          </th>
          <th scope="col" class="number wide-only" title="When the first failure of the last 60 minutes happened">
            first
          </th>
          <th scope="col" class="number" title="When the newest failure happened">
            last
          </th>
          <th scope="col" class="wide-only">
            newest job
          </th>
          <th scope="col" class="wide-only">
            <span class="hidden-text">action</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {errors.map(({ fingerprint, error, count, complete, releases, firstSeen, timestamp, jobIds }) => (
          <tr key={fingerprint}>
            <td>
              <a data-row-link class="code isolate" href={href("/errors", { fingerprint })} title={error}>
                {error}
              </a>
            </td>
            <td class="number">
              {complete ? "" : "≥ "}
              {toCount(count)}
            </td>
            <td class="wide-only">
              <Releases releases={releases} />
            </td>
            <td class="number wide-only">
              <Since at={firstSeen} />
            </td>
            <td class="number">
              <Since at={timestamp} />
            </td>
            <td class="wide-only">
              {jobIds.slice(0, 1).map((id) => (
                <a key={id} class="code isolate" href={href("/job", { source, id, queue })}>
                  {id}
                </a>
              ))}
            </td>
            <td class="wide-only number">
              <JobButton action={() => toGroupRetry({ source, queue, fingerprint })}>Retry …</JobButton>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
