import { queueNumbers, toQueueTone } from "../../../facts/queue.ts";
import { useState } from "preact/hooks";
import {
  ConsoleJobDocument,
  ConsoleOrphansDocument,
  ConsoleQueueDocument,
  type ConsoleQueueQuery,
  type ReleaseCountFragment,
  type WorkerContainerFragment,
} from "../../../generated/console.ts";
import { failureOf, oldFromOf, useLive } from "../data/live.ts";
import { go, href, params } from "../page/url.ts";
import { formatNumber, formatEnum } from "../../../facts/format.ts";
import { Banner, Empty, FailureNotice, LastKnown, Skeleton } from "../parts/notice.tsx";
import { QueueErrors } from "../parts/queues/errors.tsx";
import { QueueFigures } from "../parts/queues/figures.tsx";
import { QueueHistory } from "../parts/queues/history.tsx";
import { QueueJobs } from "../parts/queues/jobs.tsx";
import { describeOwners } from "../../../queues/owners.ts";
import { toQueueReason } from "../../../queues/reason.ts";
import { Share } from "../parts/queues/releases.tsx";
import { Release } from "../parts/release.tsx";
import { State } from "../parts/state.tsx";
import { Since } from "../parts/time.tsx";
import { Titled } from "../parts/titled.tsx";

/** One queue: its state and the reason, its history, and the errors of its jobs. */
export function Queue() {
  const name = params.value.get("name") ?? "";
  const source = params.value.get("source");
  return <OneQueue key={JSON.stringify([source, name])} name={name} source={source} />;
}

function OneQueue({ name, source }: { readonly name: string; readonly source: string | null }) {
  const state = useLive(ConsoleQueueDocument, { name, source }, { everyMs: 3000, skip: name === "" }).value;
  const queue = state.data?.queue;
  const failure = failureOf(state, "queue") ?? failureOf(state, "queueSources");
  const place = state.data?.queueSources?.find((one) => one.name === queue?.source);
  const worker = useWorker(queue);
  if (name === "")
    return (
      <Titled title="A queue">
        <Empty>No queue chosen. Open one from the list of queues.</Empty>
      </Titled>
    );
  return (
    <>
      <div class="heading">
        <h1 class="isolate">{name}</h1>
        {queue && <State tone={toQueueTone(queue.state)}>{formatEnum(queue.state)}</State>}
        {queue && <span class="muted">{toQueueReason(queue)}</span>}
        {queue && (
          <span class="right">
            <span class="muted" title="The source that this queue is read from">
              <span class="isolate">{queue.source}</span>
              {place && ` (${place.kind}${place.env ? `, ${place.env.toLowerCase()}` : ""})`}
            </span>
            <span class="muted" title={ownerTitles[queue.owners?.[0]?.basis ?? "UNKNOWN"]}>
              service <span class="isolate">{describeOwners(queue.owners)}</span>
            </span>
            {worker && (
              <a class="button" href={toLogs(worker)} title="The log of the role whose workers run its jobs">
                Logs of {worker.role}
              </a>
            )}
          </span>
        )}
      </div>
      <FailureNotice failure={failure} what={name} />
      {queue === undefined && !failure && <Skeleton rows={6} />}
      {queue === null && !failure && (
        <Empty>
          No queue has this name{source ? <> in {source}</> : ""}. It may have no jobs any more, or its source does not
          answer.{" "}
          <a class="link" href={href("/queues")}>
            All queues
          </a>
        </Empty>
      )}
      {queue && (
        <>
          <LastKnown from={oldFromOf(state, "queue")}>
            <QueueFigures queue={queue} />
          </LastKnown>
          {queue.orphans !== null && queue.orphans > 0 && <Orphans name={queue.name} source={queue.source} />}
          <QueueHistory
            name={queue.name}
            source={queue.source}
            env={place?.env ?? null}
            owners={queue.owners}
            {...(worker && { onPick: (at) => go(toLogs(worker, at)) })}
          />
          <section class="section">
            <header>
              <h2>
                <a href={href("/errors", { q: queue.name })}>Errors</a>
              </h2>
              <span class="muted">of the last 60 minutes, newest first</span>
            </header>
            {queue.errors ? (
              <QueueErrors errors={queue.errors} queue={queue.name} source={queue.source} />
            ) : (
              <Empty>Could not read the errors. The Queues page shows why.</Empty>
            )}
          </section>
          <QueueJobs queue={queue.name} source={queue.source} />
          <FailuresByRelease releases={queue.failuresByRelease ?? []} />
        </>
      )}
    </>
  );
}

