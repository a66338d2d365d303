import { toKey, containerNumbers } from "../../../facts/container.ts";
import { formatFullest, toHostState, hostNumbers } from "../../../facts/host.ts";
import { formatFact } from "../../../facts/number.ts";
import { useMemo } from "preact/hooks";
import {
  ConsoleDeploysDocument,
  ConsoleHostHistoryDocument,
  type ConsoleHostHistoryQuery,
  ConsoleHostsDocument,
} from "../../../generated/console.ts";
import { useContainersByHost } from "../data/hosts.ts";
import { failureOf, oldFromOf, useLive } from "../data/live.ts";
import { href, params } from "../page/url.ts";
import { useEnv, useUsage } from "../data/usage.ts";
import { StateCell } from "../parts/containers/columns.tsx";
import { toSeenState, useTroubles } from "../parts/containers/troubles.ts";
import { formatLoad, formatPercent, formatShare } from "../../../facts/format.ts";
import { Graph, type GraphMark } from "../parts/graph/graph.tsx";
import { RangeChips, readRange } from "../parts/graph/range.tsx";
import { HostGauge } from "../parts/hosts/gauge.tsx";
import { Banner, Empty, FailureNotice, LastKnown, Skeleton } from "../parts/notice.tsx";
import { toShortRelease } from "../../../lib/short-release.ts";
import { State } from "../parts/state.tsx";
import { Clock } from "../parts/time.tsx";
import { Titled } from "../parts/titled.tsx";

/** One host: its current state, its graphs, and what runs on it. */
export function HostScreen() {
  const name = params.value.get("name") ?? "";
  const state = useLive(ConsoleHostsDocument, {}, { everyMs: 5000 }).value;
  const thresholds = state.data?.thresholds;
  const host = state.data?.hosts?.find((row) => row.name === name || row.instance === name);
  const failure = failureOf(state, "hosts");
  if (!host)
    return (
      <Titled title={name || "A host"}>
        <FailureNotice failure={failure} what="Host" />
        {!failure && state.data === undefined && <Skeleton rows={8} />}
        {!failure && state.data !== undefined && (
          <Empty>
            Prometheus has no host {name}.{" "}
            <a class="link" href={href("/hosts")}>
              All hosts
            </a>
          </Empty>
        )}
      </Titled>
    );
  const { tone, word } = toHostState(host);
  return (
    <>
      <div class="heading">
        <h1 class="isolate">{host.name}</h1>
        <State tone={tone}>{word}</State>
        <span class="muted isolate">{host.instance}</span>
        <div class="right">
          <a class="button" href={href("/timeline", { kind: "host_alert", q: host.name })}>
            its alerts
          </a>
        </div>
      </div>
      <FailureNotice failure={failure} what="Host" />
      {host.reason !== null && <Banner tone={host.status === "DOWN" ? "bad" : "neutral"}>{host.reason}</Banner>}
      <LastKnown from={oldFromOf(state, "hosts")}>
        <div class="host-now">
          <span class="label">{hostNumbers.cpuUtil.label}</span>
          <HostGauge name="CPU" measure="cpu" host={host} thresholds={thresholds} />
          <span class="label">{hostNumbers.memUtil.label}</span>
          <HostGauge name="Memory" measure="mem" host={host} thresholds={thresholds} />
          <span class="label">{hostNumbers.diskUtil.label}</span>
          <HostGauge name="Disk" measure="disk" host={host} thresholds={thresholds} />
          <dl>
            {(["load1", "networkReceiveBytesPerSec", "networkTransmitBytesPerSec"] as const).map((number) => (
              <div key={number} title={hostNumbers[number].about}>
                <dt>{hostNumbers[number].label}</dt> <dd>{formatFact(hostNumbers[number], host[number])}</dd>
              </div>
            ))}
            {formatFullest(host) !== null && (
              <div>
                <dt>fullest file system</dt> <dd class="isolate">{formatFullest(host)}</dd>
              </div>
            )}
          </dl>
        </div>
      </LastKnown>
      <History name={host.name} cpu={thresholds?.cpu} mem={thresholds?.mem} />
      <OnHost name={host.name} />
    </>
  );
}

type Points = NonNullable<NonNullable<ConsoleHostHistoryQuery["host"]>["history"]>["points"];

