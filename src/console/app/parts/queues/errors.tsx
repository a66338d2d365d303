import { useMemo } from "preact/hooks";
import type { ConsoleQueueQuery } from "../../../../generated/console.ts";
import { href } from "../../page/url.ts";
import { formatNumber } from "../../../../facts/format.ts";
import { type Column, List } from "../list.tsx";
import { Empty } from "../notice.tsx";
import { Since } from "../time.tsx";
import { GroupButtons } from "./actions.tsx";
import { Releases } from "./releases.tsx";

type QueueError = NonNullable<NonNullable<ConsoleQueueQuery["queue"]>["errors"]>[number];

interface QueueErrorsProps {
  readonly errors: readonly QueueError[];
  readonly queue: string;
  readonly source: string;
}

/** The errors of one queue in the last hour, newest first. */
export function QueueErrors({ errors, queue, source }: QueueErrorsProps) {
  const columns = useMemo(() => toColumns(queue, source), [queue, source]);
  if (errors.length === 0) return <Empty>No job of this queue failed with an error in the last 60 minutes.</Empty>;
  return (
    <List
      rows={errors}
      columns={columns}
      rowKey={({ fingerprint }) => fingerprint}
      rowHref={({ fingerprint }) => href("/errors", { fingerprint })}
      label={`Errors of ${queue}, newest first`}
      sortParam="sort_errors"
    />
  );
}

function toColumns(queue: string, source: string): readonly Column<QueueError>[] {
  return [
    {
      name: "error",
      width: "minmax(0, 3fr)",
      cell: ({ error, fingerprint }) => (
        <a data-row-link class="code isolate" href={href("/errors", { fingerprint })} title={error}>
          {error}
        </a>
      ),
    },
    {
      name: "failed",
      width: "56px",
      isNumber: true,
      title: "Failures in the last 60 minutes",
      sortBy: ({ count }) => count,
      cell: ({ count, complete }) => `${complete ? "" : "≥ "}${formatNumber(count)}`,
    },
    {
      name: "releases",
      width: "minmax(0, 1.2fr)",
      isWideOnly: true,
      title: "Releases whose workers failed with this error",
      cell: ({ releases }) => <Releases releases={releases} />,
    },
    {
      name: "first",
      width: "72px",
      isNumber: true,
      isWideOnly: true,
      title: "When the first failure of the last 60 minutes happened",
      sortBy: ({ firstSeen }) => firstSeen,
      cell: ({ firstSeen }) => <Since at={firstSeen} />,
    },
    {
      name: "last",
      width: "56px",
      isNumber: true,
      title: "When the newest failure happened",
      sortBy: ({ timestamp }) => timestamp,
      cell: ({ timestamp }) => <Since at={timestamp} />,
    },
    {
      name: "newest job",
      width: "minmax(0, 1fr)",
      isWideOnly: true,
      cell: ({ jobId }) => (
        <a class="code isolate" href={href("/job", { source, id: jobId, queue })}>
          {jobId}
        </a>
      ),
    },
    {
      name: "actions",
      width: "168px",
      isNumber: true,
      isWideOnly: true,
      cell: ({ fingerprint, error }) => (
        <GroupButtons source={source} queue={queue} fingerprint={fingerprint} error={error} />
      ),
    },
  ];
}
