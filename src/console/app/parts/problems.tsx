import { containerNumbers, toShortName } from "../../../facts/container.ts";
import { capitalize } from "../../../facts/format.ts";
import { hostNumbers } from "../../../facts/host.ts";
import { queueNumbers } from "../../../facts/queue.ts";
import { type Tone, toWorst } from "../../../facts/tone.ts";
import { formatGapCount, formatProblemCount, severityMeanings, toSeverityTone } from "../../../facts/problem.ts";
import { useMemo } from "preact/hooks";
import {
  ConsoleContainerSeriesDocument,
  ConsoleFailureSeriesDocument,
  ConsoleHostSeriesDocument,
  ConsoleNowDocument,
  type ConsoleNowMoreQuery,
  ConsoleProblemsDocument,
  type ConsoleProblemsQuery,
  ConsoleQueueSeriesDocument,
} from "../../../generated/console.ts";
import { lostConnection } from "../data/client.ts";
import { failureOf, lastAnswerTo, type Live, oldFromOf, useLive } from "../data/live.ts";
import { groupSamples, useRecent } from "../data/series.ts";
import { useNow, useNowMore } from "../data/now.ts";
import { href, params, path } from "../page/url.ts";
import { useEnv } from "../data/usage.ts";
import { ActionButton } from "./action.tsx";
import { Banner, FailureNotice, LastKnown, Skeleton } from "./notice.tsx";
import { createRestart } from "./containers/restart.tsx";
import { Spark, type SparkPoint } from "./graph/spark.tsx";
import { Shape } from "./state.tsx";
import { Since } from "./time.tsx";

export type ProblemRow = NonNullable<ConsoleProblemsQuery["problems"]>["problems"][number];

/**
 * What is wrong in the chosen environment and destination, as it is asked every 3 s, and when a
 * container has changed.
 */
export function useProblems(): {
  readonly rows: readonly ProblemRow[] | null;
  readonly state: Live<ConsoleProblemsQuery>;
} {
  // The first screen asks for them with everything else that it shows.
  const isNow = path.value === "/";
  const now = useNow({ skip: !isNow });
  const env = useEnv();
  const own = useLive(ConsoleProblemsDocument, { env }, { everyMs: 3000, skip: isNow }).value;
  const asked = isNow ? now : own;
  // Until the combined query is answered, they come from the last answer to the other one.
  const last = asked.at > 0 ? undefined : lastAnswerTo(isNow ? ConsoleProblemsDocument : ConsoleNowDocument, { env });
  const state = last ? { ...last, isPast: lostConnection.value !== null } : asked;
  const destination = params.value.get("destination");
  const all = state.data?.problems?.problems ?? null;
  const rows = useMemo(
    () => all && all.filter((row) => !destination || row.destination === null || row.destination === destination),
    [all, destination],
  );
  return { rows, state };
}

/**
 * A sentence about everything, and a line for each problem: since when, its course, the evidence,
 * and what to do next.
 */
export function Problems() {
  const { rows, state } = useProblems();
  const deploys = useNowMore().data?.latestDeploys ?? [];
  const courses = useCourses(rows ?? []);
  const failure = failureOf(state, "problems");
  if (rows === null) return failure ? <FailureNotice failure={failure} what="Problems" /> : <Skeleton rows={3} />;
  const areSeveral = new Set([...rows, ...deploys].flatMap(({ service }) => service ?? [])).size > 1;
  const marksOf = (row: ProblemRow) =>
    deploys
      .filter(({ service }) => row.service === null || service === null || service === row.service)
      .map(({ deployedAt }) => Date.parse(deployedAt));
  return (
    <section aria-label="Problems">
      <FailureNotice failure={failure} what="Problems" />
      <LastKnown from={oldFromOf(state, "problems")}>
        <Sentence
          rows={rows}
          deploys={deploys}
          areSeveral={areSeveral}
          quietSince={state.data?.problems?.quietSince ?? null}
          gaps={(state.data?.problems?.gaps ?? []).length}
        />
        {(state.data?.problems?.gaps ?? []).map((gap) => (
          <Banner key={gap} tone="neutral">
            Could not be checked: {gap}
          </Banner>
        ))}
        <div class="problems">
          {rows.map((row) => (
            <ProblemLine
              key={row.id}
              row={row}
              service={areSeveral ? toServiceName(row) : ""}
              course={courses(row)}
              marks={marksOf(row)}
            />
          ))}
        </div>
      </LastKnown>
    </section>
  );
}

type LatestDeploy = NonNullable<ConsoleNowMoreQuery["latestDeploys"]>[number];

