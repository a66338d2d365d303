import {
  deployMeanings,
  deployNumbers,
  deployOrigins,
  toDeployTone,
  toOutcomeTone,
  toVerdictMeaning,
  verdictNumbers,
  toNewErrorState,
} from "../../../facts/deploy.ts";
import { formatFact } from "../../../facts/number.ts";
import { toServicePlace } from "../../../facts/container.ts";
import { useEffect } from "preact/hooks";
import {
  ConsoleDeployByTagDocument,
  ConsoleDeployDocument,
  type ConsoleDeployQuery,
  ConsoleDeploysDocument,
  ConsoleDeployVerdictDocument,
} from "../../../generated/console.ts";
import { failureOf, useLive } from "../data/live.ts";
import { go, href, params } from "../page/url.ts";
import { StateCell } from "../parts/containers/columns.tsx";
import { toSeenState, useTroubles } from "../parts/containers/troubles.ts";
import { QueueAround } from "../parts/deploys/around.tsx";
import {
  chooseQueue,
  ContainerNumbers,
  QueueNumbers,
  sortByHarm,
  toP,
  type Verdict,
} from "../parts/deploys/numbers.tsx";
import { formatNumber, formatDuration, formatShare, formatEnum, unknownText } from "../../../facts/format.ts";
import { Empty, FailureNotice, Skeleton } from "../parts/notice.tsx";
import { Release } from "../parts/release.tsx";
import { Shape, State } from "../parts/state.tsx";
import { Clock, Since } from "../parts/time.tsx";
import { Titled } from "../parts/titled.tsx";

type DeployNode = Extract<NonNullable<ConsoleDeployQuery["node"]>, { id: string }>;

/** One deploy: its facts, whether it is worse than the one before, and which containers run it. */
export function DeployScreen() {
  const id = params.value.get("id");
  return id === null ? <ByTag tag={params.value.get("tag") ?? ""} /> : <ById id={id} />;
}

/** A link that knows only the tag, its place and time: the id is looked up. */
function ByTag({ tag }: { readonly tag: string }) {
  const [service, at] = [params.value.get("service"), params.value.get("at")];
  const state = useLive(ConsoleDeployByTagDocument, { tag }).value;
  const nodes = state.data?.deploys?.nodes ?? [];
  const ofService = nodes.filter((node) => !service || node.service === service);
  const found = ofService.find(({ deployedAt }) => deployedAt === at) ?? ofService[0] ?? nodes[0];
  useEffect(() => {
    if (found) go(href("/deploy", { id: found.id }), { replace: true });
  }, [found?.id]);
  const failure = failureOf(state, "deploys");
  return <Absent title={tag || "A deploy"} failure={failure} isMissing={state.data !== undefined && !found} />;
}

interface AbsentProps {
  readonly title: string;
  readonly failure: ReturnType<typeof failureOf>;
  /** Whether it does not exist; else it may still come. */
  readonly isMissing: boolean;
}

function Absent({ title, failure, isMissing }: AbsentProps) {
  return (
    <Titled title={title}>
      <FailureNotice failure={failure} what="Deploy" />
      {!failure && !isMissing && <Skeleton rows={8} />}
      {!failure && isMissing && (
        <Empty>
          This deploy is unknown, or this token may not see it. The address of a deploy changes when better evidence
          corrects its time or place.{" "}
          <a class="link" href={href("/deploys")}>
            All deploys
          </a>
        </Empty>
      )}
    </Titled>
  );
}

function ById({ id }: { readonly id: string }) {
  const state = useLive(ConsoleDeployDocument, { id }, { everyMs: 5000 }).value;
  const node = state.data?.node;
  const failure = failureOf(state, "node");
  if (node && "tag" in node) return <Known deploy={node as DeployNode} />;
  return <Absent title="A deploy" failure={failure} isMissing={state.data !== undefined} />;
}

const windows = [
  [300, "5 min"],
  [1800, "30 min"],
  [3600, "1 h"],
  [21_600, "6 h"],
] as const;

