import { toEngineState } from "../../../facts/engine.ts";
import { toKey, containerNumbers, toShortName } from "../../../facts/container.ts";
import { useEffect, useMemo } from "preact/hooks";
import {
  ConsoleContainerDocument,
  ConsoleContainerTimelineDocument,
  ConsoleDeploysDocument,
} from "../../../generated/console.ts";
import { type ContainerRow, findContainers } from "../data/containers.ts";
import { failureOf, refresh, useLive } from "../data/live.ts";
import { href, params, setParams } from "../page/url.ts";
import { missingScope } from "../session/viewer.ts";
import { ActionButton, openAction } from "../parts/action.tsx";
import { StateCell, toContainerHref } from "../parts/containers/columns.tsx";
import { Facts, Figures } from "../parts/containers/facts.tsx";
import { Graphs } from "../parts/containers/graphs.tsx";
import { Health } from "../parts/containers/health.tsx";
import { Record, Story } from "../parts/containers/record.tsx";
import { toSeenState, useTroubles } from "../parts/containers/troubles.ts";
import { findStateSince, storyOf } from "../parts/containers/story.ts";
import { Tail } from "../parts/containers/tail.tsx";
import { Banner, Empty, FailureNotice, Skeleton } from "../parts/notice.tsx";
import { Release } from "../parts/release.tsx";
import { createRestart, whyNoRestart } from "../parts/containers/restart.tsx";
import { State } from "../parts/state.tsx";
import { Since } from "../parts/time.tsx";
import { Titled } from "../parts/titled.tsx";

/** One container: its facts, its usage, what happened to it, and its restart. */
export function Container() {
  const name = params.value.get("name") ?? "";
  const engine = params.value.get("engine");
  const found = name ? findContainers(name, engine) : [];
  const [row] = found ?? [];
  if (!name) return <Nowhere>This address names no container.</Nowhere>;
  if (found && found.length > 1) return <Choice name={name} rows={found} />;
  if (!row && found === null)
    return (
      <Titled title={name}>
        <Skeleton rows={8} />
      </Titled>
    );
  // A container that is not in the list may be gone; its known past is still shown.
  return <Present key={`${engine} ${name}`} name={name} engine={row?.engine ?? engine} row={row} />;
}

function Nowhere({ children }: { readonly children: string }) {
  return (
    <Titled title="A container">
      <Empty>
        {children}{" "}
        <a class="link" href={href("/containers")}>
          All containers
        </a>
      </Empty>
    </Titled>
  );
}