interface SentenceProps {
  readonly rows: readonly ProblemRow[];
  readonly deploys: readonly LatestDeploy[];
  /** Whether there are several services. */
  readonly areSeveral: boolean;
  readonly quietSince: string | null;
  /** Checks that failed. */
  readonly gaps: number;
}

/** Problems that the sentence names; the others are counted. */
const mostNamed = 3;

/** What is wrong, in the words of the worst ones. */
function toSentence(rows: readonly ProblemRow[]): string {
  // Within a sentence: a name stays as it is written.
  const named = rows
    .slice(0, mostNamed)
    .map((row) => toTitle(row).replace(/^(Most|The|An?|No|Nothing) /, (word) => word.toLowerCase()));
  const others = rows.length - named.length;
  return others > 0 ? `${named.join(", ")}, and ${others} more` : named.join(", ");
}

function Sentence({ rows, deploys, areSeveral, quietSince, gaps }: SentenceProps) {
  const tone = toWorst([...rows.map(({ severity }) => toSeverityTone(severity)), gaps > 0 ? "neutral" : "ok"]);
  const env = params.value.get("env");
  const [last] = deploys
    .filter((deploy) => !env || deploy.env === env)
    .toSorted((one, other) => Date.parse(other.deployedAt) - Date.parse(one.deployedAt));
  const isRegressed = rows.some(({ kind, deploy }) => kind === "DEPLOY_REGRESSED" && deploy?.id === last?.id);
  return (
    <h1 class="sentence">
      <Shape tone={tone} />
      <span>
        {formatProblemCount(rows.length)}
        {rows.length > 0 ? `: ${toSentence(rows)}` : formatGapCount(gaps)}
        {quietSince !== null && (
          <span class="deploy">
            {" "}
            for <Since at={quietSince} />, as far as this gateway has seen
          </span>
        )}
        {last && (
          <span class="deploy">
            {" · "}
            <a href={href("/deploy", { id: last.id })}>
              {areSeveral && last.service !== null && <span class="isolate">{last.service}</span>} deployed{" "}
              <Since at={last.deployedAt} suffix=" ago" />
              {last.deployedBy ? ` by ${last.deployedBy}` : ""}
              {isRegressed ? ": regressed" : ""}
            </a>
          </span>
        )}
      </span>
    </h1>
  );
}

function ProblemLine({
  row,
  service,
  course,
  marks,
}: {
  readonly row: ProblemRow;
  /** Its owner; empty if that is obvious. */
  readonly service: string;
  readonly course: Course | null;
  readonly marks: readonly number[];
}) {
  const tone: Tone = toSeverityTone(row.severity);
  return (
    <article class={`problem ${row.severity.toLowerCase()}`}>
      <Shape tone={tone} label={severityMeanings[row.severity]} />
      <a
        class="title isolate"
        data-row-link
        href={toTarget(row)}
        title={`${row.rule}${row.alert ? `\nAlert: ${row.alert}` : ""}`}
      >
        {toTitle(row)}
      </a>
      <span class="since">
        <Since at={row.since} />
      </span>
      <span class="spark-cell">
        {course && (
          <>
            <Spark
              points={course.points}
              max={course.max}
              tone={tone}
              marks={marks}
              label={`${capitalize(course.label)} over time: ${row.title}`}
            />
            <span class="muted">{course.label}</span>
          </>
        )}
      </span>
      <span class="evidence isolate" title={row.evidence.join("\n")}>
        {service && <span class="isolate">{service} · </span>}
        {row.evidence.join(" · ")}
      </span>
      <span class="next">
        <NextSteps row={row} />
      </span>
    </article>
  );
}

/**
 * The service of a container, role, queue or deploy. A host, an engine or an upstream has none; a
 * shared queue has several.
 */
function toServiceName({ service, queue, container, deploy, evidence }: ProblemRow): string {
  if (service !== null) return `service ${service}`;
  const isShared = evidence.some((fact) => fact.startsWith("shared by "));
  return !isShared && (queue || container || deploy) ? "service unknown" : "";
}

/** A container's name in its short form. */
function toTitle({ title, container }: ProblemRow): string {
  return container ? title.replace(container.name, toShortName(container)) : title;
}

/** The screen with all details. */
function toTarget({ container, queue, host, deploy, engine, source, kind }: ProblemRow): string {
  if (queue) return href("/queue", { name: queue.name, source: queue.source });
  if (container) return href("/container", { name: container.name, engine: container.engine });
  if (host) return href("/host", { name: host.name });
  if (deploy) return href("/deploy", { id: deploy.id });
  if (source) return href("/queues");
  if (engine) return href("/containers", { q: engine.name });
  return kind.startsWith("HOST") || kind.startsWith("PROMETHEUS") ? href("/hosts") : href("/timeline");
}

