import { compareHosts, hostNumbers, toHostState } from "../../../facts/host.ts";
import { formatFact } from "../../../facts/number.ts";
import { Fragment } from "preact";
import { useMemo } from "preact/hooks";
import { ConsoleHostSeriesDocument, ConsoleHostsDocument, type ConsoleHostsQuery } from "../../../generated/console.ts";
import type { ContainerRow } from "../data/containers.ts";
import { useContainersByHost } from "../data/hosts.ts";
import { failureOf, oldFromOf, useLive } from "../data/live.ts";
import { groupSamples, useRecent } from "../data/series.ts";
import { href, params, setParams } from "../page/url.ts";
import { isTroubled, useTroubles } from "../parts/containers/troubles.ts";
import { formatNumber } from "../../../facts/format.ts";
import type { HostRow } from "../parts/hosts/table.tsx";
import { HostGauge, toMeasureTone } from "../parts/hosts/gauge.tsx";
import { Empty, FailureNotice, LastKnown, Skeleton } from "../parts/notice.tsx";
import { Spark, type SparkPoint } from "../parts/graph/spark.tsx";
import { State } from "../parts/state.tsx";
import { Since } from "../parts/time.tsx";

type Thresholds = ConsoleHostsQuery["thresholds"];

/** Every host with its utilisation. */
export function Hosts() {
  const state = useLive(ConsoleHostsDocument, {}, { everyMs: 5000 }).value;
  const series = useLive(ConsoleHostSeriesDocument, { ...useRecent(60, 30), maxPoints: 60 }).value.data;
  const cpu = useMemo(() => groupSamples(series?.cpu, ({ host }) => host), [series]);
  const mem = useMemo(() => groupSamples(series?.mem, ({ host }) => host), [series]);
  const byHost = useContainersByHost();
  const text = (params.value.get("q") ?? "").toLowerCase();
  const hosts = state.data?.hosts;
  const rows = hosts
    ?.filter(({ name, instance }) => `${name} ${instance}`.toLowerCase().includes(text))
    .toSorted((one, other) => compareHosts(one, other) || one.name.localeCompare(other.name));
  const failure = failureOf(state, "hosts");
  return (
    <>
      <div class="heading">
        <h1>Hosts</h1>
        <span class="muted">
          {state.data?.hostsUpdatedAt && (
            <>
              measured <Since at={state.data.hostsUpdatedAt} suffix=" ago" />
            </>
          )}
        </span>
        <div class="right">
          <input
            class="input"
            data-search
            type="search"
            aria-label="Filter hosts"
            placeholder="name, address …"
            value={params.value.get("q") ?? ""}
            onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
          />
        </div>
      </div>
      <FailureNotice failure={failure} what="Hosts" />
      {rows === undefined ? (
        failure ? null : (
          <Skeleton rows={4} />
        )
      ) : rows.length === 0 ? (
        <Empty>
          {hosts?.length ? "No host matches the filter." : "Prometheus has no hosts. Does it scrape node-exporter?"}
        </Empty>
      ) : (
        <LastKnown from={oldFromOf(state, "hosts")}>
          <ul class="host-list">
            {rows.map((row) => (
              <HostItem
                key={row.id}
                row={row}
                thresholds={state.data?.thresholds ?? null}
                cpu={cpu.get(row.name) ?? []}
                mem={mem.get(row.name) ?? []}
                containers={byHost === null ? null : (byHost.get(row.name) ?? [])}
              />
            ))}
          </ul>
        </LastKnown>
      )}
    </>
  );
}

interface HostItemProps {
  readonly row: HostRow;
  readonly thresholds: Thresholds;
  readonly cpu: readonly SparkPoint[];
  readonly mem: readonly SparkPoint[];
  readonly containers: readonly ContainerRow[] | null;
}

function HostItem({ row, thresholds, cpu, mem, containers }: HostItemProps) {
  const { tone, word } = toHostState(row);
  return (
    <li class="host">
      <div class="who">
        <p>
          <a data-row-link class="strong isolate" href={href("/host", { name: row.name })} title={row.instance}>
            {row.name}
          </a>
        </p>
        <State tone={tone}>{word}</State>
        {row.reason !== null && <p class="muted reason">{row.reason}</p>}
      </div>
      <div class="measures">
        <span class="label">{hostNumbers.cpuUtil.label}</span>
        <HostGauge name={`CPU of ${row.name}`} measure="cpu" host={row} thresholds={thresholds} />
        <Spark points={cpu} max={1} tone={toMeasureTone("cpu", row, thresholds)} label={`CPU of ${row.name}, 1 hour`} />
        <span class="label">{hostNumbers.memUtil.label}</span>
        <HostGauge name={`Memory of ${row.name}`} measure="mem" host={row} thresholds={thresholds} />
        <Spark
          points={mem}
          max={1}
          tone={toMeasureTone("mem", row, thresholds)}
          label={`Memory of ${row.name}, 1 hour`}
        />
        <span class="label">{hostNumbers.diskUtil.label}</span>
        <HostGauge name={`Disk of ${row.name}`} measure="disk" host={row} thresholds={thresholds} />
        <span />
      </div>
      <HostFacts row={row} containers={containers} />
    </li>
  );
}

/** What has no bar. */
const restOfNumbers = ["load1", "networkReceiveBytesPerSec", "networkTransmitBytesPerSec"] as const;

/** Load, network, containers. */
function HostFacts({ row, containers }: Pick<HostItemProps, "row" | "containers">) {
  const troubles = useTroubles();
  const troubled = containers?.filter((one) => isTroubled(one, troubles)).length ?? 0;
  return (
    <dl class="facts">
      {restOfNumbers.map((number) => (
        <Fragment key={number}>
          <dt title={hostNumbers[number].about}>{hostNumbers[number].label}</dt>
          <dd>{formatFact(hostNumbers[number], row[number])}</dd>
        </Fragment>
      ))}
      <dt>containers</dt>
      <dd>
        {formatNumber(containers?.length)}
        {troubled > 0 && <span class="warn"> ▲ {troubled} not well</span>}
      </dd>
    </dl>
  );
}