/** Several engines run one of this name. */
function Choice({ name, rows }: { readonly name: string; readonly rows: readonly ContainerRow[] }) {
  const troubles = useTroubles();
  return (
    <>
      <div class="heading">
        <h1 class="isolate">{name}</h1>
        <span class="muted">runs on several engines. Which one?</span>
      </div>
      <ul class="entries">
        {rows.map((row) => (
          <li key={row.id}>
            <StateCell {...toSeenState(row, troubles)} />
            <a data-row-link class="link isolate" href={toContainerHref(row)}>
              {row.engine}
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

interface PresentProps {
  readonly name: string;
  readonly engine: string | null;
  readonly row: ContainerRow | undefined;
}

/** How far back what happened is looked up: as far as the graphs reach. */
const storyFrom = "720h";

function Present({ name, engine, row: listed }: PresentProps) {
  const asked = useLive(ConsoleContainerDocument, { name, engine }, { everyMs: 3000 }).value;
  const row = listed ?? asked.data?.container ?? undefined;
  const env = row?.env ?? null;
  const timeline = useLive(
    ConsoleContainerTimelineDocument,
    { env: null, from: storyFrom, first: 500 },
    { everyMs: 30_000 },
  ).value;
  const deploys = useLive(ConsoleDeploysDocument, { env, first: 100, after: null }, { everyMs: 30_000 }).value;
  const events = timeline.data?.timeline;
  const story = useMemo(() => (events ? storyOf(events.nodes, name, engine ?? "") : null), [events, name, engine]);
  const nodes = deploys.data?.deploys?.nodes;
  const own = useMemo(
    () =>
      (nodes ?? []).filter(
        ({ service, destination }) =>
          row?.kind === "CORE" && (service ?? row.service) === row.service && destination === row.destination,
      ),
    [nodes, row?.kind, row?.service, row?.destination],
  );
  useEffect(() => {
    refresh(ConsoleContainerDocument);
    refresh(ConsoleContainerTimelineDocument);
  }, [row?.status, row?.health, row?.startedAt, row?.restarts]);
  const isRestartAsked = params.value.get("do") === "restart";
  useEffect(() => {
    if (!row || !isRestartAsked) return;
    setParams({ do: null });
    openAction(createRestart(row));
  }, [isRestartAsked, row === undefined]);

  const since = events?.coverage.find(({ kind }) => kind === "CONTAINER_DEATH")?.since ?? null;
  const past = (
    <div class="columns even">
      <Story story={story} since={since} />
      <Record name={name} engine={engine ?? ""} />
    </div>
  );
  if (!row) return <Gone name={name} engine={engine} asked={asked} past={past} />;
  const container = asked.data?.container ?? undefined;
  const lastEnd = story?.find(({ kind }) => kind === "CONTAINER_DEATH");
  return (
    <>
      <Heading row={row} since={findStateSince(row, story ?? [])} />
      <div class="columns even">
        <div>
          <Figures asked={container} isRunning={row.status === "running"} />
          {container ? <Health name={name} engine={row.engine} check={container.healthCheck} /> : <Skeleton rows={3} />}
          <FailureNotice failure={failureOf(asked, "container")} what="The container" />
        </div>
        <Facts
          row={row}
          detail={container}
          machine={container?.hostMetrics?.name ?? null}
          deploy={own.find(({ version, tag }) => version === row.version || tag === row.version) ?? null}
          exitCode={lastEnd?.exitCode ?? null}
        />
      </div>
      <Graphs name={name} engine={row.engine} deploys={own} story={story ?? []} />
      <Tail name={name} engine={row.engine} />
      {past}
    </>
  );
}

function Heading({ row, since }: { readonly row: ContainerRow; readonly since: string | null }) {
  const troubles = useTroubles();
  const trouble = troubles.byKey.get(toKey(row));
  const { tone, word, title, since: listed = null } = toSeenState(row, troubles);
  const from = row.stale || word === trouble?.word ? listed : since;
  const blocked = missingScope("ops:operate") ?? whyNoRestart();
  return (
    <>
      <div class={`heading ${row.stale ? "stale" : ""}`}>
        <h1 class="isolate" title={row.name}>
          {toShortName(row)}
        </h1>
        <State tone={tone} title={title}>
          <b>{word}</b>
          {from !== null && (
            <span class="muted">
              {" for "}
              <Since at={from} />
            </span>
          )}
        </State>
        <span class="muted">
          <Release version={row.version} />
        </span>
        {row.restarts !== null && row.restarts > 0 && (
          <span class="warn" title={containerNumbers.restarts.about}>
            {row.restarts === 1 ? "1 restart" : `${row.restarts} restarts`}
          </span>
        )}
        <span class="right">
          {blocked !== null && <span class="muted">{blocked}</span>}
          <a class="button" href={href("/logs", { name: row.name, engine: row.engine })}>
            Log
          </a>
          <ActionButton action={() => createRestart(row)} blocked={whyNoRestart()}>
            Restart …
          </ActionButton>
        </span>
      </div>
      {trouble && (
        <Banner tone={trouble.tone}>
          <b class="isolate" title={trouble.rule}>
            {trouble.title.replace(row.name, toShortName(row))}
          </b>
          {trouble.evidence.length > 0 && <span class="isolate">: {trouble.evidence.join(" · ")}</span>}
        </Banner>
      )}
      {row.stale && (
        <Banner tone={toEngineState(false).tone}>
          This is its last known state: engine {row.engine} {toEngineState(false).word}.
        </Banner>
      )}
    </>
  );
}

interface GoneProps {
  readonly name: string;
  readonly engine: string | null;
  readonly asked: Parameters<typeof failureOf>[0];
  readonly past: preact.JSX.Element;
}

function Gone({ name, engine, asked, past }: GoneProps) {
  const failure = failureOf(asked, "container");
  return (
    <>
      <div class="heading">
        <h1 class="isolate">{name}</h1>
        {failure?.code === "container_not_found" && <State tone="neutral">not here</State>}
      </div>
      {failure && failure.code !== "container_not_found" && <FailureNotice failure={failure} what="The container" />}
      {failure?.code === "container_not_found" && (
        <Empty>
          No container with this name on {engine ?? "any engine"}. A deploy may have replaced it, or this token may not
          see it.{" "}
          <a class="link" href={href("/containers")}>
            All containers
          </a>
        </Empty>
      )}
      {!failure && <Skeleton rows={6} />}
      {past}
    </>
  );
}