/** At most two: the evidence, and the action. */
function NextSteps({ row: { container, queue, host, deploy, at } }: { readonly row: ProblemRow }) {
  if (queue) {
    return (
      <>
        {queue.failuresLastHour ? (
          <a class="button" href={href("/errors", { q: queue.name })}>
            errors {queue.failuresLastHour}
          </a>
        ) : null}
        <a class="button" href={href("/queue", { name: queue.name, source: queue.source })}>
          queue
        </a>
      </>
    );
  }
  if (container) {
    const { name, engine, kind, role } = container;
    return (
      <>
        <a class="button" href={href("/logs", { name, engine, at })}>
          log
        </a>
        {kind === "CORE" && (
          <ActionButton action={() => createRestart({ name, engine, kind, role })}>restart…</ActionButton>
        )}
      </>
    );
  }
  if (host)
    return (
      <a class="button" href={href("/host", { name: host.name })}>
        host
      </a>
    );
  return deploy ? (
    <a class="button" href={href("/deploy", { id: deploy.id })}>
      deploy
    </a>
  ) : null;
}

/** The course of the number that a problem is about. */
interface Course {
  /** The number's name. */
  readonly label: string;
  /** The top of the scale; without one, the largest value. */
  readonly max?: number;
  readonly points: readonly SparkPoint[];
}

/**
 * The course of each problem's number in the last half hour. Null for a problem without a number,
 * or whose number has no past.
 */
function useCourses(rows: readonly ProblemRow[]): (row: ProblemRow) => Course | null {
  const recent = { ...useRecent(30, 60), maxPoints: 30 };
  const queuesOf = (wanted: (measure: string | null) => boolean) =>
    [...new Set(rows.flatMap(({ queue, measure }) => (queue && wanted(measure) ? queue.name : [])))].slice(0, 20);
  const waiting = queuesOf((measure) => measure === "depth");
  const failing = queuesOf((measure) => measure === "failuresLastHour");
  const names = [
    ...new Set(rows.flatMap(({ container, measure }) => (container && measure === "memPct" ? container.name : []))),
  ].slice(0, 20);
  const hasHosts = rows.some(({ host, measure }) => host !== null && measure !== null);
  const ofQueues = useLive(ConsoleQueueSeriesDocument, { queues: waiting, ...recent }, { skip: waiting.length === 0 })
    .value.data;
  const ofFailures = useLive(
    ConsoleFailureSeriesDocument,
    { queues: failing, ...recent },
    { skip: failing.length === 0 },
  ).value.data;
  const ofContainers = useLive(
    ConsoleContainerSeriesDocument,
    { containers: names, roles: null, env: null, ...recent },
    { skip: names.length === 0 },
  ).value.data;
  const ofHosts = useLive(ConsoleHostSeriesDocument, recent, { skip: !hasHosts }).value.data;
  const ofQueue = ({ queue, source }: { readonly queue: string; readonly source: string }) => `${source}/${queue}`;
  const depth = useMemo(() => groupSamples(ofQueues?.depth, ofQueue), [ofQueues]);
  const failures = useMemo(() => groupSamples(ofFailures?.failures, ofQueue), [ofFailures]);
  const memory = useMemo(
    () => groupSamples(ofContainers?.mem, ({ engine, container }) => `${engine}/${container}`),
    [ofContainers],
  );
  const [cpu, mem, disk] = useMemo(
    () => [ofHosts?.cpu, ofHosts?.mem, ofHosts?.disk].map((series) => groupSamples(series, ({ host }) => host)),
    [ofHosts],
  );
  return ({ measure, queue, container, host }) => {
    const ofIts = queue ? `${queue.source}/${queue.name}` : container ? `${container.engine}/${container.name}` : "";
    switch (measure) {
      case "depth":
        return { label: queueNumbers.depth.label, points: depth.get(ofIts) ?? [] };
      case "failuresLastHour":
        return { label: "failed", points: failures.get(ofIts) ?? [] };
      case "memPct":
        return { label: containerNumbers.memPct.label, max: 100, points: memory.get(ofIts) ?? [] };
      case "cpuUtil":
      case "memUtil":
      case "diskUtil": {
        const series = { cpuUtil: cpu, memUtil: mem, diskUtil: disk }[measure];
        return { label: hostNumbers[measure].label, max: 1, points: series?.get(host?.name ?? "") ?? [] };
      }
      default:
        return null;
    }
  };
}