function Known({ deploy }: { readonly deploy: DeployNode }) {
  const asked = Number(params.value.get("window"));
  const window = windows.some(([seconds]) => seconds === asked) ? asked : 1800;
  const state = useLive(ConsoleDeployVerdictDocument, { id: deploy.id, window }, { everyMs: 15_000 }).value;
  const node = state.data?.node;
  const verdict = node && "verdict" in node ? (node as { readonly verdict: Verdict | null }).verdict : undefined;
  const failure = failureOf(state, "node");
  return (
    <>
      <div class="heading">
        <h1 class="code isolate">{deploy.tag}</h1>
        <State tone={toDeployTone(deploy.state)} title={deployMeanings[deploy.state]}>
          {formatEnum(deploy.state)}
        </State>
        <div class="right">
          <DeployLinks deploy={deploy} />
        </div>
      </div>
      <VerdictSentence verdict={verdict} />
      <FailureNotice failure={failure} what="Verdict" />
      <div class="columns">
        <Facts deploy={deploy} />
        <Containers deploy={deploy} />
      </div>
      {verdict ? (
        <div class={state.isOld ? "stale" : ""}>
          <Evidence deploy={deploy} verdict={verdict} window={window} />
        </div>
      ) : failure ? null : (
        <Skeleton rows={6} />
      )}
    </>
  );
}

function DeployLinks({
  deploy: { containers, service, destination, env, deployedAt, durationSeconds },
}: {
  readonly deploy: DeployNode;
}) {
  const roles = [...new Set(containers.filter(({ kind }) => kind === "CORE").map(({ role }) => role))].toSorted();
  const at = Date.parse(deployedAt);
  const began = at - (durationSeconds ?? 0) * 1000;
  return (
    <>
      {roles.map((role) => (
        <a
          key={role}
          class="button"
          href={href("/logs", { role, service, destination, env, at: deployedAt })}
          title={`The log of ${role} at the time of the deploy`}
        >
          log of {role}
        </a>
      ))}
      <a
        class="button"
        href={href("/timeline", {
          from: new Date(began - 900_000).toISOString(),
          to: new Date(at + 1_800_000).toISOString(),
        })}
        title="What happened from 15 minutes before to 30 minutes after the deploy"
      >
        timeline around it
      </a>
    </>
  );
}