/** How the service of a queue is known. */
const ownerTitles = {
  CONFIGURED: "From WALLET_CORE_OPS_QUEUES_FILE",
  WORKERS: "From the containers of its workers",
  ALONE: "The only known service in its environment",
  UNKNOWN: 'Verdicts on deploys ignore this queue until you set its "service" in WALLET_CORE_OPS_QUEUES_FILE',
} as const;

/** The role whose workers take its jobs, as far as its newest failed job names one. */
function useWorker(queue: ConsoleQueueQuery["queue"] | undefined): WorkerContainerFragment | null {
  const newest = queue?.errors?.[0]?.jobId ?? "";
  // One is enough: a queue that fails all the time has another newest job at each look.
  const [first, setFirst] = useState("");
  if (first === "" && newest !== "") setFirst(newest);
  const id = first || newest;
  const asked = { source: queue?.source ?? "", id, queue: queue?.name ?? null };
  const { data } = useLive(ConsoleJobDocument, asked, { skip: id === "" }).value;
  if (!data?.job || data.job.queue !== queue?.name) return null;
  return data.job.container ?? data.job.attempts?.find(({ container }) => container !== null)?.container ?? null;
}

function toLogs({ role, service, destination, env }: WorkerContainerFragment, at: string | null = null): string {
  return href("/logs", { role, service, destination, env, at });
}

/** Which releases fail: only where at least one worker is known. */
function FailuresByRelease({ releases }: { readonly releases: readonly ReleaseCountFragment[] }) {
  if (releases.every(({ version }) => version === null)) return null;
  const total = releases.reduce((sum, { count }) => sum + count, 0);
  return (
    <section class="section">
      <header>
        <h2>Failures by release</h2>
        <span class="muted">of the worker, in the last 60 minutes</span>
      </header>
      <ul class="shares">
        {releases.map(({ version, service, destination, env, count }) => (
          <li key={`${service}/${destination}/${env}/${version}`}>
            <span class="cut">
              <Release version={version} />{" "}
              <span class="muted">{[service, destination ?? env?.toLowerCase()].filter(Boolean).join(" ")}</span>
            </span>
            <Share count={count} of={total} />
            <span class="number">{formatNumber(count)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Orphans({ name, source }: { readonly name: string; readonly source: string }) {
  const state = useLive(ConsoleOrphansDocument, {}, { everyMs: 10_000 }).value;
  const jobs = (state.data?.orphans?.jobs ?? []).filter((job) => job.queue === name && job.source === source);
  return (
    <>
      <FailureNotice failure={failureOf(state, "orphans")} what="Running jobs without a worker" />
      {jobs.length > 0 && (
        <Banner tone="warn">
          <span title={queueNumbers.orphans.about}>
            {formatNumber(jobs.length)} {jobs.length === 1 ? "job belongs" : "jobs belong"} to a worker that is
            gone:{" "}
          </span>
          {jobs.slice(0, 5).map(({ jobId, worker, startedAt }, index) => (
            <span key={jobId}>
              {index > 0 && ", "}
              <a
                class="code isolate link"
                href={href("/job", { source, id: jobId, queue: name })}
                title={worker ?? undefined}
              >
                {jobId}
              </a>
              {startedAt && (
                <>
                  {" "}
                  for <Since at={startedAt} />
                </>
              )}
            </span>
          ))}
          {jobs.length > 5 && ` and ${formatNumber(jobs.length - 5)} more`}
        </Banner>
      )}
    </>
  );
}
