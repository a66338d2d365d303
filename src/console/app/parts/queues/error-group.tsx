import { toNewErrorState } from "../../../../facts/deploy.ts";
import {
  ConsoleErrorDeploysDocument,
  type ConsoleErrorDeploysQuery,
  type ConsoleErrorsQuery,
  ConsoleJobDocument,
} from "../../../../generated/console.ts";
import { failureOf, useLive } from "../../data/live.ts";
import { href } from "../../page/url.ts";
import { useEnv } from "../../data/usage.ts";
import { formatNumber, unknownText } from "../../../../facts/format.ts";
import { Banner } from "../notice.tsx";
import { Release } from "../release.tsx";
import { Clock, Since } from "../time.tsx";
import { GroupButtons, whyNoJobActions } from "./actions.tsx";
import { type Attempt, AttemptLog, Worker } from "./attempt.tsx";
import { JobActions } from "./job-actions.tsx";
import { JobStateWord } from "./job-state.tsx";
import { Share } from "./releases.tsx";

type Group = NonNullable<ConsoleErrorsQuery["errorGroups"]>[number];

/**
 * One error: its whole text, which deploy brought it, where it happened, and jobs that failed with
 * it.
 */
export function ErrorGroup({ group }: { readonly group: Group }) {
  const { data } = useLive(ConsoleErrorDeploysDocument, { env: useEnv() }, { everyMs: 15_000 }).value;
  const why = whyNoJobActions();
  return (
    <>
      <div class="heading">
        <h1>
          <a href={href("/errors")}>Errors</a> <span class="muted">›</span> <code>{group.fingerprint}</code>
        </h1>
        <span>
          <span class="bad">
            {group.complete ? "" : "at least "}
            {formatNumber(group.count)} {group.count === 1 ? "failure" : "failures"}
          </span>{" "}
          <span class="muted">
            in 60 minutes, first <Since at={group.firstSeen} suffix=" ago" />, last{" "}
            <Since at={group.lastSeen} suffix=" ago" />
            {group.attempts !== null && `, up to ${formatNumber(group.attempts)} attempts of a job`}
          </span>
        </span>
        {why && <span class="right muted">{why}</span>}
      </div>
      <pre class="error-text">{group.error}</pre>
      <BroughtBy fingerprint={group.fingerprint} deploys={data?.latestDeploys ?? []} />
      <div class="columns even">
        <section class="section">
          <header>
            <h2>Queues</h2>
          </header>
          <ul class="shares with-action">
            {group.queues.map(({ name, source, count }) => (
              <li key={`${source}/${name}`}>
                <a class="cut isolate" href={href("/queue", { name, source })} title={`${name} of ${source}`}>
                  {name}
                </a>
                <Share count={count} of={group.count} />
                <span class="number">{formatNumber(count)}</span>
                <GroupButtons source={source} queue={name} fingerprint={group.fingerprint} error={group.error} />
              </li>
            ))}
          </ul>
        </section>
        <section class="section">
          <header>
            <h2>Releases</h2>
            <span class="muted">of the workers</span>
          </header>
          <ul class="shares">
            {group.releases.map((release) => {
              const { version, service, destination, env, count } = release;
              const deploy = findDeploy(data, release);
              return (
                <li key={`${service}/${destination}/${env}/${version}`}>
                  <span class="cut">
                    <Release version={version} />{" "}
                    <span class="muted">{[service, destination ?? env?.toLowerCase()].filter(Boolean).join(" ")}</span>{" "}
                    {deploy && (
                      <a class="link" href={href("/deploy", { id: deploy })}>
                        deploy
                      </a>
                    )}
                  </span>
                  <Share count={count} of={group.count} />
                  <span class="number">{formatNumber(count)}</span>
                </li>
              );
            })}
          </ul>
        </section>
      </div>
      <section class="section">
        <header>
          <h2>Jobs</h2>
          <span class="muted">the newest that failed with it</span>
        </header>
        <table class="table sample-jobs">
          <thead>
            <tr>
              <th scope="col">job</th>
              <th scope="col" class="wide-only">
                state
              </th>
              <th scope="col" title="When the attempt with this error failed">
                failed at
              </th>
              <th scope="col" class="wide-only">
                worker
              </th>
              <th scope="col" class="wide-only">
                release
              </th>
              <th scope="col">log</th>
              <th scope="col" class="wide-only">
                <span class="hidden-text">actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {group.jobs.map((job) => (
              <SampleJob key={`${job.source}/${job.queue}/${job.jobId}`} {...job} error={group.error} />
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

type LatestDeploy = NonNullable<ConsoleErrorDeploysQuery["latestDeploys"]>[number];

/** The deploy whose verdict says that this error first occurred with it. */
function BroughtBy({
  fingerprint,
  deploys,
}: {
  readonly fingerprint: string;
  readonly deploys: readonly LatestDeploy[];
}) {
  const deploy = deploys.find(({ verdict }) => verdict?.newErrors?.some((error) => error.fingerprint === fingerprint));
  if (!deploy) return null;
  const isRegression = deploy.verdict?.newErrors?.some((error) => error.fingerprint === fingerprint && error.regressed);
  return (
    <div class="brought">
      <Banner tone={toNewErrorState({ regressed: isRegression ?? false }).tone}>
        First seen with{" "}
        <a class="link isolate" href={href("/deploy", { id: deploy.id })}>
          {deploy.tag}
        </a>
        , deployed <Since at={deploy.deployedAt} suffix=" ago" />
        {deploy.deployedBy && (
          <>
            {" "}
            by <span class="isolate">{deploy.deployedBy}</span>
          </>
        )}
        {isRegression ? ": a regression." : "."}
      </Banner>
    </div>
  );
}

function findDeploy(data: ConsoleErrorDeploysQuery | undefined, release: Group["releases"][number]): string | null {
  if (release.version === null) return null;
  const found = data?.deploys?.nodes.find(
    ({ version, service, destination }) =>
      version === release.version && service === release.service && destination === release.destination,
  );
  return found?.id ?? null;
}

interface SampleJobProps {
  readonly jobId: string;
  readonly queue: string;
  readonly source: string;
  readonly error: string;
}

/** A job that failed with this error, and the attempt that did. */
function SampleJob({ jobId, queue, source, error }: SampleJobProps) {
  const state = useLive(ConsoleJobDocument, { source, id: jobId, queue }, { everyMs: 10_000 }).value;
  const job = state.data?.job;
  const attempt: Attempt | undefined = job?.attempts?.find((one) => one.error === error) ?? job?.attempts?.[0];
  const failure = failureOf(state, "job");
  const isAwaited = state.data === undefined && !failure;
  const none = <span class="none">{isAwaited ? "…" : unknownText}</span>;
  return (
    <tr title={failure?.message}>
      <td>
        <a data-row-link class="code isolate" href={href("/job", { source, id: jobId, queue })}>
          {jobId}
        </a>
      </td>
      <td class="wide-only">
        {job ? <JobStateWord job={job} /> : job === null ? <span class="none">gone</span> : none}
      </td>
      <td>
        {attempt?.at ? <Clock at={attempt.at} /> : none}
        {attempt?.number != null && <span class="muted wide-only"> attempt {attempt.number}</span>}
      </td>
      <td class="wide-only">{attempt ? <Worker container={attempt.container} worker={attempt.worker} /> : none}</td>
      <td class="wide-only">{attempt ? <Release version={attempt.version} /> : none}</td>
      <td>{attempt ? <AttemptLog attempt={attempt} /> : none}</td>
      <td class="wide-only number">
        {job !== null && (
          <span class="pair">
            <JobActions source={source} id={jobId} queue={queue} error={error} data={state.data} />
          </span>
        )}
      </td>
    </tr>
  );
}