/** The verdict in a sentence, with its reasons. */
function VerdictSentence({ verdict }: { readonly verdict: Verdict | null | undefined }) {
  if (verdict === undefined) return <p class="sentence muted">Comparing before and after …</p>;
  if (verdict === null) return null;
  const tone = toOutcomeTone(verdict.outcome);
  return (
    <div class="verdict">
      <p class="sentence">
        <Shape tone={tone} />
        <span>{toVerdictMeaning(verdict)}</span>
      </p>
      <ul>
        {verdict.reasons.map((reason) => (
          <li key={reason} class="isolate">
            {reason}
          </li>
        ))}
        {verdict.gaps.map((gap) => (
          <li key={gap} class="muted isolate" title="What could not be read or does not count">
            {gap}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Facts({ deploy }: { readonly deploy: DeployNode }) {
  const { version, tag, commitSha, deployedAt, deployedBy, durationSeconds, command, origin } = deploy;
  return (
    <section class="section">
      <header>
        <h2>Deploy</h2>
      </header>
      <dl class="facts spaced">
        <dt>When</dt>
        <dd>
          <Since at={deployedAt} suffix=" ago" />
          <span class="muted">
            , <Clock at={deployedAt} />
            {durationSeconds !== null &&
              `, ${deployNumbers.durationSeconds.label} ${formatFact(deployNumbers.durationSeconds, durationSeconds)}`}
          </span>
        </dd>
        <dt>By</dt>
        <dd class="isolate">{deployedBy ?? <span class="none">unknown</span>}</dd>
        <dt>Where</dt>
        <dd class="isolate">{toServicePlace(deploy) || <span class="none">unknown</span>}</dd>
        <dt>Command</dt>
        <dd>
          {command ?? <span class="none">unknown</span>} <span class="muted">from {deployOrigins[origin]}</span>
        </dd>
        {version !== tag && (
          <>
            <dt>Version</dt>
            <dd>
              <Release version={version} isWhole />
            </dd>
          </>
        )}
        <dt>Commit</dt>
        <dd>
          <Release version={commitSha} />
        </dd>
        <Previous deploy={deploy} />
      </dl>
    </section>
  );
}

/** Where a rollback leads, and what was deployed before. */
function Previous({ deploy: { id, service, destination, env, previousTag } }: { readonly deploy: DeployNode }) {
  const { data } = useLive(ConsoleDeploysDocument, { env: null, first: 100, after: null }, { everyMs: 15_000 }).value;
  const group = data?.deploys?.nodes.filter(
    (node) => node.service === service && node.destination === destination && node.env === env && node.id !== id,
  );
  const good = group?.find(({ state }) => state === "PREVIOUS");
  const before = group?.find(({ tag }) => tag === previousTag);
  return (
    <>
      <dt title={deployMeanings.PREVIOUS}>Rollback target</dt>
      <dd>
        {good ? (
          <a class="link code isolate" href={href("/deploy", { id: good.id })}>
            {good.tag}
          </a>
        ) : (
          <span class="none">{group ? "none known" : unknownText}</span>
        )}
      </dd>
      {previousTag !== null && previousTag !== good?.tag && (
        <>
          <dt>Deployed before it</dt>
          <dd>
            {before ? (
              <a class="link code isolate" href={href("/deploy", { id: before.id })}>
                {previousTag}
              </a>
            ) : (
              <code class="isolate">{previousTag}</code>
            )}
          </dd>
        </>
      )}
    </>
  );
}

function Containers({ deploy: { containers, tag } }: { readonly deploy: DeployNode }) {
  const troubles = useTroubles();
  return (
    <section class="section">
      <header>
        <h2>Its containers now</h2>
        <span class="muted right">{containers.length}</span>
      </header>
      {containers.length === 0 ? (
        <Empty>No container of {tag} is left.</Empty>
      ) : (
        <ul class="plain-rows">
          {containers.map((container) => {
            const { name, engine, role } = container;
            return (
              <li key={container.id}>
                <StateCell {...toSeenState(container, troubles)} />
                <a
                  data-row-link
                  class="cut isolate"
                  href={href("/container", { name, engine })}
                  title={`${name} on ${engine}`}
                >
                  {name}
                </a>
                <span class="muted">{role}</span>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

function Evidence({
  deploy,
  verdict,
  window,
}: {
  readonly deploy: DeployNode;
  readonly verdict: Verdict;
  readonly window: number;
}) {
  const queues = sortByHarm(verdict.queues);
  const chosen = chooseQueue(queues);
  const { beforeFrom, afterTo, windowSeconds } = verdict;
  return (
    <>
      <section class="section">
        <header>
          <h2>Before and after</h2>
          <span class="muted">
            {windowSeconds === null ? "no window of a minute or more" : `${formatDuration(windowSeconds)} each`}
          </span>
          <span class="right chips">
            {windows.map(([seconds, label]) => (
              <a
                key={seconds}
                class="chip"
                aria-current={seconds === window ? "true" : undefined}
                title={`${verdictNumbers.windowSeconds.about} Shorter where another deploy, or now, is nearer.`}
                href={href("/deploy", {
                  id: deploy.id,
                  window: seconds === 1800 ? null : seconds,
                  queue: params.value.get("queue"),
                })}
              >
                {label}
              </a>
            ))}
          </span>
        </header>
        <div class="evidence">
          {chosen && beforeFrom && afterTo && (
            <QueueAround
              queue={chosen}
              from={beforeFrom}
              to={afterTo}
              tag={deploy.tag}
              deployedAt={deploy.deployedAt}
            />
          )}
          <QueueNumbers queues={queues} chosen={chosen} />
          <ContainerNumbers containers={verdict.containers} />
        </div>
      </section>
      <NewErrors errors={verdict.newErrors} />
    </>
  );
}

function NewErrors({ errors }: { readonly errors: Verdict["newErrors"] }) {
  return (
    <section class="section">
      <header>
        <h2>New errors</h2>
        <span class="muted">first seen with this release</span>
      </header>
      {errors === null ? (
        <Empty>Unknown: this is not the last deploy, or it is older than 55 minutes.</Empty>
      ) : errors.length === 0 ? (
        <Empty>No error was first seen with this release.</Empty>
      ) : (
        <ul class="plain-rows errors">
          {errors.map(({ fingerprint, error, count, minutes, queues, share, pValue, regressed }) => (
            <li key={fingerprint}>
              <Shape tone={toNewErrorState({ regressed }).tone} label={toNewErrorState({ regressed }).word} />
              <a data-row-link class="code cut isolate" href={href("/errors", { fingerprint })} title={error}>
                {error}
              </a>
              <span
                class="nowrap"
                title={`At least ${formatNumber(count)} failures in at most ${formatNumber(minutes)} different minutes; p = ${toP(pValue)}: the chance of none before the deploy if the rate had not changed`}
              >
                ≥ {formatNumber(count)}
              </span>
              <span
                class="muted wide-only nowrap"
                title="Share of all jobs that ended in these queues after the deploy"
              >
                {formatShare(share)}
              </span>
              <span class="muted wide-only cut isolate">{queues.join(", ")}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
