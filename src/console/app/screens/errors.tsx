import { useMemo } from "preact/hooks";
import { ConsoleErrorsDocument, type ConsoleErrorsQuery } from "../../../generated/console.ts";
import { failureOf, oldFromOf, useLive } from "../data/live.ts";
import { href, params, setParams } from "../page/url.ts";
import { useEnv } from "../data/usage.ts";
import { formatNumber } from "../../../facts/format.ts";
import { type Column, List } from "../parts/list.tsx";
import { Empty, FailureNotice, LastKnown, Skeleton } from "../parts/notice.tsx";
import { ErrorGroup } from "../parts/queues/error-group.tsx";
import { Releases } from "../parts/queues/releases.tsx";
import { Since } from "../parts/time.tsx";
import { Titled } from "../parts/titled.tsx";

type Group = NonNullable<ConsoleErrorsQuery["errorGroups"]>[number];

/** The errors of all queues in the last hour; one of them opened. */
export function Errors() {
  const env = useEnv();
  const state = useLive(ConsoleErrorsDocument, { env }, { everyMs: 5000 }).value;
  const failure = failureOf(state, "errorGroups");
  const groups = state.data?.errorGroups;
  const fingerprint = params.value.get("fingerprint");
  const opened = groups?.find((group) => group.fingerprint === fingerprint);
  if (fingerprint !== null && groups)
    return (
      <>
        <FailureNotice failure={failure} what="Errors" />
        {opened ? <ErrorGroup group={opened} /> : <Gone fingerprint={fingerprint} />}
      </>
    );
  return (
    <>
      <div class="heading">
        <h1>Errors</h1>
        <span class="muted">of the last 60 minutes, across all queues, newest first</span>
      </div>
      <FailureNotice failure={failure} what="Errors" />
      {groups ? (
        <LastKnown from={oldFromOf(state, "errorGroups")}>
          <Groups groups={groups} />
        </LastKnown>
      ) : failure ? null : (
        <Skeleton rows={8} />
      )}
    </>
  );
}

function Gone({ fingerprint }: { readonly fingerprint: string }) {
  return (
    <Titled title={`Error ${fingerprint}`}>
      <Empty>
        No job failed with this error in the last 60 minutes, or it is not among the 100 newest errors.{" "}
        <a class="link" href={href("/errors")}>
          All errors
        </a>
      </Empty>
    </Titled>
  );
}

function Groups({ groups }: { readonly groups: readonly Group[] }) {
  const asked = params.value.get("q") ?? "";
  const shown = useMemo(() => groups.filter((group) => matches(group, asked)), [groups, asked]);
  return (
    <>
      <div class="filters">
        <input
          class="input"
          type="search"
          data-search
          placeholder="Filter: error, queue, release"
          aria-label="Filter errors"
          value={asked}
          onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
        />
        {asked && (
          <span class="muted" role="status">
            {formatNumber(shown.length)} of {formatNumber(groups.length)}
          </span>
        )}
      </div>
      {groups.length === 0 ? (
        <Empty>No job failed with an error in the last 60 minutes.</Empty>
      ) : shown.length === 0 ? (
        <Empty>
          None of the {formatNumber(groups.length)} errors matches “<span class="isolate">{asked}</span>”.
        </Empty>
      ) : (
        <List
          rows={shown}
          columns={columns}
          rowKey={({ fingerprint }) => fingerprint}
          rowHref={({ fingerprint }) => href("/errors", { fingerprint })}
          label="Errors, newest first"
        />
      )}
    </>
  );
}

function matches({ error, fingerprint, queues, releases }: Group, asked: string): boolean {
  const text = [
    error,
    fingerprint,
    ...queues.flatMap(({ name, source }) => [name, source]),
    ...releases.map(({ version }) => version ?? ""),
  ]
    .join(" ")
    .toLowerCase();
  return asked
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

const columns: readonly Column<Group>[] = [
  {
    name: "error",
    width: "minmax(0, 3fr)",
    sortBy: ({ error }) => error,
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
    sortBy: ({ count }) => count,
    title: "Failures in the last 60 minutes",
    cell: ({ count, complete }) => `${complete ? "" : "≥ "}${formatNumber(count)}`,
  },
  {
    name: "queues",
    width: "minmax(0, 1.2fr)",
    isWideOnly: true,
    title: "Queues with this error, most failures first",
    cell: ({ queues }) => (
      <span title={queues.map(({ name, source, count }) => `${name} of ${source}: ${count}`).join("\n")}>
        {queues.slice(0, 1).map(({ name, source }) => (
          <a key={name} class="isolate" href={href("/queue", { name, source })}>
            {name}
          </a>
        ))}
        {queues.length > 1 && <span class="muted"> +{queues.length - 1}</span>}
      </span>
    ),
  },
  {
    name: "releases",
    width: "minmax(0, 1.2fr)",
    isWideOnly: true,
    title: "Releases whose workers failed with this error",
    cell: ({ releases }) => <Releases releases={releases} />,
  },
  {
    name: "attempts",
    width: "64px",
    isNumber: true,
    isWideOnly: true,
    sortBy: ({ attempts }) => attempts,
    title: "Highest number of attempts of any of its jobs; unknown if the job system does not count them",
    cell: ({ attempts }) => formatNumber(attempts),
  },
  {
    name: "first",
    width: "64px",
    isNumber: true,
    isWideOnly: true,
    sortBy: ({ firstSeen }) => firstSeen,
    title: "When the first failure of the last 60 minutes happened",
    cell: ({ firstSeen }) => <Since at={firstSeen} />,
  },
  {
    name: "last",
    width: "56px",
    isNumber: true,
    sortBy: ({ lastSeen }) => lastSeen,
    title: "When the newest failure happened",
    cell: ({ lastSeen }) => <Since at={lastSeen} />,
  },
];