function History({
  name,
  cpu,
  mem,
}: {
  readonly name: string;
  readonly cpu: number | undefined;
  readonly mem: number | undefined;
}) {
  const { name: from, label: words } = readRange();
  const state = useLive(ConsoleHostHistoryDocument, { name, from }, { everyMs: 30_000 }).value;
  const marks = useDeployMarks();
  const points = state.data?.host?.history?.points;
  const failure = failureOf(state, "host");
  const times = useMemo(() => (points ?? []).map(({ time }) => Date.parse(time)), [points]);
  const firstKnown = points?.findIndex(({ cpuUtil, memUtil }) => cpuUtil !== null || memUtil !== null) ?? 0;
  const since = firstKnown > 0 ? points?.[firstKnown] : undefined;
  const graph = (label: string, pick: (point: Points[number]) => number | null, more: object = {}) => (
    <figure>
      <figcaption>{label}</figcaption>
      <Graph
        times={times}
        series={[{ label, values: (points ?? []).map(pick) }]}
        format={formatShare}
        label={`${label} of ${name}, last ${words}`}
        marks={marks}
        knownSince={since === undefined ? null : Date.parse(since.time)}
        max={1}
        {...more}
      />
    </figure>
  );
  return (
    <section class={`section ${state.isOld ? "stale" : ""}`}>
      <header>
        <h2>History</h2>
        {since !== undefined && (
          <span class="muted">
            known since <Clock at={since.time} />
          </span>
        )}
        <RangeChips />
      </header>
      <FailureNotice failure={failure} what="History" />
      {points && firstKnown < 0 ? (
        <Empty>Prometheus has no data for this host in the last {words}.</Empty>
      ) : points ? (
        <div class="graphs">
          {graph(hostNumbers.cpuUtil.label, ({ cpuUtil }) => cpuUtil, cpu === undefined ? {} : { threshold: cpu })}
          {graph(hostNumbers.memUtil.label, ({ memUtil }) => memUtil, mem === undefined ? {} : { threshold: mem })}
          {graph(hostNumbers.diskUtil.label, ({ diskUtil }) => diskUtil)}
          {graph(hostNumbers.load1.label, ({ load1 }) => load1, { max: undefined, format: formatLoad })}
        </div>
      ) : failure ? null : (
        <Skeleton rows={8} />
      )}
    </section>
  );
}

/** The deploys of the chosen environment, as lines across graphs. */
function useDeployMarks(): readonly GraphMark[] {
  const { data } = useLive(
    ConsoleDeploysDocument,
    { env: useEnv(), first: 100, after: null },
    { everyMs: 15_000 },
  ).value;
  return useMemo(
    () =>
      (data?.deploys?.nodes ?? []).map(({ tag, deployedAt }) => ({
        at: Date.parse(deployedAt),
        label: toShortRelease(tag),
      })),
    [data],
  );
}

function OnHost({ name }: { readonly name: string }) {
  const byHost = useContainersByHost();
  const usage = useUsage();
  const troubles = useTroubles();
  const rows = byHost === null ? null : (byHost.get(name) ?? []);
  return (
    <section class="section">
      <header>
        <h2>Containers on it</h2>
        <span class="muted right">{rows?.length}</span>
      </header>
      {rows === null ? (
        <Skeleton rows={4} />
      ) : rows.length === 0 ? (
        <Empty>No container on this host that this token may see.</Empty>
      ) : (
        <table class="table on-host">
          <thead>
            <tr>
              <th scope="col">container</th>
              <th scope="col">state</th>
              <th scope="col" class="wide-only">
                role
              </th>
              <th scope="col" class="wide-only">
                engine
              </th>
              <th scope="col" class="number" title={containerNumbers.cpuPct.about}>
                CPU
              </th>
              <th scope="col" class="number wide-only" title={containerNumbers.memPct.about}>
                memory
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              return (
                <tr key={row.id} class={row.stale ? "stale" : ""}>
                  <td>
                    <a
                      data-row-link
                      class="isolate"
                      href={href("/container", { name: row.name, engine: row.engine })}
                      title={row.name}
                    >
                      {row.name}
                    </a>
                  </td>
                  <td>
                    <StateCell {...toSeenState(row, troubles)} />
                  </td>
                  <td class="wide-only muted">{row.role}</td>
                  <td class="wide-only muted">{row.engine}</td>
                  <td class="number">{formatPercent(usage.get(toKey(row))?.cpuPct)}</td>
                  <td class="number wide-only">{formatPercent(usage.get(toKey(row))?.memPct)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}
